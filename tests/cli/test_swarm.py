"""A team on a goal from the command line, over HTTP to a simulator."""

import json
from pathlib import Path

from tests.cli.conftest import Command, received

from farthing.simulator.process import SimulatorProcess


def test_the_answer_is_on_standard_output_and_progress_beside_it(
    farthing: Command, simulator: SimulatorProcess, tmp_path: Path
) -> None:
    said = farthing("swarm", "run", "Plan a garden", "--agents", "planner,analyst:2", "--out", str(tmp_path))
    assert said.code == 0
    assert said.out.startswith("[simulated]")
    for words in ("stage 1 of 2: planner-1", "analyst-2", "synthesis", "reported", "Simulated:"):
        assert words in said.err
    (folder,) = tmp_path.iterdir()
    assert json.loads((folder / "run.json").read_text())["goal"] == "Plan a garden"


def test_json_is_the_runs_report_with_the_answer(farthing: Command, simulator: SimulatorProcess) -> None:
    told = farthing("swarm", "run", "Plan a garden", "--agents", "planner", "--json").json
    report = farthing("report", "--run", told["run_id"], "--json").json
    assert report == {key: told[key] for key in report}
    assert (told["goal"], told["stopped"], len(told["tasks"])) == ("Plan a garden", None, 2)


def test_the_profile_decides_the_size_of_the_team(farthing: Command, simulator: SimulatorProcess) -> None:
    told = farthing("swarm", "run", "Plan a garden", "--profile", "budget", "--json").json
    calls = {role: line["calls"] for role, line in told["by_role"].items()}
    assert calls == {"researcher": 2, "coder": 2, "reviewer": 1, "synthesis": 1}


def test_a_budget_ends_the_run_before_it_is_passed(farthing: Command, simulator: SimulatorProcess) -> None:
    said = farthing("swarm", "run", "Plan a garden", "--agents", "planner", "--budget", "0.0000001")
    assert said.code == 4
    assert "the budget is exhausted" in said.err
    assert "go on: farthing swarm resume run-" in said.err
    assert received(simulator) == []


def test_a_stage_that_fails_wholly_ends_the_run(farthing: Command, simulator: SimulatorProcess) -> None:
    simulator.call("POST", "/scenario", {"rules": [{"fault": "authentication"}]})
    said = farthing("swarm", "run", "Plan a garden", "--agents", "planner", "--json")
    assert said.code == 6
    assert said.json["output"] == ""
    assert "stopped before the end" in said.err


def test_a_mistyped_team_is_told(farthing: Command, simulator: SimulatorProcess) -> None:
    said = farthing("swarm", "run", "x", "--agents", "plannr:2")
    assert (said.code, "planner" in said.err) == (6, True)
    said = farthing("swarm", "run", "x", "--agents", "planner:two")
    assert (said.code, "ROLE:COUNT" in said.err) == (6, True)
