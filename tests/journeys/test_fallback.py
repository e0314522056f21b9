"""A task's way through trouble upstream, on a scripted transport and a clock that never waits."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from tests.journeys.books import read_ledger

from farthing.errors import StreamBrokenError, TaskFailedError
from farthing.result import (
    Attempt,
    AttemptFinished,
    AttemptStarted,
    Restarted,
    Routed,
    TaskFinished,
    TokenReceived,
    Waiting,
)
from farthing.routing.health import PROBE_S
from farthing.swarm.events import LoopEvent
from farthing.testing import (
    ScriptedUpstream,
    VirtualClock,
    answer,
    cut,
    deployment_on,
    failure,
    hang,
    unreachable,
)

LLAMA = "meta-llama/llama-3.3-70b-instruct"
QWEN = "qwen/qwen-2.5-coder-32b-instruct"
DEEPSEEK = "deepseek/deepseek-chat"


async def events_of(stream: AsyncIterator[LoopEvent]) -> list[LoopEvent]:
    return [event async for event in stream]


def asked_models(upstream: ScriptedUpstream) -> list[object]:
    return [request["model"] for request in upstream.requests]


async def test_a_rate_limit_leads_to_the_next_model_at_once(tmp_path: Path) -> None:
    clock = VirtualClock()
    upstream = ScriptedUpstream([failure(429, retry_after=30), answer("done", cost="0.000002")])
    async with deployment_on(upstream, tmp_path, clock=clock) as deployment:
        result = await deployment.execute_task(type="coding", description="Write a sort.")
    assert asked_models(upstream) == [QWEN, LLAMA]
    assert [attempt.status for attempt in result.attempts] == ["failed", "accepted"]
    assert result.attempts[0].reason == "rate_limited 429, retry after 30 s"
    assert result.attempts[0].cost == 0
    assert (result.output, result.metrics.cost, result.metrics.cost_basis) == (
        "done",
        Decimal("0.000002"),
        "reported",
    )
    assert clock.slept == []


async def test_when_every_model_is_limited_the_soonest_is_waited_for(tmp_path: Path) -> None:
    clock = VirtualClock()
    limits = [failure(429, retry_after=9), failure(429, retry_after=3), failure(429, retry_after=7)]
    upstream = ScriptedUpstream([*limits, answer("at last")])
    async with deployment_on(upstream, tmp_path, clock=clock) as deployment:
        events = [event async for event in deployment.stream_task(type="coding", description="Write it.")]
    assert asked_models(upstream) == [QWEN, LLAMA, DEEPSEEK, LLAMA]
    assert [event.seconds for event in events if isinstance(event, Waiting)] == [3]
    assert clock.slept == [3]


async def test_a_cut_stream_falls_back_and_is_settled_by_its_id(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(
        [cut("half of it", generation_id="gen-half"), answer("all of it", generation_id="gen-all")]
    )
    upstream.bills["gen-half"] = "0.00000042"
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        result = await deployment.execute_task(type="coding", description="Write a sort.")
        assert result.metrics.cost_basis == "uncertain"
    assert (asked_models(upstream), result.output) == ([QWEN, LLAMA], "all of it")
    calls = {call.generation_id: call for call in read_ledger(tmp_path / "ledger.db").calls.values()}
    assert (calls["gen-half"].cost, calls["gen-all"].cost) == (420, 1000)
    assert not any(call.doubted for call in calls.values())


async def test_text_that_reached_the_caller_is_never_followed_by_another_models(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([cut("half of it")])
    events: list[object] = []

    async def read(stream: AsyncIterator[object]) -> None:
        async for event in stream:
            events.append(event)  # noqa: PERF401 - what came before the error must be kept

    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        with pytest.raises(StreamBrokenError) as broken:
            await read(deployment.stream_task("Explain it."))
    texts = [event.text for event in events if isinstance(event, TokenReceived)]
    assert (texts, broken.value.received) == (["half of it"], "half of it")
    assert len(upstream.requests) == len(broken.value.attempts) == 1


async def test_the_events_of_a_stream_come_in_order(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([failure(503), answer("four")])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        events = [event async for event in deployment.stream_task("What is two and two?")]
    kinds = [type(event) for event in events]
    assert kinds == [
        Routed,
        *(AttemptStarted, AttemptFinished),
        *(AttemptStarted, TokenReceived, AttemptFinished),
        TaskFinished,
    ]
    assert [event.number for event in events if isinstance(event, AttemptStarted)] == [1, 2]


async def test_what_no_model_mends_is_not_tried_elsewhere(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([failure(401, "no such key")])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        with pytest.raises(TaskFailedError, match="authentication 401"):
            await deployment.execute_task("Explain it.")
        assert deployment.get_cost_report().total_spend == 0
    assert len(upstream.requests) == 1


async def test_after_the_last_retry_the_error_holds_every_attempt(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([failure(500), failure(502), unreachable()])
    rules = {"fallbackRules.maxRetries": 2}
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=rules) as deployment:
        with pytest.raises(TaskFailedError) as failed:
            await deployment.execute_task("Explain it.")
        report = deployment.get_cost_report()
    statuses = [cast("Attempt", attempt).status for attempt in failed.value.attempts]
    assert statuses == ["failed"] * 3
    assert (report.calls, report.failed_calls, report.total_spend, report.uncertain) == (3, 3, 0, 0)


async def test_a_model_that_fails_again_and_again_is_tried_last(tmp_path: Path) -> None:
    script = [reply for _ in range(5) for reply in (failure(500), answer("ok"))]
    upstream = ScriptedUpstream([*script, answer("ok"), answer("ok"), answer("ok")])
    clock = VirtualClock()
    async with deployment_on(upstream, tmp_path, clock=clock) as deployment:
        for _ in range(6):
            await deployment.execute_task(type="coding", description="Write a sort.")
        assert asked_models(upstream) == [QWEN, LLAMA] * 5 + [LLAMA]
        clock.advance(1.0)  # the breaker lets one call try, which is answered
        for _ in range(2):
            await deployment.execute_task(type="coding", description="Write a sort.")
    assert asked_models(upstream)[-2:] == [QWEN, QWEN]


async def test_the_breaker_holds_for_a_single_candidate_too(tmp_path: Path) -> None:
    """One call tries when the breaker's time has come; the others wait for its end instead of failing too."""
    upstream = ScriptedUpstream([*(failure(500) for _ in range(5)), *(answer("ok") for _ in range(8))])
    clock = VirtualClock()
    alone = {"fallbackRules": {"maxRetries": 0}, "models": {"primary": LLAMA}}
    async with deployment_on(upstream, tmp_path, alone, clock=clock) as deployment:
        for _ in range(5):
            with pytest.raises(TaskFailedError):
                await deployment.execute_task("Write a sort.")
        sent = len(upstream.requests)
        events = [event async for event in deployment.stream_task("Write a sort.")]
    assert sent == 5
    assert len(upstream.requests) == 6
    waits = [event for event in events if isinstance(event, Waiting)]
    assert [wait.seconds for wait in waits] == [1.0]


