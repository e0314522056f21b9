"""The calculator: exact sums, one truth with the profiles, and clear words for what cannot be reckoned."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing import CostCalculator, UsageProfile
from farthing.config.load import book_rows, load_config
from farthing.errors import ConfigError, InvalidTaskError, NoCandidateError
from farthing.money import percent_saved
from farthing.spend.projection import CREDIT_FEE
from farthing.spend.workload import shares_of, typical
from farthing.task import TASK_TYPES, TaskType

MIXED: dict[TaskType, float] = {"coding": 0.40, "general": 0.40, "analysis": 0.20}
MONTH = UsageProfile(
    input_tokens_per_month=10_000_000,
    output_tokens_per_month=2_000_000,
    agent_count=20,
    task_distribution=MIXED,
)

mixes = st.lists(st.integers(0, 20), min_size=len(TASK_TYPES), max_size=len(TASK_TYPES)).filter(any)


def usage_of(inward: int, outward: int, weights: list[int], percent: int) -> UsageProfile:
    whole = sum(weights)
    mix: dict[TaskType, float] = {
        kind: weight / whole for kind, weight in zip(TASK_TYPES, weights, strict=True) if weight
    }
    return UsageProfile(
        input_tokens_per_month=inward,
        output_tokens_per_month=outward,
        task_distribution=mix,
        baseline_sample=percent / 100,
    )


usages = st.builds(usage_of, st.integers(0, 10**10), st.integers(0, 10**10), mixes, st.integers(0, 100))
profiles = st.sampled_from(["budget", "balanced", "premium", "production"])
books = st.sampled_from(["tutorial", "current"])


def test_the_tutorials_example() -> None:
    costs = CostCalculator(prices="tutorial").calculate_balanced_cost(MONTH)
    assert (costs.total, costs.baseline, costs.savings_percent) == (
        Decimal("2.184"),
        Decimal(60),
        Decimal("96.36"),
    )
    assert [(part.model.split("/")[1], part.cost) for part in costs.breakdown] == [
        ("qwen-2.5-coder-32b-instruct", Decimal("1.104")),
        ("llama-3.3-70b-instruct", Decimal("1.08")),
    ]
    assert costs.per_agent == Decimal("0.1092")
    assert costs.annual_savings == 12 * Decimal("57.816")
    assert costs.credit_fee == Decimal("2.184") * CREDIT_FEE


@given(usage=usages, profile=profiles, book=books)
def test_the_parts_add_up_and_savings_follow(usage: UsageProfile, profile: str, book: str) -> None:
    costs = CostCalculator(book).calculate_cost(usage, profile=profile)
    assert sum(part.cost for part in costs.breakdown) == costs.total
    assert costs.savings == costs.baseline - costs.total
    assert costs.savings_percent == percent_saved(costs.total, costs.baseline)
    work = [part for part in costs.breakdown if part.kind == "model"]
    assert abs(sum(part.share for part in work) - 1) < Decimal("0.000001")


def rates(book: str) -> dict[str, tuple[Fraction, Fraction]]:
    """Dollars a token as the book's file has them, as fractions: other arithmetic than the calculator's."""
    rows = cast("list[Any]", book_rows(book)["data"])  # the rows of a JSON file
    prices = {row["id"]: row["pricing"] for row in rows}
    return {name: (Fraction(one["prompt"]), Fraction(one["completion"])) for name, one in prices.items()}


RATES = rates("tutorial")
_GENERAL, _CODER = "meta-llama/llama-3.3-70b-instruct", "qwen/qwen-2.5-coder-32b-instruct"
_BALANCED: dict[TaskType, str] = {
    "coding": _CODER,
    "analysis": _GENERAL,
    "general": _GENERAL,
    "structured": _GENERAL,
    "simple": "deepseek/deepseek-chat",
}
ROUTES: dict[str, dict[TaskType, str]] = {
    "budget": dict.fromkeys(TASK_TYPES, "deepseek/deepseek-chat"),
    "balanced": _BALANCED,
    "premium": {**_BALANCED, "structured": "mistralai/mistral-small-3.1-24b-instruct"},
}


def worth(usage: UsageProfile, model: str, share: Fraction) -> Fraction:
    prompt, completion = RATES[model]
    return share * (usage.input_tokens_per_month * prompt + usage.output_tokens_per_month * completion)


@given(usage=usages, profile=st.sampled_from(sorted(ROUTES)))
def test_other_arithmetic_gives_the_same_dollars(usage: UsageProfile, profile: str) -> None:
    costs = CostCalculator("tutorial").calculate_cost(usage, profile=profile)
    mix = usage.task_distribution or {}
    work = sum(worth(usage, ROUTES[profile][kind], Fraction(str(share))) for kind, share in mix.items())
    baseline = worth(usage, "anthropic/claude-3.5-sonnet", Fraction(1))
    assert Fraction(costs.baseline) == baseline
    sample = baseline * Fraction(str(usage.baseline_sample))
    assert abs(Fraction(costs.total) - work - sample) < Fraction(1, 10**9)  # a nano-dollar


@given(usage=usages, more=st.integers(0, 10**9), profile=profiles)
def test_more_work_never_costs_less(usage: UsageProfile, more: int, profile: str) -> None:
    calculator = CostCalculator("current")
    larger = UsageProfile(
        input_tokens_per_month=usage.input_tokens_per_month + more,
        output_tokens_per_month=usage.output_tokens_per_month + more,
        task_distribution=usage.task_distribution,
        baseline_sample=usage.baseline_sample,
    )
    assert (
        calculator.calculate_cost(usage, profile=profile).total
        <= calculator.calculate_cost(larger, profile=profile).total
    )


def test_a_sample_comes_on_top_at_the_baselines_price() -> None:
    usage = typical("premium").usage()
    costs = CostCalculator("tutorial").calculate_premium_cost(usage)
    (sample,) = [part for part in costs.breakdown if part.kind == "baseline_sample"]
    assert sample.cost == costs.baseline * Decimal("0.075")


def test_all_rivals_are_there_cheapest_first() -> None:
    rivals = CostCalculator("tutorial").compare(MONTH)
    assert [one.total for one in rivals] == sorted(one.total for one in rivals)
    names = {one.profile for one in rivals}
    assert {"budget", "balanced", "premium", "deepseek/deepseek-chat", "thudm/glm-4-9b:free"} <= names
    assert "anthropic/claude-3.5-sonnet" not in names
    assert len({one.baseline for one in rivals}) == 1


def test_any_model_may_be_the_baseline_and_any_configuration_the_profile() -> None:
    config = load_config({"models": {"primary": "mistralai/mistral-small-3.1-24b-instruct"}}, environ={})
    costs = CostCalculator("tutorial", baseline="deepseek/deepseek-chat").calculate_cost(
        MONTH, profile=config
    )
    assert (costs.total, costs.baseline) == (Decimal("3.6"), Decimal("1.8"))
    assert costs.savings_percent == -100


def test_a_gone_model_is_replaced_and_said() -> None:
    costs = CostCalculator("current").calculate_budget_cost(MONTH)
    assert any("stands in" in note for note in costs.notes)


def test_a_baseline_that_is_gone_says_whose_price_it_has() -> None:
    costs = CostCalculator("current").calculate_balanced_cost(MONTH)
    assert (costs.price_book, costs.baseline_book) == ("2026-11-09/snapshot", "2025-10-07/tutorial")
    costs = CostCalculator("current", baseline="openai/gpt-5.1").calculate_balanced_cost(MONTH)
    assert costs.baseline_book == costs.price_book


def test_rivals_do_the_same_work_when_no_mix_is_given() -> None:
    usage = UsageProfile(input_tokens_per_month=10_000_000, output_tokens_per_month=2_000_000)
    calculator = CostCalculator("tutorial")
    totals = {one.profile: one.total for one in calculator.compare(usage)}
    assert totals == {one.profile: one.total for one in calculator.compare(MONTH)}
    assert totals["premium"] != calculator.calculate_premium_cost(usage).total


def test_an_estimate_is_of_production_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    calculator = CostCalculator("tutorial")
    here = calculator.calculate_balanced_cost(MONTH)
    (tmp_path / ".env").write_text("FARTHING_ENV=development\nMONTHLY_BUDGET=7\n", encoding="utf-8")
    costs = calculator.calculate_balanced_cost(MONTH)
    assert (costs.total, costs.breakdown, costs.monthly_limit) == (here.total, here.breakdown, 7)
    assert calculator.calculate_model_cost(MONTH, "deepseek-v3").total == Decimal("1.8")
    monkeypatch.setenv("MONTHLY_BUDGET", "6")
    assert calculator.calculate_balanced_cost(MONTH).monthly_limit == 6


def test_a_file_may_name_variables_as_it_may_in_a_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"extends": "balanced", "models": {"primary": "${MINE}"}}', encoding="utf-8")
    monkeypatch.setenv("MINE", "mistralai/mistral-small-3.1-24b-instruct")
    costs = CostCalculator("tutorial").calculate_cost(MONTH, profile=str(path))
    assert [part.model.split("/")[0] for part in costs.breakdown] == ["qwen", "mistralai"]


def test_agents_are_held_against_the_profiles_target() -> None:
    calculator = CostCalculator("tutorial")
    assert calculator.calculate_balanced_cost(MONTH).carries_agents
    assert not calculator.calculate_budget_cost(MONTH).carries_agents
    assert calculator.calculate_model_cost(MONTH, "deepseek/deepseek-chat").carries_agents is None


def test_what_is_unknown_is_named_with_its_nearest() -> None:
    with pytest.raises(ConfigError, match="2025-10-07/tutorial"):
        CostCalculator("totorial")
    with pytest.raises(ConfigError, match="anthropic/claude"):
        CostCalculator("tutorial", baseline="anthropic/claude-3.5-sonet")
    with pytest.raises(ConfigError, match="deepseek/deepseek-chat"):
        CostCalculator("tutorial").calculate_model_cost(MONTH, "deepseek/deepseek-chap")
    unpriced = load_config({"models": {"primary": "no/such-model"}}, environ={})
    with pytest.raises(NoCandidateError):
        CostCalculator("tutorial").calculate_cost(MONTH, profile=unpriced)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"task_distribution": {"coding": 0.5}}, "add up to 0.5"),
        ({"task_distribution": {"codign": 1.0}}, "coding"),
        ({"task_distribution": {"coding": 1.5, "general": -0.5}}, "general is -0.5"),
        ({"input_tokens_per_month": -1}, "input_tokens_per_month is -1"),
        ({"agent_count": 0}, "at least 1"),
        ({"baseline_sample": 1.5}, "fraction"),
    ],
)
def test_no_month_is_like_that(fault: dict[str, object], words: str) -> None:
    values: dict[str, object] = {"input_tokens_per_month": 1, "output_tokens_per_month": 1, **fault}
    with pytest.raises(InvalidTaskError, match=words):
        UsageProfile(**values)  # pyright: ignore[reportArgumentType] - that is the test


def test_thirds_are_a_mix() -> None:
    third = 1 / 3
    assert sum(shares_of({"coding": third, "general": third, "simple": third}).values()) < 1
