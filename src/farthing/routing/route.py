"""Which models a task is tried on, in which order, and why: the routing decision as a pure function.

Strategy, needs, health and money left decide the order; `eligible.py` says who may take part at all. Nothing
is refused for money here: the reservation does that, attempt by attempt. No clock is read.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from farthing.catalog.models import Catalog
from farthing.config.schema import SLOTS, DeploymentConfig, Slot
from farthing.money import format_usd
from farthing.result import Candidate, Excluded, Route
from farthing.routing.classify import Features
from farthing.routing.eligible import (
    Circumstances,
    Entry,
    Filter,
    Rejected,
    ceiling,
    circumstances,
    look_up,
    weigh,
)
from farthing.routing.experience import Experience
from farthing.routing.health import CandidateHealth, rest_reason, resting_until
from farthing.routing.reckoning import priced
from farthing.task import Task

LOW_FUNDS_CALLS = 10
"""When less than this many calls like the first choice are left, cheaper models come first. A worst case
is some two to five times the expected cost, so this is the last handful of reservations."""

NAMED_SLOT = "named"
"""Slot and strategy of a model that the task itself names."""

_NOTHING = Decimal(0)
_NOT_RESTING = float("-inf")

_HINTS: Mapping[Filter, str] = {
    "gone": "name another model in models.*, or let its successor stand in",
    "free_only": "set allowPaid, or put a free model into a slot",
    "price_unknown": "set budget.unknownPriceCeiling, or name a model of the catalogue",
    "context": "shorten the prompt, lower max_tokens, or add a model with a larger context",
    "quality": "lower routing.qualityThreshold, or add a better model",
    "max_cost": "raise routing.maxCostPerRequest, shorten the prompt, or lower max_tokens",
    "not_asked": "leave out the task's model to let the profile choose",
}


class NoRoute(msgspec.Struct, frozen=True, kw_only=True):
    """No configured model may take the task. `reasons` maps each model to why it was left out."""

    message: str
    reasons: Mapping[str, str]
    hint: str
    excluded: tuple[Excluded, ...] = msgspec.field(default=())


class _Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A model in the strategy's order before any filter, with the words for why it stands there."""

    slot: str
    name: str
    why: str
    successor: bool = True
    named: bool = False


class _Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A fit model with its place in the strategy's order."""

    entry: Entry
    wish: _Wish
    place: int


def decide_route(
    features: Features,
    task: Task,
    *,
    config: DeploymentConfig,
    catalog: Catalog,
    health: Mapping[str, CandidateHealth],
    now: datetime,
    clock_s: float,
    remaining_usd: Decimal | None,
    experience: Experience = Experience(),  # noqa: B008 - an immutable value
) -> Route | NoRoute:
    """The candidates for a task in the order they are tried, each with its reason.

    `now` (aware) dates prices and expiry; `clock_s` is the loop's clock in seconds, on which `health`
    (by the model id that is sent) counts; `remaining_usd` is the least that any limit leaves, None for no
    limit; `experience` is what the ledger teaches of models. Every model of the profile is a candidate or
    excluded with a reason; none appears twice.
    """
    asked = circumstances(
        features,
        task,
        config=config,
        catalog=catalog,
        health=health,
        now=now,
        clock_s=clock_s,
        experience=experience,
    )
    wishes = _wishes(asked) if task.model is None else _named_wishes(asked, task.model)
    placed, rejected = _sift(asked, wishes)
    excluded = tuple(_excluded(item) for item in rejected)
    if not placed:
        return _no_route(asked, rejected, excluded)
    if config.routing.strategy == "cheapest_good_enough" and task.model is None:
        placed = _by_cost(asked, placed)
    ordered, notes = _ordered(asked, placed, remaining_usd)
    return Route(
        task_type=features.task_type,
        complexity=features.complexity,
        confidence=features.confidence,
        strategy=config.routing.strategy if task.model is None else NAMED_SLOT,
        reason="; ".join([_headline(asked, placed[0], ordered[0], rejected, wishes), *notes]),
        candidates=tuple(_candidate(asked, item, notes) for item in ordered),
        excluded=excluded,
        price_book=catalog.prices.id,
    )