async def test_one_call_tries_a_sick_model_and_another_when_that_one_is_left(tmp_path: Path) -> None:
    replies = [*(failure(500) for _ in range(5)), hang(generation_id=None), answer("ok")]
    upstream, clock = ScriptedUpstream(replies), VirtualClock()
    alone = {"fallbackRules": {"maxRetries": 0}, "models": {"primary": LLAMA}}
    async with deployment_on(upstream, tmp_path, alone, clock=clock) as deployment:
        for _ in range(5):
            with pytest.raises(TaskFailedError):
                await deployment.execute_task("Write a sort.")
        clock.advance(1.0)
        trying = asyncio.ensure_future(deployment.execute_task("Write a sort."))
        await upstream.received(6)
        other = asyncio.ensure_future(events_of(deployment.stream_task("Write a sort.")))
        while len(clock.slept) < 5:  # noqa: ASYNC110 - virtual time: it looks again and again
            await asyncio.sleep(0)
        assert len(upstream.requests) == 6
        trying.cancel()
        events = await other
    assert isinstance(events[-1], TaskFinished)
    assert clock.monotonic() < PROBE_S  # it did not wait for the end of a call that was gone
    (wait,) = [event for event in events if isinstance(event, Waiting)]  # told once
    assert "one call is trying" in wait.reason


