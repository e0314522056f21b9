"""The paired bootstrap, on cases whose answer is known."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.bench.saving.bootstrap import Saved, savings


def saved(off: list[int], on: list[int], *, strata: tuple[int, ...] = (), seed: int = 1) -> Saved:
    return savings([off], [on], Random(seed), strata=strata)[0]


def test_the_same_share_of_every_unit_is_sure() -> None:
    assert saved([100] * 20, [60] * 20) == Saved(percent=40.0, least=40.0, most=40.0)
    assert saved([100, 900, 50, 10, 20], [50, 450, 25, 5, 10]) == Saved(percent=50.0, least=50.0, most=50.0)


def test_what_costs_more_saves_less_than_nothing() -> None:
    assert saved([100] * 5, [150] * 5).percent == -50.0


def test_nothing_to_save_is_no_percentage() -> None:
    assert saved([0] * 8, [0] * 8) == Saved(percent=None)


def test_few_units_have_no_interval() -> None:
    assert saved([100] * 4, [50] * 4) == Saved(percent=50.0)


def test_half_of_the_units_answered_for_nothing() -> None:
    """Each draw saves the share of free units in it: the interval is that of a proportion, ±1.96·√(¼/n)."""
    found = saved([10] * 400, [0, 10] * 200)
    assert found.percent == 50.0
    assert found.least is not None
    assert found.most is not None
    assert found.least == pytest.approx(45.1, abs=1.0)
    assert found.most == pytest.approx(54.9, abs=1.0)


def test_units_that_vary_alike_on_both_sides_do_not_widen_the_interval() -> None:
    """That is what pairing is for: unpaired, sizes between 1 and 1,000 would make it wide."""
    off = [1, 1000, 30, 700, 5, 250, 90, 410, 2, 888]
    found = saved(off, [size // 2 + size % 2 for size in off])
    assert found.least is not None
    assert found.most is not None
    assert found.most - found.least < 1.0


def test_joined_workloads_are_drawn_from_each_by_itself() -> None:
    off, on = [100] * 10 + [1] * 10, [50] * 10 + [1] * 10
    apart, mixed = saved(off, on, strata=(10, 10)), saved(off, on)
    assert apart.least == apart.most == apart.percent
    assert mixed.least != mixed.most


def test_all_columns_are_judged_on_the_same_draws() -> None:
    off, on = [3, 8, 1, 9, 4, 4], [1, 8, 0, 5, 4, 2]
    first, second = savings([off, off], [on, on], Random(7))
    assert first == second


@pytest.mark.parametrize(
    ("off", "on", "strata"),
    [([[1, 2]], [[1]], ()), ([[1]], [[1], [2]], ()), ([[1, 2]], [[1, 2]], (3,))],
)
def test_columns_that_do_not_fit_are_refused(
    off: list[list[int]], on: list[list[int]], strata: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="columns"):
        savings(off, on, Random(1), strata=strata)


@given(
    st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**9)), min_size=5, max_size=30),
    st.integers(0, 100),
)
def test_the_interval_lies_between_the_worst_and_the_best_unit(
    pairs: list[tuple[int, int]], seed: int
) -> None:
    off, on = [one for one, _ in pairs], [two for _, two in pairs]
    found = savings([off], [on], Random(seed), draws=50)[0]
    single = [100 * (one - two) / one for one, two in pairs]
    assert found.least is not None
    assert found.most is not None
    assert min(single) - 1e-6 <= found.least <= found.most <= max(single) + 1e-6
