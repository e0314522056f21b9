"""When two answers say the same, and when too many do not."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.cache.recheck import DOUBT, Counted, Standing, agrees, exceeds, with_more


@pytest.mark.parametrize(
    ("kept", "fresh", "near", "same"),
    [
        ("Paris.", "paris", 0.0, True),
        ("The capital is Paris.", "It is Paris.", 0.8, True),
        ("It is 5.", "It is 6.", 0.99, False),
        ("Yes, it may.", "No, it may not.", 0.95, False),
        ("Yes.", "Yes, you can freeze rice.", 0.75, True),
        ("Bananas are berries.", "The train leaves at noon.", 0.1, False),
        ('{"a": 1, "b": 2}', '{"b":2,"a":1}', 0.0, True),
        ('{"a": 1}', '{"a": 2}', 0.99, False),
        ("{not json", "{not json either", 0.9, True),
        ("-3", "3", 0.99, False),
    ],
)
def test_two_answers(kept: str, fresh: str, near: float, *, same: bool) -> None:
    assert agrees(kept, fresh, near) is same
    assert agrees(fresh, kept, near) is same


def test_long_answers_need_some_of_their_numbers_in_common() -> None:
    kept = "There are many ways to do this and the best of them take between 10 and 20 minutes in all, or so."
    fresh = (
        "There are many ways to do this and the best of them will take you about 20 minutes, give or take."
    )
    other = (
        "There are many ways to do this and the best of them will take you about 45 minutes, give or take."
    )
    assert agrees(kept, fresh, 0.9)
    assert not agrees(kept, other, 0.9)


@pytest.mark.parametrize(
    ("false", "rechecks", "rate", "too_many"),
    [
        (0, 1000, 0.01, False),
        (1, 1, 0.01, False),
        (2, 2, 0.01, True),
        (2, 20, 0.01, False),
        (3, 20, 0.01, True),
        (10, 1000, 0.01, False),
        (20, 1000, 0.01, True),
        (1, 1000, 0.0, True),
        (5, 5, 1.0, False),
    ],
)
def test_when_there_are_too_many_false_hits(
    false: int, rechecks: int, rate: float, *, too_many: bool
) -> None:
    assert exceeds(false, rechecks, rate) is too_many


@given(st.integers(1, 60), st.data(), st.sampled_from([0.005, 0.01, 0.05, 0.2]))
def test_it_is_the_exact_binomial_tail(rechecks: int, data: st.DataObject, rate: float) -> None:
    false = data.draw(st.integers(0, rechecks))
    tail = sum(
        comb(rechecks, count) * rate**count * (1 - rate) ** (rechecks - count)
        for count in range(false, rechecks + 1)
    )
    if abs(tail - DOUBT) > 1e-9:
        assert exceeds(false, rechecks, rate) is (tail < DOUBT)


def test_a_type_that_is_off_stays_off() -> None:
    standing = Standing(task_type="general")
    for _ in range(3):
        standing = with_more(standing, Counted(rechecks=1, false_hits=1, rate=0.01))
    assert standing.off
    assert standing.false_hit_rate == 1.0
    for _ in range(500):
        standing = with_more(standing, Counted(rechecks=1, rate=0.01))
    assert standing.off
    assert (standing.rechecks, standing.false_hits) == (503, 3)


def test_without_rechecks_there_is_no_rate() -> None:
    assert Standing(task_type="general").false_hit_rate is None