def _wishes(asked: Circumstances) -> list[_Wish]:
    """The profile's slots in the strategy's order: the type's slot first, the fallback slot last."""
    config, filled = asked.config, asked.config.models.by_slot()
    if config.routing.strategy == "cheapest_good_enough":
        first, why = None, ""
    else:
        first, why = _mapped_slot(asked)
    order = sorted(filled, key=lambda slot: (slot != first, SLOTS.index(slot)))
    return [
        _Wish(
            slot=slot,
            name=filled[slot].model,
            successor=filled[slot].successor,
            why=why if slot == first else _later(slot),
        )
        for slot in order
    ]


def _mapped_slot(asked: Circumstances) -> tuple[Slot, str]:
    features, routing = asked.features, asked.config.routing
    kind = features.task_type
    slot, subject = routing.task_type_mapping.get(kind), kind
    by_complexity = routing.complexity_mapping.get(features.complexity)
    if by_complexity is not None and kind in ("general", "simple"):
        slot, subject = by_complexity, f"{kind} of {features.complexity} complexity"
    if slot is None:
        return "primary", f"{kind} has no slot of its own, so primary takes it"
    return slot, f"{subject} maps to {slot}"


def _later(slot: Slot) -> str:
    return "fallback slot, after the others" if slot == "fallback" else f"next in order: {slot}"


def _named_wishes(asked: Circumstances, model: str) -> list[_Wish]:
    """The model that the task names, then the fallback slot."""
    wishes = [_Wish(slot=NAMED_SLOT, name=model, why="the task names it", named=True)]
    fallback = asked.config.models.fallback
    if fallback is not None:
        why = "fallback slot, after the named model"
        wishes.append(_Wish(slot="fallback", name=fallback.model, successor=fallback.successor, why=why))
    return wishes


def _sift(asked: Circumstances, wishes: Sequence[_Wish]) -> tuple[list[_Placed], list[Rejected]]:
    """Fit models in order, each once, and all others with their reasons, each once."""
    placed: dict[str, _Placed] = {}
    rejected: dict[str, Rejected] = {}
    for wish in wishes:
        outcome = weigh(asked, wish.slot, wish.name, successor=wish.successor, named=wish.named)
        if outcome.entry is not None and outcome.entry.id not in placed:
            placed[outcome.entry.id] = _Placed(entry=outcome.entry, wish=wish, place=len(placed))
        for item in outcome.rejected:
            rejected.setdefault(item.entry.id, item)
    for item in _not_asked(asked):
        if item.entry.id not in placed:
            rejected.setdefault(item.entry.id, item)
    # A model may be refused in one slot and welcome in another, where the task names it.
    return list(placed.values()), [item for name, item in rejected.items() if name not in placed]


def _not_asked(asked: Circumstances) -> list[Rejected]:
    if asked.task.model is None:
        return []
    reason = f"not considered: the task names {asked.task.model}"
    slots = asked.config.models.by_slot().items()
    return [
        Rejected(entry=look_up(asked, slot, filled.model), by="not_asked", reason=reason)
        for slot, filled in slots
        if slot != "fallback"
    ]


def _by_cost(asked: Circumstances, placed: Sequence[_Placed]) -> list[_Placed]:
    """Least expected cost per accepted answer first; ties by quality, then by slot."""
    threshold = asked.config.routing.quality_threshold
    ordered = sorted(
        placed, key=lambda item: (_answer_cost(asked, item), -(item.entry.quality or 0.0), item.place)
    )
    lead = f"cheapest of {len(ordered)}" + (f" at or over quality {threshold:.2f}" if threshold else "")
    return [
        _Placed(
            entry=item.entry,
            place=place,
            wish=_Wish(slot=item.wish.slot, name=item.wish.name, why="next cheapest" if place else lead),
        )
        for place, item in enumerate(ordered)
    ]


def _answer_cost(asked: Circumstances, item: _Placed) -> Decimal:
    """An unknown price counts as its ceiling, which is paid for each attempt."""
    made = item.entry.reckoned
    if made.cost_per_answer is None:
        made = priced(made, _cost(asked, item))
    return made.cost_per_answer or _NOTHING


def _cost(asked: Circumstances, item: _Placed) -> Decimal:
    cost = ceiling(asked, item.entry)
    return _NOTHING if cost is None else cost


