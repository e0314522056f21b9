"""The difference of two catalogues: nothing against itself, everything both ways, each in words."""

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.made import ABLE, catalog

from farthing.catalog.changes import changes
from farthing.catalog.models import Catalog, Model
from farthing.catalog.pricing import Price, PriceBook, PriceOverride, Rates

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

MIRRORED = {
    "new": "gone",
    "gone": "new",
    "dearer": "cheaper",
    "cheaper": "dearer",
    "priced": "unpriced",
    "unpriced": "priced",
    "capability": "capability",
}


@given(one=catalogs)
def test_a_catalogue_has_not_changed_against_itself(one: Catalog) -> None:
    assert changes(one, one) == ()


@given(one=catalogs, other=catalogs)
def test_what_changed_one_way_changed_back_the_other(one: Catalog, other: Catalog) -> None:
    there = Counter((change.kind, change.model) for change in changes(one, other))
    back = Counter((MIRRORED[change.kind], change.model) for change in changes(other, one))
    assert there == back


@given(one=catalogs, other=catalogs)
def test_the_changes_applied_to_the_old_list_give_the_new(one: Catalog, other: Catalog) -> None:
    found = changes(one, other)
    old, new = ({model.id for model in book.models.values() if model.listed} for book in (one, other))
    came = {change.model for change in found if change.kind == "new"}
    went = {change.model for change in found if change.kind == "gone"}
    assert (old - went) | came == new
    for name in old & new - {change.model for change in found}:
        before, after = one.models[name], other.models[name]
        assert one.price(name) == other.price(name)
        assert before.native_tools == after.native_tools
        assert before.native_schema == after.native_schema
        assert before.context_tokens == after.context_tokens


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


TIER = PriceOverride(rates={"prompt": Decimal("0.0000009")}, min_prompt_tokens=100)
LOW, HIGH = Decimal("0.0000001"), Decimal("0.0000003")


def priced(rates: Rates, *tiers: PriceOverride) -> Catalog:
    price = Price(model=ABLE.id, book="2026-01-01/test", rates=rates, overrides=tiers)
    book = PriceBook(id="2026-01-01/test", day=date(2026, 1, 1), source="test", prices={ABLE.id: price})
    return Catalog(models={ABLE.id: ABLE}, prices=book)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (priced(Rates(prompt=LOW, completion=LOW)), priced(Rates(prompt=LOW, completion=LOW), TIER)),
        (
            priced(Rates(prompt=LOW, completion=LOW, cache_read=LOW / 4)),
            priced(Rates(prompt=LOW, completion=LOW)),
        ),
        (
            priced(Rates(prompt=LOW, completion=LOW)),
            priced(Rates(prompt=LOW, completion=LOW, request=Decimal("0.01"))),
        ),
        (
            priced(Rates(prompt=LOW, completion=LOW)),
            priced(Rates(prompt=LOW, completion=LOW, reasoning=HIGH)),
        ),
    ],
)
def test_cache_rates_tiers_and_fees_are_dearer_or_cheaper_too(before: Catalog, after: Catalog) -> None:
    (up,), (down,) = changes(before, after), changes(after, before)
    assert (up.kind, down.kind) == ("dearer", "cheaper")
    assert up.text == "$0.100 in, $0.100 out as before; cache rates, tiers or fees differ"
