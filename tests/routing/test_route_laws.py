"""Laws of the routing decision over random catalogues, configurations, health and money."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from tests.routing.worlds import (
    CLOCK,
    World,
    order,
    worlds,
)

from farthing.result import Route
from farthing.routing.health import CoolingDown
from farthing.routing.route import NoRoute


@given(worlds())
def test_every_model_is_a_candidate_or_excluded_and_none_twice(world: World) -> None:
    decided = world.decide()
    settings, task = world.settings, world.task
    candidates = order(decided) if isinstance(decided, Route) else []
    out = [item.model for item in decided.excluded]
    configured = {entry.model for entry in settings.models.by_slot().values()} | ({task.model} - {None})
    assert sorted([*candidates, *out]) == sorted(str(name) for name in configured)
    assert isinstance(decided, Route) == bool(candidates)
    if isinstance(decided, NoRoute):
        assert set(decided.reasons) == set(out)
        assert decided.hint
    assert all(item.reason for item in decided.excluded)


@given(worlds())
def test_the_same_inputs_give_the_same_route(world: World) -> None:
    first = world.decide()
    assert first == world.decide()


@given(worlds())
def test_no_candidate_violates_a_filter(world: World) -> None:
    decided = world.decide()
    settings, task, known, wanted = (
        world.settings,
        world.task,
        world.known,
        world.wanted,
    )
    max_tokens = task.max_tokens or settings.optimization.max_output_tokens
    rules = settings.routing
    for candidate in decided.candidates if isinstance(decided, Route) else ():
        found, charged = known.find(candidate.model), known.price(candidate.model)
        assert found is None or found.expires is None
        if settings.environment == "development" and not settings.allow_paid:
            assert charged is not None
            assert charged.is_free
        assert charged is not None or settings.budget.unknown_price_ceiling is not None
        if found is not None and found.context_tokens is not None:
            assert wanted.input_tokens + max_tokens <= found.context_tokens
        if found is not None and found.max_output_tokens is not None:
            assert max_tokens <= found.max_output_tokens
        if candidate.slot != "named" and rules.quality_threshold > 0:
            assert candidate.quality is not None
            assert candidate.quality >= rules.quality_threshold
        cost = candidate.expected_cost
        cost = settings.budget.unknown_price_ceiling if cost is None else cost
        assert rules.max_cost_per_request is None or (cost is not None and cost <= rules.max_cost_per_request)
        assert candidate.native_tools or wanted.needs_tools


@given(worlds())
def test_cooling_candidates_come_last_by_soonest_end(world: World) -> None:
    decided = world.decide()
    health = world.health
    ends: list[float] = []
    for candidate in decided.candidates if isinstance(decided, Route) else ():
        state = health.get(candidate.model)
        ends.append(state.until if isinstance(state, CoolingDown) and state.until > CLOCK else 0.0)
    assert ends == sorted(ends)


@given(worlds(), st.sampled_from([Decimal(0), Decimal("0.001"), Decimal(10)]))
def test_money_changes_only_the_order(world: World, remaining: Decimal) -> None:
    unlimited = replace(world, remaining=None).decide()
    limited = replace(world, remaining=remaining).decide()
    assert unlimited.excluded == limited.excluded
    if isinstance(unlimited, Route) and isinstance(limited, Route):
        assert sorted(order(unlimited)) == sorted(order(limited))
        if order(unlimited) != order(limited):
            assert "is left" in limited.reason
