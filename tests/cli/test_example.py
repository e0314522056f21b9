"""The examples: each profile's work routed as the tutorial says, its code shown as it is run."""

from decimal import Decimal
from importlib.resources import files

import pytest
from tests.cli.conftest import Command

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


def test_for_people_it_shows_a_table_and_says_that_it_is_simulated(farthing: Command) -> None:
    said = farthing("example", "balanced")
    assert said.code == 0
    for words in ("qwen-2.5-coder", "baseline", "Simulated:", "--show"):
        assert words in said.out


@pytest.mark.parametrize("name", ROUTES)
def test_the_code_that_is_shown_is_the_code_that_runs(farthing: Command, name: str) -> None:
    shown = farthing("example", name, "--show").out
    assert shown == files("farthing.examples").joinpath(f"{name}.py").read_text(encoding="utf-8")
    compile(shown, name, "exec")


def test_real_money_needs_a_key_and_a_yes(farthing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    said = farthing("example", "budget", "--real")
    assert (said.code, said.out) == (3, "")
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-nothing")
    said = farthing("example", "budget", "--real")
    assert "--yes" in said.err
    assert said.code != 0
