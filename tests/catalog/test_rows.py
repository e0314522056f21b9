"""Raw rows become a catalogue; what cannot be read is said and never priced at zero."""

from datetime import date
from decimal import Decimal

from farthing.catalog.models import Model, Successor
from farthing.catalog.rows import catalog_from_rows, curated_models

DAY = date(2026, 11, 23)
CURATED = curated_models(
    [
        {
            "id": "a/one",
            "name": "One",
            "aliases": ["one"],
            "quality": Decimal("0.9"),
            "qualityByType": {"coding": Decimal("0.95")},
            "bestFor": ["coding"],
            "successor": {"model": "a/two", "since": "2026-01-01"},
        },
        {"id": "a/gone", "name": "Gone"},
    ]
)
ROW: dict[str, object] = {
    "id": "a/one",
    "name": "Vendor: One",
    "context_length": 32768,
    "pricing": {"prompt": "0.000001", "completion": "0.000002"},
    "top_provider": {"max_completion_tokens": 4096},
    "supported_parameters": ["tools", "response_format"],
    "expiration_date": "2026-12-31",
    "unheard_of": {"x": 1},
}


def made(*rows: object):
    return catalog_from_rows(rows, book="b", day=DAY, source="test", curated=CURATED)


def test_a_row_and_the_curated_facts_make_one_model() -> None:
    catalog, notices = made(ROW)
    assert notices == ()
    assert catalog.find("one") == Model(
        id="a/one",
        name="One",
        aliases=("one",),
        context_tokens=32768,
        max_output_tokens=4096,
        supported_parameters=frozenset({"tools", "response_format"}),
        quality=0.9,
        quality_by_type={"coding": 0.95},
        best_for=("coding",),
        successor=Successor(model="a/two", since=date(2026, 1, 1)),
        expires=date(2026, 12, 31),
    )


def test_a_curated_model_without_a_row_is_known_and_gone() -> None:
    catalog, _ = made(ROW)
    gone = catalog.find("a/gone")
    assert gone is not None
    assert not gone.listed
    assert catalog.price("a/gone") is None


def test_a_row_without_a_readable_price_has_no_price() -> None:
    router = {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}}
    catalog, notices = made(ROW, router, {"id": "a/blank"})
    assert catalog.find("openrouter/auto") is not None
    assert catalog.price("openrouter/auto") is None
    assert catalog.price("a/blank") is None
    assert [notice.code for notice in notices] == ["no_price"]
    assert "openrouter/auto" in notices[0].text
    assert "a/blank" in notices[0].text


def test_bad_rows_are_skipped_with_a_notice() -> None:
    catalog, notices = made("text", {"name": "no id"}, {"id": 7}, ROW)
    assert [name for name, model in catalog.models.items() if model.listed] == ["a/one"]
    assert [notice.code for notice in notices] == ["bad_row"]
    assert "3 of its rows" in notices[0].text


def test_a_discount_is_noted() -> None:
    pricing = {"prompt": "1", "completion": "1", "discount": Decimal("0.5")}
    _, notices = made({"id": "a/cheap", "pricing": pricing})
    assert [notice.code for notice in notices] == ["discount_ignored"]


def test_fields_of_unexpected_kinds_count_as_unknown() -> None:
    odd = {**ROW, "context_length": "big", "top_provider": None, "supported_parameters": "tools"}
    model = made({**odd, "expiration_date": "soon"})[0].models["a/one"]
    assert (model.context_tokens, model.max_output_tokens, model.expires) == (None, None, None)
    assert not model.supported_parameters


def test_a_count_beyond_all_bounds_is_unknown() -> None:
    """Its digits alone would take more memory than there is."""
    model = made({**ROW, "context_length": Decimal("1e999999999"), "top_provider": None})[0].models["a/one"]
    assert model.context_tokens is None


def test_a_model_reasons_unless_its_row_says_that_it_does_not() -> None:
    parameters = ["reasoning"]
    catalog, _ = made(
        {**ROW, "supported_parameters": parameters},
        {**ROW, "id": "a/off", "supported_parameters": parameters, "reasoning": {"default_enabled": False}},
    )
    assert catalog.models["a/one"].reasons_by_default
    assert not catalog.models["a/off"].reasons_by_default
