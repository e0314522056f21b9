"""What is found of a configuration's models, and what is named instead."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.made import ABLE, catalog

from farthing.catalog.fitness import Finding, findings
from farthing.catalog.models import Catalog, Model, Successor
from farthing.catalog.successors import Present, standing
from farthing.config.load import load_catalog, load_config

TUTORIAL, TODAY = load_catalog("tutorial"), load_catalog()
DAY = TODAY.prices.day
FREE, CHEAP, USUAL, DEAR = "0", "0.0000001", "0.0000002", "0.0000004"
SETTINGS: Mapping[str, Any] = {"models": {"primary": "a/model"}}


def model(name: str, **changed: Any) -> Model:
    return replace(ABLE, id=name, **changed)


def found(
    now: Catalog, *earlier: Catalog, settings: Mapping[str, Any] = SETTINGS, day: str = "2026-01-01"
) -> Finding:
    config = load_config(settings, environ={})
    return findings(config, now, earlier, today=date.fromisoformat(day))[0]


BARE = replace(ABLE, supported_parameters=frozenset())
RIVAL = model("a/rival")
OLD = "2025-01-01/old"


def test_the_tutorials_models_have_become_dearer_and_have_better_ones() -> None:
    told = {one.slot: one for one in findings(load_config("balanced"), TODAY, [TUTORIAL], today=DAY)}
    assert {one.level for one in told.values()} == {"note"}
    assert told["secondary"].instead == "qwen/qwen3-coder-30b-a3b-instruct"
    assert "times dearer than on 2025-10-07" in told["primary"].texts[0]
    assert "no native tool calling any more: tools go by prompt" in told["secondary"].texts


def test_a_gone_model_is_to_be_acted_on_and_its_successor_named() -> None:
    told = {one.slot: one for one in findings(load_config("budget"), TODAY, [], today=DAY)}
    assert (told["fallback"].level, told["fallback"].instead) == ("act", "google/gemma-4-26b-a4b-it:free")


def test_an_unknown_model_is_to_be_acted_on() -> None:
    one = found(TODAY, TUTORIAL, settings={"models": {"primary": "no/such-model"}})
    assert (one.level, one.instead) == ("act", None)


@pytest.mark.parametrize("name", ["budget-2026", "balanced-2026", "premium-2026"])
def test_the_profiles_of_2026_are_fine(name: str) -> None:
    assert {one.level for one in findings(load_config(name), TODAY, [TUTORIAL], today=DAY)} == {"fine"}


def test_a_model_that_expires_soon_is_told_and_a_dearer_one_may_take_its_place() -> None:
    ending = replace(ABLE, expires=date(2026, 2, 1))
    one = found(catalog((ending, CHEAP), (RIVAL, USUAL)))
    assert (one.level, one.texts, one.instead) == ("note", ("expires on 2026-02-01",), "a/rival")
    assert found(catalog((ending, CHEAP), (RIVAL, USUAL)), day="2025-11-01").level == "fine"


def test_a_model_that_has_expired_is_gone() -> None:
    ended = replace(
        ABLE, expires=date(2026, 1, 1), successor=Successor(model="a/rival", since=date(2025, 1, 1))
    )
    one = found(catalog((ended, CHEAP), (RIVAL, USUAL)), day="2026-01-01")
    assert (one.level, one.instead) == ("act", "a/rival")


@pytest.mark.parametrize(
    ("then", "now", "text"),
    [
        (ABLE, BARE, "no native tool calling any more: tools go by prompt"),
        (BARE, BARE, "no native tool calling: tools go by prompt"),
        (ABLE, replace(ABLE, context_tokens=500), "context 1,000 → 500"),
        (ABLE, replace(ABLE, context_tokens=None), "context 1,000 → unknown"),
        (
            replace(ABLE, supported_parameters=frozenset({"tools", "response_format"})),
            ABLE,
            "no native response format any more: answers are checked here",
        ),
    ],
)
def test_a_capability_that_is_wanted_or_was_there_is_missed(then: Model, now: Model, text: str) -> None:
    one = found(catalog((now, USUAL)), catalog((then, USUAL), book=OLD))
    assert (one.level, one.texts) == ("note", (text,))


def test_a_response_format_is_missed_for_structured_tasks_only() -> None:
    mapped = {**SETTINGS, "routing": {"taskTypeMapping": {"structured": "primary"}}}
    assert "answers are checked here" in found(catalog((ABLE, USUAL)), settings=mapped).texts[0]


@pytest.mark.parametrize(
    ("then", "now", "text"),
    [
        (CHEAP, DEAR, "4.0 times dearer than on 2025-01-01: $0.100 in, $0.100 out → $0.400 in, $0.400 out a"),
        (FREE, CHEAP, "no longer free, as on 2025-01-01: free → $0.100 in, $0.100 out a"),
    ],
)
def test_a_dearer_price_is_told_with_both(then: str, now: str, text: str) -> None:
    one = found(catalog((ABLE, now)), catalog((ABLE, then), book=OLD))
    assert (one.level, one.texts) == ("note", (f"{text} million tokens",))


@pytest.mark.parametrize(
    ("then", "now"), [(DEAR, CHEAP), (USUAL, USUAL), ("0.0000100", "0.0000109"), (None, DEAR)]
)
def test_a_price_that_is_hardly_dearer_is_fine(then: str | None, now: str) -> None:
    assert found(catalog((ABLE, now)), catalog((ABLE, then), book=OLD)).level == "fine"


def test_the_oldest_book_with_a_price_is_compared_with() -> None:
    books = [
        catalog((ABLE, rate), book=f"2025-0{at}-01/x") for at, rate in enumerate([None, CHEAP, USUAL], 1)
    ]
    assert "than on 2025-02-01" in found(catalog((ABLE, DEAR)), *books).texts[0]


def test_a_model_without_a_price_is_refused_unless_a_ceiling_is_set() -> None:
    now = catalog((ABLE, None), (RIVAL, DEAR))
    one = found(now)
    assert (one.level, one.instead) == ("act", "a/rival")
    assert "calls are refused" in one.texts[0]
    assert found(now, settings={**SETTINGS, "budget": {"unknownPriceCeiling": "0.01"}}).level == "fine"


@pytest.mark.parametrize(
    ("rival", "rate"),
    [
        (model("a/rival"), DEAR),  # no cheaper
        (model("a/rival"), None),
        (model("a/rival"), FREE),  # its limits a day make it no stand-in for a paid model
        (model("a/rival", quality=0.8), CHEAP),
        (model("a/rival", quality=None), CHEAP),
        (model("a/rival", context_tokens=999), CHEAP),
        (model("a/rival", supported_parameters=frozenset()), CHEAP),
        (model("a/rival", listed=False), CHEAP),
        (model("a/rival", expires=date(2026, 2, 1)), CHEAP),
    ],
)
def test_what_is_weaker_or_no_cheaper_is_not_named_for_a_dearer_model(rival: Model, rate: str | None) -> None:
    before = catalog((ABLE, CHEAP), book=OLD)
    assert found(catalog((ABLE, USUAL), (rival, rate)), before).instead is None
    assert found(catalog((ABLE, USUAL), (RIVAL, CHEAP)), before).instead == "a/rival"


def test_a_model_of_another_slot_is_no_stand_in() -> None:
    now, before = catalog((ABLE, USUAL), (RIVAL, CHEAP)), catalog((ABLE, CHEAP), book=OLD)
    both = {"models": {"primary": "a/model", "fallback": "a/rival"}}
    assert found(now, before, settings=both).instead is None


rates = st.sampled_from([None, FREE, CHEAP, USUAL, DEAR])
models = st.builds(
    Model,
    id=st.sampled_from(["a/model", "b/one", "b/two"]),
    name=st.just("A"),
    context_tokens=st.sampled_from([None, 1000, 2000]),
    supported_parameters=st.frozensets(st.sampled_from(["tools", "response_format"])),
    quality=st.sampled_from([None, 0.8, 0.9]),
    expires=st.sampled_from([None, date(2025, 12, 1), date(2026, 1, 15), date(2030, 1, 1)]),
    successor=st.none() | st.just(Successor(model="b/one", since=date(2025, 1, 1))),
    listed=st.booleans(),
)
shelves = st.lists(st.tuples(models, rates), max_size=5)


@given(now=shelves, before=shelves)
def test_what_is_named_instead_can_be_called_and_fine_needs_nothing(
    now: list[tuple[Model, str | None]], before: list[tuple[Model, str | None]]
) -> None:
    book = catalog(*now)
    one = found(book, catalog(*before, book=OLD))
    assert (one.level == "fine") == (one.texts == ())
    if one.instead is not None:
        assert one.level != "fine"
        assert one.instead != "a/model"
        assert isinstance(standing(book, one.instead, date(2026, 1, 1)), Present)
        price = book.price(one.instead)
        assert price is not None
        assert price.rates.prompt >= Decimal(0)
