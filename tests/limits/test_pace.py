"""The day's free requests spread over the day: half at any hour, the other half as the day goes by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.limits.pace import DAY_S, pace_wait_s, usable


@pytest.mark.parametrize(("hours", "may_be"), [(0, 25), (12, 37.5), (24, 50), (30, 50)])
def test_half_at_any_hour_and_all_at_the_end(hours: float, may_be: float) -> None:
    assert usable(50, hours * 3600) == may_be


def test_who_has_used_none_is_never_held() -> None:
    assert pace_wait_s(50, 0, 0) == 0
    assert pace_wait_s(1000, 499, 0) == 0


@given(limit=st.integers(1, 5000), part=st.floats(0, 1), elapsed_s=st.floats(0, DAY_S))
def test_after_the_wait_the_request_is_within_the_pace(limit: int, part: float, elapsed_s: float) -> None:
    used = int(part * (limit - 1))
    wait_s = pace_wait_s(limit, used, elapsed_s)
    assert 0 <= wait_s <= DAY_S - elapsed_s
    if elapsed_s + wait_s < DAY_S:
        assert used + 1 <= usable(limit, elapsed_s + wait_s) + 1e-6
    if wait_s > 1:
        assert used + 1 > usable(limit, elapsed_s + wait_s - 1)


@given(limit=st.integers(2, 5000))
def test_who_asks_all_day_gets_all_of_them(limit: int) -> None:
    """One after another as soon as the pace lets it: the last is had before the day ends."""
    elapsed_s = 0.0
    for used in range(limit):
        elapsed_s += pace_wait_s(limit, used, elapsed_s)
    assert elapsed_s <= DAY_S + 1e-3
