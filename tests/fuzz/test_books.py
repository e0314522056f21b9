"""Whatever an attempt is answered, nothing stays held and nothing that was said is lost."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from tests.fuzz import wild
from tests.fuzz.books import Books, Said, opened_books, said_by

from farthing.catalog.pricing import Price
from farthing.spend import settlement
from farthing.task import Usage
from farthing.testing import Reply, answer


@pytest.fixture(scope="module")
def books() -> Iterator[Books]:
    with opened_books() as opened:
        yield opened


@settings(
    max_examples=wild.EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(reply=wild.CHAT_REPLIES, bill=wild.BILLS)
def test_the_books_are_true_whatever_is_answered(books: Books, reply: Reply, bill: str | None) -> None:
    books.hold(reply, bill=bill)


def test_what_a_reply_says_is_read_without_our_readers() -> None:
    plain = answer("Hi", cost="0.25")
    assert said_by(b"".join(plain.chunks)) == Said("Hi", Decimal("0.25"), costs=True)
    assert said_by(b"".join(answer("Hi", cost=None).chunks)) == Said("Hi", None, costs=False)
    assert said_by(b"".join(answer("Hi", cost="1e30").chunks)) == Said("Hi", None, costs=True)
    assert said_by(b"".join(plain.chunks[:-1])) is None


def test_a_cost_that_was_said_and_not_booked_is_noticed(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against a product that books half of what it is told."""

    def half(cost: Decimal) -> int:
        return int(cost * 10**9) // 2

    monkeypatch.setattr(settlement, "nano_half_even", half)
    with pytest.raises(AssertionError, match="it said 12"):
        books.hold(answer("Hi", cost="12"))


def test_a_call_that_was_booked_as_nothing_is_noticed(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(price: Price, usage: Usage, *, at: datetime) -> int:
        return 0

    monkeypatch.setattr(settlement, "computed_nano", nothing)
    with pytest.raises(AssertionError, match="silently zero"):
        books.hold(answer("Hi", cost=None, generation_id=None))
