"""From raw `/models` rows to a catalogue: what a row says, and what was curated about its model.

Decides which rows can be used and never invents a price: a row whose price cannot be read is known but
unpriced. Fetching rows is `refresh.py`'s, reading packaged files `config/load.py`'s.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import cast

from farthing.catalog.models import Catalog, Model, PublicScore, Successor
from farthing.catalog.pricing import Price, PriceBook, has_discount, price_from_row
from farthing.result import Notice
from farthing.task import TASK_TYPES

Row = Mapping[str, object]
_MOST_TOKENS = 10**9
"""No model's: a row that says more says nothing, and the digits of `1e999999` alone would take seconds."""


def catalog_from_rows(
    rows: Iterable[object],
    *,
    book: str,
    day: date,
    source: str,
    curated: Mapping[str, Model],
    live: bool = False,
) -> tuple[Catalog, tuple[Notice, ...]]:
    """A catalogue of one dated book `book`, with the curated scores, aliases and successors kept.

    Models that are curated but have no row stay findable with `listed=False` and no price. Unusable
    rows and unreadable prices become notices, one of each kind.
    """
    models: dict[str, Model] = {}
    prices: dict[str, Price] = {}
    faults: dict[str, list[str]] = {"bad_row": [], "no_price": [], "discount_ignored": []}
    for position, raw in enumerate(rows):
        row = _object(raw)
        if not _text(row, "id"):
            faults["bad_row"].append(f"row {position}")
            continue
        model = _model(row, curated)
        models[model.id] = model
        try:
            prices[model.id] = price_from_row(row, book=book)
        except ValueError as fault:
            faults["no_price"].append(f"{model.id} ({fault})")
        if has_discount(row):
            faults["discount_ignored"].append(model.id)
    gone = {name: replace(model, listed=False) for name, model in curated.items() if name not in models}
    catalog = Catalog(
        models={**models, **gone},
        prices=PriceBook(id=book, day=day, source=source, prices=prices),
        live=live,
    )
    return catalog, tuple(_notice(code, names, book) for code, names in faults.items() if names)


_SAID = {
    "bad_row": "have no model id and were skipped",
    "no_price": "have no known price and cannot be reserved for",
    "discount_ignored": "state a discount, which reservations do not count on",
}


def _notice(code: str, names: Sequence[str], book: str) -> Notice:
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return Notice(code=code, text=f"{book}: {len(names)} of its rows {_SAID[code]}: {shown}")


def curated_models(raw: Iterable[Mapping[str, object]]) -> dict[str, Model]:
    """The curated facts of `models.json`, by model id. Its keys are camelCase; unknown ones are remarks."""
    return {model.id: model for model in map(_curated, raw)}


def _curated(raw: Row) -> Model:
    quality = raw.get("quality")
    by_type = _object(raw.get("qualityByType"))
    return Model(
        id=_text(raw, "id") or "",
        name=_text(raw, "name") or "",
        aliases=_words(raw.get("aliases")),
        quality=float(quality) if isinstance(quality, Decimal | int) else None,
        quality_by_type={kind: float(str(by_type[kind])) for kind in TASK_TYPES if kind in by_type},
        scores_from=_text(raw, "scoresFrom") or "",
        public_scores=_public_scores(raw.get("publicScores")),
        best_for=_words(raw.get("bestFor")),
        free_variant=_text(raw, "freeVariant"),
        successor=_successor(_object(raw.get("successor"))),
    )


def _successor(raw: Row) -> Successor | None:
    model, since = _text(raw, "model"), _text(raw, "since")
    return Successor(model=model, since=date.fromisoformat(since)) if model and since else None


def _public_scores(raw: object) -> tuple[PublicScore, ...]:
    found = [_object(one) for one in cast("Sequence[object]", raw)] if isinstance(raw, list) else []
    fields = ("benchmark", "value", "by", "source", "day", "remark")
    return tuple(PublicScore(**{name: _text(one, name) or "" for name in fields}) for one in found)


def _model(row: Row, curated: Mapping[str, Model]) -> Model:
    name = _text(row, "id") or ""
    about = curated.get(name) or Model(id=name, name=_text(row, "name") or name)
    limits = _object(row.get("top_provider"))
    parameters = frozenset(_words(row.get("supported_parameters")))
    return replace(
        about,
        context_tokens=_count(row.get("context_length")) or _count(limits.get("context_length")),
        max_output_tokens=_count(limits.get("max_completion_tokens")),
        supported_parameters=parameters,
        expires=_day(row.get("expiration_date")),
        reasons_by_default="reasoning" in parameters and not _reasoning_is_off(row),
        listed=True,
    )


def _reasoning_is_off(row: Row) -> bool:
    return _object(row.get("reasoning")).get("default_enabled") is False


def _object(value: object) -> Row:
    return cast("Row", value) if isinstance(value, Mapping) else {}


def _text(row: Row, key: str) -> str | None:
    value = row.get(key)
    return value if isinstance(value, str) and value else None


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return ()
    return tuple(word for word in cast("Sequence[object]", value) if isinstance(word, str))


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return int(value) if 0 < value <= _MOST_TOKENS else None


def _day(value: object) -> date | None:
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None
