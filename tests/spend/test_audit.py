"""The audit's sums: what counts on which side, months of 30 days, one recommendation by stated rules."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.catalog.pricing import Price, PriceOverride, Rates, computed_cost
from farthing.config.load import load_catalog
from farthing.spend.audit import Audited, ModelCost, ProfileCost, audited, cost_at, mix_of, recommend
from farthing.task import TaskType, Usage
from farthing.usage.record import Record
from farthing.usage.tally import Tally

SHELF = [load_catalog("2026-11-09"), load_catalog("tutorial")]
SONNET = "claude-sonnet-4-5-20250929"  # $3 in, $15 out, $0.30 from the cache, per million tokens
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
KNOWN = "anthropic/claude-sonnet-4.5"
MILLION = Usage(input_tokens=1_000_000)


def tallied(*records: Record) -> Tally:
    tally = Tally()
    for record in records:
        tally.add(record)
    return tally


def row(model: str = SONNET, usage: Usage = MILLION, cost: str | None = None, day: int | None = 1) -> Record:
    return Record(
        model=model,
        day=None if day is None else date(2026, 9, day),
        usage=usage,
        cost=None if cost is None else Decimal(cost),
    )


def audit(*records: Record, renamed: Mapping[str, str] | None = None, days: int | None = None) -> Audited:
    return audited(tallied(*records), SHELF, renamed=renamed or {}, days=days)


def only(found: Audited) -> ModelCost:
    (one,) = found.models
    return one


def test_a_known_model_is_priced_by_its_dated_price() -> None:
    found = audit(row(usage=Usage(input_tokens=1_000_000, cached_tokens=400_000, output_tokens=100_000)))
    one = only(found)
    assert (one.known, one.book, one.names, one.basis) == (
        KNOWN,
        "2026-11-09/snapshot",
        (SONNET,),
        "computed",
    )
    assert found.cost == one.computed == Decimal("1.80") + Decimal("0.12") + Decimal("1.50")


def test_an_exported_cost_counts_before_a_computed_one() -> None:
    one = only(audit(row(cost="2.75")))
    assert (one.cost, one.basis, one.computed) == (Decimal("2.75"), "exported", Decimal(3))


def test_a_cost_for_some_rows_only_does_not_count_where_all_can_be_computed() -> None:
    one = only(audit(row(cost="2.75"), row()))
    assert (one.cost, one.basis) == (Decimal(6), "computed")
    unknown = only(audit(row("my-model", cost="2.75"), row("my-model")))
    assert (unknown.cost, unknown.basis, unknown.use.uncosted_tokens) == (
        Decimal("2.75"),
        "exported",
        1_000_000,
    )


def test_costs_that_come_in_rows_of_their_own_belong_to_the_tokens_of_the_model() -> None:
    found = audit(row(), row("Claude Sonnet 4.5", usage=Usage(), cost="2.50"))
    one = only(found)
    assert (one.cost, one.basis, one.names) == (Decimal("2.50"), "exported", (SONNET, "Claude Sonnet 4.5"))


def test_a_model_of_another_book_keeps_the_price_of_that_book() -> None:
    one = only(audit(row("claude-3-5-sonnet-20241022")))
    assert (one.known, one.book, one.cost) == (
        "anthropic/claude-3.5-sonnet",
        "2025-10-07/tutorial",
        Decimal(3),
    )


def test_what_has_neither_cost_nor_price_is_left_out_of_both_sides_and_named() -> None:
    found = audit(row(), row("claude-opus-4-1-20250805", usage=Usage(input_tokens=7)))
    (left,) = found.left_out
    assert (left.use.model, left.nearest, left.cost) == (
        "claude-opus-4-1-20250805",
        "anthropic/claude-opus-4",
        None,
    )
    assert (found.usage, found.cost) == (MILLION, Decimal(3))


def test_an_unknown_model_can_be_priced_as_a_known_one() -> None:
    found = audit(row("my-claude"), row(), renamed={"my-claude": KNOWN})
    one = only(found)
    assert (one.use.model, one.names, found.cost) == (KNOWN, ("my-claude", SONNET), Decimal(6))


def test_charges_for_no_model_and_costs_without_tokens_are_in_neither_side() -> None:
    found = audit(row(), row("", usage=Usage(), cost="0.12"), row("gpt-4o", usage=Usage(), cost="5"))
    assert (found.cost, found.other_charges, found.left_out) == (Decimal(3), Decimal("0.12"), ())


@pytest.mark.parametrize(
    ("days", "stated", "expected"),
    [
        ((1, 30), None, 30),
        ((1, 10), None, 10),
        ((1, 1), None, 1),
        ((None, None), None, 30),
        ((None, None), 15, 15),
    ],
)
def test_a_month_is_thirty_days(
    days: tuple[int | None, int | None], stated: int | None, expected: int
) -> None:
    found = audit(*(row(day=day) for day in days), days=stated)
    assert found.days == expected
    assert found.monthly_cost == Decimal(6) * 30 / expected
    assert found.monthly_usage.input_tokens == 2_000_000 * 30 // expected


def test_a_tier_for_long_prompts_follows_the_mean_prompt_and_not_the_sum() -> None:
    rates = Rates(prompt=Decimal("0.000001"), completion=Decimal(0), request=Decimal("0.01"))
    long = PriceOverride(rates={"prompt": Decimal("0.000002")}, min_prompt_tokens=200_000)
    night = PriceOverride(rates={"prompt": Decimal(0)}, utc_start="00:00", utc_end="23:59")
    price = Price(model="m", book="b", rates=rates, overrides=(long, night))
    assert cost_at(price, MILLION) == Decimal("1.01")
    assert cost_at(price, MILLION, requests=10) == Decimal("1.10")
    assert cost_at(price, MILLION, requests=2) == Decimal("2.02")


usages = st.builds(
    Usage,
    input_tokens=st.integers(100, 10**9),
    output_tokens=st.integers(0, 10**9),
    cached_tokens=st.integers(0, 60),
    cache_write_tokens=st.integers(0, 40),
)


@given(st.lists(usages, min_size=1, max_size=5))
def test_the_cost_of_a_sum_is_the_sum_of_the_costs(parts: list[Usage]) -> None:
    price = SHELF[1].price("claude-3.5-sonnet")
    assert price is not None
    each = sum((computed_cost(price, part, at=NOON) for part in parts), Decimal(0))
    assert cost_at(price, sum(parts, Usage())) == each


TYPICAL: dict[TaskType, float] = {"coding": 0.5, "general": 0.5}


def test_the_mix_is_the_typical_one_where_nothing_is_known() -> None:
    assert mix_of(audit(row()), {}, TYPICAL) == TYPICAL
    assert mix_of(audit(row()), {}, {}) == {}


def test_the_mix_follows_the_rows_and_the_maps_and_is_typical_for_the_rest() -> None:
    typed = msgspec.structs.replace(row(), task_type="simple")
    found = audit(typed, row(), row("gpt-4o"), row("gpt-4.1"))
    mix = mix_of(found, {"gpt-4o": "analysis"}, TYPICAL)
    assert mix == pytest.approx({"simple": 0.25, "analysis": 0.25, "coding": 0.25, "general": 0.25})
    by_known_name = mix_of(found, {"openai/gpt-4o": "analysis"}, TYPICAL)
    assert by_known_name == mix


def profile(name: str, total: str, limit: str | None = None) -> ProfileCost:
    return ProfileCost(profile=name, total=Decimal(total), limit=None if limit is None else Decimal(limit))


COSTS = [profile("budget", "8", "10"), profile("balanced", "12", "200"), profile("premium", "15", "300")]


@pytest.mark.parametrize(
    ("monthly", "tokens", "mix", "expected"),
    [
        ("300", 60_000_000, {}, "balanced"),
        ("49", 10_000_000, {}, "budget"),
        ("50", 10_000_000, {}, "balanced"),
        ("999", 100_000_000, {}, "balanced"),
        ("1000", 100_000_000, {}, "premium"),
        ("300", 400_000_000, {}, "budget"),  # under a dollar per million: small models do it already
        ("300", 60_000_000, {"structured": 0.3}, "premium"),
        ("300", 60_000_000, {"structured": 0.29}, "balanced"),
    ],
)
def test_the_recommendation_is_by_the_first_rule_that_applies(
    monthly: str, tokens: int, mix: dict[TaskType, float], expected: str
) -> None:
    found = audit(row("x", Usage(input_tokens=tokens), cost=monthly), days=30)
    advice = recommend(found, Decimal(monthly), COSTS, mix)
    assert advice.profile == expected
    assert len(advice.reasons) >= 2
    assert any("good enough" in unknown for unknown in advice.unknown)


def test_a_profile_whose_limit_would_stop_it_says_what_to_set() -> None:
    found = audit(row("x", Usage(input_tokens=60_000_000), cost="300"), days=30)
    (told,) = [
        reason
        for reason in recommend(found, Decimal(300), [profile("balanced", "250", "200")], {}).reasons
        if "MONTHLY_BUDGET" in reason
    ]
    assert "$200.00 would stop it" in told
    assert "$313" in told


def test_no_profile_is_recommended_where_none_costs_less() -> None:
    found = audit(row("x", cost="5"), days=30)
    advice = recommend(found, Decimal(5), COSTS, {})
    assert advice.profile is None
    assert advice.reasons == ("budget would cost $8.00 a month, the baseline $5.00",)
    assert recommend(found, Decimal(5), [], {}).profile is None


def test_the_rule_gives_way_to_what_costs_less_than_today() -> None:
    found = audit(row("x", Usage(input_tokens=2_000_000), cost="13"), days=30)
    advice = recommend(found, Decimal(13), [profile("budget", "14"), profile("balanced", "12")], {})
    assert advice.profile == "balanced"


def test_what_costs_less_is_said_variants_included() -> None:
    found = audit(row("x", Usage(input_tokens=60_000_000), cost="300"), days=30)
    costs = [
        *COSTS,
        profile("balanced-2026", "4"),
        profile("premium-2026", "5"),
        profile("budget", "11", "10"),
    ]
    reasons = recommend(found, Decimal(300), costs, {}).reasons
    assert reasons[2:] == (
        "balanced-2026 would cost $4.00",
        "budget would cost $8.00",
        "budget would cost $11.00, and its limit of $10.00 would stop it",
    )


def test_a_profile_that_was_asked_about_is_answered_about() -> None:
    found = audit(row("x", Usage(input_tokens=60_000_000), cost="300"), days=30)
    advice = recommend(found, Decimal(300), [profile("premium", "15")], {}, named=True)
    assert advice.profile == "premium"
    assert "by the rules it would be balanced" in advice.reasons[0]
