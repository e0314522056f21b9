"""Which models are left out and why; each filter on a small catalogue made by hand."""

from dataclasses import replace
from datetime import date

import pytest
from tests.routing.worlds import (
    DEEPSEEK,
    GLM,
    LLAMA,
    MISTRAL,
    MODELS,
    PRICES,
    QWEN,
    catalog,
    config,
    decide,
    features,
    left_out,
    model,
    order,
    price,
    route,
)

from farthing.catalog.models import Successor
from farthing.result import Route
from farthing.routing.route import NoRoute
from farthing.task import Task

# --- filters


def test_an_expired_model_is_gone_and_its_successor_stands_in() -> None:
    expired = replace(MODELS[QWEN], expires=date(2026, 11, 23))
    decided = route(known=catalog({**MODELS, QWEN: expired}))
    assert order(decided) == [LLAMA, MISTRAL, DEEPSEEK]
    assert left_out(decided)[QWEN].startswith("gone")
    heir = replace(expired, successor=Successor(model="qwen/next", since=date(2026, 11, 1)))
    models = {**MODELS, QWEN: heir, "qwen/next": model("qwen/next", "Qwen Next", 0.94)}
    prices = {**PRICES, "qwen/next": price("qwen/next", "0.2", "0.2")}
    decided = route(known=catalog(models, prices))
    assert order(decided)[0] == "qwen/next"
    assert "stands in for qwen/coder, gone since 2026-11-01" in decided.candidates[0].reason
    assert QWEN in left_out(decided)
    stubborn = config(models={"primary": {"model": QWEN, "successor": False}, "fallback": DEEPSEEK})
    decided = route(settings=stubborn, known=catalog(models, prices))
    assert order(decided) == [DEEPSEEK]
    assert "refuses the successor" in left_out(decided)[QWEN]


def test_a_model_that_expires_tomorrow_is_still_used() -> None:
    expiring = replace(MODELS[QWEN], expires=date(2026, 11, 24))
    assert order(route(known=catalog({**MODELS, QWEN: expiring})))[0] == QWEN


def test_development_uses_free_models_only_and_says_so() -> None:
    models = {"primary": LLAMA, "secondary": QWEN, "tertiary": MISTRAL, "fallback": GLM}
    decided = route(settings=config(environment="development", models=models))
    assert order(decided) == [f"{MISTRAL}:free", GLM]
    variant, glm = decided.candidates
    assert f"free variant of {MISTRAL}" in variant.reason
    assert variant.quality == 0.93
    assert "free, as development asks" in glm.reason
    assert [candidate.expected_cost for candidate in decided.candidates] == [0, 0]
    assert set(left_out(decided)) == {LLAMA, QWEN}
    assert "allowPaid" in left_out(decided)[LLAMA]


def test_development_with_allow_paid_announces_paid_models() -> None:
    decided = route(settings=config(environment="development", allowPaid=True))
    assert order(decided) == order(route())
    assert all("allowPaid is set" in candidate.reason for candidate in decided.candidates)


def test_development_without_a_free_model_has_no_route() -> None:
    models = {"primary": LLAMA, "fallback": DEEPSEEK}
    decided = decide(settings=config(environment="development", models=models))
    assert isinstance(decided, NoRoute)
    assert set(decided.reasons) == set(left_out(decided)) == {LLAMA, DEEPSEEK}
    assert "allowPaid" in decided.hint
    assert "2 considered" in decided.message


def test_the_free_variants_own_context_counts() -> None:
    settings = config(environment="development", models={"primary": MISTRAL})
    assert isinstance(decide(features(input_tokens=6_000), settings=settings), Route)
    decided = decide(features(input_tokens=8_000), settings=settings)
    assert isinstance(decided, NoRoute)
    assert "context of 8,000" in decided.reasons[f"{MISTRAL}:free"]


