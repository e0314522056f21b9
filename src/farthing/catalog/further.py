"""Models of further upstreams in the catalogue: as the configuration says, in the catalogue's words."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from farthing.catalog.models import Catalog, Model
from farthing.catalog.pricing import Price, Rates
from farthing.config.upstreams import FurtherModel, FurtherUpstream

_MILLION = Decimal(1_000_000)


def with_upstreams(catalog: Catalog, upstreams: Mapping[str, FurtherUpstream]) -> Catalog:
    """The catalogue with each further model as `UPSTREAM:MODEL`, priced in the day's book."""
    if not upstreams:
        return catalog
    said = {
        f"{name}:{model}": facts
        for name, upstream in upstreams.items()
        for model, facts in upstream.models.items()
    }
    book = catalog.prices
    prices = {
        model: Price(
            model=model,
            book=book.id,
            rates=Rates(prompt=facts.prompt / _MILLION, completion=facts.completion / _MILLION),
        )
        for model, facts in said.items()
    }
    return replace(
        catalog,
        models={**catalog.models, **{model: _model(model, facts) for model, facts in said.items()}},
        prices=replace(book, prices={**book.prices, **prices}),
    )


def _model(name: str, facts: FurtherModel) -> Model:
    able = [("tools", facts.tools), ("response_format", facts.structured)]
    return Model(
        id=name,
        name=name,
        context_tokens=facts.context_tokens,
        max_output_tokens=facts.max_output_tokens,
        supported_parameters=frozenset(parameter for parameter, can in able if can),
        quality=facts.quality,
        scores_from="your configuration" if facts.quality is not None else "",
    )
