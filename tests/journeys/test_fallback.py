"""A task's way through trouble upstream, on a scripted transport and a clock that never waits."""

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
    Routed,
    TaskFinished,
    TokenReceived,
    Waiting,
)
from farthing.testing import (
    ScriptedUpstream,
    VirtualClock,
    answer,
    cut,
    deployment_on,
    failure,
    unreachable,
)

LLAMA = "meta-llama/llama-3.3-70b-instruct"
QWEN = "qwen/qwen-2.5-coder-32b-instruct"
DEEPSEEK = "deepseek/deepseek-chat"


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
    script = [reply for _ in range(3) for reply in (failure(500), answer("ok"))]
    upstream = ScriptedUpstream([*script, answer("ok")])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        for _ in range(4):
            await deployment.execute_task(type="coding", description="Write a sort.")
    assert asked_models(upstream) == [QWEN, LLAMA] * 3 + [LLAMA]


async def test_fallback_rules_may_forbid_another_model(tmp_path: Path) -> None:
    clock = VirtualClock()
    upstream = ScriptedUpstream([failure(429), failure(429), answer("ok")])
    rules = {"fallbackRules.onRateLimit": False, "fallbackRules.retryDelay": 500}
    async with deployment_on(upstream, tmp_path, clock=clock, overrides=rules) as deployment:
        await deployment.execute_task(type="coding", description="Write a sort.")
    assert asked_models(upstream) == [QWEN] * 3
    assert clock.slept == [0.5, 1.0]
