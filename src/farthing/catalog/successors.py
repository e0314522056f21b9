"""What stands in for a model that is gone: pure look-ups along dated successors.

Decides, and announces each replacement; it never picks a model that the catalogue does not list, and
never one that costs money in place of one that was free.
"""

from datetime import date
from typing import assert_never

import msgspec

from farthing.catalog.models import Catalog, Model
from farthing.config.schema import DeploymentConfig, Models, Slot, SlotModel
from farthing.result import Notice


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """The model is in today's catalogue."""

    model: Model


class Replaced(msgspec.Struct, frozen=True, kw_only=True):
    """The model is gone; `by` has replaced it since the stated day."""

    model: Model
    by: Model
    since: date


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """The model is gone and nothing can stand in for it."""

    model: Model
    reason: str


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """The catalogue has never heard of the name."""

    name: str


Standing = Present | Replaced | Gone | Unknown


def standing(catalog: Catalog, name: str, today: date) -> Standing:
    """Whether a model can be called today, and what stands in for it when it is gone."""
    model = catalog.find(name)
    if model is None:
        return Unknown(name=name)
    if _is_here(model, today):
        return Present(model=model)
    seen = {model.id}
    current, since = model, date.min
    while not _is_here(current, today):
        step = current.successor
        if step is None:
            return Gone(model=model, reason=f"{current.id} names no successor")
        if step.since > today:
            return Gone(model=model, reason=f"its successor {step.model} stands in only from {step.since}")
        following = catalog.find(step.model)
        if following is None or following.id in seen:
            return Gone(model=model, reason=f"its successor {step.model} is not in the catalogue")
        seen.add(following.id)
        current, since = following, max(since, step.since)
    price = catalog.price(current.id)
    if price is None or (model.id.endswith(":free") and not price.is_free):
        return Gone(
            model=model, reason=f"its successor {current.id} is not free" if price else "unpriced successor"
        )
    return Replaced(model=model, by=current, since=since)


def replace_gone(
    config: DeploymentConfig, catalog: Catalog, today: date
) -> tuple[DeploymentConfig, tuple[Notice, ...]]:
    """The configuration with gone models replaced by their successors, and a notice for each.

    A slot with `successor: false` keeps its model. A name that the catalogue does not know stays, with
    a notice that its score is unknown. Nothing else of the configuration changes.
    """
    notices: list[Notice] = []
    slots: dict[Slot, SlotModel] = {}
    for slot, entry in config.models.by_slot().items():
        kept, notice = _slot(slot, entry, catalog, today)
        slots[slot] = kept
        if notice is not None:
            notices.append(notice)
    if slots == config.models.by_slot():
        return config, tuple(notices)
    return config.model_copy(update={"models": Models.model_validate(slots)}), tuple(notices)


def _slot(slot: Slot, entry: SlotModel, catalog: Catalog, today: date) -> tuple[SlotModel, Notice | None]:
    found = standing(catalog, entry.model, today)
    match found:
        case Present():
            return entry, None
        case Unknown():
            text = f"{slot}: {entry.model} is not in the catalogue {catalog.prices.id}: its score is unknown"
            return entry, Notice(code="unknown_model", text=text)
        case Gone():
            text = f"{slot}: {entry.model} is gone and stays without a stand-in: {found.reason}"
            return entry, Notice(code="model_gone", text=text)
        case Replaced() if not entry.successor:
            text = f"{slot}: {entry.model} is gone; its slot refuses the successor {found.by.id}"
            return entry, Notice(code="model_gone", text=text)
        case Replaced():
            text = f"{slot}: {entry.model} is gone; {found.by.id} stands in for it since {found.since}"
            return entry.model_copy(update={"model": found.by.id}), Notice(code="successor", text=text)
        case _:
            assert_never(found)


def _is_here(model: Model, today: date) -> bool:
    return model.listed and (model.expires is None or today < model.expires)
