"""Which accounts a task is charged to, and with which limits: deployment, swarm, agent, task. Pure."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from farthing.config.schema import Budget, DeploymentConfig
from farthing.money import nano_half_even
from farthing.spend.budget import AccountKey, Claim, PeriodKind, period_key
from farthing.task import Task

DEPLOYMENT = "deployment"
MONTH: PeriodKind = "month"


def claims_for(config: DeploymentConfig, task: Task, *, task_id: str, at: datetime) -> tuple[Claim, ...]:
    """The accounts of a call made now, outermost first. A scope without a limit has none,
    except the deployment's month, which reports and alerts read.

    In `development` without `allowPaid` the deployment's limit is $0: free models only.
    """
    return (*_deployment_claims(config, at), *_inner_claims(config.budget, task, task_id))


def month_claim(config: DeploymentConfig, at: datetime) -> Claim:
    """The deployment's account for this month."""
    return next(_deployment_claims(config, at))


def _deployment_claims(config: DeploymentConfig, at: datetime) -> Iterator[Claim]:
    budget = config.budget
    free_only = config.environment == "development" and not config.allow_paid
    monthly = Decimal(0) if free_only else budget.monthly_limit
    yield Claim(AccountKey(DEPLOYMENT, period_key(MONTH, at)), _nano(monthly))
    others: tuple[tuple[PeriodKind, Decimal | None], ...] = (
        ("week", budget.weekly_limit),
        ("day", budget.daily_limit),
        ("total", budget.total_limit),
    )
    for period, limit in others:
        if limit is not None:
            yield Claim(AccountKey(DEPLOYMENT, period_key(period, at)), _nano(limit))


def _inner_claims(budget: Budget, task: Task, task_id: str) -> Iterator[Claim]:
    limits = dict(task.limits)
    if budget.swarm_limit is not None and task.run_id is not None:
        limits.setdefault(f"swarm:{task.run_id}", budget.swarm_limit)
    if budget.agent_limit is not None and task.run_id is not None and task.agent_id is not None:
        limits.setdefault(f"agent:{task.run_id}/{task.agent_id}", budget.agent_limit)
    for scope, limit in limits.items():
        yield Claim(AccountKey(scope, "total"), _nano(limit))
    task_limit = task.max_cost_usd if task.max_cost_usd is not None else budget.task_limit
    if task_limit is not None:
        yield Claim(AccountKey(f"task:{task_id}", "total"), _nano(task_limit))


def _nano(limit: Decimal | None) -> int | None:
    return None if limit is None else nano_half_even(limit)
