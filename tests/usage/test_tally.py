"""Sums: the same whatever the order and however the rows are divided, by model and day."""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.task import Usage
from farthing.usage.record import Record
from farthing.usage.tally import MOST_MODELS, ModelUse, Period, Tally

records = st.lists(
    st.builds(
        Record,
        model=st.sampled_from(["a", "b", ""]),
        day=st.none() | st.dates(date(2026, 9, 1), date(2026, 9, 9)),
        days=st.integers(1, 3),
        usage=st.builds(Usage, input_tokens=st.integers(0, 10**6), output_tokens=st.integers(0, 10**6)),
        requests=st.integers(0, 9),
        cost=st.none() | st.decimals(0, 100, places=6),
        task_type=st.sampled_from([None, "coding", "simple"]),
        marks=st.sampled_from([(), ("batch",), ("batch", "one_hour_cache")]),
    ),
    max_size=20,
)


def tallied(found: list[Record]) -> Tally:
    tally = Tally()
    for record in found:
        tally.add(record)
    return tally


def told(tally: Tally) -> tuple[tuple[ModelUse, ...], Period | None, int, int, object]:
    return tally.models(), tally.period, tally.rows, tally.undated_tokens, tally.by_day()


@given(records, st.randoms(use_true_random=False), st.lists(st.integers(0, 20), max_size=3))
def test_order_and_division_into_files_change_nothing(
    found: list[Record], random: Random, cuts: list[int]
) -> None:
    whole = told(tallied(found))
    shuffled = list(found)
    random.shuffle(shuffled)
    edges = [0, *sorted(min(cut, len(found)) for cut in cuts), len(found)]
    joined = Tally()
    for start, end in pairwise(edges):
        joined.join(tallied(shuffled[start:end]))
    assert told(joined) == whole


@given(records)
def test_days_and_models_add_up_to_the_same(found: list[Record]) -> None:
    tally = tallied(found)
    by_model = sum((use.usage for use in tally.models()), Usage())
    by_day = sum(tally.by_day().values(), Usage())
    assert by_model == sum((record.usage for record in found), Usage())
    assert by_day.total_tokens + tally.undated_tokens == by_model.total_tokens
    assert sum(use.rows for use in tally.models()) == tally.rows == len(found)


def test_models_that_get_one_name_are_added_up() -> None:
    tally = tallied(
        [
            Record(model="x-1", day=date(2026, 9, 1), usage=Usage(input_tokens=5)),
            Record(model="X 1", day=date(2026, 9, 1), cost=Decimal(2)),
            Record(model="y", usage=Usage(input_tokens=1)),
        ]
    )
    first, second = tally.renamed({"x-1": "x", "X 1": "x"}).models()
    assert (first.model, first.usage.input_tokens, first.cost) == ("x", 5, Decimal(2))
    assert first.uncosted_tokens == 0
    assert (second.model, second.cost, second.uncosted_tokens) == ("y", None, 1)


def test_costs_in_rows_of_their_own_are_for_the_tokens_of_their_day() -> None:
    used = Usage(input_tokens=5)
    (use,) = tallied(
        [
            Record(model="x", day=date(2026, 9, 1), usage=used),
            Record(model="x", day=date(2026, 9, 1), cost=Decimal(2)),
            Record(model="x", day=date(2026, 9, 2), usage=used),
            Record(model="x", day=date(2026, 9, 3), cost=Decimal(7)),
        ]
    ).models()
    assert (use.cost, use.idle_cost, use.uncosted_tokens) == (Decimal(2), Decimal(7), 5)
    (alone,) = tallied([Record(model="x", cost=Decimal(7))]).models()
    assert (alone.cost, alone.idle_cost) == (Decimal(7), Decimal(0))


def test_a_pause_of_months_is_no_part_of_the_period() -> None:
    tally = tallied(
        [
            Record(model="a", day=date(2024, 5, 1), days=31, usage=Usage(input_tokens=1)),
            Record(model="a", day=date(2024, 6, 30), usage=Usage(input_tokens=1)),
            Record(model="b", day=date(2026, 9, 1), usage=Usage(input_tokens=1)),
        ]
    )
    period = tally.period
    assert period is not None
    assert period.days == 61 + 1
    assert period.gaps == ((date(2024, 7, 1), date(2026, 8, 31)),)


def test_the_period_is_that_of_use() -> None:
    used, idle = Usage(input_tokens=1), Usage()
    tally = tallied(
        [
            Record(model="a", day=date(2026, 9, 10), usage=used),
            Record(model="a", day=date(2026, 9, 1), days=30, usage=used),
            Record(model="a", day=date(2026, 12, 31), usage=idle),
            Record(model="a", usage=used),
        ]
    )
    period = tally.period
    assert period is not None
    assert (period.first, period.last, period.days) == (date(2026, 9, 1), date(2026, 9, 30), 30)
    assert tallied([Record(model="a", usage=used)]).period is None


def test_a_column_of_anything_else_is_no_column_of_models() -> None:
    tally = tallied([Record(model=str(number)) for number in range(MOST_MODELS)])
    with pytest.raises(ValueError, match="holds none"):
        tally.add(Record(model="one more"))
