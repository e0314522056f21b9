"""The order of candidates and the reasons for it, on small catalogues made by hand."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.routing.worlds import (
    CLOCK,
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
    order,
    price,
    route,
)

from farthing.routing.health import CandidateHealth, CoolingDown, Healthy
from farthing.routing.route import LOW_FUNDS_CALLS, NoRoute
from farthing.task import Complexity, Task, TaskType

# --- strategies


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("coding", [QWEN, LLAMA, MISTRAL, DEEPSEEK]),
        ("general", [LLAMA, QWEN, MISTRAL, DEEPSEEK]),
        ("analysis", [LLAMA, QWEN, MISTRAL, DEEPSEEK]),
        ("structured", [MISTRAL, LLAMA, QWEN, DEEPSEEK]),
        ("simple", [DEEPSEEK, LLAMA, QWEN, MISTRAL]),
    ],
)
def test_mapped_puts_the_types_slot_first_and_the_fallback_last(kind: TaskType, expected: list[str]) -> None:
    decided = route(features(kind))
    assert order(decided) == expected
    assert (decided.task_type, decided.strategy, decided.price_book) == (kind, "mapped", "2026-11-23/test")


def test_reasons_are_sentences_with_name_and_score() -> None:
    decided = route()
    assert [candidate.reason for candidate in decided.candidates] == [
        "coding maps to secondary (Qwen 2.5 Coder 32B, score 0.92)",
        "next in order: primary (Llama 3.3 70B, score 0.90)",
        "next in order: tertiary (Mistral Small 3.1, score 0.93)",
        "fallback slot, after the others (DeepSeek V3, score 0.88)",
    ]
    assert decided.reason == f"coding maps to secondary; first: {QWEN}"


def test_an_unmapped_type_goes_to_primary() -> None:
    bare = config(routing={"taskTypeMapping": {}})
    assert order(route(settings=bare))[0] == LLAMA
    assert "no slot of its own" in route(settings=bare).reason


def test_complexity_overrides_the_slot_of_general_and_simple_only() -> None:
    low = config(routing={"complexityMapping": {"low": "fallback", "high": "tertiary"}})
    assert order(route(features("general", complexity="low"), settings=low))[0] == DEEPSEEK
    assert order(route(features("simple", complexity="high"), settings=low))[0] == MISTRAL
    assert order(route(features("general", complexity="medium"), settings=low))[0] == LLAMA
    assert order(route(features("coding", complexity="low"), settings=low))[0] == QWEN
    assert (
        "general of low complexity maps to fallback"
        in route(features("general", complexity="low"), settings=low).reason
    )


def test_cheapest_good_enough_orders_by_expected_cost() -> None:
    cheapest = config(routing={"strategy": "cheapest_good_enough"})
    decided = route(settings=cheapest)
    assert order(decided) == [DEEPSEEK, LLAMA, QWEN, MISTRAL]
    costs = [candidate.expected_cost for candidate in decided.candidates]
    assert costs == [Decimal(value) for value in ("0.000225", "0.0003", "0.000345", "0.00045")]
    assert decided.candidates[0].reason == "cheapest of 4 (DeepSeek V3, score 0.88)"
    best = config(routing={"strategy": "cheapest_good_enough", "qualityThreshold": 0.9})
    assert order(route(settings=best)) == [LLAMA, QWEN, MISTRAL]
    assert route(settings=best).reason.startswith("cheapest of 3 at or over quality 0.90")


def test_cheapest_breaks_ties_by_quality_then_slot() -> None:
    cheapest = config(routing={"strategy": "cheapest_good_enough"})
    same = {name: price(name, "0.10", "0.10") for name in PRICES}
    assert order(route(settings=cheapest, known=catalog(prices=same))) == [MISTRAL, QWEN, LLAMA, DEEPSEEK]
    alike = {name: replace(known, quality=0.9, quality_by_type={}) for name, known in MODELS.items()}
    assert order(route(settings=cheapest, known=catalog(alike, same))) == [LLAMA, QWEN, MISTRAL, DEEPSEEK]


@pytest.mark.parametrize(("complexity", "tokens"), [("low", 200), ("medium", 500), ("high", 900)])
def test_expected_cost_follows_complexity_and_is_bounded_by_max_tokens(
    complexity: Complexity, tokens: int
) -> None:
    first = route(features(complexity=complexity)).candidates[0]
    assert first.expected_cost == Decimal("0.23e-6") * (1000 + tokens)
    bounded = route(features(complexity=complexity), Task(description="x", max_tokens=10)).candidates[0]
    assert bounded.expected_cost == Decimal("0.23e-6") * 1010


# --- a price, a score or a health state changes the route


def test_a_price_changes_the_route() -> None:
    cheapest = config(routing={"strategy": "cheapest_good_enough"})
    assert order(route(settings=cheapest))[0] == DEEPSEEK
    dearer = catalog(prices={**PRICES, DEEPSEEK: price(DEEPSEEK, "9", "9")})
    assert order(route(settings=cheapest, known=dearer)) == [LLAMA, QWEN, MISTRAL, DEEPSEEK]


def test_a_score_changes_the_route() -> None:
    strict = config(routing={"qualityThreshold": 0.9})
    assert order(route(settings=strict))[0] == QWEN
    worse = catalog({**MODELS, QWEN: replace(MODELS[QWEN], quality_by_type={"coding": 0.89})})
    decided = route(settings=strict, known=worse)
    assert order(decided) == [LLAMA, MISTRAL]
    assert left_out(decided)[QWEN] == "its coding score is 0.89; the quality threshold is 0.90"
    assert f"{QWEN} is left out" in decided.reason


def test_a_health_state_changes_the_route() -> None:
    assert order(route())[0] == QWEN
    cooling = route(health={QWEN: CoolingDown(until=CLOCK + 4, reason="rate limited")})
    assert order(cooling) == [LLAMA, MISTRAL, DEEPSEEK, QWEN]
    assert cooling.candidates[-1].reason.endswith("last while it rests for 4.0 s: rate limited")
    assert f"{LLAMA} goes before {QWEN}" in cooling.reason


def test_a_cool_down_that_is_over_counts_no_more() -> None:
    over: dict[str, CandidateHealth] = {
        QWEN: CoolingDown(until=CLOCK, reason="x"),
        LLAMA: Healthy(failures=2),
    }
    assert order(route(health=over)) == order(route())


def test_when_all_cool_the_soonest_comes_first() -> None:
    waits = {QWEN: 9.0, LLAMA: 3.0, MISTRAL: 7.0, DEEPSEEK: 5.0}
    health = {name: CoolingDown(until=CLOCK + wait, reason="x") for name, wait in waits.items()}
    assert order(route(health=health)) == [LLAMA, DEEPSEEK, MISTRAL, QWEN]


# --- money left, named models, duplicates


def test_near_a_limit_cheaper_models_come_first_and_the_reasons_say_so() -> None:
    first = route().candidates[0].expected_cost
    assert first is not None
    edge = first * LOW_FUNDS_CALLS
    assert order(route(remaining=edge)) == order(route()) == order(route(remaining=None))
    scarce = route(remaining=edge - Decimal("0.000001"))
    assert order(scarce) == [DEEPSEEK, LLAMA, QWEN, MISTRAL]
    assert "cheaper models first, for only $0.00345 is left" in scarce.reason
    assert all("cheaper models first" in candidate.reason for candidate in scarce.candidates)
    assert scarce.excluded == ()


def test_routing_never_refuses_for_money() -> None:
    assert len(order(route(remaining=Decimal(0)))) == 4


def test_free_models_need_no_money() -> None:
    settings = config(models={"primary": GLM, "fallback": DEEPSEEK})
    assert route(features("general"), settings=settings, remaining=Decimal(0)).reason.endswith(
        f"first: {GLM}"
    )


def test_a_named_model_comes_first_and_the_fallback_after_it() -> None:
    decided = route(task=Task(description="x", model="llama"))
    assert order(decided) == [LLAMA, DEEPSEEK]
    assert (decided.candidates[0].slot, decided.strategy) == ("named", "named")
    assert decided.candidates[0].reason == "the task names it (Llama 3.3 70B, score 0.90)"
    assert set(left_out(decided)) == {QWEN, MISTRAL}
    assert all("the task names llama" in reason for reason in left_out(decided).values())
    assert all(item.expected_cost is not None for item in decided.excluded)


def test_a_named_model_needs_no_score_and_is_moved_only_by_its_health() -> None:
    strict = config(routing={"qualityThreshold": 0.8})
    task = Task(description="x", model=GLM)
    wanted = features(needs_tools=True, needs_schema=True)
    assert order(route(wanted, task, settings=strict, remaining=Decimal(0))) == [GLM, DEEPSEEK]
    cooling = {GLM: CoolingDown(until=CLOCK + 1, reason="x")}
    assert order(route(wanted, task, settings=strict, health=cooling)) == [DEEPSEEK, GLM]


def test_a_named_model_is_held_to_the_other_filters() -> None:
    decided = decide(
        task=Task(description="x", model=QWEN),
        settings=config(environment="development", models={"primary": GLM}),
    )
    assert isinstance(decided, NoRoute)
    assert "allowPaid" in decided.reasons[QWEN]
    assert "the task names" in decided.reasons[GLM]


def test_naming_the_fallback_gives_one_candidate() -> None:
    assert order(route(task=Task(description="x", model=DEEPSEEK))) == [DEEPSEEK]


def test_a_model_in_two_slots_appears_once_in_its_first_place() -> None:
    models = {"primary": LLAMA, "secondary": "llama", "tertiary": QWEN, "fallback": LLAMA}
    decided = route(features("general"), settings=config(models=models))
    assert order(decided) == [LLAMA, QWEN]
    assert decided.excluded == ()
