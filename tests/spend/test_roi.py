"""Break-even and return, and what levers are expected to leave."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing import CostCalculator
from farthing.spend.levers import expected
from farthing.spend.roi import roi
from farthing.spend.workload import typical

dollars = st.decimals(min_value=0, max_value=10**6, places=2)


def test_an_investment_is_paid_back_in_whole_months() -> None:
    found = roi(Decimal(5000), Decimal(285))
    assert found.break_even_months == 18
    assert [(one.months, one.net, one.roi_percent) for one in found.after] == [
        (12, Decimal(-1580), Decimal("-31.6")),
        (36, Decimal(5260), Decimal("105.2")),
    ]


def test_what_saves_nothing_never_pays_and_what_costs_nothing_pays_at_once() -> None:
    assert roi(Decimal(1), Decimal(0)).break_even_months is None
    assert roi(Decimal(1), Decimal(-1)).break_even_months is None
    free = roi(Decimal(0), Decimal(5))
    assert (free.break_even_months, free.after[0].roi_percent) == (0, None)
    with pytest.raises(ValueError, match="-1"):
        roi(Decimal(-1), Decimal(5))


@given(investment=dollars.filter(bool), savings=dollars.filter(bool))
def test_break_even_is_the_first_month_that_is_not_behind(investment: Decimal, savings: Decimal) -> None:
    months = roi(investment, savings).break_even_months
    assert months is not None
    assert savings * months >= investment > savings * (months - 1)


@pytest.mark.parametrize("profile", ["budget", "balanced", "premium"])
def test_levers_take_from_what_is_left_and_leave_the_sample_alone(profile: str) -> None:
    costs = CostCalculator("tutorial").calculate_cost(typical(profile).usage(), profile=profile)
    found = expected(costs.breakdown)
    left = costs.total
    for one in found:
        assert one.left_at_least <= one.left_at_most < left
        left = one.left_at_most
    sample = sum(part.cost for part in costs.breakdown if part.kind == "baseline_sample")
    assert found[-1].left_at_least > sample
    assert found[0].left_at_most - sample == (costs.total - sample) * Decimal("0.7")
    assert found[0].left_at_least - sample == (costs.total - sample) * Decimal("0.5")
