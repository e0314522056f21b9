"""What a ledger recommends: made by hand, so that every saving can be reckoned on paper."""

from collections.abc import Mapping
from decimal import Decimal
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.routing.worlds import DEEPSEEK, LLAMA, MISTRAL, NOW, QWEN, catalog, config, model, price
from tests.spend.made import DAY_US, START_US, call

from farthing.catalog.pricing import Price, Rates
from farthing.config.load import load_config
from farthing.config.schema import DeploymentConfig
from farthing.spend.advice import LEAST, Advice, Advised
from farthing.spend.observed import Observed
from farthing.spend.recommending import advise
from farthing.task import Usage

USED = Usage(input_tokens=4_000, output_tokens=500)


def observed(
    count: int = LEAST,
    *,
    days: int = 30,
    used: Usage = USED,
    at: str = LLAMA,
    kind: str = "general",
    cost: int = 600_000,
    into: Observed | None = None,
    **labels: object,
) -> Observed:
    """So many accepted answers, spread over so many days."""
    found = into or Observed()
    for number in range(count):
        at_us = START_US + number * days * DAY_US // max(count - 1, 1)
        found.add(
            call(model=at, task_type=kind, usage=used, cost=cost, at_us=at_us, **labels)  # pyright: ignore[reportArgumentType] - labels by name
        )
    return found


def advised(found: Observed, settings: DeploymentConfig | None = None) -> Advised:
    return advise(found, settings or config(), catalog(), now=NOW)


def of(lever: str, found: Advised) -> Advice | None:
    return next((one for one in (*found.settings, *found.catalogue) if one.lever == lever), None)


def why(lever: str, found: Advised) -> list[str]:
    return [one.why for one in found.unsupported if one.lever == lever]


def dear_primary() -> DeploymentConfig:
    """General tasks go to Mistral at $0.30, though Llama at $0.10 scores nearly as well."""
    return config(models={"primary": MISTRAL, "secondary": LLAMA}, routing={"taskTypeMapping": {}})


KNOWN_GOOD = {
    LLAMA: model(LLAMA, "Llama", 0.92),
    MISTRAL: model(MISTRAL, "Mistral", 0.93),
}


def test_a_cheaper_configured_model_that_is_as_good_is_proposed_with_its_saving() -> None:
    prices = {LLAMA: price(LLAMA, "0.10", "0.40"), MISTRAL: price(MISTRAL, "0.30", "0.30")}
    # 4,000 in and 500 out: 0.00135 at Mistral, 0.00060 at Llama; 100 answers in 30 days.
    found = advise(
        observed(100, at=MISTRAL, cost=1_350_000), dear_primary(), catalog(KNOWN_GOOD, prices), now=NOW
    )
    assert found.month == Decimal("0.135")
    best = of("mapping", found)
    assert best is not None
    assert best.change == {"routing": {"taskTypeMapping": {"general": "secondary"}}}
    assert best.saves == pytest.approx(Decimal("0.075"), rel=Decimal("0.01"))
    assert best.saves_percent == pytest.approx(Decimal(100) * 75 / 135, rel=Decimal("0.01"))
    assert (best.confidence, best.observations) == ("low", 100)
    assert "not observed" in best.reckoned
    assert "0.92 where it was 0.93" in best.risk


def test_a_model_that_was_seen_is_more_certain_and_its_failures_count() -> None:
    prices = {LLAMA: price(LLAMA, "0.10", "0.40"), MISTRAL: price(MISTRAL, "0.30", "0.30")}
    known = catalog(KNOWN_GOOD, prices)
    both = observed(400, at=MISTRAL, cost=1_350_000)
    observed(400, at=LLAMA, into=both)
    sure = of("mapping", advise(both, dear_primary(), known, now=NOW))
    assert sure is not None
    assert sure.confidence == "high"
    failing = observed(400, at=MISTRAL, cost=1_350_000)
    observed(100, at=LLAMA, into=failing)
    for number in range(900):
        failing.add(call(model=LLAMA, task_type="general", accepted=False, at_us=START_US + number))
    assert of("mapping", advise(failing, dear_primary(), known, now=NOW)) is None


