"""Does `farthing models list`, `show` and `compare`: what the catalogue says, as tables or JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from farthing.catalog.changes import at_five_to_one, rates_in_words
from farthing.catalog.models import Catalog, Model
from farthing.catalog.pricing import Price, PriceOverride
from farthing.cli.work import show
from farthing.cli.work.books import all_catalogs, catalog_named
from farthing.config.answers import Volume, volume_from
from farthing.config.load import load_config, profile_names
from farthing.errors import ConfigError, ConfigFault, InvalidTaskError, nearest
from farthing.money import format_usd
from farthing.task import TASK_TYPES, TaskType

_MILLION = 1_000_000
_WIDE = 130
"""From this width on a list also says what its models are best for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a list is filtered by; `max_price` is dollars for 5M tokens in and 1M out."""

    kind: TaskType | None
    tools: bool
    schema: bool
    context: int
    max_price: Decimal | None


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
    out = show.console()
    best = ("best for",) if out.width >= _WIDE else ()
    columns = ("model", "context", "native", "$ in/out a M", "5M + 1M", "score", *best)
    rows = [_row(model, catalog, wanted.kind)[: len(columns)] for model in found]
    right = ("context", "5M + 1M", "score")
    title = f"{show.counted(len(found), 'model')} by {catalog.prices.id}"
    out.print(show.table(columns, rows, title=title, right=right))


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
    now = catalog.price(model.id)
    facts += [("tier", text) for text in _tiers(now)] if now is not None else []
    show.console().print(show.facts(facts))


def _facts(model: Model, catalog: Catalog) -> list[tuple[str, str]]:
    successor = model.successor
    scores = ", ".join(f"{kind} {_score(model, kind)}" for kind in TASK_TYPES)
    limits = f"{_tokens(model.context_tokens)}, writes at most {_tokens(model.max_output_tokens)}"
    reasoning = [("reasoning", "on unless told otherwise")] if model.reasons_by_default else []
    return [
        ("model", f"{model.id} ({model.name})"),
        ("also", ", ".join(model.aliases) or "—"),
        ("listed", f"{_listed(model)}, in {catalog.prices.id}"),
        ("context", limits),
        ("tools", "native" if model.native_tools else "by prompt"),
        ("schema", "native" if model.native_schema else "answers are checked"),
        *reasoning,
        ("scores", "unknown" if model.quality is None else f"{_score(model, None)} overall: {scores}"),
        *([("scores from", model.scores_from)] if model.scores_from else []),
        *(("published", str(one)) for one in model.public_scores),
        ("best for", ", ".join(model.best_for) or "—"),
        ("successor", f"{successor.model}, from {successor.since}" if successor else "—"),
    ]


def _listed(model: Model) -> str:
    if not model.listed:
        return "no longer"
    return "yes" if model.expires is None else f"yes, until {model.expires}"


def _tiers(price: Price) -> list[str]:
    """The rates that replace the usual ones, each with its conditions."""
    return [f"{_when(one)}: {_rates(one)} a million tokens" for one in price.overrides]


def _when(tier: PriceOverride) -> str:
    conditions: list[str] = []
    if tier.min_prompt_tokens is not None:
        conditions.append(f"above {tier.min_prompt_tokens:,} tokens in")
    if tier.utc_start is not None or tier.utc_end is not None:
        conditions.append(f"{tier.utc_start or '00:00'}–{tier.utc_end or '24:00'} UTC")
    return " and ".join(conditions) or "always"


def _rates(tier: PriceOverride) -> str:
    names = {"prompt": "in", "completion": "out"}
    told = [f"{format_usd(rate * _MILLION)} {names.get(name, name)}" for name, rate in tier.rates.items()]
    return ", ".join(told)


def tell_comparison(names: Sequence[str], *, volume: str, book: str, as_json: bool) -> None:
    """Models side by side, a column each. Raises `InvalidTaskError` for what is no volume."""
    catalog = catalog_named(book)
    models = [_found(name, catalog) for name in names]
    tokens = _volume(volume)
    costs = [_cost(model, tokens, catalog) for model in models]
    if as_json:
        told = [{**model_json(one, catalog), "cost": cost} for one, cost in zip(models, costs, strict=True)]
        show.write_json({"price_book": catalog.prices.id, "volume": tokens._asdict(), "models": told})
        return
    priced = f"{_short(tokens.input_tokens)} in, {_short(tokens.output_tokens)} out"
    lines = [
        ("$ a million tokens", [_price(model, catalog) for model in models]),
        (priced, [show.usd(cost) for cost in costs]),
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
        "prompt_per_million": None if price is None else price.rates.prompt * _MILLION,
        "completion_per_million": None if price is None else price.rates.completion * _MILLION,
        "tiers": [] if price is None else _tiers(price),
        "quality": model.quality,
        "quality_by_type": model.quality_by_type,
        "scores_from": model.scores_from or None,
        "public_scores": model.public_scores,
        "best_for": model.best_for,
        "successor": model.successor and model.successor.model,
        "expires": model.expires and model.expires.isoformat(),
    }


def _passes(model: Model, wanted: Wanted, catalog: Catalog) -> bool:
    price = catalog.price(model.id)
    if wanted.max_price is not None and (
        price is None or at_five_to_one(price) * _MILLION > wanted.max_price
    ):
        return False
    if wanted.kind is not None and model.score(wanted.kind) is None:
        return False
    able = (model.native_tools or not wanted.tools) and (model.native_schema or not wanted.schema)
    return able and (model.context_tokens or 0) >= wanted.context


def _rank(model: Model, order: str, kind: TaskType | None, catalog: Catalog) -> tuple[object, ...]:
    price = catalog.price(model.id)
    cost = Decimal("Infinity") if price is None else at_five_to_one(price)
    score = (model.quality if kind is None else model.score(kind)) or 0.0
    leading = {"price": cost, "score": -score, "context": -(model.context_tokens or 0)}[order]
    return (leading, cost, model.id)


def _row(model: Model, catalog: Catalog, kind: TaskType | None) -> tuple[str, ...]:
    price = catalog.price(model.id)
    able = {"tools": model.native_tools, "schema": model.native_schema}
    return (
        model.id,
        "unknown" if model.context_tokens is None else f"{model.context_tokens / 1000:,.0f}k",
        " ".join(name for name, native in able.items() if native) or "—",
        _in_and_out(price),
        "unknown" if price is None else show.usd(at_five_to_one(price) * _MILLION),
        _score(model, kind),
        ", ".join(model.best_for),
    )


def _found(name: str, catalog: Catalog) -> Model:
    model = catalog.find(name)
    if model is None:
        problem = f"{catalog.prices.id} does not have it"
        near = nearest(name, catalog.names())
        raise ConfigError(
            "the catalogue", [ConfigFault(path="model", value=name, problem=problem, nearest=near)]
        )
    return model


def _users(model: Model) -> list[str]:
    """The profiles that name it, with the slot."""
    return [
        f"{name} ({slot})"
        for name in profile_names()
        for slot, entry in load_config(name, environ={}).models.by_slot().items()
        if entry.model == model.id
    ]


def _volume(text: str) -> Volume:
    try:
        found = volume_from(text)
    except ValueError as error:
        raise InvalidTaskError(str(error)) from None
    if found is None:
        raise InvalidTaskError(f"{text} is no volume to compare by; give it as 10M/2M")
    return found


def _cost(model: Model, volume: Volume, catalog: Catalog) -> Decimal | None:
    """Dollars by the usual rates; None where the book has no price."""
    price = catalog.price(model.id)
    if price is None:
        return None
    return price.rates.prompt * volume.input_tokens + price.rates.completion * volume.output_tokens


def _price(model: Model, catalog: Catalog) -> str:
    price = catalog.price(model.id)
    return "unknown" if price is None else rates_in_words(price)


def _in_and_out(price: Price | None) -> str:
    if price is None or price.is_free:
        return "unknown" if price is None else "free"
    return "/".join(
        format_usd(rate * _MILLION).removeprefix("$") for rate in (price.rates.prompt, price.rates.completion)
    )


def _score(model: Model, kind: TaskType | None) -> str:
    score = model.quality if kind is None else model.score(kind)
    return "—" if score is None else f"{score:.2f}"


def _tokens(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}"


def _short(count: int) -> str:
    """`5M`, `850k` or the number."""
    for size, letter in ((_MILLION, "M"), (1000, "k")):
        if count and count % size == 0:
            return f"{count // size:,}{letter}"
    return f"{count:,}"
