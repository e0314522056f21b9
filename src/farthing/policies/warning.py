"""Drills of alerts: each threshold of each account, runaway spend, and what critical lowers. Pure values."""

from collections.abc import Iterator
from decimal import Decimal

from farthing.config.schema import DeploymentConfig
from farthing.limits.window import MINUTE_S
from farthing.money import format_usd, from_nano, nano_half_even
from farthing.policies.cast import Scenes, varied
from farthing.policies.charging import account_of, bounds_of, lowered, within, worst_of
from farthing.policies.drill import (
    Ask,
    Begin,
    Change,
    Drill,
    Fault,
    Finish,
    Judge,
    Pass,
    Planned,
    Pretend,
    Saw,
    Scene,
    Seen,
    Settle,
    Step,
    cannot,
    off,
    shown,
)
from farthing.policies.setup import Setup
from farthing.spend.alerts import CRITICAL, RUNAWAY, AlertRule
from farthing.spend.runaway import RunawayRule
from farthing.spend.thresholds import alert_rules, runaway_rule

_MOST_AT_ONCE = 50
"""So many calls are begun to show a limit of concurrency; a wider one is lowered."""
_DAYS, _DAY_MINUTES = 30, 1440
_BUSY = Decimal("1.5")
_KINDS = {"key:": "key", "swarm:": "swarm", "agent:": "agent", "task:": "task"}


def warning_drills(setup: Setup, parts: Scenes) -> Iterator[Planned]:
    """Thresholds, runaway spend, and the lower concurrency after the critical alert."""
    if not setup.config.monitoring.cost_tracking:
        yield off("alerts", "monitoring.costTracking", False, "alerts are silenced")
        return
    rules = alert_rules(setup.config)
    if not rules:
        yield off("alerts at thresholds", "alerts.monthlyBudget", None, "no amount to take shares of")
    for rule in rules:
        yield from _thresholds(setup, parts, rule)
    yield _runaway(setup, parts)
    yield _slower(setup, parts, rules)


def _thresholds(setup: Setup, parts: Scenes, rule: AlertRule) -> Iterator[Planned]:
    scope = _KINDS.get(rule.scope, rule.scope)
    setting = "alerts.monthlyBudget" if scope == "deployment" else f"alerts.scopes.{scope}"
    base = from_nano(rule.base_nano)
    for least, level in rule.steps:
        policy = f"alert {level}: {scope}, {rule.period}"
        value = f"{level} of {format_usd(base)}"
        if parts.paid is None:
            why = "every model is free: nothing is ever spent"
            yield cannot(policy, setting, value, why, "nothing, if that is meant", level="note")
            continue
        steps, changes = _until(setup, parts, rule, scope, least)
        provoked = f"{format_usd(from_nano(least - 1))} spent before, then a task"
        yield Drill(
            policy=policy,
            setting=_threshold_setting(setup.config, level) if scope == "deployment" else setting,
            value=value,
            provoked="a bill above its bound, on a lowered limit" if changes else provoked,
            steps=steps,
            judge=_raised(level, scope),
            remedy="set the threshold below what the limits let through",
            changes=changes,
        )


def _threshold_setting(config: DeploymentConfig, level: str) -> str:
    named = {"warning": "alerts.warningThreshold", "critical": "alerts.criticalThreshold"}
    return named.get(level, f"alerts.thresholds.{level}")


def _until(
    setup: Setup, parts: Scenes, rule: AlertRule, scope: str, least: int
) -> tuple[tuple[Step, ...], tuple[Change, ...]]:
    """Spend just below the threshold, then a task that passes it. A task has no spend before it begins: its
    limit is lowered to its worst case, and its bill is above that."""
    paid = parts.paid or parts.task
    if scope == "task":
        limits = [one for one in bounds_of(setup.config) if one.scope == "task"]
        bound = next(one for one in limits if nano_half_even(one.amount) == rule.base_nano)
        worst = from_nano(worst_of(setup, parts).worst)
        change = lowered(setup.config, bound, worst, why="a task of that price would be needed")
        return (Scene(faults=(Fault(kind="overrun"),)), Ask(task=paid)), (change,)
    account = account_of(scope, rule.period, setup.now)
    before = (Pretend(key=account, nano=least - 1),) if least > 1 else ()
    return (Scene(), *before, Ask(task=within(paid, scope))), ()


