"""Break-even and return."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.spend.roi import roi

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
