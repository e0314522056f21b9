"""The cost report: totals from the balance, shares from the roll-ups, savings net of everything."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.money import from_nano
from farthing.spend.batch import RollupKey, RollupSums
from farthing.spend.budget import Balance
from farthing.spend.report import CostReport, cost_report, projected

NOW = datetime(2026, 11, 16, tzinfo=UTC)  # half of the month is gone


def key(
    model: str = "a/model", task_type: str = "coding", role: str = "", purpose: str = "task"
) -> RollupKey:
    return RollupKey("2026-11-10", "openrouter.ai", model, task_type, role, purpose)


def sums(settled: int = 0, uncertain: int = 0, baseline: int = 0, **more: int) -> RollupSums:
    return RollupSums(calls=1, settled=settled, uncertain=uncertain, baseline=baseline)._replace(**more)


def report(
    *entries: tuple[RollupKey, RollupSums], balance: Balance | None = None, limit: Decimal | None = None
) -> CostReport:
    total = balance or Balance(
        settled=sum(part.settled for _, part in entries), uncertain=sum(part.uncertain for _, part in entries)
    )
    return cost_report(
        entries,
        total,
        scope="deployment",
        period="month:2026-11",
        limit=limit,
        baseline_model="claude-3.5-sonnet",
        now=NOW,
        simulated=True,
    )


def test_totals_come_from_the_balance() -> None:
    balance = Balance(settled=2_000_000_000, held=300_000_000, uncertain=200_000_000)
    found = report((key(), sums(2_000_000_000, 200_000_000)), balance=balance, limit=Decimal(10))
    assert (found.total_spend, found.held, found.uncertain) == (2, Decimal("0.3"), Decimal("0.2"))
    assert (found.limit, found.remaining) == (10, Decimal("7.5"))
    assert (found.scope, found.period, found.simulated) == ("deployment", "month:2026-11", True)


def test_what_remains_is_never_below_zero_and_unknown_without_a_limit() -> None:
    overrun = Balance(settled=2_000_000_000)
    assert report(balance=overrun, limit=Decimal(1)).remaining == 0
    assert report(balance=overrun).remaining is None


def test_savings_count_uncertain_money_as_spent() -> None:
    found = report((key(), sums(settled=100_000_000, uncertain=100_000_000, baseline=1_000_000_000)))
    assert (found.baseline_cost, found.savings) == (1, Decimal("0.8"))
    assert found.savings_percent == 80
    assert found.by_model["a/model"].savings_percent == 80


def test_without_an_accepted_answer_there_is_no_saving() -> None:
    found = report((key(), sums(settled=100, wasted=100, failed=1)))
    assert (found.savings_percent, found.failed_calls) == (None, 1)
    assert found.savings == -found.total_spend == -found.wasted
    assert report().savings_percent is None


def test_shares_are_by_model_type_role_and_purpose_dearest_first() -> None:
    found = report(
        (key("a/cheap", "simple"), sums(settled=10, input_tokens=7)),
        (key("b/dear", "coding", role="coder"), sums(settled=500, computed=40)),
        (key("b/dear", "analysis", purpose="synthesis"), sums(settled=400, uncertain=9)),
    )
    assert list(found.by_model) == ["b/dear", "a/cheap"]
    assert found.by_model["b/dear"].cost == from_nano(900)
    assert found.by_model["b/dear"].uncertain == from_nano(9)
    assert list(found.by_task_type) == ["coding", "analysis", "simple"]
    assert found.by_role == {"coder": found.by_task_type["coding"], "(none)": found.by_role["(none)"]}
    assert list(found.by_purpose) == ["task", "synthesis"]
    assert (found.calls, found.input_tokens, found.computed) == (3, 7, from_nano(40))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (NOW, 2),
        (datetime(2026, 11, 30, tzinfo=UTC), Decimal(30) / 29),
        (datetime(2026, 11, 1, tzinfo=UTC), 720),  # at least one hour counts as gone
        (datetime(2026, 2, 15, tzinfo=UTC), 2),
    ],
)
def test_the_projection_goes_on_at_the_same_rate(now: datetime, expected: Decimal) -> None:
    assert projected(Decimal(1), now) == expected


nano = st.integers(0, 10**12)
entries = st.lists(
    st.tuples(
        st.builds(
            key,
            model=st.sampled_from(["a", "b", "c"]),
            task_type=st.sampled_from(["coding", "simple"]),
            role=st.sampled_from(["", "coder"]),
            purpose=st.sampled_from(["task", "judge"]),
        ),
        st.builds(sums, settled=nano, uncertain=nano, baseline=nano),
    ),
    max_size=12,
)


@given(entries)
def test_every_grouping_adds_up_to_the_total(rows: list[tuple[RollupKey, RollupSums]]) -> None:
    found = report(*rows)
    for lines in (found.by_model, found.by_task_type, found.by_role, found.by_purpose):
        assert sum((line.cost for line in lines.values()), Decimal(0)) == found.total_spend
        assert sum((line.uncertain for line in lines.values()), Decimal(0)) == found.uncertain
        assert sum((line.baseline for line in lines.values()), Decimal(0)) == found.baseline_cost
        assert sum(line.calls for line in lines.values()) == found.calls == len(rows)
