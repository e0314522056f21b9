"""Drills of budgets: each limit refuses, a request is clamped, unknown prices are not sent. Pure values.

An amount is kept as it is configured: what is spent before is pretended in the drill's own ledger. Only a
task's own limit is lowered, for nobody knows its account beforehand.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from farthing.config.schema import DeploymentConfig, Limit
from farthing.money import format_usd, from_nano, nano_half_even
from farthing.policies.cast import AGENT, KEY, RUN, Scenes
from farthing.policies.drill import (
    Ask,
    Change,
    Drill,
    Judge,
    Planned,
    Pretend,
    Saw,
    Scene,
    Seen,
    Step,
    cannot,
    evidence,
    off,
    short,
    shown,
)
from farthing.policies.setup import SHORT, Setup
from farthing.spend.budget import AccountKey, PeriodKind, period_key
from farthing.spend.reservation import WorstCase
from farthing.task import Message, Task

_NOBODY = "nobody/unheard-of"
_PLAIN: tuple[tuple[str, str, PeriodKind], ...] = (
    ("monthlyLimit", "deployment", "month"),
    ("weeklyLimit", "deployment", "week"),
    ("dailyLimit", "deployment", "day"),
    ("totalLimit", "deployment", "total"),
    ("swarmLimit", "swarm", "total"),
    ("agentLimit", "agent", "total"),
    ("taskLimit", "task", "total"),
)
_FIELDS = {
    "monthlyLimit": "monthly_limit",
    "weeklyLimit": "weekly_limit",
    "dailyLimit": "daily_limit",
    "totalLimit": "total_limit",
    "swarmLimit": "swarm_limit",
    "agentLimit": "agent_limit",
    "taskLimit": "task_limit",
}


class Bound(NamedTuple):
    """A limit of the configuration: where it stands, and what for."""

    setting: str
    scope: str
    period: PeriodKind
    amount: Decimal
    soft: bool = False


def bounds_of(config: DeploymentConfig) -> Iterator[Bound]:
    """Every limit that is set."""
    for name, scope, period in _PLAIN:
        amount: Decimal | None = getattr(config.budget, _FIELDS[name])
        if amount is not None:
            yield Bound(f"budget.{name}", scope, period, amount)
    for number, limit in enumerate(config.budget.limits):
        yield Bound(f"budget.limits.{number}", limit.scope, limit.period, limit.amount, limit.kind == "soft")


def within(task: Task, scope: str) -> Task:
    """The task as one of that scope: of a key, a swarm or an agent."""
    if scope.startswith("key"):
        return msgspec.structs.replace(task, key=scope.partition(":")[2] or KEY)
    if scope in ("swarm", "agent"):
        return msgspec.structs.replace(task, run_id=RUN, agent_id=AGENT)
    return task


def account_of(scope: str, period: PeriodKind, at: datetime) -> AccountKey:
    """The account that such a task is charged to."""
    names = {
        "deployment": "deployment",
        "key": f"key:{KEY}",
        "swarm": f"swarm:{RUN}",
        "agent": f"agent:{RUN}/{AGENT}",
    }
    return AccountKey(names.get(scope, scope), period_key(period, at))


def charging_drills(setup: Setup, parts: Scenes) -> Iterator[Planned]:
    """Limits, clamping, unknown prices, parts without a bound, development."""
    bounds = list(bounds_of(setup.config))
    free_only = setup.config.environment == "development" and not setup.config.allow_paid
    if free_only:
        yield _free_only(setup)
        bounds = [bound for bound in bounds if bound.setting != "budget.monthlyLimit"]
    if not bounds:
        yield off("refusal by a limit", "budget", None, "no limit is set")
    for bound in bounds:
        yield _refusal(setup, parts, bound)
    yield _clamped(setup, parts)
    yield _unknown_price(setup)
    yield _media(setup, parts)


def _refusal(setup: Setup, parts: Scenes, bound: Bound) -> Planned:
    policy = f"{'soft limit' if bound.soft else 'refusal'}: {bound.scope}, {bound.period}"
    if parts.paid is None:
        why = "every model is free: a call costs nothing"
        return cannot(policy, bound.setting, bound.amount, why, "nothing, if that is meant", level="note")
    if bound.scope == "task" and bound.soft:
        why = "a task's account begins at $0 and is not known before"
        return cannot(policy, bound.setting, bound.amount, why, "make it hard", level="note")
    steps, changes = _spent_before(setup, parts, bound)
    task = within(parts.paid, bound.scope)
    spent = "a lowered limit" if changes else f"{format_usd(bound.amount)} spent before"
    return Drill(
        policy=policy,
        setting=bound.setting,
        value=shown(bound.amount),
        provoked=f"{spent}, then a task for {short(parts.paid_model)}",
        steps=(Scene(), *steps, Ask(task=task)),
        judge=_passed_softly(bound) if bound.soft else _refused(bound, parts.paid_model),
        remedy="another limit stands before it, or nothing reaches it: lower it",
        changes=changes,
    )


def _spent_before(setup: Setup, parts: Scenes, bound: Bound) -> tuple[tuple[Step, ...], tuple[Change, ...]]:
    """What brings an account to its limit: pretended spend, or a limit of a task that is too low for it."""
    if bound.scope != "task":
        nano = nano_half_even(bound.amount)
        key = account_of(bound.scope, bound.period, setup.now)
        return (() if nano == 0 else (Pretend(key=key, nano=nano + bound.soft),)), ()
    if bound.amount == 0:
        return (), ()
    low = from_nano(max(worst_of(setup, parts).floor // 2, 1))
    return (), (lowered(setup.config, bound, low, why="a task of that price would be needed"),)


def worst_of(setup: Setup, parts: Scenes) -> WorstCase:
    """What the task that costs money reserves."""
    task = parts.paid or parts.task
    worst = setup.worst(task, setup.candidates(task)[0])
    return WorstCase(worst=2, floor=2) if worst is None else worst


def lowered(config: DeploymentConfig, bound: Bound, amount: Decimal, *, why: str) -> Change:
    """A task's limit at another amount."""
    told = format_usd(amount)
    if not bound.setting.startswith("budget.limits."):
        return Change(setting=bound.setting, value=amount, why=why, told=told)
    number = int(bound.setting.rpartition(".")[2])
    limits: list[Limit] = list(config.budget.limits)
    limits[number] = limits[number].model_copy(update={"amount": amount})
    dumped = [limit.model_dump(by_alias=True) for limit in limits]
    return Change(setting="budget.limits", value=dumped, why=why, told=f"number {number} at {told}")


