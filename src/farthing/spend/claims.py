"""Which accounts a call is charged to, and with which limits: deployment, key, swarm, agent, task. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache

from farthing.config.schema import Budget, DeploymentConfig, Limit
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
    budget = config.budget
    outer = _deployment_claims(
        Decimal(0) if _is_free_only(config) else budget.monthly_limit,
        budget.weekly_limit,
        budget.daily_limit,
        budget.total_limit,
        at.date(),
    )
    if budget.limits:
        outer = (*outer, *_configured_claims(budget.limits, _scopes_of(task, task_id), at))
    return (*outer, *_inner_claims(budget, task, task_id))


def month_claim(config: DeploymentConfig, at: datetime) -> Claim:
    """The deployment's account for this month."""
    limit = Decimal(0) if _is_free_only(config) else config.budget.monthly_limit
    return _deployment_claims(limit, None, None, None, at.date())[0]


def _is_free_only(config: DeploymentConfig) -> bool:
    return config.environment == "development" and not config.allow_paid


@lru_cache(maxsize=64)  # the same for every call of a day
def _deployment_claims(
    monthly: Decimal | None, weekly: Decimal | None, daily: Decimal | None, total: Decimal | None, day: date
) -> tuple[Claim, ...]:
    at = datetime.combine(day, time(), UTC)
    optional: dict[PeriodKind, Decimal | None] = {"week": weekly, "day": daily, "total": total}
    return (
        Claim(AccountKey(DEPLOYMENT, period_key(MONTH, at)), _nano(monthly)),
        *(
            Claim(AccountKey(DEPLOYMENT, period_key(period, at)), _nano(limit))
            for period, limit in optional.items()
            if limit is not None
        ),
    )


def _scopes_of(task: Task, task_id: str) -> Mapping[str, str]:
    """The names of the scopes around a task, by what a configured limit calls them."""
    scopes = {DEPLOYMENT: DEPLOYMENT, "task": f"task:{task_id}"}
    if task.key is not None:
        scopes["key"] = scopes[f"key:{task.key}"] = f"key:{task.key}"
    if task.run_id is not None:
        scopes["swarm"] = f"swarm:{task.run_id}"
        if task.agent_id is not None:
            scopes["agent"] = f"agent:{task.run_id}/{task.agent_id}"
    return scopes


def _configured_claims(limits: tuple[Limit, ...], scopes: Mapping[str, str], at: datetime) -> Iterator[Claim]:
    for limit in limits:
        scope = scopes.get(limit.scope)
        if scope is not None:
            account = AccountKey(scope, period_key(limit.period, at))
            yield Claim(account, _nano(limit.amount), limit.kind == "soft")


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
