"""When leaving tokens out pays: a table of cases, and what the cache changes."""

from decimal import Decimal

import pytest

from farthing.catalog.pricing import Rates
from farthing.prompt.worth import MOST_FURTHER_CALLS, Prompt, cost_of, further_calls, pays

PLAIN = Rates(prompt=Decimal(1), completion=Decimal(4))
CACHED = Rates(
    prompt=Decimal(1), completion=Decimal(4), cache_read=Decimal("0.1"), cache_write=Decimal("1.25")
)


@pytest.mark.parametrize(
    ("rates", "warm", "further", "extra", "worth"),
    [
        (PLAIN, False, 0, 0, True),
        (PLAIN, True, 0, 0, True),  # without a price for cached tokens nothing is lost
        (CACHED, False, 0, 0, True),
        (CACHED, True, 0, 0, False),  # 1,000 cached tokens cost less than 400 that must be read anew
        (CACHED, True, 5, 0, False),
        (CACHED, True, 10, 0, True),  # a loss once, a gain ten times
        (CACHED, True, 10, 300, False),  # what a summary costs is in it
        (PLAIN, False, 0, 700, False),
    ],
)
def test_when_it_pays(rates: Rates, warm: bool, further: int, extra: int, worth: bool) -> None:
    before, after = Prompt(1000, 1000), Prompt(400, 0)
    assert pays(before, after, rates, warm=warm, further=further, extra=Decimal(extra)) is worth


def test_what_is_not_shorter_never_pays() -> None:
    assert not pays(Prompt(100, 0), Prompt(100, 0), PLAIN, warm=False, further=3, extra=Decimal(0))


def test_a_kept_prefix_is_read_at_its_price() -> None:
    """10 × 0.1 now and 2 × 30 × 0.1 later, and 20 written."""
    assert cost_of(Prompt(30, 10), CACHED, warm=True, further=2) == Decimal("32.0")
    assert cost_of(Prompt(30, 10), CACHED, warm=False, further=0) == Decimal("37.5")


def test_as_many_calls_are_expected_as_there_were() -> None:
    assert [further_calls(answers) for answers in (0, 3, 500)] == [0, 3, MOST_FURTHER_CALLS]
