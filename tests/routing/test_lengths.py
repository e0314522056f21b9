"""The learned limit: it cuts fewer than 1 % of fresh answers, and what it cut teaches it nothing lower."""

import math
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farthing.routing.lengths import Lengths, joined_lengths, lengths_of, needed_tokens, warned
from farthing.routing.output import EXPLORED
from farthing.spend.ledger import OutcomeBody

MOST = 4096
Draw = Callable[[Random], int]

DISTRIBUTIONS: dict[str, Draw] = {
    "lognormal": lambda rng: int(rng.lognormvariate(5.3, 0.5)) + 1,
    "heavy": lambda rng: int(60 * rng.paretovariate(1.6)),
    "uniform": lambda rng: rng.randint(10, 400),
    "two kinds": lambda rng: rng.randint(20, 60) if rng.random() < 0.95 else rng.randint(500, 900),
    "all alike": lambda _: 100,
}


def body(tokens: int, *, cut: bool = False, limit: str = "default") -> OutcomeBody:
    finish = "length" if cut else "stop"
    return OutcomeBody(
        basis="reported", accepted=True, reason="ok", output_tokens=tokens, finish=finish, limit=limit
    )


def _three_times_as_long(rng: Random) -> int:
    return 3 * rng.randint(10, 400)


class World:
    """Answers come, limits are learned anew every so often, as in a deployment."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.known = Lengths()
        self.limits: list[int | None] = []
        self.held = self.cut = 0

    def answer(self, draw: Draw, count: int, *, every: int = 200) -> None:
        self.held = self.cut = 0
        need: int | None = None
        for number in range(count):
            if number % every == 0:
                need = needed_tokens(self.known)
                self.limits.append(need)
            held = need is not None and need < MOST and self.rng.random() >= EXPLORED
            limit = need if held and need is not None else MOST
            tokens = draw(self.rng)
            self.held += held
            self.cut += held and tokens > limit
            one = lengths_of(
                body(min(tokens, limit), cut=tokens > limit, limit="learned" if held else "default")
            )
            self.known = warned(self.known, one, joined_lengths(self.known, one))


def quantile(draw: Draw, share: float) -> int:
    rng = Random(4711)
    return sorted(draw(rng) for _ in range(20_000))[math.floor(share * 20_000)]


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_fewer_than_one_in_a_hundred_are_cut_and_the_limit_does_not_shrink_by_its_own_cuts(
    name: str, seed: int
) -> None:
    draw, world = DISTRIBUTIONS[name], World(seed)
    world.answer(draw, 4_000)
    assert world.held > 2_000, "a limit was learned"
    # Of 2,000 to 4,000 answers at 1 %: three standard deviations.
    assert world.cut <= 0.01 * world.held + 3 * math.sqrt(0.01 * world.held)
    # Not below what 98 of 100 need, for how long ever it learns from answers that it cut itself.
    assert min(limit for limit in world.limits if limit is not None) >= quantile(draw, 0.98)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_when_answers_become_longer_the_limit_goes_and_a_higher_one_is_learned(seed: int) -> None:
    short, long = DISTRIBUTIONS["uniform"], _three_times_as_long
    world = World(seed)
    world.answer(short, 2_000)
    lower = world.limits[-1]
    assert lower is not None
    world.answer(long, 2_500, every=50)
    assert world.known.anew
    assert world.cut < 100, "two thirds of the answers are longer than the old limit allows"
    higher = world.limits[-1]
    assert higher is not None
    assert higher >= quantile(long, 0.98) > lower


@given(st.lists(st.integers(1, 5_000), max_size=380))
def test_few_answers_teach_no_limit(tokens: list[int]) -> None:
    known = Lengths()
    for count in tokens:
        known = joined_lengths(known, lengths_of(body(count)))
    assert needed_tokens(known) is None


@given(st.lists(st.integers(1, 5_000), min_size=400, max_size=500), st.integers(1, 5_000))
def test_an_answer_that_was_cut_never_lowers_the_limit(tokens: list[int], cut_at: int) -> None:
    known = Lengths()
    for count in tokens:
        known = joined_lengths(known, lengths_of(body(count)))
    before = needed_tokens(known)
    with_cut = needed_tokens(joined_lengths(known, lengths_of(body(cut_at, cut=True, limit="learned"))))
    assert before is not None
    assert with_cut is None or with_cut >= before


def test_where_all_are_cut_nothing_is_known() -> None:
    known = Lengths()
    for _ in range(1_000):
        known = joined_lengths(known, lengths_of(body(200, cut=True, limit="learned")))
    assert needed_tokens(known) is None


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(body(10, limit=""), id="the task had a limit of its own, tools or a schema"),
        pytest.param(
            OutcomeBody(basis="reported", accepted=False, reason="cut", output_tokens=9, limit="default"),
            id="it had no end, or its row is of an older version",
        ),
    ],
)
def test_other_answers_say_nothing_of_lengths(said: OutcomeBody) -> None:
    assert lengths_of(said) == Lengths()
