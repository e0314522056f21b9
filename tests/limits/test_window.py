"""At most so much in any sixty seconds, wherever they begin."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from farthing.limits.window import MINUTE_S, Window


def test_room_comes_back_when_the_first_is_a_minute_old() -> None:
    window = Window(2)
    for now in (0.0, 10.0):
        assert window.ready(1, now) == now
        window.take(1, now)
    assert window.ready(1, 20.0) == 60.0
    assert window.ready(2, 20.0) == 70.0
    assert window.ready(1, 60.0) == 60.0


def test_what_is_more_than_the_limit_goes_alone() -> None:
    window = Window(100)
    assert window.ready(500, 0.0) == 0.0
    window.take(500, 0.0)
    assert window.ready(1, 1.0) == 60.0
    window.take(1, 60.0)
    assert window.ready(500, 61.0) == 120.0


def test_a_correction_counts_where_it_was_taken() -> None:
    window = Window(100)
    entry = window.take(80, 0.0)
    window.correct(entry, -50, 1.0)
    assert (window.used, window.ready(70, 1.0), window.ready(71, 1.0)) == (30, 1.0, 60.0)
    window.correct(entry, 90, 2.0)
    assert (window.used, window.ready(1, 2.0)) == (120, 60.0)
    window.correct(entry, 1000, 60.0)
    assert (window.used, window.ready(100, 60.0)) == (0, 60.0)


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.integers(1, 7), st.floats(0, 40), st.integers(-7, 7)), max_size=60),
)
def test_no_minute_has_more_than_the_limit(most: int, wishes: list[tuple[int, float, int]]) -> None:
    window, now, sent = Window(most), 0.0, list[tuple[float, int]]()
    for amount, pause, _ in wishes:
        now = max(now + pause, window.ready(amount, now + pause))
        window.take(amount, now)
        sent.append((now, amount))
    for begin, _ in sent:
        within = [amount for at, amount in sent if begin <= at < begin + MINUTE_S - 0.02]
        assert sum(within) <= most or len(within) == 1
    assert all(first <= second for (first, _), (second, _) in pairwise(sent))


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(-20, 20), st.floats(0, 50)), max_size=40))
def test_corrections_never_make_the_sum_wrong(steps: list[tuple[int, int, float]]) -> None:
    window, now = Window(10), 0.0
    for amount, more, pause in steps:
        now += pause
        window.correct(window.take(amount, now), more, now)
        assert window.used >= 0
    window.ready(1, now + MINUTE_S)
    assert window.used == 0
