"""Exact dollars: parsing, the two roundings of the law, and how amounts are shown."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.money import format_usd, from_nano, nano_half_even, nano_up, parse_usd, percent_saved


@pytest.mark.parametrize("given_amount", ["0.1", "1e-9", 3, Decimal("2.5"), "-0.25"])
def test_amounts_are_read_exactly(given_amount: str | int | Decimal) -> None:
    assert parse_usd(given_amount) == Decimal(given_amount)


@pytest.mark.parametrize("text", ["", "ten", "1,000", "NaN", "Infinity", "$5"])
def test_what_is_no_finite_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="amount of dollars"):
        parse_usd(text)


@pytest.mark.parametrize(
    ("amount", "up", "half_even"),
    [
        ("0", 0, 0),
        ("0.000000001", 1, 1),
        ("0.0000000001", 1, 0),
        ("0.0000000005", 1, 0),
        ("0.0000000015", 2, 2),
        ("0.0000000025", 3, 2),
        ("1.23456789", 1_234_567_890, 1_234_567_890),
    ],
)
def test_reservations_round_up_and_settlements_half_to_even(amount: str, up: int, half_even: int) -> None:
    assert (nano_up(Decimal(amount)), nano_half_even(Decimal(amount))) == (up, half_even)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "$0.00"),
        ("1234567.891", "$1,234,567.89"),
        ("0.05", "$0.0500"),
        ("0.000123456", "$0.000123"),
        ("0.0000000004", "$0.000000000"),
        ("-3.5", "-$3.50"),
    ],
)
def test_amounts_as_people_read_them(amount: str, shown: str) -> None:
    assert format_usd(Decimal(amount)) == shown


def test_the_number_of_decimals_can_be_fixed() -> None:
    assert format_usd(Decimal("2.14159"), places=3) == "$2.142"
    assert format_usd(7) == "$7.00"


def test_savings_in_percent() -> None:
    saved = percent_saved(Decimal("2.14"), Decimal(60))
    assert saved is not None
    assert round(saved, 1) == Decimal("96.4")
    assert percent_saved(Decimal(3), Decimal(2)) == -50
    assert percent_saved(Decimal(3), Decimal(0)) is None


amounts = st.decimals(-(10**6), 10**6, allow_nan=False, places=14)


@given(st.integers(-(10**18), 10**18))
def test_nano_dollars_survive_the_way_there_and_back(nano: int) -> None:
    assert nano_up(from_nano(nano)) == nano_half_even(from_nano(nano)) == nano


@given(amounts)
def test_rounding_is_by_less_than_one_and_up_is_never_short(amount: Decimal) -> None:
    assert amount <= from_nano(nano_up(amount)) < amount + from_nano(1)
    assert abs(from_nano(nano_half_even(amount)) - amount) * 2 <= from_nano(1)
