"""What shorter prompts saved: our estimate of tokens at dated prices, beside the levers."""

from decimal import Decimal

import pytest
from tests.spend.made import call

from farthing.catalog.pricing import Price, PriceOverride, Rates
from farthing.spend.runs import Call
from farthing.spend.savings import Savings
from farthing.spend.shortening import Shortenings
from farthing.task import Usage

RATES = Rates(prompt=Decimal("0.000001"), completion=Decimal("0.000002"))
USAGE = Usage(input_tokens=100, output_tokens=10)


def price_of(book: str, model: str) -> Price | None:
    dearer = PriceOverride(min_prompt_tokens=1000, rates={"prompt": Decimal("0.000002")})
    return Price(model=model, book=book, rates=RATES, overrides=(dearer,)) if model == "a/model" else None


def summed(*calls: Call) -> Shortenings:
    sums = Shortenings(price_of)
    for one in calls:
        sums.add(one, None)
    return sums


def test_tokens_are_worth_the_dated_input_price() -> None:
    found = summed(call(usage=USAGE, shortened_tokens=40), call(usage=USAGE, shortened_tokens=2)).result()
    assert found is not None
    assert (found.calls, found.tokens, found.saved) == (2, 42, Decimal("0.000042"))


def test_a_step_in_the_price_that_was_not_reached_is_counted() -> None:
    found = summed(call(usage=USAGE, shortened_tokens=1000)).result()
    assert found is not None
    assert found.saved == Decimal("0.002100")  # 1,100 tokens at the dearer rate for 100 at the other


@pytest.mark.parametrize(
    "made",
    [
        call(usage=USAGE),
        call(usage=USAGE, shortened_tokens=9, ended=False),
        call(usage=USAGE, shortened_tokens=9, cost=None),
        call(usage=Usage(), shortened_tokens=9, cost=0, accepted=False),
    ],
    ids=["whole", "open", "uncertain", "refused"],
)
def test_what_was_not_shortened_or_not_read_saved_nothing(made: Call) -> None:
    assert summed(made).result() is None


def test_a_model_without_a_price_is_told_apart() -> None:
    found = summed(call(usage=USAGE, shortened_tokens=9, model="b/other")).result()
    assert found is not None
    assert (found.tokens, found.unpriced_tokens, found.saved) == (9, 9, Decimal(0))


def test_it_is_in_none_of_the_levers() -> None:
    whole, short = Savings(price_of), Savings(price_of)
    whole.add(call(usage=USAGE, baseline=500_000), None)
    short.add(call(usage=USAGE, baseline=500_000, shortened_tokens=50), None)
    assert whole.total == short.total
    assert whole.lines("b") == short.lines("b")
