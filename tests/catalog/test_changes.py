"""The difference of two catalogues, and what is found of a configuration's models."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.catalog.changes import changes
from farthing.catalog.fitness import findings
from farthing.catalog.models import Catalog, Model
from farthing.catalog.pricing import Price, PriceBook, Rates
from farthing.config.load import load_catalog, load_config

TUTORIAL, TODAY = load_catalog("tutorial"), load_catalog()
DAY = TODAY.prices.day


def catalog(*models: tuple[Model, str | None], book: str = "2026-01-01/test") -> Catalog:
    prices = {
        model.id: Price(
            model=model.id, book=book, rates=Rates(prompt=Decimal(rate), completion=Decimal(rate))
        )
        for model, rate in models
        if rate is not None
    }
    dated = PriceBook(id=book, day=date.fromisoformat(book[:10]), source="test", prices=prices)
    return Catalog(models={model.id: model for model, _ in models}, prices=dated)


ABLE = Model(
    id="a/model", name="A", quality=0.9, context_tokens=1000, supported_parameters=frozenset({"tools"})
)
rates = st.none() | st.sampled_from(["0", "0.0000001", "0.0000002"])
models = st.builds(
    Model,
    id=st.sampled_from(["a/one", "a/two", "a/three"]),
    name=st.just("A"),
    context_tokens=st.sampled_from([None, 1000, 2000]),
    supported_parameters=st.frozensets(st.sampled_from(["tools", "response_format"])),
    listed=st.booleans(),
)
catalogs = st.lists(st.tuples(models, rates), max_size=4).map(lambda found: catalog(*found))


@given(one=catalogs)
def test_a_catalogue_has_not_changed_against_itself(one: Catalog) -> None:
    assert changes(one, one) == ()


@given(one=catalogs, other=catalogs)
def test_what_came_one_way_goes_the_other(one: Catalog, other: Catalog) -> None:
    there = {change.model for change in changes(one, other) if change.kind == "new"}
    back = {change.model for change in changes(other, one) if change.kind == "gone"}
    assert there == back


@pytest.mark.parametrize(
    ("after", "rate", "kind", "text"),
    [
        (ABLE, "0.0000002", "dearer", "$0.100 in, $0.100 out → $0.200 in, $0.200 out"),
        (ABLE, "0", "cheaper", "$0.100 in, $0.100 out → free"),
        (ABLE, None, "unpriced", "$0.100 in, $0.100 out → no price"),
        (replace(ABLE, listed=False), None, "gone", "no longer listed"),
        (replace(ABLE, supported_parameters=frozenset()), "0.0000001", "capability", "native tools lost"),
        (replace(ABLE, context_tokens=2000), "0.0000001", "capability", "context 1,000 → 2,000"),
        (replace(ABLE, expires=date(2027, 1, 1)), "0.0000001", "capability", "expires on 2027-01-01"),
    ],
)
def test_a_change_is_named(after: Model, rate: str | None, kind: str, text: str) -> None:
    (change,) = changes(catalog((ABLE, "0.0000001")), catalog((after, rate)))
    assert (change.kind, change.text, change.curated) == (kind, text, True)


def test_the_tutorials_models_have_become_dearer_and_have_better_ones() -> None:
    found = {one.slot: one for one in findings(load_config("balanced"), TODAY, [TUTORIAL], today=DAY)}
    assert {one.level for one in found.values()} == {"note"}
    assert found["secondary"].instead == "qwen/qwen3-coder-30b-a3b-instruct"
    assert "times dearer than on 2025-10-07" in found["primary"].texts[0]
    assert any("tools go by prompt" in text for text in found["secondary"].texts)


def test_a_gone_model_is_to_be_acted_on_and_its_successor_named() -> None:
    found = {one.slot: one for one in findings(load_config("budget"), TODAY, [], today=DAY)}
    assert (found["fallback"].level, found["fallback"].instead) == ("act", "google/gemma-4-26b-a4b-it:free")


def test_an_unknown_model_is_to_be_acted_on() -> None:
    config = load_config({"models": {"primary": "no/such-model"}}, environ={})
    (found,) = findings(config, TODAY, [TUTORIAL], today=DAY)
    assert (found.level, found.instead) == ("act", None)


def test_a_model_that_expires_soon_is_told() -> None:
    config = load_config({"models": {"primary": "a/model"}}, environ={})
    soon = catalog((replace(ABLE, expires=date(2026, 2, 1)), "0.0000001"))
    (found,) = findings(config, soon, [], today=date(2026, 1, 1))
    assert (found.level, found.texts) == ("note", ("expires on 2026-02-01",))


@pytest.mark.parametrize("name", ["budget-2026", "balanced-2026", "premium-2026"])
def test_the_profiles_of_2026_are_fine(name: str) -> None:
    assert {one.level for one in findings(load_config(name), TODAY, [TUTORIAL], today=DAY)} == {"fine"}
