"""Which accounts a task is charged to, in which order, with which limits."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from farthing.config.schema import DeploymentConfig
from farthing.spend.budget import AccountKey, Claim
from farthing.spend.claims import claims_for, month_claim
from farthing.task import Task

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TASK = Task(description="Do it.")


def config(**changes: object) -> DeploymentConfig:
    return DeploymentConfig.model_validate({"models": {"primary": "a/model"}, **changes})


def claimed(
    settings: DeploymentConfig, task: Task = TASK, at: datetime = NOW
) -> list[tuple[str, str, int | None]]:
    return [
        (claim.key.scope, claim.key.period, claim.limit)
        for claim in claims_for(settings, task, task_id="t1", at=at)
    ]


def test_without_limits_only_the_month_is_kept() -> None:
    assert claimed(config()) == [("deployment", "month:2026-11", None)]


def test_every_limit_of_the_deployment_is_an_account() -> None:
    budget = {"monthlyLimit": 10, "weeklyLimit": 5, "dailyLimit": 1, "totalLimit": 100}
    assert claimed(config(budget=budget)) == [
        ("deployment", "month:2026-11", 10_000_000_000),
        ("deployment", "week:2026-W48", 5_000_000_000),
        ("deployment", "day:2026-11-23", 1_000_000_000),
        ("deployment", "total", 100_000_000_000),
    ]


def test_inner_scopes_come_after_the_deployment() -> None:
    task = Task(description="Do it.", run_id="r1", agent_id="coder-1", max_cost_usd=Decimal("0.01"))
    budget = {"swarmLimit": "0.5", "agentLimit": "0.1"}
    assert claimed(config(budget=budget), task) == [
        ("deployment", "month:2026-11", None),
        ("swarm:r1", "total", 500_000_000),
        ("agent:r1/coder-1", "total", 100_000_000),
        ("task:t1", "total", 10_000_000),
    ]


def test_limits_on_the_task_win_over_the_configured_ones() -> None:
    limits = (("swarm:r1", Decimal("0.2")), ("agent:r1/coder-1", Decimal("0.05")))
    task = Task(description="Do it.", run_id="r1", agent_id="coder-1", limits=limits, max_cost_usd=Decimal(0))
    budget = {"swarmLimit": "0.5", "agentLimit": "0.1", "taskLimit": "0.3"}
    assert claimed(config(budget=budget), task)[1:] == [
        ("swarm:r1", "total", 200_000_000),
        ("agent:r1/coder-1", "total", 50_000_000),
        ("task:t1", "total", 0),
    ]


def test_a_task_outside_a_run_has_no_swarm_and_no_agent() -> None:
    budget = {"swarmLimit": "0.5", "agentLimit": "0.1", "taskLimit": "0.3"}
    task = Task(description="Do it.", agent_id="coder-1")
    assert [scope for scope, _, _ in claimed(config(budget=budget), task)] == ["deployment", "task:t1"]


@pytest.mark.parametrize(
    ("settings", "limit"),
    [
        ({"environment": "development"}, 0),
        ({"environment": "development", "allowPaid": True}, 10_000_000_000),
        ({"environment": "production"}, 10_000_000_000),
    ],
)
def test_development_has_no_money_unless_it_is_allowed(settings: dict[str, object], limit: int) -> None:
    month = month_claim(config(budget={"monthlyLimit": 10}, **settings), NOW)
    assert month == Claim(AccountKey("deployment", "month:2026-11"), limit)
    assert claims_for(config(budget={"monthlyLimit": 10}, **settings), TASK, task_id="t1", at=NOW)[0] == month


def test_the_period_is_that_of_the_moment() -> None:
    budget = {"weeklyLimit": 5, "dailyLimit": 1}
    end, start = datetime(2026, 12, 31, 23, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    periods = [[period for _, period, _ in claimed(config(budget=budget), at=at)] for at in (end, start)]
    assert periods == [
        ["month:2026-12", "week:2026-W53", "day:2026-12-31"],
        ["month:2027-01", "week:2026-W53", "day:2027-01-01"],
    ]


LIMITS = [
    {"scope": "deployment", "period": "week", "amount": 5, "kind": "soft"},
    {"scope": "key", "period": "day", "amount": 1},
    {"scope": "key:alice", "period": "month", "amount": 20},
    {"scope": "swarm", "period": "total", "amount": 2},
    {"scope": "agent", "period": "day", "amount": "0.5"},
    {"scope": "task", "period": "total", "amount": "0.1"},
]


def test_further_limits_hold_for_the_scopes_that_a_task_has() -> None:
    settings = config(budget={"limits": LIMITS})
    assert [
        (claim.key.scope, claim.key.period, claim.soft)
        for claim in claims_for(
            settings,
            Task(description="Do it.", key="alice", run_id="r1", agent_id="coder-1"),
            task_id="t1",
            at=NOW,
        )
    ] == [
        ("deployment", "month:2026-11", False),
        ("deployment", "week:2026-W48", True),
        ("key:alice", "day:2026-11-23", False),
        ("key:alice", "month:2026-11", False),
        ("swarm:r1", "total", False),
        ("agent:r1/coder-1", "day:2026-11-23", False),
        ("task:t1", "total", False),
    ]
    assert [scope for scope, _, _ in claimed(settings, Task(description="Do it.", key="bob"))] == [
        "deployment",
        "deployment",
        "key:bob",
        "task:t1",
    ]


@pytest.mark.parametrize("scope", ["keys", "key:", "key: ", "month", "agent:x", "zzz", ""])
def test_a_limit_of_an_unknown_scope_is_refused(scope: str) -> None:
    with pytest.raises(ValueError, match="scope"):
        config(budget={"limits": [{"scope": scope, "amount": 1}]})
