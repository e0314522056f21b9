"""The forecast: its formula on days worked by hand, its bounds, and how often its band holds."""

import random
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.spend.forecast import forecast

USD = 1_000_000_000
NOON = datetime(2026, 11, 4, 12, tzinfo=UTC)


def test_without_a_day_that_is_over_today_goes_on() -> None:
    found = forecast({"2026-11-04": USD}, NOON)
    assert (found.expected, found.low, found.high, found.days) == (
        1 + Decimal(2) * Decimal("26.5"),
        1,
        None,
        0,
    )
    assert "too few for a band" in found.basis
    assert forecast({}, NOON).expected == 0


def test_three_days_by_hand() -> None:
    """Mean 2, s = 1, 26.5 days to come, t(90 %, 2) = 1.886."""
    days = {"2026-11-01": USD, "2026-11-02": 2 * USD, "2026-11-03": 3 * USD, "2026-11-04": USD}
    found = forecast(days, NOON)
    ahead = Decimal("26.5")
    reach = Decimal("1.886") * (ahead + ahead**2 / 3).sqrt()
    assert (found.spent, found.expected) == (7, 7 + 2 * ahead)
    assert found.high == 7 + 2 * ahead + reach
    assert found.low == 7 + 2 * ahead - reach
    assert (found.days, found.days_left, found.by_weekday) == (3, 26, False)
    assert "wide" in found.basis


def test_four_weeks_tell_weekends_apart() -> None:
    today = date(2026, 11, 23)  # a Monday
    days: dict[str, int] = {}
    for back in range(1, 29):
        day = today - timedelta(days=back)
        days[day.isoformat()] = 0 if day.weekday() >= 5 else 10 * USD
    days["2026-11-23"] = 0
    found = forecast(days, datetime(2026, 11, 23, tzinfo=UTC))
    assert found.by_weekday
    assert found.expected == found.spent + 10 * 6  # Monday to Friday, and the Monday after
    assert found.low == found.high == found.expected  # each weekday was always the same


def test_one_odd_day_is_spent_but_not_expected_again() -> None:
    days = {f"2026-11-{day:02d}": USD + day for day in range(1, 21)}
    odd = {**days, "2026-11-10": 500 * USD}
    now = datetime(2026, 11, 21, tzinfo=UTC)
    plain, found = forecast(days, now), forecast(odd, now)
    assert found.spent - plain.spent > 498
    assert found.expected - found.spent < 2 * (plain.expected - plain.spent)


def test_on_the_last_evening_nothing_is_to_come() -> None:
    found = forecast(
        {f"2026-11-{day:02d}": USD for day in range(1, 31)}, datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    )
    assert found.days_left == 0
    assert found.spent == 30
    assert found.expected - 30 < Decimal("0.001")


@given(
    st.dictionaries(st.integers(-60, 27), st.integers(0, 10**12), max_size=40),
    st.integers(1, 28),
    st.integers(0, 23),
)
def test_never_below_what_is_spent_and_the_band_holds_the_expectation(
    amounts: dict[int, int], day: int, hour: int
) -> None:
    now = datetime(2026, 11, day, hour, tzinfo=UTC)
    days = {(date(2026, 11, 1) + timedelta(days=at)).isoformat(): nano for at, nano in amounts.items()}
    today = now.date().isoformat()
    days = {name: nano for name, nano in days.items() if name <= today}
    found = forecast(days, now)
    assert found == forecast(days, now)
    assert found.spent <= found.low <= found.expected
    assert found.high is None or found.expected <= found.high
    assert (found.high is None) == (found.days < 2)


@pytest.mark.parametrize("today", [5, 10, 20])
def test_the_band_holds_about_8_times_in_10(today: int) -> None:
    drawn = random.Random(4)
    held, months = 0, 400
    for _ in range(months):
        length = monthrange(2026, 11)[1]
        amounts = {f"2026-11-{day:02d}": int(drawn.gauss(10, 3) * USD) for day in range(1, length + 1)}
        truth = Decimal(sum(amounts.values())) / USD
        known = {day: nano for day, nano in amounts.items() if day < f"2026-11-{today:02d}"}
        found = forecast(known, datetime(2026, 11, today, tzinfo=UTC))
        assert found.high is not None
        held += found.low <= truth <= found.high
    assert 0.74 <= held / months <= 0.86
