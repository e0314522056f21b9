"""Limits a minute and the queue, seen from a task."""

import asyncio
from pathlib import Path

import pytest

from farthing.errors import QueueFullError, TaskFailedError
from farthing.simulator.server import start_simulator
from farthing.testing import ScriptedUpstream, VirtualClock, answer, deployment_at, deployment_on, hang

QWEN, LLAMA = "qwen/qwen-2.5-coder-32b-instruct", "meta-llama/llama-3.3-70b-instruct"
TWO = {"models.primary": QWEN, "models.secondary": LLAMA, "models.tertiary": None, "models.fallback": None}
TWO_MODELS: dict[str, object] = {**TWO, "routing.taskTypeMapping": {}}
ONE_MODEL: dict[str, object] = {**TWO_MODELS, "models.secondary": None}


async def test_a_model_at_its_limit_is_passed_over_while_another_is_free(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("one"), answer("two"), answer("three")])
    limits: dict[str, object] = {**TWO_MODELS, "limits.models": {QWEN: {"requestsPerMinute": 2}}}
    clock = VirtualClock()
    async with deployment_on(upstream, tmp_path, clock=clock, overrides=limits) as deployment:
        results = [await deployment.execute_task("Sort.", type="coding") for _ in range(3)]
    assert [result.attempts[0].model for result in results] == [QWEN, QWEN, LLAMA]
    assert clock.monotonic() < 1


async def test_where_no_other_is_left_the_task_waits(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("one"), answer("two")])
    limits: dict[str, object] = {**ONE_MODEL, "limits.models": {QWEN: {"requestsPerMinute": 1}}}
    clock = VirtualClock()
    async with deployment_on(upstream, tmp_path, clock=clock, overrides=limits) as deployment:
        for _ in range(2):
            await deployment.execute_task("Sort.", type="coding")
    assert clock.monotonic() == 60


async def test_a_task_without_a_turn_ends_at_its_deadline_and_costs_nothing(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([hang()])
    one: dict[str, object] = {**ONE_MODEL, "scaling.maxConcurrency": 1}
    async with deployment_on(upstream, tmp_path, overrides=one) as deployment:
        first = asyncio.ensure_future(deployment.execute_task("Hang."))
        await upstream.received()
        with pytest.raises(TaskFailedError, match="queue_timeout"):
            await deployment.execute_task("Wait.", timeout_s=0.02)
        assert deployment.get_cost_report().total_spend == 0
        first.cancel()
        await asyncio.wait([first])


async def test_a_full_queue_refuses_where_the_configuration_says_so(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([hang()])
    settings: dict[str, object] = {
        **ONE_MODEL,
        "scaling.maxConcurrency": 1,
        "limits.queueSize": 1,
        "limits.whenFull": "refuse",
    }
    async with deployment_on(upstream, tmp_path, overrides=settings) as deployment:
        first, second = (asyncio.ensure_future(deployment.execute_task("Hang.")) for _ in range(2))
        await upstream.received()
        with pytest.raises(QueueFullError, match="was not begun"):
            await deployment.execute_task("Too many.")
        for task in (first, second):
            task.cancel()
        await asyncio.wait([first, second])


async def test_a_high_priority_goes_first(tmp_path: Path) -> None:
    one: dict[str, object] = {**ONE_MODEL, "scaling.maxConcurrency": 1}
    upstream = ScriptedUpstream([answer(text) for text in ("first", "urgent", "usual")])
    async with deployment_on(upstream, tmp_path, overrides=one) as deployment:
        asked = [
            deployment.execute_task("First."),
            deployment.execute_task("Usual."),
            deployment.execute_task("Urgent.", priority="high"),
        ]
        first, usual, urgent = await asyncio.gather(*asked)
    assert (first.output, urgent.output, usual.output) == ("first", "urgent", "usual")


async def test_free_requests_that_are_used_up_are_not_sent(tmp_path: Path) -> None:
    """The simulated account has one left; `/key` says so, and the second task goes to the paid model."""
    free = "thudm/glm-4-9b:free"
    models: dict[str, object] = {**TWO_MODELS, "models.primary": free}
    async with (
        start_simulator(scenario={"free_per_day": 1, "missing_cost_rate": 0}) as simulator,
        deployment_at(simulator.base_url, tmp_path, overrides=models) as deployment,
    ):
        results = [await deployment.execute_task("Say yes.") for _ in range(2)]
    first, second = results
    assert [attempt.model for attempt in first.attempts] == [free]
    assert second.attempts[-1].model == LLAMA
    assert all("429" not in attempt.reason for attempt in second.attempts)
