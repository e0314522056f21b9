"""What levers saved: the steps lead from the baseline to the cost, each against its own counterfactual."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from tests.spend.made import START_US, call

from farthing.catalog.pricing import Price, PriceOverride, Rates
from farthing.money import from_nano
from farthing.spend.runs import Call
from farthing.spend.savings import Savings, Steps, steps_of
from farthing.task import Usage

CACHED = Rates(
    prompt=Decimal("0.000001"),
    completion=Decimal("0.000002"),
    cache_read=Decimal("0.0000001"),
    cache_write=Decimal("0.00000125"),
)
NIGHT = PriceOverride(rates={"prompt": Decimal("0.0000004")}, utc_start="00:00", utc_end="06:00")
FREE = Rates(prompt=Decimal(0), completion=Decimal(0))


def price_of(book: str, model: str) -> Price | None:
    rates = {"a/model": CACHED, "night/model": CACHED, "a/model:free": FREE, "alone:free": FREE}.get(model)
    if rates is None or book != "book":
        return None
    overrides = (NIGHT,) if model == "night/model" else ()
    return Price(model=model, book=book, rates=rates, overrides=overrides)


def test_a_plain_answer_is_routing() -> None:
    usage = Usage(input_tokens=100, output_tokens=10)
    found = steps_of(call(cost=120_000, baseline=500_000, usage=usage), None, price_of)
    assert found == Steps(routing=380_000)


def test_cached_tokens_save_the_difference_of_the_rates_and_writing_costs() -> None:
    usage = Usage(input_tokens=100, output_tokens=0, cached_tokens=60, cache_write_tokens=20)
    paid = 20 * 1000 + 60 * 100 + 20 * 1250
    found = steps_of(call(cost=paid, baseline=0, usage=usage), START_US, price_of)
    assert found.prompt_caching == 60 * 900 - 20 * 250
    assert found.bills == 0


def test_a_free_variant_saves_its_paid_sibling() -> None:
    usage = Usage(input_tokens=100, output_tokens=10)
    free = call(cost=0, model="a/model:free", baseline=500_000, usage=usage)
    assert steps_of(free, None, price_of) == Steps(routing=380_000, free_variants=120_000)
    alone = call(cost=0, model="alone:free", baseline=500_000, usage=usage)
    assert steps_of(alone, None, price_of) == Steps(routing=500_000)


def test_a_bill_above_the_dated_price_is_its_own_line() -> None:
    usage = Usage(input_tokens=100, output_tokens=10)
    assert steps_of(call(cost=130_000, baseline=0, usage=usage), None, price_of).bills == -10_000


def test_a_cheaper_hour_saves_what_the_hours_differ_and_the_tier_saves_the_rest() -> None:
    usage = Usage(input_tokens=100, output_tokens=10)
    waited = call(cost=40_000, model="night/model", baseline=0, usage=usage, at_us=START_US)
    waited.intent = structs.replace(waited.intent, deferral="off_peak+flex", waited_s=3600.0)
    found = steps_of(waited, None, price_of)
    assert found == Steps(routing=-120_000, off_peak=60_000, flex=20_000)
    waited.intent = structs.replace(waited.intent, deferral="off_peak")
    assert steps_of(waited, None, price_of) == Steps(routing=-120_000, off_peak=60_000, bills=20_000)


@pytest.mark.parametrize("way", ["flex", "batch"])
def test_what_work_that_may_wait_was_billed_less_is_its_own_line(way: str) -> None:
    usage = Usage(input_tokens=100, output_tokens=10)
    found = steps_of(call(cost=60_000, baseline=0, usage=usage, deferral=way), None, price_of)
    assert found == Steps(routing=-120_000)._replace(**{way: 60_000})


def test_failed_uncertain_and_open_calls() -> None:
    assert steps_of(call(cost=70, accepted=False), None, price_of) == Steps(failed=-70)
    assert steps_of(call(cost=None, baseline=5, worst=9), None, price_of) == Steps(routing=5, uncertain=-9)
    assert steps_of(call(ended=False), None, price_of) == Steps()


calls = st.builds(
    call,
    cost=st.none() | st.integers(0, 10**7),
    model=st.sampled_from(["a/model", "night/model", "a/model:free", "alone:free", "unknown"]),
    deferral=st.sampled_from(["", "flex", "batch", "off_peak", "off_peak+flex"]),
    waited_s=st.sampled_from([0.0, 3600.5, 86_000.0]),
    accepted=st.booleans(),
    baseline=st.integers(0, 10**8),
    worst=st.integers(0, 10**8),
    ended=st.booleans(),
    usage=st.builds(
        Usage,
        input_tokens=st.integers(0, 10**5),
        output_tokens=st.integers(0, 10**5),
        cached_tokens=st.integers(0, 10**5),
        cache_write_tokens=st.integers(0, 10**5),
    ),
)


@given(st.lists(calls, max_size=20))
def test_the_levers_add_up_to_the_savings(made: list[Call]) -> None:
    savings = Savings(price_of)
    expected = 0
    for one in made:
        savings.add(one, None)
        if one.outcome is not None:
            expected += one.outcome.baseline - (one.worst if one.cost is None else one.cost)
    assert savings.total == expected
    lines = savings.lines("sonnet")
    assert sum((line.saved for line in lines), Decimal(0)) == from_nano(expected)
    assert lines[0].lever == "routing"
    assert all(line.against for line in lines)
