"""What an ended attempt cost, by which evidence; never silently zero."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from farthing.catalog.pricing import Price, Rates, computed_cost
from farthing.money import nano_half_even
from farthing.spend.settlement import Ask, Known, Unknown, billed, settlement_of
from farthing.task import Completion, Usage
from farthing.upstream.failure import Failure, FailureKind

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PAID = Price(
    model="a/model", book="test", rates=Rates(prompt=Decimal("0.0000001"), completion=Decimal("0.0000004"))
)
FREE = Price(model="a/model:free", book="test", rates=Rates(prompt=Decimal(0), completion=Decimal(0)))
USAGE = Usage(input_tokens=100, output_tokens=50)
COMPUTED = Known(nano=30_000, basis="computed", usage=USAGE)


def completion(
    *,
    cost: Decimal | None = None,
    usage: Usage | None = USAGE,
    generation_id: str | None = "gen-1",
    literal: str | None = None,
) -> Completion:
    return Completion(
        generation_id=generation_id,
        model="a/model",
        provider=None,
        text="ok",
        finish_reason="stop",
        usage=usage,
        cost=cost,
        cost_literal=literal,
    )


def failure(
    *,
    rejected: bool = False,
    sent: bool = True,
    generation_id: str | None = None,
    usage: Usage | None = None,
    cost: Decimal | None = None,
) -> Failure:
    return Failure(
        kind=FailureKind.cut,
        message="…",
        rejected=rejected,
        sent=sent,
        generation_id=generation_id,
        usage=usage,
        cost=cost,
    )


def test_a_reported_cost_is_booked_with_the_providers_own_digits() -> None:
    found = settlement_of(completion(cost=Decimal("0.00003"), literal="3e-05"), price=PAID, at=NOW)
    assert found == Known(nano=30_000, basis="reported", usage=USAGE, literal="3e-05")


def test_without_a_cost_the_bill_is_asked_for_and_the_estimate_kept_until_then() -> None:
    assert settlement_of(completion(), price=PAID, at=NOW) == Ask(generation_id="gen-1", estimate=COMPUTED)
    assert settlement_of(completion(), price=None, at=NOW) == Ask(generation_id="gen-1", estimate=None)


def test_without_a_cost_and_an_id_the_dated_price_decides() -> None:
    assert settlement_of(completion(generation_id=None), price=PAID, at=NOW) == COMPUTED
    assert settlement_of(completion(generation_id=None), price=None, at=NOW) == Unknown()
    assert settlement_of(completion(generation_id=None, usage=None), price=PAID, at=NOW) == Unknown()


@pytest.mark.parametrize("answer", [failure(rejected=True), failure(sent=False)])
def test_what_was_refused_up_front_or_never_written_is_free(answer: Failure) -> None:
    assert settlement_of(answer, price=PAID, at=NOW) == Known(nano=0, basis="computed")


def test_a_broken_call_is_asked_for_by_its_id_and_unknown_without_one() -> None:
    assert settlement_of(failure(generation_id="g"), price=PAID, at=NOW) == Ask(
        generation_id="g", estimate=None
    )
    assert settlement_of(failure(), price=PAID, at=NOW) == Unknown()
    known = settlement_of(failure(usage=USAGE, cost=Decimal("0.00002")), price=PAID, at=NOW)
    assert known == Known(nano=20_000, basis="reported", usage=USAGE)


def test_zero_for_tokens_of_a_priced_model_is_no_evidence() -> None:
    zero = completion(cost=Decimal(0))
    assert isinstance(settlement_of(zero, price=PAID, at=NOW), Ask)
    assert isinstance(settlement_of(zero, price=None, at=NOW), Ask)
    free = settlement_of(zero, price=FREE, at=NOW)
    assert isinstance(free, Known)
    assert (free.nano, free.basis) == (0, "reported")
    insured = settlement_of(completion(cost=Decimal(0), usage=Usage(input_tokens=0)), price=PAID, at=NOW)
    assert isinstance(insured, Known)
    assert insured.nano == 0


@pytest.mark.parametrize(
    ("usage", "text", "counts"),
    [
        (Usage(), "ok", False),
        (Usage(output_tokens=50), "ok", False),
        (Usage(input_tokens=100), "ok", False),
        (Usage(input_tokens=100), "", True),
    ],
)
def test_a_usage_that_cannot_be_whole_is_no_evidence(usage: Usage, text: str, counts: bool) -> None:
    """A count that is absent, negative or no number reads as 0, and must not make a call free."""
    answer = structs.replace(completion(usage=usage, generation_id=None), text=text)
    found = settlement_of(answer, price=PAID, at=NOW)
    assert isinstance(found, Known) is counts
    free = settlement_of(answer, price=FREE, at=NOW)
    assert free == Known(nano=0, basis="computed", usage=usage)


def test_a_bill_is_rounded_half_to_even() -> None:
    costs = ["0.0000000005", "0.0000000015", "0.0000000025000001"]
    assert [billed(Decimal(cost), cost, Usage()).nano for cost in costs] == [0, 2, 3]


# Laws.

tokens = st.integers(0, 5000)
usages = st.none() | st.builds(Usage, input_tokens=tokens, output_tokens=tokens)
costs = st.none() | st.decimals(0, 1, places=12)
ids = st.none() | st.just("gen-1")
answers = st.one_of(
    st.builds(completion, cost=costs, usage=usages, generation_id=ids),
    st.builds(
        failure,
        rejected=st.booleans(),
        sent=st.booleans(),
        generation_id=ids,
        usage=usages,
        cost=costs,
    ),
)
prices = st.sampled_from([None, PAID, FREE])


@given(answers, prices)
def test_the_unknown_is_never_settled_as_zero(answer: Completion | Failure, price: Price | None) -> None:
    found = settlement_of(answer, price=price, at=NOW)
    if not isinstance(found, Known) or found.nano:
        return
    never_billed = isinstance(answer, Failure) and (answer.rejected or not answer.sent)
    said_so = answer.cost is not None and nano_half_even(answer.cost) == 0
    computed = (
        answer.usage is not None and price is not None and computed_cost(price, answer.usage, at=NOW) == 0
    )
    assert never_billed or said_so or computed


@given(answers, prices)
def test_reported_beats_computed_beats_unknown(answer: Completion | Failure, price: Price | None) -> None:
    found = settlement_of(answer, price=price, at=NOW)
    if isinstance(answer, Failure) and (answer.rejected or not answer.sent):
        assert found == Known(nano=0, basis="computed")
    elif answer.cost is not None and answer.cost > 0:
        assert isinstance(found, Known)
        assert (found.basis, found.nano) == ("reported", nano_half_even(answer.cost))
    elif answer.generation_id is None and (answer.usage is None or price is None):
        assert isinstance(found, Unknown) or (isinstance(found, Known) and found.basis == "reported")