async def test_a_prompt_that_is_too_long_is_sent_compressed_where_that_is_allowed(tmp_path: Path) -> None:
    healing = {"id": "response-healing"}
    upstream = ScriptedUpstream([failure(400, "over the maximum context length"), answer("ok")])
    allowed = {"optimization.promptOptimization.contextCompression": True}
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=allowed) as deployment:
        await deployment.execute_task(type="coding", description="Write a sort.", plugins=[healing])
    assert asked_models(upstream) == [QWEN, QWEN]
    plugins = [request["plugins"] for request in upstream.requests]
    assert plugins == [[healing], [healing, {"id": "context-compression", "enabled": True}]]


async def test_a_broken_answer_is_asked_for_again_from_another_provider(tmp_path: Path) -> None:
    broken = cut("half an ans", provider="Shaky")
    upstream = ScriptedUpstream([broken, answer("whole")])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        result = await deployment.execute_task(type="coding", description="Write a sort.")
    assert asked_models(upstream) == [QWEN, QWEN]
    assert upstream.requests[1]["provider"]["ignore"] == ["Shaky"]  # pyright: ignore
    assert "ignore" not in upstream.requests[0]["provider"]  # pyright: ignore
    assert result.output == "whole"


async def test_a_stream_that_broke_off_goes_on_where_the_configuration_says_so(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([cut("one, two,"), answer(" three")])
    rules = {"fallbackRules.onBrokenStream": "continue"}
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=rules) as deployment:
        events = [event async for event in deployment.stream_task("Count to three.")]
    texts = [event.text for event in events if isinstance(event, TokenReceived)]
    assert "".join(texts) == "one, two, three"
    assert not any(isinstance(event, Restarted) for event in events)
    result = next(event.result for event in events if isinstance(event, TaskFinished))
    assert (result.output, result.continued) == ("one, two, three", True)
    sent = cast("list[object]", upstream.requests[1]["messages"])
    assert sent[-2] == {"role": "assistant", "content": "one, two,"}


async def test_a_task_has_one_deadline(tmp_path: Path) -> None:
    clock = VirtualClock()
    upstream = ScriptedUpstream([failure(429, retry_after=7), failure(429, retry_after=9), answer("ok")])
    two = {"models": {"primary": QWEN, "fallback": LLAMA}}
    async with deployment_on(upstream, tmp_path, two, clock=clock) as deployment:
        with pytest.raises(TaskFailedError, match="deadline"):
            await deployment.execute_task("Write a sort.", timeout_s=5)
        assert clock.slept == []
        result = await deployment.execute_task("Write a sort.", timeout_s=8)
    assert result.model
    assert clock.slept == [7.0]


async def test_the_retry_budget_bounds_retries_of_all_tasks(tmp_path: Path) -> None:
    """Ten for a fresh deployment, and none more where tasks add nothing."""
    upstream = ScriptedUpstream([failure(500, f"no {number}") for number in range(40)])
    rules = {"maxRetries": 20, "retryBudget": 0, "retryDelay": 0}
    alone = {"fallbackRules": rules, "models": {"primary": LLAMA}}
    async with deployment_on(upstream, tmp_path, alone, clock=VirtualClock()) as deployment:
        with pytest.raises(TaskFailedError, match="retry budget is spent"):
            await deployment.execute_task("Write a sort.")
        assert len(upstream.requests) == 11
        with pytest.raises(TaskFailedError, match="retry budget is spent"):
            await deployment.execute_task("Write a sort.")
    assert len(upstream.requests) == 12


async def test_fallback_rules_may_forbid_another_model(tmp_path: Path) -> None:
    clock = VirtualClock()
    upstream = ScriptedUpstream([failure(500), failure(500), answer("ok")])
    rules = {"fallbackRules.onError": False, "fallbackRules.retryDelay": 500}
    async with deployment_on(upstream, tmp_path, clock=clock, overrides=rules) as deployment:
        await deployment.execute_task(type="coding", description="Write a sort.")
    assert asked_models(upstream) == [QWEN] * 3
    first, second = clock.slept  # full jitter: a random part of 0.5 s and of 1 s
    assert 0 < first <= 0.5
    assert 0 < second <= 1.0
