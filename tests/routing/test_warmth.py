"""A conversation stays where its beginning is cached, unless switching pays; what is remembered for that."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from tests.routing.worlds import (
    CLOCK,
    DEEPSEEK,
    GLM,
    LLAMA,
    MODELS,
    NOW,
    PRICES,
    QWEN,
    World,
    catalog,
    config,
    features,
    order,
    route,
    worlds,
)

from farthing.catalog.pricing import Price, PriceOverride, Rates
from farthing.result import Route
from farthing.routing.health import CandidateHealth, CoolingDown
from farthing.routing.warmth import (
    LEAST_TOKENS,
    MOST_CONVERSATIONS,
    WARM_S,
    Warm,
    WarmBook,
    conversation_of,
    kept_warm,
)
from farthing.task import Message, Task, Usage

MILLION = Decimal(1_000_000)
CHEAPEST = config(routing={"strategy": "cheapest_good_enough"})
LONG = features("general", input_tokens=10_000)


def priced(model: str, prompt: str, completion: str, cached: str | None) -> Price:
    rates = Rates(
        prompt=Decimal(prompt) / MILLION,
        completion=Decimal(completion) / MILLION,
        cache_read=None if cached is None else Decimal(cached) / MILLION,
    )
    return Price(model=model, book="test", rates=rates)


CACHING = {
    **PRICES,
    QWEN: priced(QWEN, "0.23", "0.23", "0.023"),
    LLAMA: priced(LLAMA, "0.10", "0.40", "0.05"),
}
KNOWN = catalog(prices=CACHING)


def warm(model: str = QWEN, tokens: int = 8_192) -> Warm:
    return Warm(model=model, input_tokens=tokens, at_s=CLOCK, tokens=tokens)


def stayed(
    decided: Route,
    there: Warm,
    *,
    known: object = KNOWN,
    wanted: object = LONG,
    health: dict[str, CandidateHealth] | None = None,
) -> Route:
    return kept_warm(
        decided,
        there,
        features=wanted,  # pyright: ignore[reportArgumentType] - a test's shorthand
        output_tokens=500,
        catalog=known,  # pyright: ignore[reportArgumentType]
        health=health or {},
        now=NOW,
        clock_s=CLOCK,
    )


def cheapest(**changes: object) -> Route:
    return route(LONG, settings=CHEAPEST, known=KNOWN, **changes)  # pyright: ignore[reportArgumentType]


def test_a_conversation_stays_where_cached_tokens_make_it_cheaper() -> None:
    cold = cheapest()
    assert order(cold) == [LLAMA, DEEPSEEK, QWEN, "mistral/small"]
    kept = stayed(cold, warm())
    assert order(kept) == [QWEN, LLAMA, DEEPSEEK, "mistral/small"]
    # 10,500 × 0.23 per million, a little more for failures, less 8,192 × (0.23 - 0.023); against
    # 10,000 × 0.10 + 500 × 0.40 and as much for failures.
    sums = "$0.000757 there, $0.00122 at meta/llama"
    words = f"stays: about 8,192 tokens of the conversation are cached at {QWEN}: {sums}"
    assert kept.reason == f"{words}; without that: {cold.reason}"
    assert kept.candidates[0].reason.startswith(words)
    assert kept.candidates[0].expected_cost == cold.candidates[2].expected_cost  # what it costs cold


def test_it_is_left_where_switching_pays_and_the_reason_says_what_that_costs() -> None:
    cold = cheapest()
    left = stayed(cold, warm(tokens=1_024))
    assert order(left) == order(cold)
    assert "1,024 tokens of the conversation are cached at qwen/coder; it is left all the same" in left.reason
    assert "$0.00122 at meta/llama" in left.reason


def test_the_first_choice_that_is_warm_only_says_what_it_saves() -> None:
    kept = stayed(cheapest(), warm(LLAMA))
    assert order(kept) == order(cheapest())
    assert kept.reason.endswith("are cached at meta/llama, which saves $0.000410")


def test_a_model_without_a_rate_for_cached_tokens_is_nothing_to_stay_for() -> None:
    assert stayed(cheapest(), warm(DEEPSEEK)) == cheapest()
    assert stayed(cheapest(), warm(GLM)) == cheapest()  # no candidate at all


def test_health_and_a_named_model_win() -> None:
    resting: dict[str, CandidateHealth] = {QWEN: CoolingDown(until=CLOCK + 9, reason="429")}
    cold = cheapest(health=resting)
    assert stayed(cold, warm(), health=resting) == cold
    named = route(LONG, Task(description="x", model=DEEPSEEK), settings=config(), known=KNOWN)
    assert order(stayed(named, warm())) == order(named)
    fallback = route(
        LONG,
        Task(description="x", model=LLAMA),
        settings=config(models={"primary": DEEPSEEK, "fallback": QWEN}, routing={"taskTypeMapping": {}}),
        known=KNOWN,
    )
    kept = stayed(fallback, warm())
    assert order(kept) == [LLAMA, QWEN]
    assert "left all the same" in kept.reason


def test_native_tools_go_before_a_warm_model_without_them() -> None:
    bare = {**MODELS, QWEN: replace(MODELS[QWEN], supported_parameters=frozenset[str]())}
    known = catalog(models=bare, prices=CACHING)
    wanted = structs.replace(LONG, needs_tools=True)
    cold = route(wanted, settings=CHEAPEST, known=known)
    assert stayed(cold, warm(), known=known, wanted=wanted).candidates == cold.candidates


@pytest.mark.parametrize(
    ("score", "confidence", "stays"),
    [(0.86, 0.9, True), (0.84, 0.9, False), (None, 0.9, False), (0.99, 1.0, False)],
)
def test_under_mapped_quality_comes_first_and_the_callers_word(
    score: float | None, confidence: float, stays: bool
) -> None:
    models = {**MODELS, QWEN: replace(MODELS[QWEN], quality=score, quality_by_type={})}
    known = catalog(models=models, prices=CACHING)
    wanted = structs.replace(LONG, confidence=confidence)
    cold = route(wanted, known=known)
    assert order(cold)[0] == LLAMA
    kept = stayed(cold, warm(), known=known, wanted=wanted)
    assert (order(kept)[0] == QWEN) is stays


@given(worlds(), st.integers(0, 4), st.integers(0, 60_000))
def test_staying_changes_the_order_of_the_same_candidates_only(world: World, at: int, tokens: int) -> None:
    decided = world.decide()
    if not isinstance(decided, Route):
        return
    kept = kept_warm(
        decided,
        warm(f"maker/m{at}", tokens),
        features=world.wanted,
        output_tokens=100,
        catalog=world.known,
        health=world.health,
        now=NOW,
        clock_s=CLOCK,
    )
    assert sorted(order(kept)) == sorted(order(decided))
    assert [one for one in order(kept) if one != order(kept)[0]] == [
        one for one in order(decided) if one != order(kept)[0]
    ]
    plain, before = (structs.replace(one, candidates=(), reason="") for one in (kept, decided))
    assert plain == before


# --- what is remembered


def used(tokens: int, cached: int = 0) -> Usage:
    return Usage(input_tokens=tokens, output_tokens=50, cached_tokens=cached)


def tokens_after(*answers: tuple[str, Usage, float]) -> int:
    book, at = WarmBook(), 0.0
    for model, usage, seconds in answers:
        at += seconds
        book.note("c", model, usage, at)
    found = book.of("c", at)
    return 0 if found is None else found.tokens


@pytest.mark.parametrize(
    ("answers", "tokens"),
    [
        ([(QWEN, used(1_000), 0)], 0),  # too short to be cached by anybody
        ([(QWEN, used(4_000), 0)], 1_920),  # sent once: half of it, in blocks
        ([(QWEN, used(4_000), 0), (QWEN, used(5_000, 3_968), 9)], 4_992),  # read: the next goes on from it
        ([(QWEN, used(4_000), 0), (QWEN, used(5_000), 9)], 0),  # should have been read, and was not
        ([(QWEN, used(4_000), 0), (QWEN, used(5_000), WARM_S + 1)], 2_432),  # too late to tell
        ([(QWEN, used(4_000), 0), (LLAMA, used(5_000), 9)], 2_432),  # another model: sent once
        ([(QWEN, used(9_000), 0), (QWEN, used(9_000, 1_100), 9)], 1_024),  # only the beginning is shared
    ],
)
def test_what_is_counted_on(answers: list[tuple[str, Usage, float]], tokens: int) -> None:
    assert tokens_after(*answers) == tokens


def test_warmth_ends_with_its_time_and_without_tokens() -> None:
    book = WarmBook()
    book.note("c", QWEN, used(4_000), 10.0)
    assert book.of("c", 10.0 + WARM_S) is not None
    assert book.of("c", 10.1 + WARM_S) is None
    assert book.of("other", 10.0) is None
    book.note("c", QWEN, None, 11.0)
    assert book.of("c", 11.0) is None
    book.note("", QWEN, used(4_000), 11.0)
    assert len(book) == 0


@given(st.lists(st.integers(0, 9), max_size=60))
def test_the_memory_is_bounded_and_keeps_the_latest(names: list[int]) -> None:
    book = WarmBook(most=3)
    for at, name in enumerate(names):
        book.note(str(name), QWEN, used(LEAST_TOKENS, LEAST_TOKENS), float(at))
    latest = list(dict.fromkeys(str(name) for name in reversed(names)))[:3]
    assert len(book) == len(latest)
    assert all(book.of(name, float(len(names))) is not None for name in latest)
    assert MOST_CONVERSATIONS >= 1000


def test_a_conversation_is_known_by_its_session_or_its_opening() -> None:
    system, first = Message(role="system", content="Be brief."), Message(role="user", content="Hello")
    later = Message(role="assistant", content="Hi.")
    opening = conversation_of(Task(messages=(system, first)))
    assert opening == conversation_of(Task(messages=(system, first, later, first)))
    assert opening != conversation_of(Task(messages=(first, later)))
    assert opening != conversation_of(Task(messages=(system, later)))
    assert "brief" not in opening
    assert "Hello" not in opening
    assert conversation_of(Task(messages=(system, first), session_id="s-1")) == "s-1"
    assert conversation_of(Task(description="Hello")) == conversation_of(Task(messages=(first,)))


def test_a_price_by_the_hour_is_taken_at_its_hour() -> None:
    assert datetime(2026, 11, 23, 12, tzinfo=UTC) == NOW
    dear = replace(
        CACHING[QWEN],
        overrides=(
            PriceOverride(
                rates={"cache_read": Decimal("0.23") / MILLION}, utc_start="11:00", utc_end="13:00"
            ),
        ),
    )
    known = catalog(prices={**CACHING, QWEN: dear})
    assert stayed(cheapest(), warm(), known=known) == cheapest()