def test_a_poorer_model_or_one_without_tools_is_not_proposed() -> None:
    prices = {LLAMA: price(LLAMA, "0.10", "0.40"), MISTRAL: price(MISTRAL, "0.30", "0.30")}
    for other in (
        model(LLAMA, "Llama", 0.90),
        model(LLAMA, "Llama", None),
        model(LLAMA, "Llama", 0.93, supported_parameters=frozenset[str]()),
        model(LLAMA, "Llama", 0.93, listed=False),
        model(LLAMA, "Llama", 0.93, expires=NOW.date()),
        model(LLAMA, "Llama", 0.93, context_tokens=2_000),
    ):
        known = catalog({**KNOWN_GOOD, LLAMA: other}, prices)
        found = advise(observed(at=MISTRAL), dear_primary(), known, now=NOW)
        assert of("mapping", found) is None, other


def test_too_few_calls_are_said_and_nothing_is_claimed() -> None:
    found = advised(observed(LEAST - 1))
    assert why("mapping", found) == [
        f"general at its slot primary: not enough calls ({LEAST - 1} of {LEAST})"
    ]
    assert of("mapping", found) is None
    assert of("model", found) is None
    nothing = advised(Observed())
    assert (nothing.settings, nothing.catalogue, nothing.month) == ((), (), 0)
    assert why("caching", nothing)
    assert why("deferral", nothing)


def test_another_model_of_the_catalogue_must_suit_every_type_of_its_slot() -> None:
    settings = config(models={"primary": MISTRAL}, routing={"taskTypeMapping": {}})
    prices = {LLAMA: price(LLAMA, "0.10", "0.40"), MISTRAL: price(MISTRAL, "0.30", "0.30")}
    seen = observed(at=MISTRAL, cost=1_350_000)
    observed(at=MISTRAL, kind="coding", cost=1_350_000, into=seen)
    found = of("model", advise(seen, settings, catalog(KNOWN_GOOD, prices), now=NOW))
    assert found is not None
    assert found.change == {"models": {"primary": LLAMA}}
    assert "general:" in found.reckoned
    assert "coding:" in found.reckoned
    bad_at_coding = {**KNOWN_GOOD, LLAMA: model(LLAMA, "Llama", 0.93, quality_by_type={"coding": 0.5})}
    assert of("model", advise(seen, settings, catalog(bad_at_coding, prices), now=NOW)) is None


def test_the_strategy_is_proposed_over_the_lowest_score_in_use() -> None:
    prices = {LLAMA: price(LLAMA, "0.10", "0.40"), MISTRAL: price(MISTRAL, "0.30", "0.30")}
    found = advise(
        observed(100, at=MISTRAL, cost=1_350_000), dear_primary(), catalog(KNOWN_GOOD, prices), now=NOW
    )
    assert of("strategy", found) is None  # the floor is 0.93, and nobody else reaches it
    level = {**KNOWN_GOOD, LLAMA: model(LLAMA, "Llama", 0.93)}
    best = of("strategy", advise(observed(at=MISTRAL), dear_primary(), catalog(level, prices), now=NOW))
    assert best is not None
    assert best.change == {"routing": {"strategy": "cheapest_good_enough", "qualityThreshold": 0.93}}


def test_an_order_of_providers_is_reckoned_by_the_steps_that_came_back() -> None:
    settings = config(provider={"order": ["North"]})
    seen = Observed()
    for number in range(LEAST + 1):
        step = call(
            model=LLAMA, task_type="general", usage=USED, at_us=START_US + number * 60_000_000, agent_id="a-1"
        )
        step.run_id = "run-1"
        seen.add(step)
    assert seen.returns[LLAMA].returned_tokens == LEAST * 4_000
    assert of("provider order", advised(seen, settings)) is None  # no rate for cached tokens: nothing lost
    rates = Rates(prompt=Decimal(1), completion=Decimal(1), cache_read=Decimal("0.1"))
    known = catalog(prices={LLAMA: Price(model=LLAMA, book="test", rates=rates)})
    best = of("provider order", advise(seen, settings, known, now=NOW))
    assert best is not None
    assert best.saves == LEAST * 4_000 * Decimal("0.9") * 30
    load_config({"extends": "balanced", **best.change}, environ={})
    few = observed()
    assert why("provider order", advised(few, settings)) == [
        f"steps of agents that a provider could have cached: not enough calls (0 of {LEAST})"
    ]
    assert why("provider order", advised(few)) == []


