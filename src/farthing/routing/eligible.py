"""Which of the models a task could go to may take it, and why each of the others may not.

Looks one model up and holds it against the filters, in a stated order; the first that fails gives the
reason. Order among the fit ones is `route.py`'s. Money left is no filter: routing never refuses for it.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal, assert_never

import msgspec

from farthing.catalog.models import Catalog, Model
from farthing.catalog.pricing import Price
from farthing.catalog.successors import Gone as GoneFromCatalog
from farthing.catalog.successors import Present, Replaced, Unknown, standing
from farthing.config.schema import DeploymentConfig
from farthing.money import format_usd
from farthing.prompt.contexts import fits_compressed
from farthing.result import Reckoned
from farthing.routing.classify import Features
from farthing.routing.experience import Experience
from farthing.routing.health import CandidateHealth
from farthing.routing.reckoning import reckon
from farthing.task import Complexity, Task, Usage

Filter = Literal["gone", "free_only", "price_unknown", "context", "quality", "max_cost", "not_asked"]

EXPECTED_OUTPUT_TOKENS: Mapping[Complexity, int] = {"low": 200, "medium": 500, "high": 900}
"""What an answer is expected to take, for estimates; `max_tokens` bounds it."""


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a decision is made from. `clock_s` is the loop's clock, on which health counts."""

    features: Features
    task: Task
    config: DeploymentConfig
    catalog: Catalog
    health: Mapping[str, CandidateHealth]
    now: datetime
    today: date
    """The UTC day of `now`."""
    clock_s: float
    max_tokens: int
    usage: Usage
    """The tokens that the call is expected to take where nothing is known of a model."""
    experience: Experience

    @property
    def free_only(self) -> bool:
        return self.config.environment == "development" and not self.config.allow_paid


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One model under consideration, as it would be sent. `notes` are what a person should know of it."""

    slot: str
    id: str
    model: Model | None
    price: Price | None
    reckoned: Reckoned
    cost: Decimal | None
    """Expected cost of a call in dollars; None when the price is unknown."""
    quality: float | None
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """`Qwen 2.5 Coder 32B, score 0.92`."""
        name = self.model.name if self.model is not None else self.id
        return f"{name}, score {'unknown' if self.quality is None else f'{self.quality:.2f}'}"


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """A model that may not take the task: the filter it failed, and why in words."""

    entry: Entry
    by: Filter
    reason: str


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome for one slot: the entry that may be used, if any, and what was left out on the way."""

    entry: Entry | None = None
    rejected: tuple[Rejected, ...] = msgspec.field(default=())


def circumstances(
    features: Features,
    task: Task,
    *,
    config: DeploymentConfig,
    catalog: Catalog,
    health: Mapping[str, CandidateHealth],
    now: datetime,
    clock_s: float,
    experience: Experience = Experience(),  # noqa: B008 - an immutable value
) -> Circumstances:
    """The inputs of a decision with what follows from them: the token bound and the expected usage."""
    max_tokens = task.max_tokens or config.optimization.max_output_tokens
    output = expected_output_tokens(features, task, config)
    usage = Usage(input_tokens=features.input_tokens, output_tokens=output)
    return Circumstances(
        features=features,
        task=task,
        config=config,
        catalog=catalog,
        health=health,
        now=now,
        today=now.astimezone(UTC).date(),
        clock_s=clock_s,
        max_tokens=max_tokens,
        usage=usage,
        experience=experience,
    )


def expected_output_tokens(features: Features, task: Task, config: DeploymentConfig) -> int:
    """What an answer is expected to take, `max_tokens` at most."""
    most = task.max_tokens or config.optimization.max_output_tokens
    return min(most, EXPECTED_OUTPUT_TOKENS[features.complexity])


def weigh(asked: Circumstances, slot: str, name: str, *, successor: bool, named: bool = False) -> Weighed:
    """Looks a configured name up and applies every filter, in the order of their functions below.

    `successor` lets a gone model's successor stand in for it. `named` is a model that the task itself
    named: the quality threshold is not held against the caller's own choice.
    """
    entry, gone = _present(asked, slot, name, successor=successor)
    rejected = () if gone is None else (gone,)
    if entry is None:
        return Weighed(rejected=rejected)
    entry, fault = _affordable_kind(asked, entry)
    if fault is None:
        entry, fault = _fits(asked, entry)
    fault = fault or (None if named else _good_enough(asked, entry)) or _cheap_enough(asked, entry)
    if fault is not None:
        return Weighed(rejected=(*rejected, fault))
    return Weighed(entry=entry, rejected=rejected)


def look_up(asked: Circumstances, slot: str, name: str) -> Entry:
    """A model by name with its price and expected cost, unfiltered."""
    return _entry(asked, slot, asked.catalog.find(name), name)


def ceiling(asked: Circumstances, entry: Entry) -> Decimal | None:
    """What counts as the cost of a call: the expected one, or the ceiling for an unknown price."""
    return asked.config.budget.unknown_price_ceiling if entry.cost is None else entry.cost


def _entry(asked: Circumstances, slot: str, model: Model | None, name: str) -> Entry:
    sent = name if model is None else model.id
    price = asked.catalog.price(sent)
    reckoned = reckon(
        price,
        asked.experience,
        task_type=asked.features.task_type,
        model=sent,
        input_tokens=asked.usage.input_tokens,
        output_tokens=asked.usage.output_tokens,
        max_tokens=asked.max_tokens,
        now=asked.now,
    )
    return Entry(
        slot=slot,
        id=sent,
        model=model,
        price=price,
        reckoned=reckoned,
        cost=reckoned.cost,
        quality=None if model is None else model.score(asked.features.task_type),
    )


