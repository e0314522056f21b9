"""The simulator's own arithmetic: exact, and as OpenRouter's rules say."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.simulator.counting import count_tokens
from farthing.simulator.tariff import Tokens, charge, digits, tariff_from

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@given(
    st.integers(0, 10**7), st.integers(0, 10**7), st.decimals(0, 1, places=12), st.decimals(0, 1, places=12)
)
def test_a_charge_is_the_exact_sum_of_tokens_times_rates(
    prompt: int, completion: int, in_rate: Decimal, out_rate: Decimal
) -> None:
    tariff = tariff_from({"prompt": f"{in_rate:f}", "completion": f"{out_rate:f}"})
    cost = charge(tariff.usual, Tokens(prompt=prompt, completion=completion))
    assert Decimal(digits(cost)) == prompt * in_rate + completion * out_rate


@given(st.fractions(0, 1000).filter(lambda f: f > 0), st.integers(0, 30))
def test_digits_have_no_exponent_and_lose_nothing(value: Fraction, places: int) -> None:
    amount = Fraction(value.numerator, 10**places)
    assert Fraction(digits(amount)) == amount
    assert "e" not in digits(amount).lower()


def test_an_amount_without_a_finite_decimal_is_refused() -> None:
    with pytest.raises(ValueError, match="no finite decimal"):
        digits(Fraction(1, 3))


def test_cached_written_and_reasoning_tokens_have_their_own_rates() -> None:
    rates = tariff_from(
        {
            "prompt": "0.01",
            "completion": "0.1",
            "input_cache_read": "0.001",
            "input_cache_write": "0.02",
            "internal_reasoning": "0.5",
            "request": "3",
        }
    ).usual
    used = Tokens(prompt=10, completion=7, cached=4, cache_write=5, reasoning=2)
    assert digits(charge(rates, used)) == str(
        Decimal("0.01") * 1
        + Decimal("0.001") * 4
        + Decimal("0.02") * 5
        + Decimal("0.1") * 5
        + Decimal("0.5") * 2
        + 3
    )


def test_a_prompt_tier_begins_above_its_bound() -> None:
    tariff = tariff_from(
        {"prompt": "1", "completion": "2", "overrides": [{"min_prompt_tokens": 100, "prompt": "5"}]}
    )
    assert tariff.at(100, NOON)["prompt"] == 1
    assert tariff.at(101, NOON) == {"prompt": 5, "completion": 2}


@pytest.mark.parametrize(("hour", "price"), [(23, 1), (2, 1), (6, 9), (12, 9)])
def test_a_window_may_wrap_past_midnight(hour: int, price: int) -> None:
    window = {"utc_start": "22:00", "utc_end": "06:00", "prompt": "1"}
    tariff = tariff_from({"prompt": "9", "completion": "9", "overrides": [window]})
    assert tariff.at(1, NOON.replace(hour=hour))["prompt"] == price


def test_later_overrides_win_key_by_key() -> None:
    first: dict[str, object] = {"min_prompt_tokens": 1, "prompt": "2", "completion": "2"}
    second: dict[str, object] = {"min_prompt_tokens": 1, "completion": "3"}
    tariff = tariff_from({"prompt": "1", "completion": "1", "overrides": [first, second]})
    assert tariff.at(5, NOON) == {"prompt": 2, "completion": 3}
    assert tariff.dearest_input() == 2


@given(st.text(), st.text(min_size=1, max_size=20))
def test_a_count_never_passes_the_bytes_and_a_template(text: str, model: str) -> None:
    assert count_tokens(text, model) <= len(text.encode("utf-8", "surrogatepass")) + 8
