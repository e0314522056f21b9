"""Does `farthing models list`, `show` and `compare`: what the catalogue says, as tables or JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from farthing.catalog.changes import at_five_to_one, rates_in_words
from farthing.catalog.models import Catalog, Model
from farthing.cli.work import show
from farthing.cli.work.books import all_catalogs, catalog_named
from farthing.config.load import load_config, profile_names
from farthing.errors import ConfigError, ConfigFault, nearest
from farthing.task import TASK_TYPES, TaskType


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a list is filtered by; `max_price` is dollars for 5M tokens in and 1M out."""

    kind: TaskType | None
    tools: bool
    context: int
    max_price: float | None


def tell_list(wanted: Wanted, *, everything: bool, order: str, book: str, as_json: bool) -> None:
    """The models that pass, sorted."""
    catalog = catalog_named(book)
    found = [
        model
        for model in catalog.models.values()
        if model.listed and (everything or model.quality is not None) and _passes(model, wanted, catalog)
    ]
    found.sort(key=lambda model: _rank(model, order, wanted.kind, catalog))
    if as_json:
        told = [model_json(model, catalog) for model in found]
        show.write_json({"price_book": catalog.prices.id, "models": told})
        return
    columns = (
        "model",
        "context",
        "tools",
        "schema",
        "$ a million tokens",
        "5M in, 1M out",
        "score",
        "best for",
    )
    rows = [_row(model, catalog, wanted.kind) for model in found]
    title = f"{show.counted(len(found), 'model')} by {catalog.prices.id}"
    show.console().print(show.table(columns, rows, title=title, right=("context", "5M in, 1M out", "score")))


def tell_model(name: str, *, book: str, as_json: bool) -> None:
    """One model. Raises `ConfigError` with the nearest name when the book does not have it."""
    catalog = catalog_named(book)
    model = _found(name, catalog)
    prices = [
        (one.prices.id, price)
        for one in all_catalogs()
        if (price := one.prices.prices.get(model.id)) is not None
    ]
    users = _users(model)
    if as_json:
        told = {prices_of: rates_in_words(price) for prices_of, price in prices}
        show.write_json({**model_json(model, catalog), "prices": told, "profiles": users})
        return
    facts = [*_facts(model, catalog), ("named by", ", ".join(users) or "no profile")]
    facts += [(f"price {book_id}", f"{rates_in_words(price)} a million tokens") for book_id, price in prices]
    show.console().print(show.facts(facts))


def _facts(model: Model, catalog: Catalog) -> list[tuple[str, str]]:
    successor = model.successor
    scores = ", ".join(f"{kind} {_score(model, kind)}" for kind in TASK_TYPES)
    limits = f"{_tokens(model.context_tokens)}, writes at most {_tokens(model.max_output_tokens)}"
    return [
        ("model", f"{model.id} ({model.name})"),
        ("also", ", ".join(model.aliases) or "—"),
        ("listed", f"{'yes' if model.listed else 'no longer'}, in {catalog.prices.id}"),
        ("context", limits),
        ("tools", "native" if model.native_tools else "by prompt"),
        ("schema", "native" if model.native_schema else "answers are checked"),
        ("scores", "unknown" if model.quality is None else f"{_score(model, None)} overall: {scores}"),
        ("best for", ", ".join(model.best_for) or "—"),
        ("successor", f"{successor.model}, from {successor.since}" if successor else "—"),
    ]


