"""The same question in other words, whole ways through: given again, rechecked, switched off."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from farthing import Deployment
from farthing.cache.recheck import Standing
from farthing.config.load import load_config
from farthing.errors import BudgetExceededError, ConfigError, TaskFailedError
from farthing.result import Reused, TokenReceived
from farthing.testing import ScriptedUpstream, VirtualClock, answer, deployment_on, failure

QUESTION = "How do I reset my password?"
SAME = "Could you tell me how to reset my password?"
OTHER = "How do I reset my username?"
ON = {
    "optimization.caching.enabled": True,
    "optimization.caching.semantic.enabled": True,
    "optimization.caching.semantic.recheckRate": 0,
}
RECHECKED = ON | {"optimization.caching.semantic.recheckRate": 1}


def opened(upstream: ScriptedUpstream, folder: Path, overrides: Mapping[str, object]) -> Deployment:
    return deployment_on(upstream, folder, clock=VirtualClock(), overrides=overrides)


async def test_the_same_question_in_other_words_costs_nothing(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("Click on Forgot."), answer("You cannot.")])
    async with opened(upstream, tmp_path, ON) as deployment:
        first = await deployment.execute_task(QUESTION, type="general")
        again = await deployment.execute_task(SAME, type="general")
        other = await deployment.execute_task(OTHER, type="general")
        standing = deployment.semantic_cache["general"]
    assert (again.output, again.cached, again.metrics.cost) == ("Click on Forgot.", True, 0)
    assert isinstance(again.reused, Reused)
    assert (again.reused.how, again.reused.call_id) == ("semantic", first.attempts[-1].call_id)
    assert again.reused.saved == first.metrics.cost
    assert (other.output, other.cached) == ("You cannot.", False)
    assert len(upstream.requests) == 2
    assert (standing.hits, standing.rechecks, standing.off) == (1, 0, False)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "coding"},
        {"type": "general", "cache": False},
        {"type": "general", "max_tokens": 77},
        {"type": "general", "key": "another-tenant"},
        {"type": "simple"},
        {
            "type": "general",
            "messages": [{"role": "system", "content": "Rhyme."}, {"role": "user", "content": SAME}],
        },
    ],
)
async def test_in_another_frame_it_is_another_question(tmp_path: Path, fields: Mapping[str, object]) -> None:
    upstream = ScriptedUpstream([answer("one"), answer("two")])
    async with opened(upstream, tmp_path, ON) as deployment:
        kind = fields["type"] if fields["type"] == "coding" else "general"
        await deployment.execute_task(QUESTION, type=kind)
        again = await deployment.execute_task(SAME, **fields)
    assert (again.output, again.cached) == ("two", False)


async def test_a_stream_replays_it(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("Click on Forgot.")])
    async with opened(upstream, tmp_path, ON) as deployment:
        await deployment.execute_task(QUESTION, type="general")
        told = [event async for event in deployment.stream_task(SAME, type="general")]
    assert [event.text for event in told if isinstance(event, TokenReceived)] == ["Click on Forgot."]


async def compared(deployment: Deployment) -> Standing:
    """The standing when every recheck has been compared."""
    under_way = deployment._opened().means.under_way  # pyright: ignore[reportPrivateUsage] - only closing waits for them
    await asyncio.gather(*under_way._tasks)  # pyright: ignore[reportPrivateUsage]
    return deployment.semantic_cache["general"]


async def test_a_recheck_is_asked_anew_with_its_own_money_and_compared(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(["Click on Forgot.", "click on Forgot", "never sent"])
    async with opened(upstream, tmp_path, RECHECKED) as deployment:
        first = await deployment.execute_task(QUESTION, type="general")
        fresh = await deployment.execute_task(SAME, type="general")
        standing = await compared(deployment)
        again = await deployment.execute_task(SAME, type="general")
        report = await deployment.cost_report()
    assert (fresh.cached, fresh.output) == (False, "click on Forgot")
    assert (standing.hits, standing.rechecks, standing.false_hits) == (1, 1, 0)
    assert (again.cached, again.output) == (True, "click on Forgot")
    assert report.total_spend == first.metrics.cost + fresh.metrics.cost
    assert report.by_purpose["recheck"].cost == fresh.metrics.cost


async def test_false_hits_end_them_for_their_type(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([f"It is {number}." for number in range(9)])
    async with opened(upstream, tmp_path, RECHECKED) as deployment:
        await deployment.execute_task(QUESTION, type="general")
        for words in (SAME, "How can I reset my password?"):
            await deployment.execute_task(words, type="general")
            standing = await compared(deployment)
        assert (standing.hits, standing.rechecks, standing.false_hits, standing.off) == (2, 2, 2, True)
        await deployment.execute_task("Please tell me how to reset my password", type="general")
        assert await compared(deployment) == standing


async def test_a_recheck_that_fails_gives_the_kept_answer(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("Click on Forgot."), *[failure(400)] * 9])
    async with opened(upstream, tmp_path, RECHECKED) as deployment:
        await deployment.execute_task(QUESTION, type="general")
        kept = await deployment.execute_task(SAME, type="general")
        with pytest.raises(TaskFailedError):
            await deployment.execute_task(OTHER, type="general")
    assert (kept.cached, kept.output) == (True, "Click on Forgot.")
    assert kept.reused is not None
    assert kept.reused.how == "semantic"


async def test_it_is_given_when_the_budget_is_spent_even_if_it_was_to_be_rechecked(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("Click on Forgot.", cost="0.00001")])
    async with opened(upstream, tmp_path, RECHECKED) as deployment:
        first = await deployment.execute_task(QUESTION, type="general", max_tokens=300)
        again = await deployment.execute_task(SAME, type="general", max_tokens=300, max_cost_usd=0)
        with pytest.raises(BudgetExceededError):
            await deployment.execute_task(OTHER, type="general", max_tokens=300, max_cost_usd=0)
    assert (again.output, again.cached) == (first.output, True)


async def test_an_answer_from_an_earlier_start_is_known_once_it_was_asked_for_again(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("Click on Forgot."), answer("never sent")])
    async with opened(upstream, tmp_path, ON) as deployment:
        await deployment.execute_task(QUESTION, type="general")
    async with opened(upstream, tmp_path, ON) as deployment:
        exact = await deployment.execute_task(QUESTION, type="general")
        again = await deployment.execute_task(SAME, type="general")
    assert exact.reused is not None
    assert again.reused is not None
    assert (exact.reused.how, again.reused.how, len(upstream.requests)) == ("exact", "semantic", 1)


async def test_what_was_cleared_is_asked_for_again(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("one"), answer("two")])
    async with opened(upstream, tmp_path, ON) as deployment:
        await deployment.execute_task(QUESTION, type="general")
        assert await deployment.clear_cache() == 1
        again = await deployment.execute_task(SAME, type="general")
    assert (again.output, again.cached) == ("two", False)


async def test_without_the_extra_it_does_not_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farthing.cache.embed.find_spec", dict[str, None]().get)
    with pytest.raises(ConfigError, match="extra `semantic`"):
        async with opened(ScriptedUpstream([]), tmp_path, ON):
            pass
    async with opened(ScriptedUpstream([]), tmp_path, {}) as deployment:
        with pytest.raises(ConfigError, match="extra `semantic`"):
            deployment.enable_caching(semantic={"enabled": True})
        assert not deployment.config.optimization.caching.enabled


def test_it_is_off_unless_set() -> None:
    assert not load_config("balanced", environ={}).optimization.caching.semantic.enabled
