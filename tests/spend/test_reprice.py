"""Re-pricing: each row's tokens at the other book's rates; what cannot be compared is left out and named."""

from decimal import Decimal

from tests.spend.made import call

from farthing.catalog.pricing import Price, Rates
from farthing.spend.reprice import Repricer
from farthing.task import Usage

RATES = Rates(
    prompt=Decimal("0.000002"),
    completion=Decimal("0.000004"),
    cache_read=Decimal("0.000001"),
    cache_write=Decimal("0.000003"),
    request=Decimal("0.1"),
)


def price_of(model: str) -> Price | None:
    return Price(model=model, book="other", rates=RATES) if model == "a/model" else None


def test_cached_and_written_tokens_have_their_rates() -> None:
    repricer = Repricer("other", price_of)
    usage = Usage(input_tokens=100, output_tokens=10, cached_tokens=30, cache_write_tokens=20)
    repricer.add(call(cost=50_000_000, usage=usage), None)
    total = repricer.result().total
    expected = Decimal("0.1") + (50 * 2 + 30 * 1 + 20 * 3 + 10 * 4) * Decimal("0.000001")
    assert (total.calls, total.repriced, total.cost) == (1, expected, Decimal("0.05"))
    assert total.difference == expected - Decimal("0.05")
    assert total.difference_percent == total.difference * 2000


def test_what_cannot_be_compared_is_left_out_of_both_sides() -> None:
    repricer = Repricer("other", price_of)
    repricer.add(call(cost=None, worst=7), None)
    repricer.add(call(cost=5, usage=Usage()), None)
    repricer.add(call(cost=9, model="b/gone"), None)
    repricer.add(call(ended=False), None)
    found = repricer.result()
    assert (found.total.calls, found.total.cost, found.total.repriced, found.models) == (0, 0, 0, ())
    assert [(left.model, left.calls) for left in found.left_out] == [
        ("b/gone", 1),
        ("a/model", 1),
        ("a/model", 1),
    ]
    assert [left.why.split()[0] for left in found.left_out] == ["other", "uncertain,", "billed"]
    assert found.total.difference_percent is None


def test_a_call_that_used_nothing_costs_nothing_in_any_book() -> None:
    repricer = Repricer("other", price_of)
    repricer.add(call(cost=0, usage=Usage(), accepted=False), None)
    assert repricer.result().total.repriced == 0
    assert repricer.result().total.calls == 1
