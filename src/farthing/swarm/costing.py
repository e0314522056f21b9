"""What a run is expected to cost, and the most it can: `farthing swarm plan`. Pure; nothing is sent.

Expected is the first candidate's expected cost by its route. The worst case is a reservation's arithmetic
(money.md, laws 2 to 4) for the dearest candidate, for every attempt that may be made, each with the longest
prompt it may have: nothing that is held to its reservation can be billed above it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from farthing.catalog.models import Catalog
from farthing.catalog.pricing import Price, computed_cost, worst_nano
from farthing.config.schema import DeploymentConfig
from farthing.fit import PLAIN, checked, fit
from farthing.money import from_nano, percent_saved
from farthing.result import Candidate, Route
from farthing.routing.route import NoRoute
from farthing.spend.reservation import ProviderMemo, Unbounded, WorstCase
from farthing.swarm.loop import LoopCaps
from farthing.swarm.outlook import Outlook
from farthing.task import Task, Usage

EXPECTED_STEPS = 3
"""Model calls that a piece with tools is expected to take: two rounds of tools, and the answer."""
_STEP_TOKENS = 700
"""What a round of tools is expected to add to the conversation: the calls, and what they came to."""
_BYTES_A_TOKEN = 4
_TOOL_BYTES = 2_000
"""Of the schema of a tool that is not known yet."""

RouteOf: TypeAlias = Callable[[Task], Route | NoRoute]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """By what a run is reckoned."""

    config: DeploymentConfig
    catalog: Catalog
    baseline: Price | None
    caps: LoopCaps
    result_chars: int
    """What a model is shown of a tool's result, at most."""
    now: datetime
    route_of: RouteOf
    budget_usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCost:
    """Pieces that are alike, and what they cost; dollars. None is not known: a price, or a bound."""

    name: str
    role: str
    agent_id: str
    model: str
    why: str
    expected: int
    """How many pieces there will be, and `most` at most."""
    most: int
    calls_expected: int
    calls_most: int
    expected_usd: Decimal | None
    worst_usd: Decimal | None
    baseline_usd: Decimal | None
    least_usd: Decimal | None
    """The least that one call can reserve, clamped as far as it may be."""
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit that stops a run before its worst case."""

    name: str
    amount_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmPlan:
    """A run before it is paid for; dollars. Sums are None as soon as one part is not known."""

    pieces: tuple[PlannedCost, ...]
    expected_usd: Decimal | None
    worst_usd: Decimal | None
    at_most_usd: Decimal | None
    """The worst case within the limits: no run is billed more."""
    baseline_usd: Decimal | None
    limits: tuple[Limit, ...]
    assumptions: tuple[str, ...]

    @property
    def savings_percent(self) -> Decimal | None:
        """0–100, of the baseline's expected cost."""
        if self.expected_usd is None or self.baseline_usd is None:
            return None
        return percent_saved(self.expected_usd, self.baseline_usd)


def plan_of(
    pieces: Sequence[Outlook], terms: Terms, may_get_tools: frozenset[str] = frozenset()
) -> SwarmPlan:
    """The plan of a run's pieces. `may_get_tools` are the ids of agents whose tools are not known yet.

    Raises `InvalidTaskError` for a task that no model could be sent.
    """
    planned = _pooled([_planned(piece, terms, may_get_tools) for piece in pieces], pieces)
    worst = _bounded_by_agents(planned, pieces)
    limits = tuple(limit for limit in _limits(terms) if worst is None or limit.amount_usd < worst)
    bounds = [amount for amount in (worst, *(limit.amount_usd for limit in limits)) if amount is not None]
    return SwarmPlan(
        pieces=planned,
        expected_usd=_sum(one.expected_usd for one in planned),
        worst_usd=worst,
        at_most_usd=min(bounds, default=None),
        baseline_usd=_sum(one.baseline_usd for one in planned),
        limits=limits,
        assumptions=_assumptions(planned, terms),
    )


def _planned(piece: Outlook, terms: Terms, may_get_tools: frozenset[str]) -> PlannedCost:
    task, fullest = checked(piece.task), checked(piece.fullest)
    route, widest = terms.route_of(task), terms.route_of(fullest)
    agent_id = task.agent_id or ""
    tooled = bool(task.tools) or agent_id in may_get_tools
    steps = (EXPECTED_STEPS, terms.caps.max_steps) if tooled else (1, 1)
    steps = (min(steps), steps[1])
    first = None if isinstance(route, NoRoute) else route.candidates[0]
    candidates = [
        *(() if isinstance(route, NoRoute) else route.candidates),
        *(() if isinstance(widest, NoRoute) else widest.candidates),
    ]
    attempts = 1 + terms.config.fallback_rules.max_retries
    fitted = [_bounds(fullest, one, terms, tooled=tooled) for one in candidates]
    worst = [_worst_nano(one, steps[1], attempts, terms) for one in fitted if one is not None]
    least = [one.worst.floor for one in fitted if one is not None]
    return PlannedCost(
        name=piece.name,
        role=task.role or "",
        agent_id=agent_id,
        model="" if first is None else first.model,
        why=route.message if isinstance(route, NoRoute) else route.candidates[0].reason,
        expected=piece.expected,
        most=piece.most,
        calls_expected=piece.expected * steps[0],
        calls_most=piece.most * steps[1] * attempts,
        expected_usd=_times(None if first is None else _expected(first, steps[0], terms), piece.expected),
        worst_usd=_times(from_nano(max(worst)) if worst else None, piece.most),
        baseline_usd=_times(None if first is None else _baseline(first, steps[0], terms), piece.expected),
        least_usd=from_nano(min(least)) if least else None,
        first=piece.first,
    )


