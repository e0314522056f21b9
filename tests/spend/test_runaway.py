"""Spend that runs away: many times the usual rate, above a least amount, and never steady spend."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.spend.runaway import (
    RunawayRule,
    Sample,
    Standing,
    Usual,
    runaways,
    spent_within,
    usual_day,
    within,
)

USD = 10**9
NOW = datetime(2026, 11, 24, 13, 30, tzinfo=UTC)
RULE = RunawayRule(factor=Decimal(10), window_minutes=60, minimum_nano=USD, planned_nano=None)


def test_the_usual_day_is_the_median_of_days_with_spend_once_there_are_seven() -> None:
    days = {f"2026-11-{day:02d}": (100 if day == 7 else day) * USD for day in range(1, 8)}
    assert usual_day(days, planned_nano=30 * USD) == Usual(4 * USD, 7)
    del days["2026-11-01"]
    assert usual_day({**days, "2026-11-08": 0}, planned_nano=30 * USD) == Usual(USD, 0)
    assert usual_day(days, planned_nano=None) is None
    assert usual_day({}, planned_nano=0) is None


def test_an_hour_at_ten_times_the_usual_is_running_away() -> None:
    usual = Usual(24 * USD, 28)  # a dollar an hour
    (found,) = runaways(RULE, usual, Standing(window=10 * USD, today=36 * USD), now=NOW)
    assert (found.level, found.key, found.committed) == (
        "runaway",
        ("deployment", "hour:2026-11-24T13"),
        10 * USD,
    )
    assert found.detail == "$10.00 in 60 minutes, 10.0 times the usual $1.00 (the median of 28 days)"
    assert runaways(RULE, usual, Standing(window=10 * USD - 1, today=36 * USD), now=NOW) == ()
    assert runaways(RULE, usual, Standing(window=24 * USD, today=35 * USD), now=NOW) == (), (
        "one busy hour a day"
    )


def test_a_day_at_ten_times_the_usual_is_running_away() -> None:
    (found,) = runaways(RULE, Usual(USD, 0), Standing(window=0, today=10 * USD), now=NOW)
    assert found.key.period == "day:2026-11-24"
    assert "a 30th of the month's budget" in found.detail


@pytest.mark.parametrize("usual", [None, Usual(0, 9)])
def test_without_a_usual_nothing_is_unusual(usual: Usual | None) -> None:
    assert runaways(RULE, usual, Standing(10**15, 10**15), now=NOW) == ()


@given(usual=st.integers(1, 10**13), window=st.integers(0, USD - 1), today=st.integers(0, USD - 1))
def test_nothing_below_the_least_amount_runs_away(usual: int, window: int, today: int) -> None:
    assert runaways(RULE, Usual(usual, 9), Standing(window, max(window, today)), now=NOW) == ()


@given(day=st.integers(24 * 60, 10**14), minute=st.integers(0, 24 * 60 - 1), jitter=st.floats(0.5, 1.4))
def test_steady_spend_never_runs_away(day: int, minute: int, jitter: float) -> None:
    """At any minute of a day whose rate is near the usual all the time."""
    rate = day * jitter / (24 * 60)
    standing = Standing(int(rate * min(60, minute)), int(rate * minute))
    assert runaways(RULE, Usual(day, 9), standing, now=NOW + timedelta(minutes=minute)) == ()


def test_the_window_forgets_what_is_older_and_what_a_clock_set_back_leaves_ahead() -> None:
    minute = 60_000_000
    samples: tuple[Sample, ...] = ()
    for at in (0, 30, 59, 61):
        samples = within(samples, Sample(at * minute, at), window_minutes=60)
    assert [sample.total for sample in samples] == [30, 59, 61]
    assert spent_within(samples) == 31
    assert within(samples, Sample(40 * minute, 70), window_minutes=60) == (
        Sample(30 * minute, 30),
        Sample(40 * minute, 70),
    )
    assert spent_within(()) == 0