def _ordered(
    asked: Circumstances, placed: Sequence[_Placed], remaining_usd: Decimal | None
) -> tuple[list[_Placed], list[str]]:
    """The order in which they are tried, and what a person should know of it."""
    scarce = _is_scarce(asked, placed, remaining_usd)
    ordered = sorted(placed, key=lambda item: _key(asked, item, scarce=scarce))
    return ordered, [_scarcity_note(remaining_usd)] if scarce and remaining_usd is not None else []


def _is_scarce(asked: Circumstances, placed: Sequence[_Placed], remaining_usd: Decimal | None) -> bool:
    """Whether the money left is near its end, measured by the first choice's expected cost."""
    return remaining_usd is not None and remaining_usd < LOW_FUNDS_CALLS * _cost(asked, placed[0])


def _key(asked: Circumstances, item: _Placed, *, scarce: bool) -> tuple[object, ...]:
    """Those that rest last; the named first, native before by prompt, then strategy or cost."""
    until = resting_until(asked.health.get(item.entry.id), asked.clock_s)
    return (
        _NOT_RESTING if until is None else until,
        not item.wish.named,
        asked.features.needs_tools and not _native_tools(item.entry),
        asked.features.needs_schema and not _native_schema(item.entry),
        _cost(asked, item) if scarce else _NOTHING,
        item.place,
    )


def _native_tools(entry: Entry) -> bool:
    return entry.model is not None and entry.model.native_tools


def _native_schema(entry: Entry) -> bool:
    return entry.model is not None and entry.model.native_schema


def _candidate(asked: Circumstances, item: _Placed, notes: Sequence[str]) -> Candidate:
    entry, features = item.entry, asked.features
    by_prompt = features.needs_tools and not _native_tools(entry)
    parts = [f"{item.wish.why} ({entry.label})", *entry.notes]
    if by_prompt:
        parts.append("tools by prompt: it has no native tool calling")
    if features.needs_schema and not _native_schema(entry):
        parts.append("schema by prompt: it has no native response format")
    state = asked.health.get(entry.id)
    until = resting_until(state, asked.clock_s)
    if until is not None:
        parts.append(f"last while it rests for {until - asked.clock_s:.1f} s: {rest_reason(state)}")
    return Candidate(
        model=entry.id,
        slot=entry.slot,
        reason="; ".join([*parts, *notes]),
        expected_cost=entry.cost,
        quality=entry.quality,
        native_tools=not by_prompt,
        native_schema=_native_schema(entry),
        reckoned=entry.reckoned,
    )


def _excluded(item: Rejected) -> Excluded:
    entry = item.entry
    return Excluded(model=entry.id, slot=entry.slot, reason=item.reason, expected_cost=entry.cost)


def _scarcity_note(remaining_usd: Decimal) -> str:
    if remaining_usd <= 0:
        return "cheaper models first, for a limit is passed and only soft ones let calls go on"
    return f"cheaper models first, for only {format_usd(remaining_usd)} is left"


def _headline(
    asked: Circumstances,
    wanted: _Placed,
    first: _Placed,
    rejected: Sequence[Rejected],
    wishes: Sequence[_Wish],
) -> str:
    """The strategy's choice in one sentence, and what kept it from being the first candidate."""
    by_cost = asked.config.routing.strategy == "cheapest_good_enough" and asked.task.model is None
    wish = wanted.wish if by_cost else wishes[0]
    barred = next((item for item in rejected if not by_cost and item.entry.slot == wishes[0].slot), None)
    sentence = wish.why
    if barred is not None:
        sentence += f"; {barred.entry.id} is left out: {barred.reason}"
    if first is not wanted:
        sentence += f"; {first.entry.id} goes before {wanted.entry.id}"
    return f"{sentence}; first: {first.entry.id}"


def _no_route(asked: Circumstances, rejected: Sequence[Rejected], excluded: tuple[Excluded, ...]) -> NoRoute:
    """The hint is for what stopped the first choice, unless that is gone: then the next one's."""
    telling: list[Filter] = [item.by for item in rejected if item.by not in ("gone", "not_asked")]
    decisive: Filter = telling[0] if telling else "gone"
    kind = asked.features.task_type
    wanted = f"no model can take this {kind} task: {len(rejected)} considered, all left out"
    return NoRoute(
        message=wanted,
        reasons={item.entry.id: item.reason for item in rejected},
        hint=_HINTS[decisive],
        excluded=excluded,
    )
