"""A profile is checked and set to work; a file of tasks is worked through line by line."""

import json
from pathlib import Path

from tests.cli.conftest import Command

from farthing.simulator.process import SimulatorProcess

LINES = "\n".join(
    [
        '"What is 2+2?"',
        '{"id": 7, "prompt": "Write a sort function", "type": "coding", "max_cost_usd": 0.01}',
        "not json",
        "",
        '{"typ": "coding"}',
        '{"prompt": "x", "run_id": "a"}',
        '{"prompt": "x", "type": "poetry"}',
        "[1]",
    ]
)


def checks(farthing: Command, *arguments: str) -> dict[str, object]:
    told = farthing("deploy", *arguments, "--check", "--json").json
    return {entry["name"]: entry["ok"] for entry in told["checks"]}


def test_the_preflight_looks_at_everything(farthing: Command, simulator: SimulatorProcess) -> None:
    found = checks(farthing, "balanced")
    slots = {"model, primary", "model, secondary", "model, fallback"}
    assert {*found} == {"configuration", "key", "prices", "budget", "database"} | slots
    assert all(found.values())


def test_without_a_key_the_preflight_says_so_by_packaged_prices(farthing: Command) -> None:
    said = farthing("deploy", "balanced", "--check", "--json")
    found = {entry["name"]: entry["ok"] for entry in said.json["checks"]}
    assert (said.code, said.json["ready"]) == (3, False)
    assert (found["key"], found["prices"], found["database"]) == (False, None, True)


def test_a_spent_budget_fails_the_check(
    farthing: Command, simulator: SimulatorProcess, tmp_path: Path
) -> None:
    farthing("run", "Hello")
    config = tmp_path / "tight.json"
    config.write_text('{"extends": "balanced", "budget": {"monthlyLimit": 0.000001}}')
    said = farthing("deploy", str(config), "--check")
    assert said.code == 1
    assert "budget" in said.err


def test_nothing_given_and_no_terminal_tells_what_to_give(
    farthing: Command, simulator: SimulatorProcess
) -> None:
    said = farthing("deploy", "premium")
    assert said.code == 0
    assert "model, tertiary" in said.out
    assert "--tasks FILE.jsonl" in said.err


def test_a_goal_runs_a_team_of_the_profiles_size(farthing: Command, simulator: SimulatorProcess) -> None:
    said = farthing("deploy", "budget", "--goal", "Plan a garden")
    assert said.code == 0
    assert said.out.startswith("[simulated]")
    assert "5 agents" in said.err


def test_tasks_are_worked_through_and_bad_lines_told_by_number(
    farthing: Command, simulator: SimulatorProcess, tmp_path: Path
) -> None:
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text(LINES)
    said = farthing("deploy", "budget", "--tasks", str(tasks))
    assert said.code == 2
    results = {entry["line"]: entry for entry in map(json.loads, said.out.splitlines())}
    assert {*results} == {1, 2}
    assert (results[2]["id"], results[2]["ok"], results[2]["task_type"]) == (7, True, "coding")
    assert isinstance(results[2]["cost"], str)
    for number in (3, 5, 6, 7, 8):
        assert f"line {number} is skipped" in said.err
    run = said.err.rpartition("--run ")[2].strip()
    assert farthing("report", "--run", run, "--json").json["calls"] == 2


def test_a_failed_task_is_a_line_with_its_error(
    farthing: Command, simulator: SimulatorProcess, tmp_path: Path
) -> None:
    simulator.call(
        "POST", "/scenario", {"rules": [{"match": {"contains": "bad"}, "fault": "authentication"}]}
    )
    out = tmp_path / "results.jsonl"
    said = farthing("deploy", "budget", "--tasks", "-", "--out", str(out), stdin='"bad"\n"good"\n')
    assert (said.code, said.out) == (6, "")
    results = {entry["line"]: entry for entry in map(json.loads, out.read_text().splitlines())}
    assert (results[1]["ok"], results[1]["kind"], results[2]["ok"]) == (False, "TaskFailedError", True)


def test_results_are_never_written_over(
    farthing: Command, simulator: SimulatorProcess, tmp_path: Path
) -> None:
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text('"Hello"\n')
    said = farthing("deploy", "budget", "--tasks", str(tasks), "--out", str(tasks))
    assert said.code == 1
    assert tasks.read_text() == '"Hello"\n'


def test_mistakes_are_told(farthing: Command) -> None:
    assert farthing("deploy", "balansed", "--check").code == 2
    assert farthing("deploy", "budget", "--goal", "x", "--tasks", "y").code == 2
    assert farthing("deploy", "budget", "--out", "y").code == 2
    assert farthing("deploy", "budget", "--tasks", "/no/such/file").code == 2
