"""Budgets on paper: limits that another one always forestalls. Pure; amounts are US dollars.

A limit can bind only where what is inside it may spend more than what is around it allows. A day lies in one
week and one month; a week may lie in two months; a month touches at most six weeks.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from farthing.catalog.pricing import worst_nano
from farthing.config.schema import Budget
from farthing.money import format_usd, from_nano
from farthing.policies.finding import Finding, Findings, finding, note, says
from farthing.policies.setup import Setup

_BYTES_PER_TOKEN = 8
"""No text is denser over a whole context; a reservation counts the bytes of a prompt as tokens."""


class _Pair(NamedTuple):
    """`low` never binds where it is at least `factor` times `high`."""

    inner: str
    outer: str
    factor: int
    why: str


_PAIRS = (
    _Pair("dailyLimit", "weeklyLimit", 1, "a day lies in one week"),
    _Pair("dailyLimit", "monthlyLimit", 1, "a day lies in one month"),
    _Pair("weeklyLimit", "monthlyLimit", 2, "a week lies in two months at most"),
    _Pair("dailyLimit", "totalLimit", 1, "a day is part of all time"),
    _Pair("weeklyLimit", "totalLimit", 1, "a week is part of all time"),
    _Pair("monthlyLimit", "totalLimit", 1, "a month is part of all time"),
    _Pair("weeklyLimit", "dailyLimit", 7, "a week has seven days"),
    _Pair("monthlyLimit", "dailyLimit", 31, "a month has at most 31 days"),
    _Pair("monthlyLimit", "weeklyLimit", 6, "a month touches at most six weeks"),
    _Pair("agentLimit", "swarmLimit", 1, "an agent's spend is its swarm's too"),
    _Pair("agentLimit", "totalLimit", 1, "it is part of all spend"),
    _Pair("swarmLimit", "totalLimit", 1, "it is part of all spend"),
    _Pair("taskLimit", "totalLimit", 1, "it is part of all spend"),
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
_LONG_LIVED = ("swarmLimit", "agentLimit", "taskLimit")


def spending_findings(setup: Setup) -> Findings:
    """What is to be said of `budget` and of what bounds a request's output."""
    amounts = limits_of(setup.config.budget)
    yield from _forestalled(amounts)
    yield from _longer_than_a_month(amounts)
    yield from _twice(setup.config.budget)
    yield from _nothing_to_spend(setup, amounts)
    yield from _too_wide_for_a_task(setup, amounts)
    yield from _clamping(setup, amounts)
    yield from _unknown_prices(setup)


def limits_of(budget: Budget) -> dict[str, Decimal]:
    """The limits that are set, by their names in a file."""
    found = {name: getattr(budget, field) for name, field in _FIELDS.items()}
    return {name: amount for name, amount in found.items() if amount is not None}


def _forestalled(amounts: dict[str, Decimal]) -> Findings:
    told: set[str] = set()
    for pair in _PAIRS:
        inner, outer = amounts.get(pair.inner), amounts.get(pair.outer)
        if inner is None or outer is None or pair.inner in told or inner < pair.factor * outer:
            continue
        told.add(pair.inner)
        text = f"{format_usd(inner)} can never bind: {pair.outer} {format_usd(outer)} comes first"
        bound = format_usd(pair.factor * outer)
        yield finding(f"budget.{pair.inner}", f"{text}, for {pair.why}", f"set it below {bound}")


def _longer_than_a_month(amounts: dict[str, Decimal]) -> Findings:
    """Scopes that may outlive a month: its limit comes first unless they do."""
    month = amounts.get("monthlyLimit")
    for name in _LONG_LIVED:
        amount = amounts.get(name)
        if amount is not None and month is not None and amount >= month:
            text = f"{format_usd(amount)} cannot bind within a month: monthlyLimit {format_usd(month)}"
            yield finding(f"budget.{name}", f"{text} comes first", f"set it below {format_usd(month)}")
    task, agent = amounts.get("taskLimit"), amounts.get("agentLimit")
    if task is not None and agent is not None and task >= agent:
        yield note("budget.taskLimit", "binds outside of swarms only: agentLimit comes first in them")


