"""Tasks with a deadline, seen from the caller: when they are sent, how, and what that saved."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from farthing.deployment import Deployment
from farthing.errors import DeploymentClosedError
from farthing.result import TaskFinished, Waiting
from farthing.routing.route import NoRoute
from farthing.spend import readings
from farthing.spend.savings import Savings
from farthing.spend.span import Span
from farthing.storage.database import Database
from farthing.swarm.events import LoopEvent
from farthing.task import Task
from farthing.testing import ScriptedUpstream, VirtualClock, answer, deployment_on, failure

MODEL = "a/model"
START = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONE: dict[str, object] = {
    "models.primary": MODEL,
    "models.secondary": None,
    "models.tertiary": None,
    "models.fallback": None,
    "routing.taskTypeMapping": {},
    "routing.qualityThreshold": 0,
}


def rows(**pricing: object) -> list[dict[str, object]]:
    return [
        {
            "id": MODEL,
            "name": MODEL,
            "context_length": 100_000,
            "pricing": {"prompt": "0.000002", "completion": "0.000008", **pricing},
            "top_provider": {"max_completion_tokens": 4096},
            "supported_parameters": ["max_tokens"],
        }
    ]


NIGHT = rows(overrides=[{"utc_start": "16:30", "utc_end": "00:30", "prompt": "0.000001"}])


def opened(upstream: ScriptedUpstream, folder: Path, clock: VirtualClock, **overrides: object) -> Deployment:
    return deployment_on(upstream, folder, clock=clock, overrides={**ONE, **overrides})


def due(hours: float, text: str = "Sum it up.") -> Task:
    return Task(description=text, type="general", deadline=START + timedelta(hours=hours))


def savings_in(folder: Path) -> dict[str, Decimal]:
    """What each lever saved, as `farthing report` reads it."""
    database = Database(f"sqlite:///{folder / 'ledger.db'}")
    try:
        with database.read() as connection:
            prices = readings.read_prices(connection, [MODEL])
            savings = Savings(readings.PriceFinder(prices))
            span = Span(first=START.date(), last=START.date() + timedelta(days=3))
            for call, ended_us in readings.read_entries(connection, span):
                savings.add(call, ended_us)
            return {line.lever: line.saved for line in savings.lines("baseline")}
    finally:
        database.close()


async def test_a_task_without_a_deadline_never_waits(tmp_path: Path) -> None:
    upstream, clock = ScriptedUpstream(["ok"], models=NIGHT), VirtualClock(START)
    async with opened(upstream, tmp_path, clock) as deployment:
        result = await deployment.execute_task("Sum it up.", type="general")
    assert (clock.slept, result.deferral) == ([], None)
    assert upstream.requests[0]["model"] == MODEL


async def test_a_task_waits_for_the_cheaper_hour_and_holds_nothing_meanwhile(tmp_path: Path) -> None:
    upstream, clock = ScriptedUpstream([answer("ok", cost="0.00003")], models=NIGHT), VirtualClock(START)
    async with opened(upstream, tmp_path, clock) as deployment:
        events: list[LoopEvent] = []
        async for event in deployment.stream_task(due(6)):
            events.append(event)
            if isinstance(event, Waiting):
                assert deployment.get_cost_report().held == 0
        deployment.get_cost_report()  # writes down what is recorded
        saved = savings_in(tmp_path)
    (waited,) = (event for event in events if isinstance(event, Waiting))
    assert waited.seconds == 4.5 * 3600
    assert "16:30 UTC" in waited.reason
    finished = events[-1]
    assert isinstance(finished, TaskFinished)
    result = finished.result
    assert result.deferral is not None
    assert result.deferral.ways == ("off_peak", "flex")
    assert result.deferral.waited_s == 4.5 * 3600
    assert result.deferral.cost_at_once == 10 * Decimal("0.000002") + 5 * Decimal("0.000008")
    assert result.metrics.latency_ms == 0  # the wait is not its model's
    assert "16:30 UTC" in result.route.reason
    assert upstream.requests[0]["model"] == f"{MODEL}:floor"
    assert saved["off peak"] == 10 * Decimal("0.000001")
    assert saved["flex"] == 10 * Decimal("0.000001") + 5 * Decimal("0.000008") - Decimal("0.00003")


async def test_the_tasks_own_timeout_begins_when_it_is_sent(tmp_path: Path) -> None:
    """Two minutes for retries after hours of waiting."""
    script = [failure(429, retry_after=100), answer("ok")]
    upstream, clock = ScriptedUpstream(script, models=NIGHT), VirtualClock(START)
    async with opened(upstream, tmp_path, clock) as deployment:
        result = await deployment.execute_task(due(6), timeout_s=120)
    assert [attempt.status for attempt in result.attempts] == ["failed", "accepted"]
    assert [request["model"] for request in upstream.requests] == [f"{MODEL}:floor", MODEL]


async def test_floor_is_held_to_the_dated_price(tmp_path: Path) -> None:
    upstream, clock = ScriptedUpstream(["ok"], models=rows()), VirtualClock(START)
    async with opened(upstream, tmp_path, clock) as deployment:
        result = await deployment.execute_task(due(2))
    (request,) = upstream.requests
    assert request["model"] == f"{MODEL}:floor"
    assert request["provider"] == {"max_price": {"prompt": 2, "completion": 8}}
    assert result.deferral is not None
    assert (result.deferral.ways, clock.slept) == (("flex",), [])


@pytest.mark.parametrize(
    ("overrides", "fields"),
    [
        ({"optimization.deferral.flex": False}, {}),
        ({"provider.sort": "latency"}, {}),
        ({}, {"session_id": "warm"}),
        ({}, {"service_tier": "default"}),
    ],
)
async def test_floor_is_left_out_where_it_would_undo_what_was_asked(
    overrides: dict[str, object], fields: dict[str, object], tmp_path: Path
) -> None:
    upstream, clock = ScriptedUpstream(["ok"], models=rows()), VirtualClock(START)
    async with opened(upstream, tmp_path, clock, **overrides) as deployment:
        await deployment.execute_task(due(2), **fields)
    assert upstream.requests[0]["model"] == MODEL


async def test_a_deadline_that_is_over_is_sent_at_once(tmp_path: Path) -> None:
    upstream, clock = ScriptedUpstream(["ok"], models=NIGHT), VirtualClock(START)
    async with opened(upstream, tmp_path, clock) as deployment:
        result = await deployment.execute_task(due(-1))
    assert result.deferral is not None
    assert (result.deferral.ways, clock.slept) == ((), [])
    assert "leaves no room" in result.route.reason


class StillClock(VirtualClock):
    """Who sleeps on it waits until somebody else moves it."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds + 86_401)


