"""The route of a prompt: needs no key, sends nothing."""

from decimal import Decimal
from pathlib import Path

from tests.cli.conftest import Command

from farthing.simulator.process import SimulatorProcess
from farthing.testing import deployment_at


def test_candidates_reasons_and_what_each_would_cost(farthing: Command) -> None:
    told = farthing("explain", "Write a memoized Fibonacci function in TypeScript", "--json").json
    assert told["task_type"] == "coding"
    first = told["candidates"][0]
    assert (first["model"], first["slot"]) == ("qwen/qwen-2.5-coder-32b-instruct", "secondary")
    assert "coding maps to secondary" in first["reason"]
    assert 0 < Decimal(first["expected_cost"]) < Decimal(told["baseline_cost"])


def test_the_book_changes_the_costs(farthing: Command) -> None:
    def cost(book: str) -> Decimal:
        told = farthing("explain", "Write a function", "--book", book, "--json").json
        return Decimal(told["candidates"][0]["expected_cost"])

    assert cost("tutorial") != cost("snapshot")


def test_for_people_it_shows_a_table_with_the_baseline(farthing: Command) -> None:
    said = farthing("explain", "Compare two designs", "--profile", "production")
    assert said.code == 0
    for words in ("meta-llama/llama-3.3-70b-instruct", "claude-3.5-sonnet", "Nothing was sent."):
        assert words in said.out


def test_what_is_left_out_says_why(farthing: Command) -> None:
    told = farthing("explain", "Hello", "--model", "deepseek-v3", "--json").json
    assert {entry["slot"] for entry in told["excluded"]} >= {"primary"}
    assert all("the task names deepseek-v3" in entry["reason"] for entry in told["excluded"])


def test_no_route_is_an_error_with_its_reasons(farthing: Command) -> None:
    said = farthing("explain", "word " * 400_000)
    assert said.code == 5
    assert "all left out" in said.err


def test_under_cheapest_the_expected_answer_is_told(farthing: Command, tmp_path: Path) -> None:
    path = tmp_path / "cheapest.json"
    path.write_text('{"extends": "balanced", "routing": {"strategy": "cheapest_good_enough"}}')
    told = farthing("explain", "Compare two designs", "--config", str(path), "--json").json
    first = told["candidates"][0]["expected"]
    assert (first["basis"], first["observations"], first["accepted"]) == ("default", 0, 0.97)
    assert Decimal(first["cost"]) < Decimal(first["cost_per_answer"])
    assert Decimal(told["expected_cost_per_answer"]) > Decimal(first["cost"])
    costs = [Decimal(one["expected"]["cost_per_answer"]) for one in told["candidates"]]
    assert costs == sorted(costs)
    said = farthing("explain", "Compare two designs", "--config", str(path)).out
    assert "Expected for an accepted answer" in said
    assert "97.0%" in said
    assert "Expected for an accepted answer" not in farthing("explain", "Compare two designs").out


def test_under_cheapest_the_ledger_is_asked(farthing: Command, tmp_path: Path) -> None:
    path = tmp_path / "cheapest.json"
    path.write_text('{"extends": "balanced", "routing": {"strategy": "cheapest_good_enough"}}')
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with SimulatorProcess() as simulator:
        overrides = {"storage.databaseUrl": url, "routing.strategy": "cheapest_good_enough"}
        with deployment_at(simulator.base_url, tmp_path, overrides=overrides) as deployment:
            for number in range(3):
                deployment.execute_task_sync(f"Compare design {number}", type="analysis")
    asked = ("explain", "Compare two designs", "--type", "analysis", "--config", str(path), "--json")
    told = farthing(*asked, "--database", url).json
    expected = [one["expected"] for one in told["candidates"]]
    assert {one["observations"] for one in expected} == {3}
    assert {one["basis"] for one in expected} == {"model", "type"}
