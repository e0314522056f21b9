"""What ended calls teach: counts, sums, sketches, and what is expected on few observations."""

import math
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.routing.experience import (
    DEFAULT_ACCEPTED,
    PRIOR,
    Ended,
    Experience,
    Record,
    Subject,
    after,
    experience_of,
    joined,
    learned,
)
from farthing.routing.sketch import ACCURACY, Sketch, edge_of, sketch_of
from farthing.spend.budget import AccountKey
from farthing.spend.ledger import IntentBody, OutcomeBody

DAY = "2026-11-28"
ME = Subject("general", "a/model")


def ended(  # the facts of one row, with what most rows say
    *,
    model: str = "a/model",
    purpose: str = "task",
    accepted: bool = True,
    reason: str = "ok",
    cost: int | None = 1_000,
    output: int = 100,
    cached: int = 0,
    finish: str = "stop",
    limit: str = "default",
    late: bool = False,
    day: str = DAY,
) -> Ended:
    intent = IntentBody(
        task_id="task_1",
        model=model,
        upstream="simulator",
        price_book="book",
        task_type="general",
        purpose=purpose,
        accounts=(AccountKey("deployment", "month:2026-11"),),
    )
    outcome = OutcomeBody(
        basis="reported" if cost is not None else "uncertain",
        accepted=accepted,
        reason=reason,
        input_tokens=200,
        output_tokens=output,
        cached_tokens=cached,
        finish=finish,
        limit=limit,
        late=late,
    )
    return Ended(day, intent, outcome, cost)


def folded(rows: Sequence[Ended]) -> Record:
    return learned({}, rows).get((DAY, ME)) or Record()


def test_an_answer_that_was_repaired_counts_once_and_costs_both() -> None:
    record = folded(
        [
            ended(accepted=False, reason="invalid: no JSON", cost=3_000),
            ended(purpose="repair", cost=1_000, output=40),
        ]
    )
    assert (record.attempts, record.accepted, record.invalid, record.repairs) == (2, 1, 1, 1)
    assert record.cost_per_answer == Decimal("0.000004")
    assert record.cost_per_attempt == Decimal("0.000002")
    assert record.extra_cost == 1_000
    assert (record.measured, record.output_tokens) == (1, 100), "a repair is no first answer"


def test_a_continued_answer_is_one_answer() -> None:
    record = folded([ended(finish="length"), ended(purpose="continuation")])
    assert (record.accepted, record.truncated, record.continuations) == (1, 1, 1)
    assert record.cost_per_answer == Decimal("0.000002")


@pytest.mark.parametrize("reason", ["cancelled", "cancelled before it was sent", "overtaken"])
def test_what_was_given_up_says_nothing_of_the_model(reason: str) -> None:
    record = folded([ended(accepted=False, reason=reason, output=0, finish="")])
    assert (record.attempts, record.failed) == (0, 0)
    assert record.cost == 1_000


def test_a_failure_counts() -> None:
    record = folded([ended(accepted=False, reason="rate_limited 429", cost=0, output=0, finish="")])
    assert (record.attempts, record.failed, record.accepted) == (1, 1, 0)
    assert record.cost_per_answer is None


def test_a_late_settlement_adds_money_and_no_attempt() -> None:
    record = folded([ended(cost=None), ended(late=True, cost=5_000)])
    assert (record.attempts, record.accepted, record.cost, record.priced) == (1, 1, 5_000, 1)


def test_with_nothing_known_the_defaults_are_expected() -> None:
    expected = Experience().expected("general", "a/model", output_tokens=500)
    assert (expected.basis, expected.observations) == ("default", 0)
    assert (expected.output_tokens, expected.accepted) == (500.0, DEFAULT_ACCEPTED)
    assert (expected.extra_cost, expected.truncated, expected.cached) == (0.0, 0.0, 0.0)


def test_a_new_model_is_expected_to_be_like_others_at_its_type() -> None:
    rows = [ended(output=100, cached=100) for _ in range(2_000)]
    known = experience_of([(DAY, ME, folded(rows))])
    other = known.expected("general", "another/model", output_tokens=500)
    assert (other.basis, other.observations) == ("type", 2_000)
    assert other.output_tokens == pytest.approx((2_000 * 100 + PRIOR * 500) / (2_000 + PRIOR))
    assert other.cached == pytest.approx(0.5, abs=0.01)
    assert known.expected("coding", "a/model", output_tokens=500).basis == "default"


def test_few_observations_weigh_little_and_many_weigh_all() -> None:
    few = experience_of([(DAY, ME, folded([ended(output=100)]))])
    many = experience_of([(DAY, ME, folded([ended(output=100)] * 5_000))])
    assert 400 < few.expected(*ME, output_tokens=500).output_tokens < 500
    assert many.expected(*ME, output_tokens=500).output_tokens == pytest.approx(100, abs=1)


rows = st.builds(
    ended,
    purpose=st.sampled_from(["task", "tool_step", "repair", "continuation", "hedge"]),
    accepted=st.booleans(),
    reason=st.sampled_from(["ok", "invalid: x", "server_error 500", "cancelled", "overtaken"]),
    cost=st.none() | st.integers(0, 10**9),
    output=st.integers(0, 5_000),
    finish=st.sampled_from(["stop", "length", ""]),
    limit=st.sampled_from(["default", ""]),
    late=st.booleans(),
)


@given(st.lists(rows), st.lists(rows), st.lists(rows))
def test_records_add_up_however_the_rows_are_parted(
    first: list[Ended], second: list[Ended], third: list[Ended]
) -> None:
    whole = folded([*first, *second, *third])
    parts = [folded(part) for part in (first, second, third)]
    assert joined(joined(parts[0], parts[1]), parts[2]) == whole
    assert joined(parts[0], joined(parts[1], parts[2])) == whole
    going_on = parts[0]
    for row in [*second, *third]:
        going_on = after(going_on, row)
    assert going_on == whole


@given(st.lists(rows))
def test_no_attempt_is_both_accepted_and_failed(given_rows: list[Ended]) -> None:
    record = folded(given_rows)
    assert record.accepted + record.failed <= record.attempts
    assert record.extra_cost <= record.cost
    assert record.output.count == record.measured


@given(st.lists(st.integers(1, 10**6), min_size=1), st.floats(0.01, 1.0))
def test_a_quantile_is_off_by_no_more_than_its_accuracy(values: list[int], share: float) -> None:
    exact = sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
    assert abs(sketch_of(*values).quantile(share) - exact) <= exact * ACCURACY + 1


@given(st.integers(1, 10**6))
def test_a_bucket_s_edge_is_not_below_its_values(value: int) -> None:
    (bucket,) = sketch_of(value).counts
    assert value <= edge_of(bucket) <= value * (1 + 2 * ACCURACY + 0.001) + 1


def test_an_empty_sketch_knows_no_quantile() -> None:
    assert Sketch().quantile(0.99) == 0
    assert sketch_of(0, -3).quantile(1.0) == 0
