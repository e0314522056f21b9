"""What bills say: drift, what a day leaves, and how the rest is given to its calls."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.spend.made import call

from farthing.money import from_nano
from farthing.proof import bills
from farthing.proof.bills import DriftSums, Residual
from farthing.spend.settlement import Known
from farthing.upstream.account import DayOfModel

DAY = "2026-11-01"


def billed(
    nano: int, *, model: str = "a/model", permaslug: str | None = None, requests: int = 1
) -> DayOfModel:
    return DayOfModel(
        day=DAY, model=model, permaslug=permaslug or model, billed=from_nano(nano), requests=requests
    )


def residual(left: int, *worsts: int) -> Residual:
    return Residual(
        day=DAY,
        model="a/model",
        billed=left,
        requests=1,
        settled=0,
        calls=len(worsts),
        uncertain=tuple(f"c{at}" for at in range(len(worsts))),
        worst=sum(worsts),
    )


def test_drift_is_what_was_billed_beyond_what_was_booked() -> None:
    one = call(cost=100)
    assert bills.drift_of(one, 90) is None  # without an id there is no bill
    one.generation_id = "gen-1"
    drift = bills.drift_of(one, 90)
    assert drift is not None
    assert drift.drift == -10
    sums = bills.added(bills.added(DriftSums(), drift), drift)
    assert sums == (2, 2, 200, 180)
    assert sums.percent == Decimal(-2000) / 180
    assert DriftSums().percent is None
    one = call(cost=None)
    one.generation_id = "gen-1"
    assert bills.drift_of(one, 90) is None  # its bill is no drift: it will be booked


def test_what_a_day_leaves_is_its_bill_less_what_is_settled() -> None:
    calls = [
        call(cost=100),
        call(cost=50, model="a/model:floor"),
        call(cost=None, worst=30),
        call(cost=7, model="b/x"),
    ]
    found = bills.residuals(
        [billed(170, requests=4), billed(5, model="c/y")], bills.day_sums(calls), days=[DAY]
    )
    assert [(one.model, one.billed, one.settled, one.residual, one.calls) for one in found] == [
        ("a/model", 170, 150, 20, 3),
        ("b/x", 0, 7, -7, 1),
        ("c/y", 5, 0, 5, 0),
    ]
    assert [one.covered for one in found] == [True, False, False]
    assert found[0].worst == 30
    assert bills.residuals([billed(1)], {}, days=["2026-11-02"]) == []


def test_a_dated_name_and_several_providers_of_one_model_are_one_line() -> None:
    sums = bills.day_sums([call(cost=100)])
    rows = [billed(60, model="a/model", permaslug="a/model-2026"), billed(40, model="x", permaslug="a/model")]
    (found,) = bills.residuals(rows, sums, days=[DAY])
    assert (found.billed, found.requests, found.residual) == (100, 2, 0)


@given(
    worsts=st.lists(st.integers(0, 1000), min_size=1, max_size=8),
    share=st.fractions(min_value=0, max_value=1),
)
def test_the_rest_is_given_whole_and_none_gets_more_than_it_held(worsts: list[int], share: Fraction) -> None:
    left = int(sum(worsts) * share)
    calls = [call(cost=None, worst=worst) for worst in worsts]
    for at, one in enumerate(calls):
        one.call_id = f"c{at}"
    shares = bills.split(residual(left, *worsts), calls)
    assert sum(shares.values()) == left
    assert all(0 <= shares[one.call_id] <= one.worst for one in calls)


@pytest.mark.parametrize("left", [-1, 61])
def test_a_rest_that_cannot_be_the_calls_is_not_given_to_them(left: int) -> None:
    with pytest.raises(ValueError, match="are not these calls"):
        bills.split(residual(left, 50, 10), [call(cost=None, worst=50), call(cost=None, worst=10)])


def test_a_settlement_keeps_what_was_known() -> None:
    one = call(cost=None, accepted=True, baseline=70, latency_ms=12.0)
    told = bills.outcome_of(
        one, Known(nano=5, basis="reported", literal="0.000000005"), at_us=9, reason="billed"
    )
    assert (told.cost, told.basis, told.accepted, told.baseline, told.latency_ms) == (
        5,
        "reported",
        True,
        70,
        12.0,
    )
    assert told.usage.input_tokens == 10
