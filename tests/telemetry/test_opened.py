"""What is opened when, and that nothing is where nothing was asked for."""

import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from farthing.errors import ConfigError
from farthing.result import TaskEvent
from farthing.task import Task
from farthing.telemetry.opened import Watching
from farthing.testing import ScriptedUpstream, VirtualClock, deployment_on

_PROGRAM = """
import asyncio, sys
from pathlib import Path
from farthing.testing import ScriptedUpstream, deployment_on

async def main() -> None:
    async with deployment_on(ScriptedUpstream(["four"]), Path(sys.argv[1])) as deployment:
        await deployment.execute_task("What is two and two?")

asyncio.run(main())
heavy = ("opentelemetry", "prometheus_client", "google", "requests", "farthing.content.keeper")
print(sorted(name for name in sys.modules if name.startswith(heavy)))
"""


def test_off_nothing_of_it_is_imported(tmp_path: Path) -> None:
    ran = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", _PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.stdout, ran.returncode) == ("[]\n", 0), ran.stderr


def test_off_the_journey_is_the_pipelines_own() -> None:
    async def run(task: Task, *, stream: bool) -> AsyncGenerator[TaskEvent]:
        raise NotImplementedError
        yield

    nothing = Watching()
    assert nothing.around(run) is run
    assert nothing.on_swarm_event() is None


@pytest.mark.parametrize(
    ("module", "ours", "setting", "value"),
    [
        ("opentelemetry", "farthing.telemetry.otel", "enabled", True),
        ("prometheus_client", "farthing.telemetry.prometheus", "prometheusPort", 0),
    ],
)
async def test_without_the_extra_it_is_an_error_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, ours: str, setting: str, value: object
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, ours, raising=False)
    monkeypatch.delattr("farthing.telemetry." + ours.rpartition(".")[2], raising=False)
    settings = {f"monitoring.telemetry.{setting}": value}
    with pytest.raises(ConfigError, match=r"\[telemetry\]") as missing:
        async with deployment_on(ScriptedUpstream(), tmp_path, clock=VirtualClock(), overrides=settings):
            pass
    assert missing.value.faults[0].path == f"monitoring.telemetry.{setting}"


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("monitoring.telemetry.endpoint", "localhost:4318", "is not an http(s) URL"),
        ("monitoring.telemetry.endpoint", "http://u:p@localhost", "no user"),
        ("monitoring.telemetry.prometheusPort", 65536, "less than or equal to 65535"),
        ("content.retentionDays", 0, "greater than or equal to 1"),
        ("content.redact", ["emial"], "did you mean 'email'"),
        ("monitoring.telemetry.serviseName", "x", "unknown key (did you mean 'serviceName'?)"),
    ],
)
def test_a_wrong_setting_is_told_with_its_path(
    tmp_path: Path, setting: str, value: object, said: str
) -> None:
    with pytest.raises(ConfigError) as wrong:
        deployment_on(ScriptedUpstream(), tmp_path, overrides={setting: value})
    (fault,) = wrong.value.faults
    assert said in str(fault)
    assert setting in fault.path
    assert "p@localhost" not in str(fault)
