"""Swarm files from the command line: every example runs against the simulator; faults are told at once."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Command, received

from farthing.simulator.process import SimulatorProcess

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "swarms").glob("*.*"))
FILES = [path for path in EXAMPLES if path.suffix in (".json", ".toml")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_example_is_planned_and_run(farthing: Command, simulator: SimulatorProcess, path: Path) -> None:
    plan = farthing("swarm", "plan", "--file", str(path), "--json").json
    assert received(simulator) == []
    assert plan["expected"] is not None
    said = farthing("swarm", "run", "--file", str(path), "--json")
    if path.stem != "supervisor":  # a simulated supervisor may find nothing to assign
        assert said.code == 0, said.err
        assert said.json["output"]
    assert received(simulator)


def test_all_faults_of_a_file_come_at_once(farthing: Command, tmp_path: Path) -> None:
    path = tmp_path / "team.json"
    agents = [{"role": "analist", "budgetUsd": "1"}, {"role": "coder", "tools": ["mcp:nowhere"]}]
    path.write_text(
        json.dumps({"agents": agents, "budgetUsd": "0.5", "pattern": {"type": "debate", "judge": "revewer"}})
    )
    said = farthing("swarm", "check", str(path))
    assert said.code != 0
    for place in ("agents[0].role", "agents[0].budgetUsd", "agents[1].tools", "pattern.judge"):
        assert place in said.err


def test_a_budget_that_no_call_fits_is_told_before_anything_is_sent(
    farthing: Command, tmp_path: Path
) -> None:
    path = tmp_path / "team.json"
    path.write_text('{"goal": "x", "agents": [{"role": "coder"}], "budgetUsd": "0.0000001"}')
    said = farthing("swarm", "check", str(path))
    assert said.code != 0
    assert "budgetUsd" in said.err


def test_an_input_that_is_missing_or_unknown_is_told(farthing: Command, tmp_path: Path) -> None:
    path = tmp_path / "team.json"
    path.write_text('{"goal": "Weigh {topic}", "inputs": {"topic": null}, "agents": [{"role": "coder"}]}')
    said = farthing("swarm", "check", str(path), "--input", "topik=x")
    assert "did you mean 'topic'" in said.err
    assert "inputs.topic" in said.err
    assert farthing("swarm", "plan", "-f", str(path), "-i", "topic=tea", "--json").json["goal"] == "Weigh tea"
