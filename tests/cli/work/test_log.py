"""The log of the command line, with a real command behind it."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Command
from tests.cli.spawned import ended, spawn

from farthing.simulator.process import SimulatorProcess

KEY = "sk-or-v1-0123456789abcdef0123"


def test_json_lines_name_the_run_the_task_and_the_call(
    farthing: Command, simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FARTHING_LOG", "json")
    said = farthing("run", "Explain the MARKER", "--json")
    lines = [json.loads(one) for one in said.err.splitlines() if one.startswith("{")]
    (line,) = (one for one in lines if one["logger"] == "farthing.tasks")
    told = said.json
    assert (line["run_id"], line["task_id"]) == (told["run_id"], told["task_id"])
    assert line["call_id"] == told["attempts"][0]["call_id"]
    assert (line["level"], line["simulated"]) == ("info", True)
    assert "MARKER" not in said.err


def test_without_the_variables_there_is_no_line(farthing: Command, simulator: SimulatorProcess) -> None:
    said = farthing("run", "Hello", "--json")
    assert "farthing.tasks" not in said.err


def test_a_wrong_word_is_a_usage_error(farthing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARTHING_LOG", "jsonl")
    said = farthing("config", "show")
    assert said.code == 2
    assert "did you mean 'json'" in said.err
    assert "Traceback" not in said.err


def test_a_process_of_its_own_logs_to_standard_error_and_nothing_else(
    simulator: SimulatorProcess, tmp_path: Path
) -> None:
    simulator.call("POST", "/scenario", {"rules": [{"match": {"nth": 1}, "fault": "server_error"}]})
    variables = {
        "FARTHING_LOG": "text",
        "OPENROUTER_API_KEY": KEY,
        "OPENROUTER_BASE_URL": simulator.base_url,
    }
    code, out, err = ended(spawn("run", "Hello", home=tmp_path, **variables))
    assert code == 0
    assert "farthing.tasks" not in out
    logged = [line for line in err.splitlines() if " farthing.tasks: " in line]
    assert [("server_error" in line, "task is done" in line) for line in logged] == [
        (True, False),
        (False, True),
    ]
    assert KEY not in out + err