def tell_comparison(names: Sequence[str], *, book: str, as_json: bool) -> None:
    """Models side by side, a column each."""
    catalog = catalog_named(book)
    models = [_found(name, catalog) for name in names]
    if as_json:
        show.write_json(
            {"price_book": catalog.prices.id, "models": [model_json(one, catalog) for one in models]}
        )
        return
    lines = [
        ("$ a million tokens", [_price(model, catalog) for model in models]),
        ("5M in, 1M out", [_five_to_one(model, catalog) for model in models]),
        ("context", [_tokens(model.context_tokens) for model in models]),
        ("writes at most", [_tokens(model.max_output_tokens) for model in models]),
        ("tools", ["native" if model.native_tools else "by prompt" for model in models]),
        ("schema", ["native" if model.native_schema else "checked" for model in models]),
        ("score", [_score(model, None) for model in models]),
        *((f"score, {kind}", [_score(model, kind) for model in models]) for kind in TASK_TYPES),
    ]
    rows = [(name, *cells) for name, cells in lines]
    title = f"By {catalog.prices.id}"
    show.console().print(show.table(("", *(model.id for model in models)), rows, title=title))


def model_json(model: Model, catalog: Catalog) -> dict[str, object]:
    """A model as JSON values; prices as text in dollars per million tokens."""
    price = catalog.price(model.id)
    return {
        "id": model.id,
        "name": model.name,
        "listed": model.listed,
        "context_tokens": model.context_tokens,
        "max_output_tokens": model.max_output_tokens,
        "native_tools": model.native_tools,
        "native_schema": model.native_schema,
        "prompt_per_million": None if price is None else price.rates.prompt * 1_000_000,
        "completion_per_million": None if price is None else price.rates.completion * 1_000_000,
        "quality": model.quality,
        "quality_by_type": model.quality_by_type,
        "best_for": model.best_for,
        "successor": model.successor and model.successor.model,
        "expires": model.expires and model.expires.isoformat(),
    }


def _passes(model: Model, wanted: Wanted, catalog: Catalog) -> bool:
    price = catalog.price(model.id)
    if wanted.max_price is not None and (
        price is None or at_five_to_one(price) * 1_000_000 > Decimal(str(wanted.max_price))
    ):
        return False
    if wanted.kind is not None and model.score(wanted.kind) is None:
        return False
    return (model.native_tools or not wanted.tools) and (model.context_tokens or 0) >= wanted.context


def _rank(model: Model, order: str, kind: TaskType | None, catalog: Catalog) -> tuple[object, ...]:
    price = catalog.price(model.id)
    cost = Decimal("Infinity") if price is None else at_five_to_one(price)
    score = (model.quality if kind is None else model.score(kind)) or 0.0
    leading = {"price": cost, "score": -score, "context": -(model.context_tokens or 0)}[order]
    return (leading, cost, model.id)


def _row(model: Model, catalog: Catalog, kind: TaskType | None) -> tuple[str, ...]:
    return (
        model.id,
        _tokens(model.context_tokens),
        "native" if model.native_tools else "prompt",
        "native" if model.native_schema else "checked",
        _price(model, catalog),
        _five_to_one(model, catalog),
        _score(model, kind),
        ", ".join(model.best_for),
    )


def _found(name: str, catalog: Catalog) -> Model:
    model = catalog.find(name)
    if model is None:
        known = [*catalog.models, *(alias for one in catalog.models.values() for alias in one.aliases)]
        problem = f"{catalog.prices.id} does not have it"
        fault = ConfigFault(path="model", value=name, problem=problem, nearest=nearest(name, known))
        raise ConfigError("the catalogue", [fault])
    return model


def _users(model: Model) -> list[str]:
    """The profiles that name it, with the slot."""
    return [
        f"{name} ({slot})"
        for name in profile_names()
        for slot, entry in load_config(name, environ={}).models.by_slot().items()
        if entry.model == model.id
    ]


def _price(model: Model, catalog: Catalog) -> str:
    price = catalog.price(model.id)
    return "unknown" if price is None else rates_in_words(price)


def _five_to_one(model: Model, catalog: Catalog) -> str:
    price = catalog.price(model.id)
    return "unknown" if price is None else show.usd(at_five_to_one(price) * 1_000_000)


def _score(model: Model, kind: TaskType | None) -> str:
    score = model.quality if kind is None else model.score(kind)
    return "—" if score is None else f"{score:.2f}"


def _tokens(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}"
