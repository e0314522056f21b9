"""From cells to a record: what counts as input, what is refused, what says nothing."""

from datetime import date
from decimal import Decimal

import pytest

from farthing.task import Usage
from farthing.usage.layout import Cell, Layout, record_of
from farthing.usage.record import Record

PLAIN = Layout(format="plain", title="x", needs=frozenset(), columns={})
FRESH = Layout(format="plain", title="x", needs=frozenset(), columns={}, input_is_fresh=True)
EITHER = Layout(format="plain", title="x", needs=frozenset(), columns={}, input_may_be_fresh=True)


def made(cell: Cell, layout: Layout = PLAIN) -> Record:
    record = record_of(cell, layout)
    assert record is not None
    return record


def test_a_row_becomes_a_record() -> None:
    assert made(
        {
            "model": " gpt-4o ",
            "day": "2026-09",
            "requests": "3",
            "input": "1,000",
            "cached": "100",
            "output": 50,
            "reasoning": 80,
            "cost": "$0.01",
            "more_cost": "0.02",
            "currency": "usd",
            "type": "Coding",
            "batch": "True",
        }
    ) == Record(
        model="gpt-4o",
        day=date(2026, 9, 1),
        days=30,
        usage=Usage(input_tokens=1000, cached_tokens=100, output_tokens=50, reasoning_tokens=50),
        requests=3,
        cost=Decimal("0.03"),
        task_type="coding",
        marks=("batch",),
    )


@pytest.mark.parametrize(
    ("layout", "stated", "expected"),
    [(PLAIN, 100, 100), (FRESH, 100, 130), (EITHER, 100, 100), (EITHER, 20, 50)],
)
def test_cached_tokens_are_a_part_of_the_input(layout: Layout, stated: int, expected: int) -> None:
    record = made({"model": "m", "input": stated, "cached": 20, "written": 4, "written_1h": 6}, layout)
    usage = record.usage
    assert (usage.input_tokens, usage.cached_tokens, usage.cache_write_tokens) == (expected, 20, 10)
    assert record.marks == ("one_hour_cache",)


def test_costs_in_cents_are_dollars() -> None:
    layout = Layout(format="plain", title="x", needs=frozenset(), columns={}, in_cents=True)
    assert made({"model": "m", "cost": "123.45"}, layout).cost == Decimal("1.2345")


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ({"model": "m", "input": "x"}, "input: 'x' is no number"),
        ({"model": "m", "input": 1, "cached": 2}, r"more cached tokens \(2\) than input tokens \(1\)"),
        ({"model": "m", "input": "", "output": "", "total": 5}, "only a total"),
        ({"model": "m", "input": "", "output": ""}, "neither tokens nor a cost"),
        ({"model": "m", "cost": 1, "currency": "eur"}, "in EUR"),
        ({"model": "Grand Total", "input": 1}, "line of totals"),
        ({"model": "m", "input": 1, "day": "soon"}, "no date"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(cell: Cell, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        record_of(cell, PLAIN)


def test_a_row_that_says_no_more_than_when_is_nothing() -> None:
    assert record_of({"model": "", "day": "2026-09-01", "input": None, "cost": ""}, PLAIN) is None


def test_a_failed_call_counts_as_a_row() -> None:
    assert made({"model": "m", "input": 0, "output": 0}).usage == Usage()


def test_tokens_without_a_model_and_charges_without_tokens() -> None:
    assert made({"model": None, "input": 5}).model == "(none)"
    assert made({"model": "", "cost": "0.10"}).model == ""
    assert made({"model": "gpt-4o, input", "cost": "0.10"}).model == "gpt-4o"