def _pooled(planned: Sequence[PlannedCost], pieces: Sequence[Outlook]) -> tuple[PlannedCost, ...]:
    """Of pieces of which it is open who does them, each is taken to be the dearest."""
    both = list(zip(planned, pieces, strict=True))
    units = [one.worst_usd / one.most for one, piece in both if piece.pooled and one.most and one.worst_usd]
    dearest = max(units, default=None)
    return tuple(
        replace(one, worst_usd=dearest * one.most)
        if piece.pooled and dearest is not None and one.worst_usd is not None
        else one
        for one, piece in both
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """The bound of one call with a candidate, and the most input its model takes."""

    worst: WorstCase
    max_tokens: int
    context_tokens: int | None
    extra_input: int
    """Tokens of tools that are not known yet."""


def _bounds(task: Task, candidate: Candidate, terms: Terms, *, tooled: bool) -> _Bound | None:
    """None where it cannot be sent at all: what has no bound is refused, and costs nothing."""
    made = fit(task, candidate, PLAIN, config=terms.config, catalog=terms.catalog, preferences=ProviderMemo())
    if isinstance(made, Unbounded):
        return None
    model = terms.catalog.find(candidate.model)
    unknown = tooled and not task.tools
    return _Bound(
        worst=made.worst,
        max_tokens=made.request.max_tokens,
        context_tokens=None if model is None else model.context_tokens,
        extra_input=terms.config.tools.offered * _TOOL_BYTES if unknown else 0,
    )


def _worst_nano(bound: _Bound, steps: int, attempts: int, terms: Terms) -> int:
    """All attempts of all steps. Each attempt after the first may send back the answer before it, each step
    the calls and results of the steps before; no model is billed for more input than its context."""
    price = bound.worst.price
    if price is None:
        return bound.worst.worst * steps * attempts
    answer = bound.max_tokens * _BYTES_A_TOKEN
    round_bytes = answer + terms.caps.max_fan_out * terms.result_chars * _BYTES_A_TOKEN
    total = 0
    for step in range(steps):
        for attempt in range(attempts):
            grown = bound.worst.input_tokens + bound.extra_input + step * round_bytes + attempt * answer
            within = grown if bound.context_tokens is None else min(grown, bound.context_tokens)
            output = bound.max_tokens + bound.worst.extra_tokens
            total += worst_nano(price, input_tokens=within, output_tokens=output)
    return total


def _expected(candidate: Candidate, steps: int, terms: Terms) -> Decimal | None:
    if steps == 1 or candidate.reckoned is None:
        return candidate.expected_cost
    return _of_steps(terms.catalog.price(candidate.model), candidate.reckoned.usage, steps, terms)


def _baseline(candidate: Candidate, steps: int, terms: Terms) -> Decimal | None:
    if candidate.reckoned is None:
        return None
    return _of_steps(terms.baseline, candidate.reckoned.usage, steps, terms)


def _of_steps(price: Price | None, usage: Usage, steps: int, terms: Terms) -> Decimal | None:
    """What the steps of a piece cost whose conversation grows by each."""
    if price is None:
        return None
    made = [
        Usage(input_tokens=usage.input_tokens + step * _STEP_TOKENS, output_tokens=usage.output_tokens)
        for step in range(steps)
    ]
    return sum((computed_cost(price, one, at=terms.now) for one in made), Decimal(0))


def _bounded_by_agents(planned: Sequence[PlannedCost], pieces: Sequence[Outlook]) -> Decimal | None:
    """The sum of the worst cases, where an agent's own limit bounds its part."""
    by_agent: dict[str, Decimal | None] = {}
    own: dict[str, Decimal] = {}
    for one, piece in zip(planned, pieces, strict=True):
        before = by_agent.get(one.agent_id, Decimal(0))
        by_agent[one.agent_id] = None if before is None or one.worst_usd is None else before + one.worst_usd
        for scope, amount in piece.task.limits:
            if scope.startswith("agent:") and not piece.pooled:
                own[one.agent_id] = amount
    parts = [
        own.get(agent) if worst is None else min(worst, own.get(agent, worst))
        for agent, worst in by_agent.items()
    ]
    return _sum(parts)


def _limits(terms: Terms) -> Iterable[Limit]:
    budget = terms.config.budget
    named = (
        ("the budget of the run", terms.budget_usd),
        ("budget.dailyLimit", budget.daily_limit),
        ("budget.weeklyLimit", budget.weekly_limit),
        ("budget.monthlyLimit", budget.monthly_limit),
        ("budget.totalLimit", budget.total_limit),
    )
    for name, amount in named:
        if amount is not None:
            yield Limit(name=name, amount_usd=amount)


def _assumptions(planned: Sequence[PlannedCost], terms: Terms) -> tuple[str, ...]:
    retries = terms.config.fallback_rules.max_retries
    said = [
        "expected: each result has about 500 tokens, each answer as many as its task's complexity says",
        f"at most: the dearest candidate, every call tried {1 + retries} times, each prompt as long as it "
        "may get (4 bytes a character, at most the model's context), each answer as long as maxOutputTokens",
    ]
    if any(one.calls_most > one.most * (1 + retries) for one in planned):
        said.append(
            f"with tools: {EXPECTED_STEPS} calls a piece are expected, {terms.caps.max_steps} at most, with "
            f"{terms.caps.max_fan_out} results of {terms.result_chars:,} characters between them"
        )
    if any(one.most > one.expected for one in planned):
        said.append("how many pieces there will be is decided on the way: see the columns")
    said.append("not in it: summaries of long conversations, tools that cost money themselves")
    return tuple(said)


def _times(amount: Decimal | None, count: int) -> Decimal | None:
    return Decimal(0) if count == 0 else None if amount is None else amount * count


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total
