"""Small catalogues for the tests of changes and fitness."""

from datetime import date
from decimal import Decimal

from farthing.catalog.models import Catalog, Model
from farthing.catalog.pricing import Price, PriceBook, Rates

ABLE = Model(
    id="a/model", name="A", quality=0.9, context_tokens=1000, supported_parameters=frozenset({"tools"})
)


def catalog(*models: tuple[Model, str | None], book: str = "2026-01-01/test") -> Catalog:
    """A book of these models, each with one rate in and out; None is no price."""
    prices = {
        model.id: Price(
            model=model.id, book=book, rates=Rates(prompt=Decimal(rate), completion=Decimal(rate))
        )
        for model, rate in models
        if rate is not None
    }
    dated = PriceBook(id=book, day=date.fromisoformat(book[:10]), source="test", prices=prices)
    return Catalog(models={model.id: model for model, _ in models}, prices=dated)
