"""The route of a prompt: needs no key, sends nothing."""

from decimal import Decimal

from tests.cli.conftest import Command


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
