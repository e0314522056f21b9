"""A minute counted together: whoever asks, and whenever, no sixty seconds hold more than the limit."""

import math

from hypothesis import given
from hypothesis import strategies as st

from farthing.limits.minute import PART_S, Ask, Minute, answered, as_text, of_text

_asks = st.lists(
    st.tuples(st.floats(0, 20), st.integers(1, 40), st.integers(1, 5), st.floats(0, 1)), max_size=60
)


@given(st.integers(1, 50), _asks)
def test_no_sixty_seconds_hold_more_than_the_limit(
    most: int, asks: list[tuple[float, int, int, float]]
) -> None:
    """Whatever is used is used within the part it was granted in, as late as that may be."""
    minute, now, used = Minute(), 1_000_000.0, list[tuple[float, int]]()
    for pause, wanted, least, late in asks:
        now += pause
        minute, told = answered(minute, Ask(most=most, wanted=wanted, least=min(least, most)), now)
        assert told.granted == 0 or min(least, most, wanted) <= told.granted <= wanted
        if told.granted:
            used.append((now + told.left_s * late * 0.999, told.granted))
    for end, _ in used:
        assert sum(amount for at, amount in used if end - 60 < at <= end) <= most


@given(st.integers(1, 30), st.integers(1, 30))
def test_who_waits_as_long_as_was_told_is_given_what_it_asked_for(most: int, first: int) -> None:
    minute, now = Minute(), 50_000.3
    while True:  # until nothing is left
        minute, told = answered(minute, Ask(most=most, wanted=first, least=1), now)
        if not told.granted:
            break
    minute, early = answered(minute, Ask(most=most, wanted=1, least=1), now + told.opens_s - 0.01)
    assert early.granted == 0
    minute, again = answered(minute, Ask(most=most, wanted=1, least=1), now + told.opens_s + 0.01)
    assert again.granted == 1
    assert told.opens_s <= 60 + PART_S


def test_one_that_asks_first_leaves_half_to_the_others() -> None:
    minute, told = answered(Minute(), Ask(most=100, wanted=100, least=1), 0.0)
    assert told.granted == 50
    assert answered(minute, Ask(most=100, wanted=100, least=1), 0.0)[1].granted == 25


def test_what_was_not_used_can_be_given_to_another() -> None:
    minute, told = answered(Minute(), Ask(most=2, wanted=2, least=2), 100.0)
    assert told.granted == 2
    unused = Ask(most=2, wanted=2, least=2, corrections=((told.number, -2),))
    assert answered(minute, unused, 110.0)[1].granted == 2


def test_what_took_more_than_was_said_is_counted_where_it_was() -> None:
    minute, told = answered(Minute(), Ask(most=10, wanted=2, least=1), 100.0)
    minute, _ = answered(minute, Ask(most=10, corrections=((told.number, 8),)), 110.0)
    assert sum(minute.taken) == 10
    assert answered(minute, Ask(most=10, wanted=1, least=1), 120.0)[1].opens_s > 0
    assert answered(minute, Ask(most=10, wanted=1, least=1), 100.0 + 62.5)[1].granted == 1


def test_what_is_more_than_the_limit_goes_when_nothing_else_counts() -> None:
    minute, told = answered(Minute(), Ask(most=5, wanted=9, least=9), 100.0)
    assert told.granted == 9
    assert answered(minute, Ask(most=5, wanted=1, least=1), 101.0)[1].granted == 0


def test_a_clock_that_goes_back_takes_nothing_back() -> None:
    minute, told = answered(Minute(), Ask(most=4, wanted=4, least=4), 1000.0)
    minute, back = answered(minute, Ask(most=4, wanted=1, least=1), 900.0)
    assert (back.number, back.granted) == (told.number, 0)


@given(st.integers(0, 10**9), st.lists(st.integers(0, 36**6 - 1), max_size=25))
def test_it_is_kept_as_a_text_that_fits_its_column(newest: int, taken: list[int]) -> None:
    minute = Minute(newest, tuple(taken))
    assert of_text(as_text(minute)) == minute
    assert len(as_text(minute)) <= 200


def test_at_a_steady_rate_nearly_all_of_it_is_used() -> None:
    minute, used, seconds = Minute(), 0, 600
    for tick in range(seconds * 4):
        minute, told = answered(minute, Ask(most=100, wanted=10, least=1), tick / 4)
        used += told.granted
    assert 0.95 * 100 * seconds / 60 <= used <= math.ceil(seconds / 60) * 100
