"""Cells as spreadsheets and programs write them: each is read for what it is, or refused with its reason."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.usage.cells import day, dollars, flag, tokens


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1234", 1234),
        ("1,234,567", 1234567),
        ("1.234.567", 1234567),
        ("1 234 567", 1234567),
        ("1\u00a0234", 1234),
        ("1'234", 1234),
        (" 12 ", 12),
        ("12.0", 12),
        ("1e3", 1000),
        (Decimal("17.0"), 17),
        (42, 42),
        ("", 0),
        (None, 0),
    ],
)
def test_a_count_is_read_with_any_mark_between_thousands(cell: object, expected: int) -> None:
    assert tokens(cell) == expected


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("many", "'many' is no number"),
        ("1.5", "no whole number"),
        ("0,012", "commas do not part thousands"),
        ("-3", "below zero"),
        ("9" * 20, "too large"),
        ("NaN", "no finite number"),
        (True, "no number"),
        ([1], "no number"),
        ("x" * 500, "…"),
    ],
)
def test_what_is_no_count_is_refused_with_the_cell(cell: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("no whole", "not a whole")) as raised:
        tokens(cell)
    assert len(str(raised.value)) < 100


@pytest.mark.parametrize(
    ("cell", "comma", "expected"),
    [
        ("0.0125", False, "0.0125"),
        ("$1,234.56", False, "1234.56"),
        ("US$ 3", False, "3"),
        ("2 USD", False, "2"),
        ("1.2e-05", False, "0.000012"),
        (Decimal("0.06"), False, "0.06"),
        ("0,0125", True, "0.0125"),
        ("1.234,56", True, "1234.56"),
        ("12,5", True, "12.5"),
        ("0.5", True, "0.5"),
    ],
)
def test_dollars_are_read_exactly(cell: object, comma: bool, expected: str) -> None:
    assert dollars(cell, comma=comma) == Decimal(expected)


@pytest.mark.parametrize("cell", ["1,23", "0,012", "1.234,56", "free", "-1", "Infinity", 0.5])
def test_an_amount_that_may_mean_two_things_is_refused(cell: object) -> None:
    with pytest.raises(ValueError, match=r"number|below zero"):
        dollars(cell)


def test_an_empty_amount_is_no_amount_and_not_zero() -> None:
    assert (dollars(""), dollars(None), dollars("0")) == (None, None, Decimal(0))


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2026-09-30", (date(2026, 9, 30), 1)),
        ("2026-09-30T23:59:59.123Z", (date(2026, 9, 30), 1)),
        ("2026-09-30 02:37:51.271", (date(2026, 9, 30), 1)),
        ("2026/9/3", (date(2026, 9, 3), 1)),
        ("30.9.2026", (date(2026, 9, 30), 1)),
        (1788220800, (date(2026, 9, 1), 1)),
        ("1788220800", (date(2026, 9, 1), 1)),
        ("1788220800000", (date(2026, 9, 1), 1)),
        ("1788220800.0", (date(2026, 9, 1), 1)),
        ("2026-02", (date(2026, 2, 1), 28)),
        ("", (None, 1)),
        (None, (None, 1)),
    ],
)
def test_a_day_is_read_and_a_month_is_all_its_days(cell: object, expected: tuple[date | None, int]) -> None:
    assert day(cell) == expected


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("03/04/2026", "two ways"),
        ("2026-13-40", "no date"),
        ("0026-01-01", "no date of a model's use"),
        ("yesterday", "no date"),
        (10**18, "no date"),
    ],
)
def test_a_day_that_is_unclear_is_refused(cell: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        day(cell)


def test_yes_is_what_exports_write_for_it() -> None:
    assert [flag(cell) for cell in (True, "True", "batch", "1")] == [True] * 4
    assert [flag(cell) for cell in (False, None, "", "standard", "0")] == [False] * 5


@given(st.integers(0, 10**14), st.sampled_from([",", ".", " ", "'", "\u202f"]))
def test_grouping_changes_no_count(number: int, mark: str) -> None:
    assert tokens(f"{number:,}".replace(",", mark)) == number


@given(st.decimals(0, 10**6, places=4))
def test_the_two_ways_of_writing_an_amount_agree(amount: Decimal) -> None:
    english = f"{amount:,.4f}"
    swapped = english.translate(str.maketrans(",.", ".,"))
    assert dollars(english) == dollars(swapped, comma=True) == amount
