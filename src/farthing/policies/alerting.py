"""Alerts on paper: thresholds that no spend reaches, channels that hear nothing. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from farthing.money import format_usd, from_nano
from farthing.policies.finding import Finding, Findings, finding, note, says
from farthing.policies.setup import Setup
from farthing.policies.spending import limits_of
from farthing.spend.alerts import percent_level
from farthing.spend.thresholds import alert_rules, runaway_rule

_DAYS, _DAY_MINUTES = 30, 1440
_BUSY = Decimal("1.5")


def alerting_findings(setup: Setup) -> Findings:
    """What is to be said of `alerts`."""
    if not setup.config.monitoring.cost_tracking:
        yield from _silenced(setup)
        return
    yield from _without_base(setup)
    yield from _beyond_the_limit(setup)
    yield from _scopes(setup)
    yield from _channels(setup)
    yield from _slower_at_critical(setup)
    yield from _runaway(setup)


def month_base(setup: Setup) -> Decimal | None:
    """What the month's thresholds are shares of."""
    stated = setup.config.alerts.monthly_budget
    return setup.config.budget.monthly_limit if stated is None else stated


def _silenced(setup: Setup) -> Findings:
    alerts, told = setup.config.alerts, "no alert is raised or sent: monitoring.costTracking is false"
    if alerts.webhooks or alerts.apprise:
        yield finding("alerts", told, "set monitoring.costTracking to true, or leave the channels out")
    elif alerts.model_fields_set:
        yield note("alerts", told)


def _without_base(setup: Setup) -> Findings:
    config = setup.config
    base = month_base(setup)
    stated = [name for name in ("warning_threshold", "critical_threshold") if says(config, "alerts", name)]
    if base is None and not alert_rules(config) and (stated or config.alerts.thresholds):
        told = "thresholds are shares of nothing: neither alerts.monthlyBudget nor budget.monthlyLimit is set"
        yield finding("alerts", told, "set one of the two")
    elif base == 0:
        told = "a budget of $0 has no shares: no threshold is ever reached"
        yield finding("alerts.monthlyBudget", told, "raise it, or leave the thresholds out")


def _beyond_the_limit(setup: Setup) -> Findings:
    """Thresholds of the month above what the limits let it spend."""
    base, ceiling = month_base(setup), _most_in_a_month(setup)
    if not base or ceiling is None:
        return
    alerts = setup.config.alerts
    shares = {
        "alerts.warningThreshold": Decimal(str(alerts.warning_threshold)),
        "alerts.criticalThreshold": Decimal(str(alerts.critical_threshold)),
        **{f"alerts.thresholds.{percent_level(share)}": share for share in alerts.thresholds},
    }
    for path, share in shares.items():
        least = share * base
        if least > ceiling:
            told = f"is reached at {format_usd(least)}, and the limits end the month at {format_usd(ceiling)}"
            yield finding(path, told, f"set it below {ceiling / base:.2f}")
        elif least == ceiling:
            told = f"is reached only when {format_usd(ceiling)} is spent to the last nano-dollar"
            yield finding(path, f"{told}: calls are refused before", f"set it below {share}")
    known = [Decimal(str(alerts.warning_threshold)), Decimal(str(alerts.critical_threshold))]
    for share in alerts.thresholds:
        if share in known:
            told = "is the warning's or the critical one's share: the same moment is told twice"
            yield note(f"alerts.thresholds.{percent_level(share)}", told)


def _most_in_a_month(setup: Setup) -> Decimal | None:
    """What the hard limits of the deployment let a month spend, overruns apart; None for no bound."""
    limits = limits_of(setup.config.budget)
    factors = {"monthlyLimit": 1, "totalLimit": 1, "weeklyLimit": 6, "dailyLimit": 31}
    return min((limits[name] * times for name, times in factors.items() if name in limits), default=None)


def _scopes(setup: Setup) -> Iterator[Finding]:
    budget, named = setup.config.budget, ("swarm", "agent", "task")
    limited = {limit.scope for limit in budget.limits}
    limited |= {scope for scope in named if f"{scope}Limit" in limits_of(budget)}
    if any(name in limits_of(budget) for name in ("monthlyLimit", "weeklyLimit", "dailyLimit", "totalLimit")):
        limited.add("deployment")
    for scope in setup.config.alerts.scopes:
        if scope not in limited:
            told = f"{scope} has no limit of its own, so nothing is a share of it"
            yield finding(f"alerts.scopes.{scope}", told, "give the scope a limit in budget.limits")


def _channels(setup: Setup) -> Findings:
    alerts = setup.config.alerts
    channels = len(alerts.webhooks) + len(alerts.apprise)
    soft = any(limit.kind == "soft" for limit in setup.config.budget.limits)
    levels = bool(alert_rules(setup.config)) or soft
    if channels and not levels and runaway_rule(setup.config) is None:
        told = "they hear of overruns only: no threshold, soft limit or runaway rule is in force"
        yield finding("alerts.webhooks", told, "set alerts.monthlyBudget or a limit")
    if alerts.webhook_secret is not None and not alerts.webhooks:
        told = "signs nothing: there is no webhook"
        yield finding("alerts.webhookSecret", told, "leave it out, or set alerts.webhooks")
    if not channels and levels:
        told = "they go to the log and to callbacks of the program alone: no webhook, no Apprise URL is set"
        yield note("alerts", told)


def _slower_at_critical(setup: Setup) -> Findings:
    alerts, most = setup.config.alerts, setup.config.scaling.max_concurrency
    slow, path = alerts.critical_concurrency, "alerts.criticalConcurrency"
    stated = says(setup.config, "alerts", "critical_concurrency")
    if stated and not month_base(setup):
        yield finding(path, "never acts: no month's budget, so no critical alert of it", "set a budget")
    if most is not None and slow >= most:
        told = f"{slow} lowers nothing: scaling.maxConcurrency is {most} already"
        yield (finding if stated else note)(path, told, f"set it below {most}")


def _runaway(setup: Setup) -> Findings:
    rule, usual = runaway_rule(setup.config), month_base(setup)
    if rule is None:
        return
    if not usual:
        told = "begins after seven days with spend: without a month's budget no day is usual before"
        yield note("alerts.runaway", told, "set alerts.monthlyBudget to have it at once")
        return
    day = usual / _DAYS
    window = rule.factor * day * rule.window_minutes / _DAY_MINUTES
    least = max(window, from_nano(rule.minimum_nano), _BUSY * day)
    limits = {name: amount for name, amount in limits_of(setup.config.budget).items() if name in _ENDING}
    if limits and least >= min(limits.values()):
        name = min(limits, key=lambda one: limits[one])
        told = f"needs {format_usd(least)} at once; {name} {format_usd(limits[name])} ends spending before"
        yield finding("alerts.runaway", told, "lower its factor, its minimum or its window")


_ENDING = ("dailyLimit", "weeklyLimit", "monthlyLimit", "totalLimit")
