"""Whether a configuration's models are still the right ones: gone, expiring, dearer, weaker. Pure.

Finds and names; what to use instead is another curated, listed model that is no weaker for the same task
types. What the change would cost is the calculator's.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Literal, assert_never

import msgspec

from farthing.catalog.changes import at_five_to_one, rates_in_words
from farthing.catalog.models import Catalog, Model
from farthing.catalog.successors import Gone, Present, Replaced, Unknown, standing
from farthing.config.schema import DeploymentConfig, Slot
from farthing.task import TASK_TYPES, TaskType

Level = Literal["fine", "note", "act"]
_DEARER_FROM = 1.1
"""From this factor on a dearer price is told."""
_EXPIRES_WITHIN_DAYS = 60


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be said of one slot. `act`: it does not work as configured; `note`: it works, but.

    `instead` is a model to use, None where nothing better is known.
    """

    slot: Slot
    model: str
    level: Level
    texts: tuple[str, ...]
    instead: str | None


def findings(
    config: DeploymentConfig, catalog: Catalog, earlier: Sequence[Catalog], *, today: date
) -> tuple[Finding, ...]:
    """One finding for each slot. `earlier` are older catalogues, oldest first, to compare prices with."""
    return tuple(
        _finding(slot, entry.model, config, catalog, earlier, today)
        for slot, entry in config.models.by_slot().items()
    )


def _finding(
    slot: Slot,
    name: str,
    config: DeploymentConfig,
    catalog: Catalog,
    earlier: Sequence[Catalog],
    today: date,
) -> Finding:
    mapping = config.routing.task_type_mapping
    kinds: list[TaskType] = [kind for kind in TASK_TYPES if mapping.get(kind) == slot]
    found = standing(catalog, name, today)
    match found:
        case Unknown():
            text = f"not in {catalog.prices.id}: its price and score are unknown"
            return Finding(slot=slot, model=name, level="act", texts=(text,), instead=None)
        case Gone(model=model, reason=reason):
            better = _better(model, kinds, catalog, today)
            return Finding(slot=slot, model=name, level="act", texts=(f"gone: {reason}",), instead=better)
        case Replaced(by=by, since=since):
            text = f"gone; {by.id} stands in since {since}"
            return Finding(slot=slot, model=name, level="act", texts=(text,), instead=by.id)
        case Present(model=model):
            texts = _notes(model, kinds, catalog, earlier, today)
            better = _better(model, kinds, catalog, today) if texts else None
            return Finding(
                slot=slot, model=name, level="note" if texts else "fine", texts=tuple(texts), instead=better
            )
        case _:
            assert_never(found)


def _notes(
    model: Model, kinds: Sequence[TaskType], catalog: Catalog, earlier: Sequence[Catalog], today: date
) -> list[str]:
    notes: list[str] = []
    if model.expires is not None and (model.expires - today).days <= _EXPIRES_WITHIN_DAYS:
        notes.append(f"expires on {model.expires}")
    price = catalog.price(model.id)
    if price is None:
        notes.append(f"no price in {catalog.prices.id}")
    else:
        notes += _dearer(model, catalog, earlier)
    if not model.native_tools:
        notes.append("no native tool calling: tools go by prompt")
    if "structured" in kinds and not model.native_schema:
        notes.append("no native response format for structured tasks: answers are checked here")
    return notes


def _dearer(model: Model, catalog: Catalog, earlier: Sequence[Catalog]) -> list[str]:
    now = catalog.price(model.id)
    for older in earlier:
        then = older.price(model.id)
        if now is None or then is None or older.prices.id == catalog.prices.id:
            continue
        factor = float(at_five_to_one(now) / at_five_to_one(then)) if at_five_to_one(then) else 1.0
        if factor >= _DEARER_FROM:
            told = f"{rates_in_words(then)} → {rates_in_words(now)} a million tokens"
            return [f"{factor:.1f} times dearer than on {older.prices.day}: {told}"]
        return []
    return []


def _better(model: Model, kinds: Sequence[TaskType], catalog: Catalog, today: date) -> str | None:
    """The cheapest listed, priced, curated model with native tools that is no weaker for these types."""
    price = catalog.price(model.id)
    wanted: Sequence[TaskType] = kinds or ("general",)
    rivals: list[tuple[Decimal, str]] = []
    for rival in catalog.models.values():
        cost = catalog.price(rival.id)
        if rival.id == model.id or cost is None or rival.quality is None or not rival.native_tools:
            continue
        if cost.is_free and not (price is not None and price.is_free):
            continue  # a free model has limits a day: it is no stand-in for a paid one
        if not isinstance(standing(catalog, rival.id, today), Present):
            continue
        stronger = all((rival.score(kind) or 0) >= (model.score(kind) or 0) for kind in wanted)
        cheaper = price is None or at_five_to_one(cost) < at_five_to_one(price)
        if stronger and cheaper:
            rivals.append((at_five_to_one(cost), rival.id))
    return min(rivals)[1] if rivals else None
