"""The command line's log: its two forms, its fields, what it cuts out, and what it leaves alone."""

import io
import json
import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from farthing.errors import ConfigError
from farthing.telemetry.logs import RedactingFilter, logging_to
from farthing.testing import ScriptedUpstream, deployment_on

KEY = "sk-or-v1-fedcba9876543210"


def lines(environ: Mapping[str, str], *, secrets: tuple[str, ...] = ()) -> str:
    stream = io.StringIO()
    log = logging.getLogger("farthing.somewhere")
    with logging_to(stream, environ=environ, secrets=secrets):
        log.debug("for nobody")
        log.info("call %s cost %s", "call-1", 7, extra={"call_id": "call-1", "cost_usd": "0.1", "odd": 1})
        error = ValueError(f"refused {KEY}, and hunter22")
        said = {"task_id": "task-9", "model": f"m?key={KEY}"}
        log.error("it broke with %s", KEY, exc_info=error, extra=said)
    log.warning("after the block, for nobody here")
    return stream.getvalue()


def test_json_is_one_object_a_line_with_the_fields_it_has() -> None:
    first, second = (json.loads(line) for line in lines({"FARTHING_LOG": "json"}).splitlines())
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "info",
        "logger": "farthing.somewhere",
        "message": "call call-1 cost 7",
        "call_id": "call-1",
        "cost_usd": "0.1",
    }
    assert (second["level"], second["task_id"]) == ("error", "task-9")
    assert second["exception"] == "ValueError: refused [key], and hunter22"


def test_text_is_a_line_with_its_ids() -> None:
    first = lines({"FARTHING_LOG": "text"}).splitlines()[0]
    assert "Z info    farthing.somewhere: call call-1 cost 7 call_id=call-1" in first


@pytest.mark.parametrize("shape", ["json", "text"])
def test_no_secret_is_in_a_message_a_field_or_an_exception(shape: str) -> None:
    text = lines({"FARTHING_LOG": shape}, secrets=("hunter22",))
    assert "it broke with [key]" in text
    assert "refused [key], and [key]" in text
    assert KEY not in text
    assert "hunter22" not in text


def test_the_level_holds_and_is_information_unless_it_says_otherwise() -> None:
    assert "for nobody" not in lines({"FARTHING_LOG": "json"})
    assert "for nobody" in lines({"FARTHING_LOG_LEVEL": "debug"})
    assert "cost 7" not in lines({"FARTHING_LOG_LEVEL": "ERROR"})


def test_a_word_that_is_not_known_is_an_error_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'json'") as wrong:
        lines({"FARTHING_LOG": "jsn"})
    assert wrong.value.faults[0].path == "FARTHING_LOG"


def test_the_loggers_are_as_they_were_afterwards() -> None:
    ours, root = logging.getLogger("farthing"), logging.getLogger()
    before = (ours.handlers[:], ours.level, ours.propagate, root.handlers[:], root.level)
    lines({"FARTHING_LOG": "json", "FARTHING_LOG_LEVEL": "debug"})
    assert (ours.handlers, ours.level, ours.propagate, root.handlers, root.level) == before


def test_the_filter_serves_on_a_programs_own_handler() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter(["hunter22"]))
    log = logging.getLogger("somebody.else")
    log.propagate = False
    log.addHandler(handler)
    try:
        log.warning("%s and %s and %d too many", KEY, "hunter22", 3)
        log.warning("%d does not fit", "hunter22")
    finally:
        log.removeHandler(handler)
        log.propagate = True
    assert stream.getvalue().splitlines() == ["[key] and [key] and 3 too many", "%d does not fit"]


async def test_a_deployment_that_opens_tells_the_filter_its_secrets(tmp_path: Path) -> None:
    hook = "https://hooks.example.org/services/T0123ABC456/B1"
    stream = io.StringIO()
    with logging_to(stream, environ={"FARTHING_LOG": "text"}):
        async with deployment_on(ScriptedUpstream(), tmp_path, overrides={"name": hook}):
            logging.getLogger("farthing.alerts").warning("could not reach %s with T0123ABC456", hook)
    assert "could not reach [key] with [key]" in stream.getvalue()
