"""Prices are exact, overrides hold as documented, and a computed cost is never above the worst case."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.catalog.pricing import (
    Price,
    PriceOverride,
    Rates,
    computed_cost,
    computed_nano,
    dearest_rates,
    has_discount,
    output_tokens_within,
    price_from_row,
    rates_at,
    worst_nano,
)
from farthing.money import nano_half_even, nano_up
from farthing.task import Usage

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BOOK = "2026-11-23/test"


def priced(pricing: Mapping[str, object]) -> Price:
    return price_from_row({"id": "a/model", "pricing": pricing}, book=BOOK)


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-23T{clock}+00:00")


def test_strings_in_dollars_per_token_become_exact_rates() -> None:
    price = priced({"prompt": "0.0000001", "completion": "0.0000004", "request": "0.001", "image": "9"})
    assert price.rates == Rates(prompt=Decimal("1e-7"), completion=Decimal("4e-7"), request=Decimal("0.001"))
    assert price.model == "a/model"
    assert price.book == BOOK


def test_a_cost_is_exact_to_the_last_digit() -> None:
    price = priced({"prompt": "0.000000123456789", "completion": "0.0000003"})
    usage = Usage(input_tokens=1_000_003, output_tokens=7)
    assert computed_cost(price, usage, at=NOON) == Decimal("0.123459259370367")


def test_every_part_of_a_usage_is_billed_at_its_own_rate() -> None:
    price = priced(
        {
            "prompt": "0.000003",
            "completion": "0.000015",
            "request": "0.01",
            "input_cache_read": "0.0000003",
            "input_cache_write": "0.00000375",
            "internal_reasoning": "0.00002",
        }
    )
    usage = Usage(
        input_tokens=1000, cached_tokens=600, cache_write_tokens=300, output_tokens=50, reasoning_tokens=20
    )
    # 100 fresh 0.0003, 600 read 0.00018, 300 written 0.001125, 30 out 0.00045, 20 reasoning 0.0004, 0.01
    assert computed_cost(price, usage, at=NOON) == Decimal("0.012455")


def test_parts_without_a_rate_of_their_own_are_input_and_output() -> None:
    price = priced({"prompt": "0.000001", "completion": "0.000002"})
    usage = Usage(
        input_tokens=10, cached_tokens=4, cache_write_tokens=4, output_tokens=10, reasoning_tokens=9
    )
    assert computed_cost(price, usage, at=NOON) == Decimal("0.00003")


def test_a_reasoning_rate_of_zero_means_billed_as_output() -> None:
    price = priced({"prompt": "0.000001", "completion": "0.000002", "internal_reasoning": "0"})
    assert price.rates.reasoning is None


@pytest.mark.parametrize(
    ("pricing", "said"),
    [
        (None, "no pricing object"),
        ({"completion": "0"}, "prompt price is missing"),
        ({"prompt": "0"}, "completion price is missing"),
        ({"prompt": "-1", "completion": "-1"}, "means unknown"),
        ({"prompt": "0.1", "completion": "-1"}, "means unknown"),
        ({"prompt": "free", "completion": "0"}, "not an amount"),
        ({"prompt": "NaN", "completion": "0"}, "finite"),
        ({"prompt": 0.1, "completion": "0"}, "no text in dollars"),
        ({"prompt": True, "completion": "0"}, "no text in dollars"),
        ({"prompt": "0", "completion": "0", "input_cache_write": "-1"}, "means unknown"),
        ({"prompt": "0", "completion": "0", "overrides": "x"}, "not a list"),
        ({"prompt": "0", "completion": "0", "overrides": [1]}, "not an object"),
        ({"prompt": "0", "completion": "0", "overrides": [{"utc_start": "25:00"}]}, "not a time of day"),
        ({"prompt": "0", "completion": "0", "overrides": [{"min_prompt_tokens": "x"}]}, "number of tokens"),
        (
            {"prompt": "0", "completion": "0", "overrides": [{"min_prompt_tokens": Decimal("1e999999")}]},
            "number of tokens",
        ),
        ({"prompt": "1e999999", "completion": "0"}, "cannot be one"),
        ({"prompt": "0", "completion": "1000"}, "cannot be one"),
        ({"prompt": "0", "completion": "1e-99"}, "cannot be one"),
        ({"prompt": "0", "completion": "0", "request": "0." + "1" * 40}, "cannot be one"),
    ],
)
def test_an_unreadable_price_is_refused_and_never_zero(pricing: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        price_from_row({"id": "a/model", "pricing": pricing}, book=BOOK)


def test_a_discount_changes_no_rate_and_is_noticed() -> None:
    plain = {"prompt": "0.000001", "completion": "0.000002"}
    assert priced({**plain, "discount": Decimal("0.5")}) == priced({**plain})
    assert has_discount({"pricing": {**plain, "discount": Decimal("0.5")}})
    assert not has_discount({"pricing": {**plain, "discount": 0}})


TIERED = priced(
    {
        "prompt": "0.000001",
        "completion": "0.000004",
        "overrides": [
            {"min_prompt_tokens": 200_000, "prompt": "0.000002", "completion": "0.000006"},
            {"min_prompt_tokens": 400_000, "prompt": "0.000003"},
        ],
    }
)


@pytest.mark.parametrize(
    ("tokens", "prompt", "completion"),
    [
        (200_000, "0.000001", "0.000004"),
        (200_001, "0.000002", "0.000006"),
        (400_001, "0.000003", "0.000006"),  # the later entry wins for prompt only
    ],
)
def test_a_tier_begins_above_its_threshold_and_later_entries_win_key_by_key(
    tokens: int, prompt: str, completion: str
) -> None:
    rates = rates_at(TIERED, input_tokens=tokens, at=NOON)
    assert (rates.prompt, rates.completion) == (Decimal(prompt), Decimal(completion))


def window(start: str | None, end: str | None, tokens: int | None = None) -> Price:
    cheap = PriceOverride(
        rates={"prompt": Decimal(1)}, utc_start=start, utc_end=end, min_prompt_tokens=tokens
    )
    rates = Rates(prompt=Decimal(2), completion=Decimal(2))
    return Price(model="a/model", book=BOOK, rates=rates, overrides=(cheap,))


@pytest.mark.parametrize(
    ("start", "end", "clock", "holds"),
    [
        ("16:30", "00:30", "16:29:59", False),
        ("16:30", "00:30", "16:30", True),
        ("16:30", "00:30", "23:59", True),
        ("16:30", "00:30", "00:00", True),
        ("16:30", "00:30", "00:30", False),
        ("08:00", "12:00", "08:00", True),
        ("08:00", "12:00", "12:00", False),
        ("22:00", None, "23:00", True),
        ("22:00", None, "21:00", False),
        (None, "06:00", "05:59", True),
        (None, "06:00", "06:00", False),
        ("00:00", "00:00", "13:00", True),
    ],
)
def test_a_window_may_wrap_past_midnight(start: str | None, end: str | None, clock: str, holds: bool) -> None:
    rates = rates_at(window(start, end), input_tokens=1, at=at(clock))
    assert (rates.prompt == 1) is holds


def test_a_window_is_in_utc_whatever_the_zone_of_the_moment() -> None:
    moment = at("23:30").astimezone(timezone(timedelta(hours=9)))
    assert rates_at(window("23:00", "00:00"), input_tokens=1, at=moment).prompt == 1


def test_all_conditions_of_an_override_must_hold() -> None:
    price = window("08:00", "12:00", tokens=100)
    assert rates_at(price, input_tokens=101, at=at("09:00")).prompt == 1
    assert rates_at(price, input_tokens=100, at=at("09:00")).prompt == 2
    assert rates_at(price, input_tokens=101, at=at("13:00")).prompt == 2


def test_the_dearest_rates_look_at_every_kind_and_every_override() -> None:
    price = priced(
        {
            "prompt": "3",
            "completion": "10",
            "input_cache_write": "4",
            "internal_reasoning": "12",
            "overrides": [
                {"min_prompt_tokens": 9, "input_cache_write": "5", "request": "1"},
                {"utc_start": "01:00", "internal_reasoning": "20", "prompt": "1"},
            ],
        }
    )
    assert dearest_rates(price) == Rates(prompt=Decimal(5), completion=Decimal(20), request=Decimal(1))


def test_free_is_free_at_any_time_and_size() -> None:
    assert priced({"prompt": "0", "completion": "0"}).is_free
    assert not priced({"prompt": "0", "completion": "0", "request": "0.1"}).is_free
    later = {"prompt": "0", "completion": "0", "overrides": [{"min_prompt_tokens": 9, "prompt": "1"}]}
    assert not priced(later).is_free


rate = st.decimals(min_value=0, max_value=1, places=12)
maybe = st.none() | rate
clock = st.none() | st.times().map(lambda time: time.strftime("%H:%M"))
override = st.builds(
    PriceOverride,
    rates=st.dictionaries(
        st.sampled_from(["prompt", "completion", "request", "cache_read", "cache_write", "reasoning"]), rate
    ),
    min_prompt_tokens=st.none() | st.integers(0, 3000),
    utc_start=clock,
    utc_end=clock,
)
prices = st.builds(
    Price,
    model=st.just("a/model"),
    book=st.just(BOOK),
    rates=st.builds(
        Rates,
        prompt=rate,
        completion=rate,
        request=rate,
        cache_read=maybe,
        cache_write=maybe,
        reasoning=maybe,
    ),
    overrides=st.lists(override, max_size=3).map(tuple),
)
tokens = st.integers(0, 5000)
usages = st.builds(
    Usage,
    input_tokens=tokens,
    output_tokens=tokens,
    cached_tokens=tokens,
    cache_write_tokens=tokens,
    reasoning_tokens=tokens,
)


@given(
    price=prices, usage=usages, more=st.tuples(tokens, tokens), moment=st.datetimes(timezones=st.just(UTC))
)
def test_no_usage_within_the_bounds_costs_more_than_the_worst_case(
    price: Price, usage: Usage, more: tuple[int, int], moment: datetime
) -> None:
    worst = worst_nano(
        price, input_tokens=usage.input_tokens + more[0], output_tokens=usage.output_tokens + more[1]
    )
    assert 0 <= computed_nano(price, usage, at=moment) <= worst


@given(price=prices, usage=usages, moment=st.datetimes(timezones=st.just(UTC)))
def test_integers_give_the_cost_that_exact_decimals_give(
    price: Price, usage: Usage, moment: datetime
) -> None:
    rates = rates_at(price, input_tokens=usage.input_tokens, at=moment)
    cached = min(usage.cached_tokens, usage.input_tokens)
    written = min(usage.cache_write_tokens, usage.input_tokens - cached)
    reasoning = min(usage.reasoning_tokens, usage.output_tokens)
    exact = (
        rates.prompt * (usage.input_tokens - cached - written)
        + (rates.prompt if rates.cache_read is None else rates.cache_read) * cached
        + (rates.prompt if rates.cache_write is None else rates.cache_write) * written
        + rates.completion * (usage.output_tokens - reasoning)
        + (rates.completion if rates.reasoning is None else rates.reasoning) * reasoning
        + rates.request
    )
    assert computed_cost(price, usage, at=moment) == exact
    assert computed_nano(price, usage, at=moment) == nano_half_even(exact)


@given(price=prices, input_tokens=tokens, output_tokens=tokens)
def test_the_worst_case_is_rounded_up_and_tells_what_a_grant_pays_for(
    price: Price, input_tokens: int, output_tokens: int
) -> None:
    dearest = dearest_rates(price)
    exact = dearest.prompt * input_tokens + dearest.completion * output_tokens + dearest.request
    worst = worst_nano(price, input_tokens=input_tokens, output_tokens=output_tokens)
    assert worst == nano_up(exact)
    if dearest.completion:
        most = output_tokens_within(price, worst, input_tokens=input_tokens)
        assert most >= output_tokens
        assert worst_nano(price, input_tokens=input_tokens, output_tokens=most) <= worst
        assert worst_nano(price, input_tokens=input_tokens, output_tokens=most + 1) > worst