def test_an_unknown_price_is_never_zero() -> None:
    prices = {name: known for name, known in PRICES.items() if name != QWEN}
    decided = route(known=catalog(prices=prices))
    assert order(decided) == [LLAMA, MISTRAL, DEEPSEEK]
    assert left_out(decided)[QWEN] == "its price is unknown in 2026-11-23/test"
    ceiling = config(budget={"unknownPriceCeiling": "0.05"})
    decided = route(settings=ceiling, known=catalog(prices=prices))
    assert order(decided)[0] == QWEN
    assert decided.candidates[0].expected_cost is None
    assert "price unknown: $0.0500 is reserved" in decided.candidates[0].reason
    cheapest = config(budget={"unknownPriceCeiling": "0.05"}, routing={"strategy": "cheapest_good_enough"})
    assert order(route(settings=cheapest, known=catalog(prices=prices)))[-1] == QWEN
    capped = config(budget={"unknownPriceCeiling": "0.05"}, routing={"maxCostPerRequest": "0.01"})
    assert QWEN in left_out(route(settings=capped, known=catalog(prices=prices)))


def test_a_model_outside_the_catalogue_has_an_unknown_score() -> None:
    models = {"primary": "new/model", "fallback": DEEPSEEK}
    prices = {**PRICES, "new/model": price("new/model", "0.1", "0.1")}
    decided = route(settings=config(models=models), known=catalog(prices=prices))
    assert order(decided) == ["new/model", DEEPSEEK]
    assert "(new/model, score unknown)" in decided.candidates[0].reason
    strict = config(models=models, routing={"qualityThreshold": 0.01})
    decided = route(settings=strict, known=catalog(prices=prices))
    assert order(decided) == [DEEPSEEK]
    assert "score is unknown" in left_out(decided)["new/model"]


@pytest.mark.parametrize(
    ("needs", "words"), [("needs_tools", "tools by prompt"), ("needs_schema", "no native")]
)
def test_models_without_native_support_come_later_but_stay(needs: str, words: str) -> None:
    models = {"primary": GLM, "secondary": QWEN, "fallback": DEEPSEEK}
    settings = config(models=models)
    assert order(route(features("general"), settings=settings))[0] == GLM
    decided = route(features("general", **{needs: True}), settings=settings)
    assert order(decided) == [QWEN, DEEPSEEK, GLM]
    assert words in decided.candidates[-1].reason
    assert [c.native_tools for c in decided.candidates] == [True, True, needs != "needs_tools"]


def test_a_conversation_too_long_for_a_context_leaves_it_out() -> None:
    models = {**MODELS, QWEN: replace(MODELS[QWEN], context_tokens=2_000)}
    decided = route(features(input_tokens=1_000), known=catalog(models))
    assert (
        left_out(decided)[QWEN] == "about 1,000 input and 1,024 output tokens do not fit its context of 2,000"
    )
    fits = route(features(input_tokens=1_000), Task(description="x", max_tokens=1_000), known=catalog(models))
    assert order(fits)[0] == QWEN
    unknown = {**MODELS, QWEN: replace(MODELS[QWEN], context_tokens=None)}
    assert order(route(features(input_tokens=10_000), known=catalog(unknown)))[0] == QWEN


def test_an_output_longer_than_a_model_writes_leaves_it_out() -> None:
    decided = decide(task=Task(description="x", max_tokens=9_000))
    assert isinstance(decided, NoRoute)
    assert decided.reasons[QWEN] == "it writes at most 8,000 tokens, and 9,000 are asked for"
    assert "max_tokens" in decided.hint


def test_max_cost_per_request_leaves_out_what_is_expected_to_cost_more() -> None:
    decided = route(settings=config(routing={"maxCostPerRequest": "0.000345"}))
    assert order(decided) == [QWEN, LLAMA, DEEPSEEK]
    assert left_out(decided)[MISTRAL] == "expected to cost $0.000450; maxCostPerRequest is $0.000345"


def test_the_first_filter_that_fails_gives_the_reason() -> None:
    hopeless = replace(MODELS[QWEN], expires=date(2020, 1, 1), quality=0.1, context_tokens=10)
    strict = config(routing={"qualityThreshold": 0.9, "maxCostPerRequest": "0"})
    decided = decide(settings=strict, known=catalog({**MODELS, QWEN: hopeless}))
    assert isinstance(decided, NoRoute)
    assert decided.reasons[QWEN].startswith("gone")
    assert decided.reasons[DEEPSEEK].startswith("its coding score")
    assert decided.reasons[LLAMA].startswith("expected to cost")
