"""The examples: each profile's work routed as the tutorial says, its code shown as it is run."""

from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
from tests.cli.conftest import Command, received
from tests.cli.terminal import Terminal

from farthing.cli.work import example
from farthing.simulator.process import SimulatorProcess

KEY = "sk-or-v1-not-to-be-seen"

ROUTES = {
    "budget": {"simple": "deepseek/deepseek-chat", "general": "deepseek/deepseek-chat"},
    "balanced": {
        "analysis": "meta-llama/llama-3.3-70b-instruct",
        "coding": "qwen/qwen-2.5-coder-32b-instruct",
        "general": "meta-llama/llama-3.3-70b-instruct",
    },
    "premium": {
        "structured": "mistralai/mistral-small-3.1-24b-instruct",
        "analysis": "meta-llama/llama-3.3-70b-instruct",
        "coding": "qwen/qwen-2.5-coder-32b-instruct",
        "general": "meta-llama/llama-3.3-70b-instruct",
    },
}


@pytest.mark.parametrize("name", ROUTES)
def test_the_work_is_done_and_every_cent_is_known(farthing: Command, name: str) -> None:
    told = farthing("example", name, "--json").json
    assert told["simulated"] is True
    assert told["output"].startswith("[simulated]")
    assert {task["task_type"]: task["model"] for task in told["tasks"]} == ROUTES[name]
    assert len(told["tasks"]) == 4
    costs = [Decimal(call["cost"]) for task in told["tasks"] for call in task["attempts"]]
    assert all(call["cost_basis"] != "uncertain" for task in told["tasks"] for call in task["attempts"])
    assert 0 < sum(costs) < Decimal(told["baseline_cost"])


@pytest.mark.parametrize("columns", ["80", "100", "200"])
def test_for_people_it_shows_routes_costs_and_baselines(
    farthing: Command, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    said = farthing("example", "premium")
    assert said.code == 0
    for words in (
        "qwen-2.5-coder-32b-instruct",
        "coding maps to primary",
        "baseline",
        "Simulated:",
        "For real, about $",
        "farthing example premium --real",
        "--show",
    ):
        assert words in said.out
    total = next(line for line in said.out.splitlines() if line.strip().startswith("total"))
    assert (total.count("$"), total.count("%")) == (2, 1)


def test_an_answer_is_marked_so_that_nothing_in_it_reads_as_the_commands_own(farthing: Command) -> None:
    said = farthing("example", "balanced").out
    lines = [line for line in said.splitlines() if "```" in line or "[simulated]" in line]
    assert lines
    assert all(line.startswith("  │ ") for line in lines)


@pytest.mark.parametrize("name", ROUTES)
def test_the_code_that_is_shown_is_the_code_that_runs(farthing: Command, name: str) -> None:
    shown = farthing("example", name, "--show").out
    assert shown == files("farthing.examples").joinpath(f"{name}.py").read_text(encoding="utf-8")
    compile(shown, name, "exec")


def test_real_money_needs_a_key_and_a_yes(farthing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    said = farthing("example", "budget", "--real")
    assert (said.code, said.out) == (3, "")
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    said = farthing("example", "budget", "--real")
    assert "--yes" in said.err
    assert said.code != 0
    assert KEY not in said.out + said.err


@pytest.mark.parametrize(("word", "code", "calls"), [("n", 1, 0), ("y", 0, 4)])
def test_the_expected_cost_is_told_before_it_is_asked(
    simulator: SimulatorProcess, tmp_path: Path, word: str, code: int, calls: int
) -> None:
    url = simulator.base_url
    started = Terminal(
        "example", "budget", "--real", home=tmp_path, OPENROUTER_API_KEY=KEY, OPENROUTER_BASE_URL=url
    )
    with started as terminal:
        terminal.shows("about 4 real calls, expected to cost about $0.000")
        terminal.shows("At most $0.05 is spent", "Go on?")
        terminal.types(word)
        assert terminal.ends() == code
    assert len(received(simulator)) == calls
    assert KEY not in terminal.screen


def test_real_money_is_held_to_the_cap(
    farthing: Command, simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    told = farthing("example", "balanced", "--real", "--yes", "--json")
    assert (told.code, len(received(simulator))) == (0, 4)
    assert Decimal(told.json["for_real"]["expected_cost"]) > 0
    assert "expected to cost" in told.err
    simulator.call("POST", "/reset")
    monkeypatch.setattr(example, "CAP", Decimal("0.0000001"))
    refused = farthing("example", "balanced", "--real", "--yes")
    assert (refused.code, received(simulator)) == (4, [])
