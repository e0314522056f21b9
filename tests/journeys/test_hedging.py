"""Two models at one answer: the first text wins, the other is left at once and settled, and money decides."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import cast

import msgspec
import pytest
from tests.journeys.books import read_ledger

from farthing.deployment import Deployment
from farthing.errors import TaskFailedError
from farthing.result import Attempt, AttemptFinished, AttemptStarted, TaskFinished, TaskResult, TokenReceived
from farthing.swarm.events import LoopEvent
from farthing.testing import (
    Reply,
    ScriptedExchange,
    ScriptedUpstream,
    VirtualClock,
    answer,
    deployment_on,
    failure,
    hang,
)
from farthing.upstream.transport import TransportFault

FIRST, SECOND = "qwen/qwen-2.5-coder-32b-instruct", "meta-llama/llama-3.3-70b-instruct"
HEDGED: Mapping[str, object] = {
    "models.primary": FIRST,
    "models.secondary": SECOND,
    "models.tertiary": None,
    "models.fallback": None,
    "routing.taskTypeMapping": {},
    "fallbackRules.retryDelay": 0,
    "hedging": {"enabled": True, "after": 400},
}


class ByModel(ScriptedUpstream):
    """Each model has one reply, which comes when its gate is open."""

    def __init__(self, replies: Mapping[str, Reply], *, closed: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.replies = dict(replies)
        self.asked = asyncio.Event()
        """Somebody waits at a gate."""
        self.gates = {model: asyncio.Event() for model in replies}
        self.bills = {"gen-hang": "0.000003", "gen-first": "0.000001", "gen-second": "0.000002"}
        for model, gate in self.gates.items():
            if model not in closed:
                gate.set()

    async def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> ScriptedExchange | TransportFault:
        if body is not None:
            if on_sent is not None:
                on_sent()
            model = msgspec.json.decode(body)["model"]
            self.asked.set()
            await self.gates[model].wait()
            self.script = [self.replies[model]]
        return await super().exchange(method, url, headers=headers, body=body, on_sent=on_sent)


def opened(upstream: ByModel, folder: Path, **more: object) -> Deployment:
    return deployment_on(upstream, folder, clock=VirtualClock(), overrides={**HEDGED, **more})


def first() -> Reply:
    return answer("from the first", generation_id="gen-first", model=FIRST)


def second() -> Reply:
    return answer("from the second", generation_id="gen-second", model=SECOND, cost="0.000002")


async def test_a_late_first_is_overtaken_and_paid(tmp_path: Path) -> None:
    upstream = ByModel({FIRST: hang(), SECOND: second()})
    async with opened(upstream, tmp_path) as deployment:
        result = await deployment.execute_task("Why?")
        await asyncio.sleep(0)
        assert upstream.open_exchanges == 0
    async with opened(upstream, tmp_path) as deployment:
        report = deployment.get_cost_report()
    assert (result.output, result.model) == ("from the second", SECOND)
    assert {attempt.model: attempt.reason for attempt in result.attempts} == {
        FIRST: "overtaken",
        SECOND: "ok",
    }
    calls = read_ledger(tmp_path / "ledger.db").calls.values()
    assert {call.intent.model: call.intent.purpose for call in calls} == {FIRST: "task", SECOND: "hedge"}
    assert (report.total_spend, report.held, report.uncertain) == (Decimal("0.000005"), 0, 0)


async def test_the_first_may_still_win(tmp_path: Path) -> None:
    upstream = ByModel({FIRST: first(), SECOND: second()}, closed=(FIRST, SECOND))
    events: list[LoopEvent] = []
    async with opened(upstream, tmp_path) as deployment:
        async for event in deployment.stream_task("Why?"):
            events.append(event)
            if isinstance(event, AttemptStarted) and event.number == 2:
                upstream.gates[FIRST].set()
    assert [event.text for event in events if isinstance(event, TokenReceived)] == ["from the first"]
    ended = [event.attempt for event in events if isinstance(event, AttemptFinished)]
    assert {attempt.model: attempt.reason for attempt in ended} == {FIRST: "ok", SECOND: "overtaken"}
    assert upstream.open_exchanges == 0


async def test_a_hedge_that_money_refuses_leaves_the_first_alone(tmp_path: Path) -> None:
    upstream = ByModel({FIRST: first(), SECOND: second()}, closed=(FIRST,))
    dear = {"budget.taskLimit": "0.0004"}  # one worst case of either model, not two
    attempts: list[str] = []
    result: TaskResult | None = None
    async with opened(upstream, tmp_path, **dear) as deployment:
        async for event in deployment.stream_task("Why?", max_tokens=500, timeout_s=1):
            if isinstance(event, AttemptFinished):
                attempts.append(event.attempt.status)
                upstream.gates[FIRST].set()
            elif isinstance(event, TaskFinished):
                result = event.result
    assert attempts == ["refused", "accepted"]
    assert result is not None
    assert result.model == FIRST


async def test_a_first_that_fails_leaves_the_hedge_to_answer(tmp_path: Path) -> None:
    upstream = ByModel({FIRST: failure(500), SECOND: second()}, closed=(FIRST, SECOND))
    async with opened(upstream, tmp_path) as deployment:
        async for event in deployment.stream_task("Why?"):
            if isinstance(event, AttemptStarted) and event.number == 2:
                upstream.gates[FIRST].set()
            elif isinstance(event, AttemptFinished) and event.attempt.model == FIRST:
                assert event.attempt.status == "failed"
                upstream.gates[SECOND].set()
            elif isinstance(event, TaskFinished):
                assert [attempt.model for attempt in event.result.attempts] == [FIRST, SECOND]
                assert event.result.output == "from the second"


async def test_both_may_fail(tmp_path: Path) -> None:
    upstream = ByModel({FIRST: failure(400), SECOND: failure(400)})
    async with opened(upstream, tmp_path) as deployment:
        with pytest.raises(TaskFailedError) as raised:
            await deployment.execute_task("Why?")
    attempts = cast("Sequence[Attempt]", raised.value.attempts)
    assert sorted(attempt.model for attempt in attempts) == sorted([FIRST, SECOND])


async def test_a_caller_who_leaves_ends_both(tmp_path: Path) -> None:
    upstream = ByModel({FIRST: hang(), SECOND: hang()})
    async with opened(upstream, tmp_path) as deployment:
        task = asyncio.ensure_future(deployment.execute_task("Why?"))
        await upstream.received(2)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0)
        assert upstream.open_exchanges == 0
        assert deployment.get_cost_report().total_spend >= 0
    async with opened(upstream, tmp_path) as deployment:
        assert deployment.get_cost_report().held == 0


async def test_a_retry_budget_that_is_spent_hedges_nothing(tmp_path: Path) -> None:
    """Twelve late answers, and ten hedges: an overloaded upstream is not asked twice as much for ever."""
    upstream = ByModel({FIRST: first(), SECOND: second()}, closed=(SECOND,))
    settings = {"fallbackRules.retryBudget": 0, "fallbackRules.onTimeout": False}
    started = 0
    async with opened(upstream, tmp_path, **settings) as deployment:
        for _ in range(12):
            upstream.gates[FIRST].clear()
            upstream.asked.clear()
            task = asyncio.ensure_future(_starts(deployment))
            await upstream.asked.wait()  # by then the time without a token is long over
            upstream.gates[FIRST].set()
            started += await task
    assert started == 12 + 10


async def _starts(deployment: Deployment) -> int:
    return sum([isinstance(event, AttemptStarted) async for event in deployment.stream_task("Why?")])
