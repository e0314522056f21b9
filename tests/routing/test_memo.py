"""A remembered route is the decided one: same candidates in the same order, or it is decided anew."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from tests.routing.worlds import CLOCK, NOW, QWEN, World, catalog, config, features, worlds

from farthing.result import Route
from farthing.routing.health import CoolingDown
from farthing.routing.memo import RouteMemo, two_digits
from farthing.routing.route import NoRoute
from farthing.task import Task


def remembered(memo: RouteMemo, world: World, *, minutes: int = 0) -> Route | NoRoute:
    return memo.decide(
        world.wanted,
        world.task,
        config=world.settings,
        catalog=world.known,
        health=world.health,
        now=NOW + timedelta(minutes=minutes),
        clock_s=CLOCK,
        remaining_usd=world.remaining,
    )


@given(worlds(), st.integers(0, 3))
def test_what_is_remembered_is_what_is_decided(world: World, repeats: int) -> None:
    rounded = two_digits(world.wanted.input_tokens)
    same = replace(world, wanted=structs.replace(world.wanted, input_tokens=rounded))
    memo = RouteMemo()
    for _ in range(repeats + 1):
        assert remembered(memo, same) == same.decide()


def test_a_change_of_health_is_seen_at_once() -> None:
    memo, world = RouteMemo(), World()
    first = remembered(memo, world)
    assert isinstance(first, Route)
    state = CoolingDown(until=CLOCK + 60, reason="rate limited")
    second = remembered(memo, replace(world, health={first.candidates[0].model: state}))
    assert isinstance(second, Route)
    assert second.candidates[-1].model == first.candidates[0].model


def test_a_change_of_price_or_settings_is_seen_at_once() -> None:
    memo, world = RouteMemo(), World()
    before = remembered(memo, world)
    assert remembered(memo, replace(world, known=catalog(prices={}))) != before
    strict = replace(world, settings=config(routing={"qualityThreshold": 1}))
    assert isinstance(remembered(memo, strict), NoRoute)


def test_scarce_money_is_never_answered_from_memory() -> None:
    memo, world = RouteMemo(), World()
    plenty = remembered(memo, world)
    scarce = remembered(memo, replace(world, remaining=Decimal("0.0000001")))
    assert isinstance(plenty, Route)
    assert isinstance(scarce, Route)
    assert "is left" in scarce.reason
    assert "is left" not in plenty.reason


def test_tasks_that_differ_do_not_share_a_route() -> None:
    memo, world = RouteMemo(), World()
    remembered(memo, world)
    named = remembered(memo, replace(world, task=Task(description="x", model=QWEN)))
    assert isinstance(named, Route)
    assert named.candidates[0].slot == "named"
    other = remembered(memo, replace(world, wanted=features("analysis")))
    assert isinstance(other, Route)
    assert other.task_type == "analysis"


@given(st.integers(0, 10**7))
def test_two_digits_round_up_by_less_than_a_tenth(number: int) -> None:
    rounded = two_digits(number)
    assert number <= rounded <= number + max(number // 10, 1)
    assert len(str(rounded).rstrip("0")) <= 2
