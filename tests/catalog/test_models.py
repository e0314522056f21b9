"""Names resolve to models, and a price is known or it is not."""

from datetime import date
from decimal import Decimal

import pytest

from farthing.catalog.models import Catalog, Model
from farthing.catalog.pricing import Price, PriceBook, Rates


def rates(amount: str) -> Rates:
    return Rates(prompt=Decimal(amount), completion=Decimal(amount))


MODELS = {
    "a/big": Model(id="a/big", name="Big", aliases=("big",), quality=0.9, free_variant="a/big:free"),
    "a/big:free": Model(id="a/big:free", name="Big (free)"),
    "a/small": Model(id="a/small", name="Small", supported_parameters=frozenset({"tools"})),
}
PRICES = {
    "a/big": Price(model="a/big", book="b", rates=rates("0.1")),
    "a/big:free": Price(model="a/big:free", book="b", rates=rates("0")),
}
CATALOG = Catalog(
    models=MODELS, prices=PriceBook(id="b", day=date(2026, 11, 23), source="test", prices=PRICES)
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a/big", "a/big"),
        ("big", "a/big"),
        ("big:free", "a/big:free"),
        ("a/big:free", "a/big:free"),
        ("big:floor", "a/big:floor"),
        ("a/big:nitro", "a/big:nitro"),
        ("a/small:free", None),
        ("a/big:unheard", None),
        ("a/other", None),
        ("a/other:floor", None),
        ("", None),
    ],
)
def test_a_name_is_an_id_an_alias_or_a_variant(name: str, found: str | None) -> None:
    model = CATALOG.find(name)
    assert (model.id if model else None) == found


def test_a_variant_has_the_abilities_of_its_model() -> None:
    model = CATALOG.find("a/small:floor")
    assert model is not None
    assert model.native_tools
    assert not model.native_schema


@pytest.mark.parametrize(
    ("name", "prompt"),
    [
        ("big", "0.1"),
        ("a/big:floor", "0.1"),
        ("big:thinking", "0.1"),
        ("big:free", "0"),
        ("a/big:nitro", None),  # the priority tier's rates are in no row
        ("a/small", None),
        ("a/small:floor", None),
        ("a/other", None),
    ],
)
def test_a_price_is_known_or_it_is_none(name: str, prompt: str | None) -> None:
    price = CATALOG.price(name)
    assert (price.rates.prompt if price else None) == (None if prompt is None else Decimal(prompt))


def test_a_score_by_type_wins_over_the_overall_one() -> None:
    model = Model(id="m", name="M", quality=0.8, quality_by_type={"coding": 0.9})
    assert model.score("coding") == 0.9
    assert model.score("general") == 0.8
    assert Model(id="n", name="N").score("coding") is None