def _present(
    asked: Circumstances, slot: str, name: str, *, successor: bool
) -> tuple[Entry | None, Rejected | None]:
    """Gone or expired, by the catalogue's day."""
    found = standing(asked.catalog, name, asked.today)
    return _standing_entry(asked, slot, found, successor=successor)


def _standing_entry(
    asked: Circumstances, slot: str, found: Present | Replaced | GoneFromCatalog | Unknown, *, successor: bool
) -> tuple[Entry | None, Rejected | None]:
    match found:
        case Present():
            return _entry(asked, slot, found.model, found.model.id), None
        case Unknown():
            return _entry(asked, slot, None, found.name), None
        case GoneFromCatalog():
            gone = _entry(asked, slot, found.model, found.model.id)
            return None, Rejected(entry=gone, by="gone", reason=f"gone: {found.reason}")
        case Replaced():
            gone = _entry(asked, slot, found.model, found.model.id)
            if not successor:
                reason = f"gone; its slot refuses the successor {found.by.id}"
                return None, Rejected(entry=gone, by="gone", reason=reason)
            note = f"stands in for {found.model.id}, gone since {found.since}"
            entry = msgspec.structs.replace(_entry(asked, slot, found.by, found.by.id), notes=(note,))
            return entry, Rejected(entry=gone, by="gone", reason=f"gone; {found.by.id} stands in for it")
        case _:
            assert_never(found)


def _affordable_kind(asked: Circumstances, entry: Entry) -> tuple[Entry, Rejected | None]:
    """Free models only in development without `allowPaid`; a known price, or a ceiling for it."""
    if asked.free_only:
        return _free(asked, entry)
    if asked.config.environment == "development" and entry.cost:
        entry = _noted(entry, "a paid model in development: allowPaid is set")
    if entry.price is not None:
        return entry, None
    limit = asked.config.budget.unknown_price_ceiling
    if limit is None:
        reason = f"its price is unknown in {asked.catalog.prices.id}"
        return entry, Rejected(entry=entry, by="price_unknown", reason=reason)
    return _noted(entry, f"price unknown: {format_usd(limit)} is reserved"), None


def _noted(entry: Entry, note: str) -> Entry:
    return msgspec.structs.replace(entry, notes=(*entry.notes, note))


def _free(asked: Circumstances, entry: Entry) -> tuple[Entry, Rejected | None]:
    if entry.price is not None and entry.price.is_free:
        return _noted(entry, "free, as development asks"), None
    variant = entry.model.free_variant if entry.model is not None else None
    if variant is not None:
        found = look_up(asked, entry.slot, variant)
        if found.price is not None and found.price.is_free:
            note = f"free variant of {entry.id}: development uses free models only"
            quality = entry.quality if found.quality is None else found.quality
            return msgspec.structs.replace(found, quality=quality, notes=(*entry.notes, note)), None
    reason = "not free: development uses free models only unless allowPaid is set"
    return entry, Rejected(entry=entry, by="free_only", reason=reason)


def _fits(asked: Circumstances, entry: Entry) -> tuple[Entry, Rejected | None]:
    """Room for the estimated input and the whole output; unknown windows are left to the provider. Where the
    conversation may be compressed, room for what is left of it."""
    fault = _too_small(asked, entry)
    if fault is None or entry.model is None or entry.model.context_tokens is None:
        return entry, fault
    window, longest = entry.model.context_tokens, entry.model.max_output_tokens
    if longest is not None and asked.max_tokens > longest:
        return entry, fault
    on = asked.config.optimization.prompt_optimization.context_compression
    if not on or not fits_compressed(asked.task, window_tokens=window, max_tokens=asked.max_tokens):
        return entry, fault
    return _noted(entry, f"the conversation is compressed to fit its context of {window:,}"), None


def _too_small(asked: Circumstances, entry: Entry) -> Rejected | None:
    if entry.model is None:
        return None
    window, longest = entry.model.context_tokens, entry.model.max_output_tokens
    needed = asked.features.input_tokens + asked.max_tokens
    if window is not None and needed > window:
        reason = (
            f"about {asked.features.input_tokens:,} input and {asked.max_tokens:,} output tokens"
            f" do not fit its context of {window:,}"
        )
        return Rejected(entry=entry, by="context", reason=reason)
    if longest is not None and asked.max_tokens > longest:
        reason = f"it writes at most {longest:,} tokens, and {asked.max_tokens:,} are asked for"
        return Rejected(entry=entry, by="context", reason=reason)
    return None


def _good_enough(asked: Circumstances, entry: Entry) -> Rejected | None:
    threshold = asked.config.routing.quality_threshold
    if threshold == 0 or (entry.quality is not None and entry.quality >= threshold):
        return None
    score = "unknown" if entry.quality is None else f"{entry.quality:.2f}"
    reason = f"its {asked.features.task_type} score is {score}; the quality threshold is {threshold:.2f}"
    return Rejected(entry=entry, by="quality", reason=reason)


def _cheap_enough(asked: Circumstances, entry: Entry) -> Rejected | None:
    limit, cost = asked.config.routing.max_cost_per_request, ceiling(asked, entry)
    if limit is None or cost is None or cost <= limit:
        return None
    reason = f"expected to cost {format_usd(cost)}; maxCostPerRequest is {format_usd(limit)}"
    return Rejected(entry=entry, by="max_cost", reason=reason)