def _raised(level: str, scope: str) -> Judge:
    def judge(seen: Seen) -> Saw:
        mine = [
            one for one in seen.heard if one.level == level and one.scope.startswith(scope.partition(":")[0])
        ]
        told = seen.told[-1]
        text = mine[0].text if mine else f"heard: {', '.join(one.level for one in seen.heard) or 'nothing'}"
        text += "; signed" if mine and mine[0].signed else ""
        if not mine:
            why = f": {told.error}" if told.result is None else ""
            return Saw(text=text, fault=f"the alert was not raised{why}")
        return Saw(text=text, fault="" if len(mine) == 1 else f"it was raised {len(mine)} times")

    return judge


def _runaway(setup: Setup, parts: Scenes) -> Planned:
    rule, policy, setting = runaway_rule(setup.config), "alert runaway", "alerts.runaway"
    if rule is None:
        return off(policy, setting, False, "it is switched off")
    if not rule.planned_nano:
        why = "without a month's budget no day is usual before seven days with spend"
        return cannot(policy, setting, True, why, "set alerts.monthlyBudget", level="note")
    needed = runaway_nano(rule) + 1

    def judge(seen: Seen) -> Saw:
        mine = [one for one in seen.heard if one.level == RUNAWAY]
        text = mine[0].text if mine else f"heard: {', '.join(one.level for one in seen.heard) or 'nothing'}"
        return Saw(text=text, fault="" if mine else "the alert was not raised")

    account = account_of("deployment", "month", setup.now)
    return Drill(
        policy=policy,
        setting=setting,
        value=f"{shown(rule.factor)} times in {rule.window_minutes} minutes",
        provoked=f"{format_usd(from_nano(needed))} spent within a minute by another process",
        steps=(Scene(), Pretend(key=account, nano=needed), Pass(seconds=MINUTE_S)),
        judge=judge,
        remedy="lower its factor or its minimum",
    )


def runaway_nano(rule: RunawayRule) -> int:
    """The least that a window must spend to run away, where the usual day is a part of the month's budget."""
    day = Decimal(rule.planned_nano or 0) / _DAYS
    window = rule.factor * day * rule.window_minutes / _DAY_MINUTES
    return int(max(window, Decimal(rule.minimum_nano), _BUSY * day)) + 1


def _slower(setup: Setup, parts: Scenes, rules: tuple[AlertRule, ...]) -> Planned:
    slow, setting = setup.config.alerts.critical_concurrency, "alerts.criticalConcurrency"
    policy = "fewer at once after critical"
    month = [rule for rule in rules if rule.steps and (rule.scope, rule.period) == ("deployment", "month")]
    if not month or parts.paid is None:
        why = "no critical alert of the month can come" if not month else "every model is free"
        return off(policy, setting, slow, why)
    most = setup.config.scaling.max_concurrency
    if most is not None and slow >= most:
        why = f"scaling.maxConcurrency is {most} already"
        return cannot(policy, setting, slow, why, f"set it below {most}", level="note")
    changes: tuple[Change, ...] = ()
    if slow > _MOST_AT_ONCE:
        changes = (Change(setting=setting, value=3, why=f"{slow} calls at once would have to be held"),)
        slow = 3
    least = next(amount for amount, level in month[0].steps if level == CRITICAL)
    held = tuple(varied(parts.paid, number) for number in range(slow + 2))
    return Drill(
        policy=policy,
        setting=setting,
        value=str(setup.config.alerts.critical_concurrency),
        provoked=f"the critical alert, then {slow + 2} tasks together",
        steps=(
            Scene(),
            Pretend(key=account_of("deployment", "month", setup.now), nano=least - 1),
            Ask(task=parts.paid),
            Settle(),
            Scene(faults=(Fault(kind="slow_headers"),)),
            Begin(tasks=held, held=slow),
            Finish(),
        ),
        judge=_so_many_held(slow),
        remedy="leave room in the month's limit above the critical threshold",
        changes=changes,
    )


def _so_many_held(slow: int) -> Judge:
    """After the critical alert no more than `slow` calls are on the wire at once."""

    def judge(seen: Seen) -> Saw:
        critical = any(one.level == CRITICAL for one in seen.heard)
        first, *rest = seen.told
        most_held = max(told.most_at_once for told in rest)
        answered = sum(told.result is not None for told in rest[1:])
        text = f"{most_held} of {len(rest) - 1} calls were on the wire at once; {answered} were answered"
        if not critical:
            return Saw(text=text, fault=f"the critical alert was not raised: {first.error}")
        return Saw(text=text, fault="" if most_held == slow else f"{slow} were to be")

    return judge