async def test_closing_ends_the_wait_with_nothing_sent(tmp_path: Path) -> None:
    upstream, clock = ScriptedUpstream([], models=NIGHT), StillClock(START)
    deployment = opened(upstream, tmp_path, clock)
    async with deployment:
        waiting = asyncio.ensure_future(deployment.execute_task(due(6)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    with pytest.raises(DeploymentClosedError, match="closed before"):
        await waiting
    assert upstream.requests == []


async def test_who_cancels_a_wait_has_spent_nothing(tmp_path: Path) -> None:
    upstream, clock = ScriptedUpstream([], models=NIGHT), StillClock(START)
    async with opened(upstream, tmp_path, clock) as deployment:
        waiting = asyncio.ensure_future(deployment.execute_task(due(6)))
        await asyncio.sleep(0.001)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        report = deployment.get_cost_report()
        assert (report.total_spend, report.held, report.uncertain) == (0, 0, 0)


async def test_explain_is_what_would_be_done_now(tmp_path: Path) -> None:
    upstream, clock = ScriptedUpstream([], models=NIGHT), VirtualClock(START)
    async with opened(upstream, tmp_path, clock) as deployment:
        route = deployment.explain(due(6))
    assert not isinstance(route, NoRoute)
    assert "waits until 16:30 UTC: expected" in route.reason
    assert upstream.requests == []
