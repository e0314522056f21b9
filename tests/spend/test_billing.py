"""Why one call cost what it cost: its parts add up to the computed cost."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from tests.spend.made import call

from farthing.catalog.pricing import Price, Rates
from farthing.money import from_nano, nano_half_even
from farthing.spend.billing import reckoned
from farthing.task import Usage

rate = st.integers(0, 10**6).map(lambda n: Decimal(n) / 10**9)
counts = st.integers(0, 10**5)


@given(
    st.builds(
        Rates,
        prompt=rate,
        completion=rate,
        request=rate,
        cache_read=st.none() | rate,
        cache_write=st.none() | rate,
        reasoning=st.none() | rate,
    ),
    st.builds(
        Usage,
        input_tokens=counts,
        output_tokens=counts,
        cached_tokens=counts,
        cache_write_tokens=counts,
        reasoning_tokens=counts,
    ),
)
def test_the_parts_add_up_to_the_computed_cost(rates: Rates, usage: Usage) -> None:
    found = reckoned(call(cost=77, usage=usage), None, Price(model="a/model", book="b", rates=rates))
    assert found is not None
    parts = sum((charge.cost for charge in found.charges), Decimal(0))
    assert from_nano(nano_half_even(parts)) == found.computed
    assert found.difference == from_nano(77) - found.computed


def test_an_open_call_has_no_reckoning_and_an_uncertain_one_no_difference() -> None:
    price = Price(model="a/model", book="b", rates=Rates(prompt=Decimal("0.1"), completion=Decimal("0.1")))
    assert reckoned(call(ended=False), None, price) is None
    found = reckoned(call(cost=None, worst=2_000_000_000), None, price)
    assert found is not None
    assert found.difference is None
    assert found.output_tokens_held == 10  # $2.00 pay for 20 tokens, 10 went in
