"""The expected cost of an accepted answer: its formula, its order, and what experience does to a route."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from tests.routing.worlds import (
    CLOCK,
    DEEPSEEK,
    LLAMA,
    MISTRAL,
    NOW,
    QWEN,
    World,
    catalog,
    config,
    features,
    model,
    order,
    price,
    worlds,
)

from farthing.result import Reckoned, Route
from farthing.routing.experience import PRIOR, Experience, Record, Subject
from farthing.routing.memo import RouteMemo
from farthing.routing.reckoning import billed_of, priced, reckon, sequence_cost
from farthing.routing.route import decide_route
from farthing.task import Task, Usage

CHEAPEST = config(routing={"strategy": "cheapest_good_enough"})
TASK = Task(description="Do it.")
LONG = features("general", input_tokens=4_000)


def seen(attempts: int, accepted: int, *, invalid: int = 0, output: int = 500, cached: int = 0) -> Record:
    """A record of answers to 1,000 tokens with so many of output."""
    return Record(
        attempts=attempts,
        accepted=accepted,
        invalid=invalid,
        failed=attempts - accepted - invalid,
        measured=accepted,
        input_tokens=1_000 * accepted,
        output_tokens=output * accepted,
        cached_tokens=cached * accepted,
    )


def known(kind: str = "general", **records: Record) -> Experience:
    names = {"llama": LLAMA, "qwen": QWEN, "mistral": MISTRAL, "deepseek": DEEPSEEK}
    return Experience(records={Subject(kind, names[name]): record for name, record in records.items()})


def cheapest(experience: Experience) -> Route:
    world = World(wanted=LONG, settings=CHEAPEST)
    decided = decide_route(
        world.wanted,
        TASK,
        config=world.settings,
        catalog=world.known,
        health={},
        now=NOW,
        clock_s=CLOCK,
        remaining_usd=None,
        experience=experience,
    )
    assert isinstance(decided, Route)
    return decided


def made(accepted: float, cost: str, *, billed: float = 0.5, extra: float = 0.0) -> Reckoned:
    bare = Reckoned(
        usage=Usage(), accepted=accepted, billed=billed, extra=extra, observations=0, basis="default"
    )
    return priced(bare, Decimal(cost))


# --- the formula


@pytest.mark.parametrize(
    ("accepted", "billed", "extra", "cost"),
    [
        (1.0, 0.5, 0.0, "1"),
        (0.5, 0.0, 0.0, "1"),  # what fails costs nothing: the answer's own cost
        (0.5, 1.0, 0.0, "2"),  # what fails costs as much: twice
        (0.5, 0.5, 0.0, "1.5"),
        (0.8, 1.0, 0.1, "1.375"),  # 1.1 × (1 + 0.2 / 0.8)
    ],
)
def test_the_cost_of_an_accepted_answer(accepted: float, billed: float, extra: float, cost: str) -> None:
    assert made(accepted, "1", billed=billed, extra=extra).cost_per_answer == Decimal(cost)


def test_what_nobody_has_seen_is_taken_from_the_defaults() -> None:
    found = reckon(
        price(LLAMA, "0.10", "0.40"),
        Experience(),
        task_type="general",
        model=LLAMA,
        input_tokens=1_000,
        output_tokens=500,
        max_tokens=1_024,
        now=NOW,
    )
    assert (found.basis, found.observations, found.accepted, found.billed) == ("default", 0, 0.97, 0.5)
    assert found.usage == Usage(input_tokens=1_000, output_tokens=500)
    assert found.cost == Decimal("0.0003")
    assert found.cost_per_answer == Decimal("0.0003") * (1 + Decimal("0.015463918"))


def test_an_unpriced_model_has_no_cost() -> None:
    found = cheapest(Experience()).candidates[0].reckoned
    assert found is not None
    bare = structs.replace(found, cost=None, cost_per_answer=None)
    assert sequence_cost([bare]) is None
    assert sequence_cost([]) is None


def test_failures_are_billed_as_far_as_they_were_answers() -> None:
    assert billed_of(Record()) == 0.5
    assert billed_of(Record(invalid=PRIOR)) == 0.75
    assert billed_of(Record(failed=PRIOR)) == 0.25


@st.composite
def stages(draw: st.DrawFn) -> list[Reckoned]:
    shares, dollars, tenths = st.integers(1, 100), st.integers(1, 100), st.integers(0, 10)
    return [
        made(accepted / 100, str(cost), billed=billed / 10)
        for accepted, cost, billed in draw(
            st.lists(st.tuples(shares, dollars, tenths), min_size=1, max_size=4)
        )
    ]


@given(stages())
def test_no_other_order_of_candidates_is_cheaper(stages: Sequence[Reckoned]) -> None:
    by_cost = sorted(stages, key=lambda one: one.cost_per_answer or Decimal(0))
    best = sequence_cost(by_cost)
    assert best is not None
    for other in permutations(stages):
        found = sequence_cost(other)
        assert found is not None
        assert best <= found * (1 + Decimal("0.000001"))


# --- the order of a route


def test_a_cheap_model_that_writes_much_or_fails_much_is_not_cheap() -> None:
    assert order(cheapest(Experience())) == [LLAMA, DEEPSEEK, QWEN, MISTRAL]
    long = known(llama=seen(200, 200, output=1_000), deepseek=seen(200, 200, output=300))
    assert order(cheapest(long)) == [DEEPSEEK, LLAMA, QWEN, MISTRAL]
    # Unusable answers are billed: 0.0006 × (1 + 0.93 × 0.60 / 0.40) is more than 0.000675 × 1.6.
    failing = known(llama=seen(200, 80, invalid=120))
    assert order(cheapest(failing))[0] == DEEPSEEK


def test_cached_prompts_count_at_their_rate() -> None:
    cached = known(qwen=seen(500, 500, cached=900))
    found = {one.model: one.reckoned for one in cheapest(cached).candidates}[QWEN]
    assert found is not None
    assert 3_400 < found.usage.cached_tokens < 3_600


def test_few_observations_change_little_and_another_types_nothing() -> None:
    two_failures = known(llama=seen(2, 0))
    assert order(cheapest(two_failures)) == order(cheapest(Experience()))
    elsewhere = known("coding", llama=seen(500, 10))
    assert cheapest(elsewhere).candidates == cheapest(Experience()).candidates


def test_the_figures_are_on_the_candidates() -> None:
    found = cheapest(known(llama=seen(80, 60, invalid=10, output=300))).candidates[0]
    assert found.reckoned is not None
    assert (found.reckoned.observations, found.reckoned.basis) == (80, "model")
    assert found.expected_cost == found.reckoned.cost
    assert found.reckoned.cost_per_answer is not None
    assert found.reckoned.cost is not None
    assert found.reckoned.cost_per_answer > found.reckoned.cost


@st.composite
def records(draw: st.DrawFn) -> Record:
    attempts = draw(st.integers(0, 300))
    accepted = draw(st.integers(0, attempts))
    invalid = draw(st.integers(0, attempts - accepted))
    return seen(attempts, accepted, invalid=invalid, output=draw(st.integers(50, 900)))


@given(records(), records(), st.booleans())
def test_a_higher_failure_rate_never_moves_a_model_up(own: Record, other: Record, unusable: bool) -> None:
    if not own.accepted:
        return
    worse = structs.replace(
        own,
        accepted=own.accepted - 1,
        invalid=own.invalid + unusable,
        failed=own.failed + (not unusable),
    )
    before, after = (order(cheapest(known(deepseek=one, llama=other))) for one in (own, worse))
    assert after.index(DEEPSEEK) >= before.index(DEEPSEEK)
    ahead = set(before[: before.index(DEEPSEEK)])
    assert ahead <= set(after[: after.index(DEEPSEEK)])


@given(st.permutations([f"maker/m{at}" for at in range(4)]), records())
def test_equal_models_keep_the_order_of_their_slots(names: list[str], record: Record) -> None:
    slots: dict[str, object] = dict(zip(("primary", "secondary", "tertiary", "fallback"), names, strict=True))
    settings = config(models=slots, routing={"strategy": "cheapest_good_enough", "taskTypeMapping": {}})
    equal = catalog({name: model(name, name, 0.9) for name in names}, {n: price(n, "1", "2") for n in names})
    world = World(wanted=features("general"), settings=settings, known=equal)
    decided = decide_route(
        world.wanted,
        TASK,
        config=settings,
        catalog=equal,
        health={},
        now=NOW,
        clock_s=CLOCK,
        remaining_usd=None,
        experience=Experience(records={Subject("general", name): record for name in names}),
    )
    assert isinstance(decided, Route)
    assert order(decided) == names


@given(worlds(), records())
def test_experience_changes_the_order_and_never_who_may_take_part(world: World, record: Record) -> None:
    """But for `maxCostPerRequest`, which looks at the tokens that are expected."""
    free_of_bounds = world.settings.routing.model_copy(update={"max_cost_per_request": None})
    settings = world.settings.model_copy(update={"routing": free_of_bounds})
    decided = [
        decide_route(
            world.wanted,
            world.task,
            config=settings,
            catalog=world.known,
            health=world.health,
            now=NOW,
            clock_s=CLOCK,
            remaining_usd=world.remaining,
            experience=known,
        )
        for known in (
            Experience(),
            Experience(records={Subject(world.wanted.task_type, "maker/m0"): record}),
        )
    ]
    names = [sorted(order(one)) if isinstance(one, Route) else None for one in decided]
    assert names[0] == names[1]


def test_a_remembered_route_is_decided_anew_when_something_was_learned() -> None:
    memo, world = RouteMemo(), World(wanted=LONG, settings=CHEAPEST)

    def first(experience: Experience) -> str:
        found = memo.decide(
            world.wanted,
            TASK,
            config=world.settings,
            catalog=world.known,
            health={},
            now=NOW,
            clock_s=CLOCK,
            remaining_usd=None,
            experience=experience,
        )
        assert isinstance(found, Route)
        return found.candidates[0].model

    nothing, failing = Experience(), known(llama=seen(200, 40, invalid=160))
    assert [first(one) for one in (nothing, nothing, failing, nothing)] == [LLAMA, LLAMA, DEEPSEEK, LLAMA]