def test_shortened_prompts_say_what_shortening_the_others_would_save() -> None:
    seen = observed(LEAST, used=Usage(input_tokens=600, output_tokens=500), shortened_tokens=400)
    observed(LEAST, into=seen, used=Usage(input_tokens=1_000, output_tokens=500))
    best = of("prompt optimisation", advised(seen))
    assert best is not None
    # 50 × 1,600 input tokens at 0.10 per million, of which 40 % is left out.
    assert best.saves == pytest.approx(Decimal("0.0032"), rel=Decimal("0.001"))
    on = config(optimization={"promptOptimization": {"enabled": True}})
    assert of("prompt optimisation", advised(seen, on)) is None


def test_what_hedges_cost_unread() -> None:
    on = config(hedging={"enabled": True, "after": 500})
    seen = observed()
    for number in range(LEAST):
        seen.add(call(model=QWEN, purpose="hedge", accepted=False, cost=1_000_000, at_us=START_US + number))
    best = of("hedging", advised(seen, on))
    assert best is not None
    assert best.saves == Decimal("0.001") * LEAST
    assert of("hedging", advised(seen)) is None
    assert why("hedging", advised(observed(), on)) == [f"hedges: not enough calls (0 of {LEAST})"]


def test_development_that_pays_is_told_of_free_models() -> None:
    settings = config(environment="development", allowPaid=True)
    best = of("free tier", advised(observed(), settings))
    assert best is not None
    assert (best.change, best.saves) == ({"allowPaid": False}, advised(observed()).month)


@pytest.mark.parametrize(
    ("limit", "told"), [("0.01", "will be reached"), ("0.05", None), ("9", "more than five times")]
)
def test_a_limit_far_from_what_is_spent(limit: str, told: str | None) -> None:
    best = of("budget", advised(observed(), config(budget={"monthlyLimit": limit})))
    assert (best is None) is (told is None)
    if best is not None and told is not None:
        assert told in best.title
        assert best.saves == 0


def test_a_month_is_reckoned_from_a_day_at_the_least() -> None:
    an_hour = observed(days=0)
    assert an_hour.days == 1
    assert advised(an_hour).month == Decimal("0.03") * 30


EVERYTHING = st.sampled_from([LLAMA, QWEN, MISTRAL, DEEPSEEK])


@given(
    st.lists(
        st.tuples(EVERYTHING, st.sampled_from(["general", "coding", "simple"]), st.integers(0, 10**7)),
        max_size=6,
    ),
    st.booleans(),
)
def test_no_saving_is_more_than_what_was_paid_and_every_change_is_a_setting(
    groups: list[tuple[str, str, int]], hedging: bool
) -> None:
    seen = Observed()
    for name, kind, cost in groups:
        observed(LEAST, at=name, kind=kind, cost=cost, into=seen)
    settings = config(hedging={"enabled": hedging, "after": 500}, budget={"monthlyLimit": "1"})
    found = advised(seen, settings)
    own = cast("dict[str, object]", settings.model_dump(by_alias=True, exclude_unset=True))
    for one in (*found.settings, *found.catalogue):
        assert 0 <= one.saves <= found.month
        load_config(merged(own, one.change), environ={})


def merged(values: dict[str, object], change: Mapping[str, object]) -> dict[str, object]:
    """A JSON merge patch (RFC 7386)."""
    result = dict(values)
    for key, value in change.items():
        inner = cast("dict[str, object]", result.get(key) or {})
        result[key] = merged(inner, cast("Mapping[str, object]", value)) if isinstance(value, dict) else value
    return result


def test_every_kind_of_change_is_accepted_in_a_file() -> None:
    for change in (
        {"provider": {"order": None}},
        {"optimization": {"outputControl": {"learnedLimits": True, "continueTruncated": True}}},
        {"hedging": {"enabled": False}},
        {"allowPaid": False},
    ):
        load_config({"extends": "balanced", **change}, environ={})