def _refused(bound: Bound, model: str) -> Judge:
    period = f"the {bound.period} limit of "

    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = evidence(told)
        refusals = [one for one in told.attempts if one.status == "refused"]
        if not refusals and told.error != "BudgetExceededError":
            return Saw(text=text, fault="the call was not refused")
        reasons = " ".join([told.message, *(one.reason for one in refusals)])
        if f"{period}{bound.scope.partition(':')[0]}" not in reasons:
            return Saw(text=text, fault="another limit refused it")
        if model in told.models:
            return Saw(text=text, fault="it was sent all the same")
        return Saw(text=text)

    return judge


def _passed_softly(bound: Bound) -> Judge:
    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        heard = [alert for alert in seen.heard if alert.level == "soft limit"]
        text = f"{evidence(told)}; {heard[0].text if heard else 'no alert'}"
        if told.result is None:
            return Saw(text=text, fault="the task was not answered, though a soft limit refuses nothing")
        if not any(alert.scope.startswith(bound.scope.partition(":")[0]) for alert in heard):
            return Saw(text=text, fault="no alert said that it is passed")
        return Saw(text=text)

    return judge


def _clamped(setup: Setup, parts: Scenes) -> Planned:
    policy, setting = "clamping to what is left", "optimization.minOutputTokens"
    least = setup.config.optimization.min_output_tokens
    if parts.paid is None:
        why = "every model is free: nothing is ever short"
        return cannot(policy, setting, least, why, "nothing, if that is meant", level="note")
    worst = worst_of(setup, parts)
    if worst.floor >= worst.worst:
        why = f"maxOutputTokens is {setup.config.optimization.max_output_tokens}: nothing to lower"
        return cannot(policy, setting, least, why, "lower it, or raise maxOutputTokens")
    room = from_nano((worst.worst + worst.floor) // 2)
    most = setup.config.optimization.max_output_tokens

    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        sent = told.asked[0].max_tokens if told.asked else 0
        text = f"{evidence(told)}, with max_tokens {sent} in place of {most}"
        if told.result is None or not told.result.clamped:
            return Saw(text=text, fault="the request was not clamped")
        return Saw(text=text, fault="" if least <= sent < most else "max_tokens is not between the two")

    return Drill(
        policy=policy,
        setting=setting,
        value=str(least),
        provoked=f"a task that may cost {format_usd(room)}, less than its worst case",
        steps=(Scene(), Ask(task=msgspec.structs.replace(parts.paid, max_cost_usd=room))),
        judge=judge,
        remedy="another limit stands before it: raise that",
    )


def _unknown_price(setup: Setup) -> Planned:
    ceiling = setup.config.budget.unknown_price_ceiling
    task = Task(description=SHORT, model=_NOBODY)

    def nothing_sent(seen: Seen) -> Saw:
        told = seen.told[0]
        text = evidence(told)
        return Saw(text=text, fault="it was sent" if _NOBODY in told.models else "")

    def ceiling_reserved(seen: Seen) -> Saw:
        told = seen.told[0]
        text = evidence(told)
        stated = f"may cost {format_usd(ceiling or 0)}"
        reasons = " ".join([told.message, *(one.reason for one in told.attempts)])
        if stated not in reasons or _NOBODY in told.models:
            return Saw(text=text, fault=f"{stated} was to be reserved and refused")
        return Saw(text=text)

    policy, setting = "unknown price", "budget.unknownPriceCeiling"
    if ceiling == 0:
        why = "$0 is reserved for a call that may cost anything"
        return cannot(policy, setting, ceiling, why, "set what such a call may cost, or leave it out")
    if setup.config.environment == "development" and not setup.config.allow_paid:
        return off(policy, setting, ceiling, "development uses free models only")
    if ceiling is not None:
        task = msgspec.structs.replace(task, max_cost_usd=ceiling / 2)
    return Drill(
        policy=policy,
        setting=setting,
        value=shown(ceiling),
        provoked=f"a task for {_NOBODY}" + (f" that may cost {format_usd(ceiling / 2)}" if ceiling else ""),
        steps=(Scene(), Ask(task=task)),
        judge=nothing_sent if ceiling is None else ceiling_reserved,
        remedy="set routing.maxCostPerRequest above it, or lower it",
    )


def _media(setup: Setup, parts: Scenes) -> Planned:
    bound = setup.config.budget.media_part_tokens
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    content = ({"type": "text", "text": SHORT}, part)
    message = Message(role="user", content=content)
    task = msgspec.structs.replace(parts.task, messages=(message,))

    def judge(seen: Seen) -> Saw:
        told = seen.told[0]
        text = evidence(told)
        if bound is None:
            refused = told.error == "UnboundedCostError" and not told.asked
            return Saw(text=text, fault="" if refused else "it was sent without a bound")
        return Saw(text=text, fault="" if told.result is not None else "it was not sent")

    return Drill(
        policy="image without a bound" if bound is None else "image with a bound",
        setting="budget.mediaPartTokens",
        value=shown(bound),
        provoked="a task with an image",
        steps=(Scene(), Ask(task=task)),
        judge=judge,
        remedy="a limit is too low for the bound: lower mediaPartTokens",
    )


def _free_only(setup: Setup) -> Planned:
    """Development: whatever is asked for, only free models are asked."""
    kinds = [Ask(task=Task(description=SHORT, type=kind)) for kind in setup.kinds()]
    named = [Ask(task=Task(description=SHORT, model=filled.id)) for filled in setup.slots]

    def judge(seen: Seen) -> Saw:
        models = [model for told in seen.told for model in told.models]
        paid = sorted({model for model in models if not _is_free(setup, model)})
        text = f"{len(seen.told)} tasks: upstream received {len(models)}, {len(paid)} paid models among them"
        if paid:
            return Saw(text=text, fault=f"{', '.join(paid)} was asked")
        return Saw(text=text, fault="" if models else "no free model was asked either")

    return Drill(
        policy="free models only",
        setting="environment",
        value="development",
        provoked="a task of each type, and one for each slot's model",
        steps=(Scene(), *kinds, *named),
        judge=judge,
        remedy="put a free model into a slot, or set allowPaid",
    )


def _is_free(setup: Setup, model: str) -> bool:
    price = setup.catalog.price(model)
    return price is not None and price.is_free
