"""One prompt from the command line, over HTTP to a simulator."""

import json
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Command, received

from farthing.simulator.process import SimulatorProcess


def test_answer_and_footer(farthing: Command, simulator: SimulatorProcess) -> None:
    said = farthing("run", "Explain TCP slow start")
    assert said.code == 0
    assert said.out.startswith("[simulated]")
    for part in ("meta-llama/llama-3.3-70b-instruct", "maps to primary", "baseline $", "saved ", "simulated"):
        assert part in said.err


def test_json_holds_the_result_and_nothing_else_is_on_standard_output(
    farthing: Command, simulator: SimulatorProcess
) -> None:
    told = farthing("run", "-", "--type", "coding", "--json", stdin="Write a sort function").json
    assert (told["model"], told["simulated"]) == ("qwen/qwen-2.5-coder-32b-instruct", True)
    assert isinstance(told["cost"], str)
    assert told["task_type"] == "coding"
    report = farthing("report", "--run", told["run_id"], "--json").json
    assert (report["calls"], report["tasks"][0]["model"]) == (1, told["model"])


def test_what_is_asked_for_reaches_the_model(
    farthing: Command, simulator: SimulatorProcess, tmp_path: Path
) -> None:
    attached = tmp_path / "notes.txt"
    attached.write_text("remember the milk")
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]}')
    said = farthing(
        *("run", "List it", "--file", str(attached), "--system", "Be brief.", "--schema", str(schema)),
        *("--model", "mistralai/mistral-small-3.1-24b-instruct", "--max-tokens", "99", "--max-cost", "0.5"),
    )
    assert said.code == 0
    assert set(json.loads(said.out)) == {"item"}
    (sent,) = received(simulator)
    assert (sent["model"], sent["max_tokens"]) == ("mistralai/mistral-small-3.1-24b-instruct", 99)
    assert sent["response_format"] == "json_schema"
    assert "remember the milk" in sent["text"]


def test_streamed_text_is_the_same_text(farthing: Command, simulator: SimulatorProcess) -> None:
    said = farthing("run", "Explain TCP slow start", "--stream")
    assert said.code == 0
    assert said.out.startswith("[simulated]")
    assert said.out.endswith("\n")


def test_without_a_key_it_is_an_error_with_the_next_steps(farthing: Command) -> None:
    said = farthing("run", "Hello")
    assert (said.code, said.out) == (3, "")
    assert "export OPENROUTER_API_KEY" in said.err
    assert "farthing demo" in said.err


def test_a_cost_limit_that_is_too_low_is_refused_before_sending(
    farthing: Command, simulator: SimulatorProcess
) -> None:
    said = farthing("run", "Hello", "--max-cost", "0.0000001")
    assert said.code == 4
    assert received(simulator) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", " "], "empty"),
        (["run", "x", "--file", "/no/such/file"], "cannot be read"),
        (["run", "x", "--max-cost", "cheap"], "not an amount"),
        (["run", "x", "--max-cost", "-1"], "negative"),
        (["run", "x", "--type", "poetry"], "poetry"),
        (["run", "x", "--profile", "balanced", "--config", "y.json"], "not both"),
        (["run", "x", "--profile", "balansed"], "balanced"),
    ],
)
def test_a_mistake_is_told(farthing: Command, arguments: list[str], words: str) -> None:
    said = farthing(*arguments)
    assert said.code == 2
    assert words in said.err


def test_named_tools_are_told_and_run_in_the_folder(
    farthing: Command, simulator: SimulatorProcess, tmp_path: Path
) -> None:
    said = farthing("run", "What is in this folder?", "--workdir", str(tmp_path), "--json")
    assert said.code == 0
    assert "tool " in said.err
    assert [one["tools"] for one in received(simulator)] == [7, 7]


def test_a_call_with_effects_is_refused_where_nobody_is_asked(
    farthing: Command, simulator: SimulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = ("--tool", "tools_of_mine:wipe")
    (tmp_path / "tools_of_mine.py").write_text(WIPE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "tools_of_mine", raising=False)
    said = farthing("run", "Use wipe", *name, "--json")
    assert (said.code, "tool wipe failed" in said.err) == (0, True)
    assert not (tmp_path / "wiped").exists()
    said = farthing("run", "Use wipe again", *name, "--json", "--approve", "all")
    assert (said.code, "tool wipe ran" in said.err) == (0, True)
    assert (tmp_path / "wiped").exists()


WIPE = """
from pathlib import Path

from farthing.task import Tool

wipe = Tool(
    name="wipe",
    description="Wipes.",
    parameters={"type": "object", "properties": {}},
    run=Path("wiped").touch,
    effects=True,
)
"""


def test_an_unknown_tool_and_a_missing_folder_are_told_before_anything_is_sent(
    farthing: Command, simulator: SimulatorProcess, tmp_path: Path
) -> None:
    said = farthing("run", "x", "--workdir", str(tmp_path), "--tool", "flies")
    assert (said.code, "did you mean 'files'" in said.err) == (6, True)
    said = farthing("run", "x", "--workdir", str(tmp_path / "missing"))
    assert (said.code, "tools.workdir" in said.err) == (2, True)
    assert received(simulator) == []
