"""Whether a configuration's models are still the right ones: gone, expiring, dearer, weaker. Pure.

Finds and names; what to use instead is another curated, listed model that is no weaker for the same task
types and stands in no other slot. What the change would cost is the calculator's.
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
_DEARER_FROM = Decimal("1.1")
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


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One slot's question: which model, for which task types, by which books, on which day."""

    slot: Slot
    name: str
    kinds: Sequence[TaskType]
    others: frozenset[str]
    """The models of the other slots: a stand-in that is there already would be no second chance."""
    reserves_unpriced: bool
    catalog: Catalog
    earlier: Sequence[Catalog]
    today: date

    def said(self, level: Level, *texts: str, instead: str | None = None) -> Finding:
        return Finding(slot=self.slot, model=self.name, level=level, texts=texts, instead=instead)


def findings(
    config: DeploymentConfig, catalog: Catalog, earlier: Sequence[Catalog], *, today: date
) -> tuple[Finding, ...]:
    """One finding for each slot. `earlier` are older catalogues, oldest first, to compare with."""
    slots, mapping = config.models.by_slot(), config.routing.task_type_mapping
    return tuple(
        _finding(
            _Asked(
                slot=slot,
                name=entry.model,
                kinds=[kind for kind in TASK_TYPES if mapping.get(kind) == slot],
                others=frozenset(_id(other.model, catalog) for name, other in slots.items() if name != slot),
                reserves_unpriced=config.budget.unknown_price_ceiling is not None,
                catalog=catalog,
                earlier=earlier,
                today=today,
            )
        )
        for slot, entry in slots.items()
    )


def _finding(asked: _Asked) -> Finding:
    catalog = asked.catalog
    found = standing(catalog, asked.name, asked.today)
    match found:
        case Unknown():
            return asked.said("act", f"not in {catalog.prices.id}: its price and score are unknown")
        case Gone(model=model, reason=reason):
            return asked.said("act", f"gone: {reason}", instead=_better(model, asked, cheaper=False))
        case Replaced(by=by, since=since):
            return asked.said("act", f"gone; {by.id} stands in since {since}", instead=by.id)
        case Present(model=model):
            return _present(model, asked)
        case _:
            assert_never(found)


def _present(model: Model, asked: _Asked) -> Finding:
    """What is told of a model that is there; only a weakness or an end justify a dearer one instead."""
    weaker = [*_ending(model, asked.today), *_weaker(model, asked)]
    dearer = _dearer(model, asked)
    if asked.catalog.price(model.id) is None and not asked.reserves_unpriced:
        text = f"no price in {asked.catalog.prices.id}: calls are refused"
        return asked.said("act", text, *weaker, instead=_better(model, asked, cheaper=False))
    if not weaker and not dearer:
        return asked.said("fine")
    instead = _better(model, asked, cheaper=True)
    if instead is None and weaker:
        instead = _better(model, asked, cheaper=False)
    return asked.said("note", *dearer, *weaker, instead=instead)


def _ending(model: Model, today: date) -> list[str]:
    ends = model.expires
    return [f"expires on {ends}"] if ends and (ends - today).days <= _EXPIRES_WITHIN_DAYS else []


def _weaker(model: Model, asked: _Asked) -> list[str]:
    """Capabilities that are wanted and missing, or that were there when the oldest book was made."""
    then = next((one for book in asked.earlier if (one := _listed(model.id, book)) is not None), model)
    told: list[str] = []
    if not model.native_tools:
        lost = " any more" if then.native_tools else ""
        told.append(f"no native tool calling{lost}: tools go by prompt")
    if not model.native_schema and (then.native_schema or "structured" in asked.kinds):
        lost = " any more" if then.native_schema else ""
        told.append(f"no native response format{lost}: answers are checked here")
    if (model.context_tokens or 0) < (then.context_tokens or 0):
        now = "unknown" if model.context_tokens is None else f"{model.context_tokens:,}"
        told.append(f"context {then.context_tokens:,} → {now}")
    return told


def _dearer(model: Model, asked: _Asked) -> list[str]:
    """Against the oldest book that prices it."""
    now = asked.catalog.price(model.id)
    for older in asked.earlier:
        then = older.price(model.id)
        if now is None or then is None:
            continue
        before, after = at_five_to_one(then), at_five_to_one(now)
        told = f"{rates_in_words(then)} → {rates_in_words(now)} a million tokens"
        if before == 0 < after:
            return [f"no longer free, as on {older.prices.day}: {told}"]
        if before and after / before >= _DEARER_FROM:
            return [f"{after / before:.1f} times dearer than on {older.prices.day}: {told}"]
        return []
    return []


def _better(model: Model, asked: _Asked, *, cheaper: bool) -> str | None:
    """The cheapest listed, priced, curated model with native tools that is no weaker; or None."""
    catalog, price = asked.catalog, asked.catalog.price(model.id)
    most = None if price is None or not cheaper else at_five_to_one(price)
    rivals: list[tuple[Decimal, str]] = []
    for rival in catalog.models.values():
        cost = catalog.price(rival.id)
        if cost is None or rival.id in (model.id, *asked.others) or not _no_weaker(rival, model, asked):
            continue
        if cost.is_free != _is_free(model, catalog):
            continue  # a free model has limits a day, and a paid one costs what a free one does not
        if most is None or at_five_to_one(cost) < most:
            rivals.append((at_five_to_one(cost), rival.id))
    return min(rivals)[1] if rivals else None


def _no_weaker(rival: Model, model: Model, asked: _Asked) -> bool:
    kinds: Sequence[TaskType] = asked.kinds or ("general",)
    return (
        rival.quality is not None
        and rival.native_tools
        and rival.native_schema >= model.native_schema
        and (rival.context_tokens or 0) >= (model.context_tokens or 0)
        and all((rival.score(kind) or 0) >= (model.score(kind) or 0) for kind in kinds)
        and isinstance(standing(asked.catalog, rival.id, asked.today), Present)
        and not _ending(rival, asked.today)
    )


def _is_free(model: Model, catalog: Catalog) -> bool:
    price = catalog.price(model.id)
    return model.id.endswith(":free") if price is None else price.is_free


def _listed(name: str, catalog: Catalog) -> Model | None:
    model = catalog.find(name)
    return model if model is not None and model.listed else None


def _id(name: str, catalog: Catalog) -> str:
    model = catalog.find(name)
    return name if model is None else model.id
