"""Which thresholds a configuration sets for which accounts, and when spend runs away by it. Pure."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from farthing.config.schema import Budget, DeploymentConfig
from farthing.money import nano_half_even
from farthing.spend.alerts import CRITICAL, WARNING, AlertLevel, AlertRule, percent_level
from farthing.spend.budget import PeriodKind
from farthing.spend.claims import DEPLOYMENT, MONTH
from farthing.spend.runaway import RunawayRule


def alert_rules(config: DeploymentConfig) -> tuple[AlertRule, ...]:
    """The thresholds of the deployment's month, and of the limits of each scope in `alerts.scopes`.

    None where cost tracking is off; an account without an amount has none.
    """
    if not config.monitoring.cost_tracking:
        return ()
    thresholds = _thresholds(config)
    month = _month_base(config)
    bases: dict[tuple[str, PeriodKind, int], None] = {}
    if month is not None:
        bases[DEPLOYMENT, MONTH, nano_half_even(month)] = None
    for scope, period, amount in _limits(config.budget):
        if scope in config.alerts.scopes:
            bases[_accounts_of(scope), period, nano_half_even(amount)] = None
    return tuple(
        AlertRule(scope=scope, period=period, base_nano=base, thresholds=thresholds)
        for scope, period, base in bases
    )


def runaway_rule(config: DeploymentConfig) -> RunawayRule | None:
    """None where it is switched off."""
    rule = config.alerts.runaway
    if not rule.enabled or not config.monitoring.cost_tracking:
        return None
    planned = _month_base(config)
    return RunawayRule(
        factor=rule.factor,
        window_minutes=rule.window_minutes,
        minimum_nano=nano_half_even(rule.minimum),
        planned_nano=None if planned is None else nano_half_even(planned),
    )


def _month_base(config: DeploymentConfig) -> Decimal | None:
    stated = config.alerts.monthly_budget
    return config.budget.monthly_limit if stated is None else stated


def _thresholds(config: DeploymentConfig) -> Mapping[AlertLevel, Decimal]:
    alerts = config.alerts
    further = {percent_level(share): share for share in alerts.thresholds}
    return {
        **further,
        WARNING: Decimal(str(alerts.warning_threshold)),
        CRITICAL: Decimal(str(alerts.critical_threshold)),
    }


def _limits(budget: Budget) -> Iterator[tuple[str, PeriodKind, Decimal]]:
    """Every limit that is set, by the scope that a configuration calls it by."""
    named: tuple[tuple[str, PeriodKind, Decimal | None], ...] = (
        (DEPLOYMENT, "month", budget.monthly_limit),
        (DEPLOYMENT, "week", budget.weekly_limit),
        (DEPLOYMENT, "day", budget.daily_limit),
        (DEPLOYMENT, "total", budget.total_limit),
        ("swarm", "total", budget.swarm_limit),
        ("agent", "total", budget.agent_limit),
        ("task", "total", budget.task_limit),
    )
    for scope, period, amount in named:
        if amount is not None:
            yield scope, period, amount
    for limit in budget.limits:
        yield limit.scope, limit.period, limit.amount


def _accounts_of(scope: str) -> str:
    """What an `AlertRule` calls it: each key, swarm, agent or task is a scope that begins so."""
    return scope if scope == DEPLOYMENT or ":" in scope else f"{scope}:"