def _twice(budget: Budget) -> Findings:
    """Further limits for a scope and period that has a stricter one already."""
    seen: dict[tuple[str, str], Decimal] = {}
    plain = {"monthlyLimit": "month", "weeklyLimit": "week", "dailyLimit": "day", "totalLimit": "total"}
    amounts = limits_of(budget)
    for name, period in plain.items():
        if name in amounts:
            seen["deployment", period] = amounts[name]
    for name in _LONG_LIVED:
        if name in amounts:
            seen[name.removesuffix("Limit"), "total"] = amounts[name]
    for number, limit in enumerate(budget.limits):
        other = seen.get((limit.scope, limit.period))
        path = f"budget.limits.{number}"
        if other is not None and limit.amount >= other:
            text = f"the {limit.kind} limit {format_usd(limit.amount)} of {limit.scope}, {limit.period}, is"
            text += f" never reached: another one, {format_usd(other)}, comes first"
            yield finding(path, text, f"set it below {format_usd(other)}")
        elif limit.kind == "hard":
            seen[limit.scope, limit.period] = limit.amount


def _nothing_to_spend(setup: Setup, amounts: dict[str, Decimal]) -> Findings:
    free = [filled.id for filled in setup.slots if filled.price is not None and filled.price.is_free]
    paid = [filled.id for filled in setup.slots if filled.id not in free]
    zero = [f"budget.{name}" for name, amount in amounts.items() if amount == 0]
    if zero and paid:
        text = f"is $0: every call to {', '.join(paid)} is refused"
        yield finding(zero[0], f"{text}{', and only free models serve' if free else ''}", "raise it")
    elif zero:
        yield note(zero[0], "is $0, and every model is free: it refuses nobody")
    elif amounts and not paid:
        for name in amounts:
            yield note(f"budget.{name}", "refuses nobody while every model is free")


def _too_wide_for_a_task(setup: Setup, amounts: dict[str, Decimal]) -> Findings:
    limit, most = amounts.get("taskLimit"), _dearest_task(setup)
    if limit is None or most is None or limit < most:
        return
    text = f"{format_usd(limit)} can never bind: all attempts of the longest task reserve {format_usd(most)}"
    yield finding("budget.taskLimit", text, f"set it below {format_usd(most)}")


def _dearest_task(setup: Setup) -> Decimal | None:
    """More than any task can reserve, in all its attempts; None where that has no bound."""
    worst: list[int] = []
    for filled in setup.slots:
        if filled.price is None or filled.model is None or filled.model.context_tokens is None:
            return None
        context = filled.model.context_tokens
        worst.append(worst_nano(filled.price, input_tokens=_BYTES_PER_TOKEN * context, output_tokens=context))
    return from_nano(max(worst) * (1 + setup.config.fallback_rules.max_retries)) if worst else None


def _clamping(setup: Setup, amounts: dict[str, Decimal]) -> Iterator[Finding]:
    optimization = setup.config.optimization
    least, most = optimization.min_output_tokens, optimization.max_output_tokens
    if least == most and (amounts or setup.config.budget.limits):
        text = f"is maxOutputTokens, {most}: a request is never clamped to what is left, but refused"
        yield finding("optimization.minOutputTokens", text, "lower it, or raise maxOutputTokens")


def _unknown_prices(setup: Setup) -> Iterator[Finding]:
    budget = setup.config.budget
    ceiling = budget.unknown_price_ceiling
    if ceiling is None:
        return
    bounds = [amount for amount in limits_of(budget).values() if amount < ceiling]
    if bounds:
        text = f"{format_usd(ceiling)} is above a limit of {format_usd(min(bounds))}: such a call is refused"
        yield finding("budget.unknownPriceCeiling", text, f"set it to {format_usd(min(bounds))} or less")
    elif says(setup.config, "budget", "unknown_price_ceiling") and all(one.price for one in setup.slots):
        text = "waits for a task that names a model: every slot's price is known"
        yield note("budget.unknownPriceCeiling", text)
