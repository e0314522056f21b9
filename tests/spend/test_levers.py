"""What levers are expected to take off, alone and together, and what routing does by the prices."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing import CostCalculator
from farthing.spend.calculator import Costs, UsageProfile
from farthing.spend.levers import LEVERS, expected, routed
from farthing.spend.projection import CostPart
from farthing.spend.workload import typical

dollars = st.decimals(min_value=0, max_value=10**6, places=6)


def part(inward: Decimal, outward: Decimal, *, sample: bool = False) -> CostPart:
    return CostPart(
        kind="baseline_sample" if sample else "model",
        model="a/b",
        task_types=(),
        share=Decimal(1),
        input_tokens=Decimal(1),
        output_tokens=Decimal(1),
        input_cost=inward,
        output_cost=outward,
    )


def alone(costs: Costs) -> list[Costs]:
    models = [one.model for one in costs.breakdown if one.kind == "model"]
    return [CostCalculator("tutorial").calculate_model_cost(costs.usage, model) for model in models]


@pytest.mark.parametrize("profile", ["budget", "balanced", "premium"])
def test_levers_take_from_what_is_left_and_leave_the_sample_alone(profile: str) -> None:
    costs = CostCalculator("tutorial").calculate_cost(typical(profile).usage(), profile=profile)
    found = expected(costs.breakdown)
    left = costs.total
    for one in found:
        assert one.left_at_least <= one.left_at_most < left
        left = one.left_at_most
    sample = sum(one.cost for one in costs.breakdown if one.kind == "baseline_sample")
    assert found[-1].left_at_least > sample
    assert found[0].left_at_most - sample == (costs.total - sample) * Decimal("0.7")
    assert found[0].left_at_least - sample == (costs.total - sample) * Decimal("0.5")


@given(inward=dollars, outward=dollars, sampled=dollars)
def test_alone_each_takes_its_range_and_together_they_multiply(
    inward: Decimal, outward: Decimal, sampled: Decimal
) -> None:
    caching, prompts, lengths = expected(
        [part(inward, outward), part(sampled, Decimal(0), sample=True), part(inward, outward)]
    )
    assert (caching.least, caching.most) == (
        2 * (inward + outward) * Decimal("0.3"),
        (inward + outward),
    )
    assert (prompts.least, prompts.most) == (2 * inward * Decimal("0.4"), 2 * inward * Decimal("0.6"))
    assert (lengths.least, lengths.most) == (2 * outward * Decimal("0.2"), 2 * outward * Decimal("0.4"))
    weakest = Decimal("0.7") * (Decimal("0.6") * 2 * inward + Decimal("0.8") * 2 * outward)
    strongest = Decimal("0.5") * (Decimal("0.4") * 2 * inward + Decimal("0.6") * 2 * outward)
    assert (lengths.left_at_most, lengths.left_at_least) == (weakest + sampled, strongest + sampled)
    together = 2 * (inward + outward) + sampled - lengths.left_at_most
    assert together <= sum(one.least for one in (caching, prompts, lengths))


def test_the_ranges_are_said_in_words_too() -> None:
    for lever in LEVERS:
        low, high = max(lever.on_input, lever.on_output)
        assert lever.source.startswith(f"{low * 100:.0f}–{high * 100:.0f} %")


def test_routing_is_told_against_each_model_of_the_month_dearest_first() -> None:
    usage = UsageProfile(
        input_tokens_per_month=10_000_000,
        output_tokens_per_month=2_000_000,
        task_distribution={"coding": 0.4, "general": 0.4, "analysis": 0.2},
    )
    costs = CostCalculator("tutorial").calculate_balanced_cost(usage)
    qwen, llama = routed(costs, alone(costs))
    assert (qwen.model, qwen.total) == ("qwen/qwen-2.5-coder-32b-instruct", Decimal("2.76"))
    assert (llama.model, llama.total) == ("meta-llama/llama-3.3-70b-instruct", Decimal("1.8"))
    assert f"{qwen.saved_percent:.1f} {llama.saved_percent:.1f}" == "20.9 -21.3"


def test_a_sample_does_not_change_what_routing_does() -> None:
    calculator = CostCalculator("tutorial")
    known = typical("balanced").usage()
    sampled = calculator.calculate_balanced_cost(known)
    plain = calculator.calculate_balanced_cost(
        UsageProfile(
            input_tokens_per_month=known.input_tokens_per_month,
            output_tokens_per_month=known.output_tokens_per_month,
        )
    )
    assert sampled.total > plain.total
    assert routed(sampled, alone(sampled)) == routed(plain, alone(plain))


def test_a_single_model_has_no_routing() -> None:
    costs = CostCalculator("tutorial").calculate_budget_cost(typical("budget").usage())
    assert routed(costs, alone(costs)) == ()
