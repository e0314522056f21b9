"""What changed between two catalogues: models that came and went, prices, capabilities. Pure."""

from decimal import Decimal
from typing import Literal

import msgspec

from farthing.catalog.models import Catalog, Model
from farthing.catalog.pricing import Price
from farthing.money import format_usd

ChangeKind = Literal["new", "gone", "dearer", "cheaper", "priced", "unpriced", "capability"]
_ORDER: tuple[ChangeKind, ...] = ("gone", "unpriced", "dearer", "capability", "cheaper", "priced", "new")
_MILLION = 1_000_000
_FIVE_TO_ONE = (5, 1)
"""Tokens in and out by which a price that rose here and fell there is called dearer or cheaper."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference, in words. `curated`: whether the model has scores and may stand in a profile."""

    kind: ChangeKind
    model: str
    text: str
    curated: bool


def changes(before: Catalog, after: Catalog) -> tuple[Change, ...]:
    """Every difference of listed models, worst first. Empty for a catalogue against itself."""
    old = {name: model for name, model in before.models.items() if model.listed}
    new = {name: model for name, model in after.models.items() if model.listed}
    found = [_change("gone", model, "no longer listed") for name, model in old.items() if name not in new]
    for name, model in new.items():
        price = after.price(name)
        if name not in old:
            found.append(_change("new", model, "unpriced" if price is None else rates_in_words(price)))
            continue
        found += _price_changes(model, before.price(name), price)
        found += _capability_changes(old[name], model)
    return tuple(sorted(found, key=lambda one: (_ORDER.index(one.kind), not one.curated, one.model)))


def rates_in_words(price: Price) -> str:
    """`$0.100 in, $0.300 out` per million tokens, or `free`."""
    if price.is_free:
        return "free"
    inward, outward = (format_usd(rate * _MILLION) for rate in (price.rates.prompt, price.rates.completion))
    return f"{inward} in, {outward} out"


def at_five_to_one(price: Price) -> Decimal:
    """US dollars for five tokens in and one out: one figure for two rates."""
    return price.rates.prompt * _FIVE_TO_ONE[0] + price.rates.completion * _FIVE_TO_ONE[1]


def _price_changes(model: Model, before: Price | None, after: Price | None) -> list[Change]:
    if before is None or after is None:
        if before is after:
            return []
        return [_change("unpriced" if after is None else "priced", model, _priced(before, after))]
    if before.rates == after.rates and before.overrides == after.overrides:
        return []
    dearer = _weight(after) > _weight(before)
    return [_change("dearer" if dearer else "cheaper", model, _priced(before, after))]


def _weight(price: Price) -> tuple[Decimal, ...]:
    """What makes a price dearer: its usual rates, then the dearest that can apply, then the others."""
    rates, dearest = price.rates, price.dearest
    cached = [rate if rate is not None else rates.prompt for rate in (rates.cache_read, rates.cache_write)]
    return (
        at_five_to_one(price),
        dearest.prompt * _FIVE_TO_ONE[0] + dearest.completion * _FIVE_TO_ONE[1],
        dearest.request,
        sum(cached) + (rates.reasoning if rates.reasoning is not None else rates.completion),
    )


def _priced(before: Price | None, after: Price | None) -> str:
    old, new = ("no price" if price is None else rates_in_words(price) for price in (before, after))
    return f"{old} → {new}" if old != new else f"{new} as before; cache rates, tiers or fees differ"


def _capability_changes(before: Model, after: Model) -> list[Change]:
    told: list[str] = []
    for name, had, has in (
        ("native tools", before.native_tools, after.native_tools),
        ("response format", before.native_schema, after.native_schema),
    ):
        if had != has:
            told.append(f"{name} {'lost' if had else 'gained'}")
    if before.context_tokens != after.context_tokens:
        told.append(f"context {_tokens(before.context_tokens)} → {_tokens(after.context_tokens)}")
    if after.expires is not None and after.expires != before.expires:
        told.append(f"expires on {after.expires}")
    return [_change("capability", after, "; ".join(told))] if told else []


def _change(kind: ChangeKind, model: Model, text: str) -> Change:
    return Change(kind=kind, model=model.id, text=text, curated=model.quality is not None)


def _tokens(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}"
