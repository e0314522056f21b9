"""The simulated providers' prompt cache: what begins as the last prompt did, where it did, in time."""

from itertools import takewhile
from typing import cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.conftest import Opener, Reply, at

from farthing.simulator.prefixcache import (
    BLOCK_TOKENS,
    KEPT_S,
    LEAST_TOKENS,
    PrefixCache,
    conversation_of,
    rendered,
    whole_blocks,
)
from farthing.simulator.request import ChatBody, ChatMessage, ProviderPreferences, count_prompt

MODEL, NORTH, SOUTH = "acme/tiered", "Simulated North", "Simulated South"
SYSTEM = ChatMessage(role="system", content="You keep the books of a bridge. " * 300)


def body(*said: str, session: str | None = "s", order: list[str] | None = None) -> ChatBody:
    roles = ("user", "assistant")
    messages = [ChatMessage(role=roles[at % 2], content=text) for at, text in enumerate(said)]
    wishes = ProviderPreferences(order=order) if order else None
    return ChatBody(messages=[SYSTEM, *messages], model=MODEL, session_id=session, provider=wishes)


FIRST = body("How long is it?")
SECOND = body("How long is it?", "Long. " * 200, "And how wide?")


def take(cache: PrefixCache, asked: ChatBody, *, provider: str = NORTH, at_s: float = 0.0) -> int:
    tokens = count_prompt(asked, MODEL)
    return cache.take(asked, MODEL, provider, prompt_tokens=tokens, now_s=at_s)


def test_the_first_prompt_finds_nothing_and_the_next_finds_it_in_whole_blocks() -> None:
    cache = PrefixCache()
    assert take(cache, FIRST) == 0
    cached = take(cache, SECOND)
    before, tokens = count_prompt(FIRST, MODEL), count_prompt(SECOND, MODEL)
    assert LEAST_TOKENS <= cached <= before + BLOCK_TOKENS
    assert cached > before - 2 * BLOCK_TOKENS - 0.1 * before  # tokens are spread evenly over the bytes
    assert cached % BLOCK_TOKENS == 0
    assert take(cache, SECOND) > cached
    assert take(cache, SECOND) <= tokens


@pytest.mark.parametrize(
    ("again", "provider", "seconds"),
    [
        (SECOND, SOUTH, 1.0),  # another provider
        (SECOND, NORTH, KEPT_S + 1.0),  # too late
        (body("How long is it?", session="other"), NORTH, 1.0),  # another conversation
        (body("How long is it?", order=[NORTH]), NORTH, 1.0),  # the user orders providers
        (ChatBody(messages=[ChatMessage(role="user", content="x"), SYSTEM], session_id="s"), NORTH, 1.0),
    ],
)
def test_what_loses_the_cache(again: ChatBody, provider: str, seconds: float) -> None:
    cache = PrefixCache()
    take(cache, FIRST)
    assert take(cache, again, provider=provider, at_s=seconds) == 0


def test_each_use_keeps_it_anew() -> None:
    cache = PrefixCache()
    for turn in range(5):
        assert bool(take(cache, FIRST, at_s=turn * 0.9 * KEPT_S)) is (turn > 0)


def test_tools_are_the_beginning_of_a_prompt() -> None:
    cache = PrefixCache()
    take(cache, FIRST)
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    plain = cast("dict[str, object]", msgspec.to_builtins(FIRST))
    told = msgspec.convert({**plain, "tools": [tool]}, ChatBody)
    assert rendered(told)[:9] != rendered(FIRST)[:9]
    assert take(cache, told) == 0


def test_short_prompts_are_not_cached() -> None:
    cache = PrefixCache()
    short = ChatBody(messages=[ChatMessage(role="user", content="Hello")], session_id="s")
    assert [take(cache, short), take(cache, short)] == [0, 0]
    assert [whole_blocks(tokens) for tokens in (1023, 1024, 1151, 1152)] == [0, 1024, 1024, 1152]


def test_a_conversation_is_held_to_its_provider_unless_another_is_ordered() -> None:
    cache = PrefixCache()
    take(cache, FIRST, provider=SOUTH)
    assert cache.provider_of(SECOND, MODEL, 1.0) == SOUTH
    assert cache.provider_of(SECOND, "acme/plain", 1.0) is None
    assert cache.provider_of(SECOND, MODEL, KEPT_S + 1.0) is None
    assert cache.provider_of(body("x", order=[NORTH]), MODEL, 1.0) is None


def test_without_a_session_the_opening_names_the_conversation() -> None:
    first, second = body("Hello", session=None), body("Hello", "Hi.", "Go on.", session=None)
    assert conversation_of(first) == conversation_of(second)
    assert conversation_of(first) != conversation_of(body("Hallo", session=None))
    cache = PrefixCache()
    take(cache, first)
    assert take(cache, second) > 0


@given(st.text(min_size=0, max_size=3000), st.text(max_size=3000), st.text(max_size=3000))
def test_no_more_is_cached_than_both_prompts_have_in_common(shared: str, one: str, other: str) -> None:
    first, second = body(shared + one), body(shared + other)
    cache = PrefixCache()
    take(cache, first)
    cached = take(cache, second)
    told, again = rendered(first), rendered(second)
    pairs = zip(told, again, strict=False)
    common = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
    assert cached <= common * count_prompt(second, MODEL) / len(again)


async def test_a_server_bills_what_is_cached_and_written(open_simulator: Opener) -> None:
    messages = msgspec.to_builtins(SECOND.messages)
    async with open_simulator() as caller:

        async def ask(**fields: object) -> Reply:
            return await caller.chat(model=MODEL, messages=messages, session_id="s", **fields)

        def counted(reply: Reply) -> tuple[object, object]:
            details = at(reply.json, "usage", "prompt_tokens_details")
            return at(details, "cached_tokens"), at(details, "cache_write_tokens")

        cold = await ask()
        warm = [await ask() for _ in range(6)]
        ordered = [await ask(provider={"order": ["Simulated East"]}) for _ in range(2)]
    written = counted(cold)[1]
    assert isinstance(written, int)
    assert counted(cold) == (0, written)
    assert written >= LEAST_TOKENS
    for reply in warm:
        cached, fresh = counted(reply)
        assert isinstance(cached, int)
        assert cached >= written - BLOCK_TOKENS
        assert fresh == written - cached
    assert {at(reply.json, "provider") for reply in (cold, *warm)} == {at(cold.json, "provider")}
    assert {at(reply.json, "provider") for reply in ordered} == {"Simulated East"}
    assert at(ordered[1].json, "usage", "prompt_tokens_details", "cached_tokens") == 0
