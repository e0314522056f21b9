"""Development's free requests, spread over the day: beyond the pace one goes elsewhere, ends, or waits."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.simulator.conftest import ROWS

from farthing.deployment import Deployment
from farthing.errors import TaskFailedError
from farthing.simulator.server import start_simulator
from farthing.task import Task
from farthing.testing import VirtualClock, deployment_at

MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
FREE, PAID = "acme/free:free", "acme/plain"
ONE: dict[str, object] = {
    "environment": "development",
    "models.primary": FREE,
    "models.secondary": None,
    "models.tertiary": None,
    "models.fallback": None,
    "routing.taskTypeMapping": {},
    "routing.qualityThreshold": 0,
    "fallbackRules.maxRetries": 1,
}


@asynccontextmanager
async def world(folder: Path, **overrides: object) -> AsyncGenerator[tuple[Deployment, VirtualClock]]:
    """An account of four free requests a day, two of which may be used at any hour; it is midnight."""
    clock = VirtualClock(MIDNIGHT)
    async with start_simulator(rows=ROWS, scenario={"free_per_day": 4, "overrun_rate": 0.0}) as simulator:
        made = deployment_at(simulator.base_url, folder, clock=clock, overrides={**ONE, **overrides})
        async with made as deployment:
            yield deployment, clock


async def test_beyond_the_pace_a_task_ends_and_says_when_the_next_goes(tmp_path: Path) -> None:
    async with world(tmp_path) as (deployment, clock):
        for number in range(2):
            await deployment.execute_task(f"Explain {number}.")
        with pytest.raises(TaskFailedError, match=r"2 of the day's 4 free requests .* at 12:00:00 UTC"):
            await deployment.execute_task("Explain it.")
        (level,) = (one for one in deployment.service_levels() if one.of == "free models")
        assert (level.measured, level.verdict) == (2, "missed")
        assert level.target == pytest.approx(2, rel=1e-3)
        clock.advance(12 * 3600)
        await deployment.execute_task("Explain it.")


async def test_a_task_with_a_deadline_waits_for_its_turn(tmp_path: Path) -> None:
    async with world(tmp_path) as (deployment, clock):
        for number in range(2):
            await deployment.execute_task(f"Explain {number}.")
        task = Task(description="Explain it.", deadline=MIDNIGHT + timedelta(hours=14))
        result = await deployment.execute_task(task)
        assert clock.now() >= MIDNIGHT + timedelta(hours=12)
    assert result.deferral is not None
    assert result.deferral.ways == ("free_pace",)
    assert "spread over the day" in result.route.reason


async def test_the_next_candidate_is_asked_where_there_is_one(tmp_path: Path) -> None:
    paid: dict[str, object] = {"models.secondary": PAID, "allowPaid": True, "budget.monthlyLimit": 1}
    async with world(tmp_path, **paid) as (deployment, _):
        models = [
            (await deployment.execute_task(f"Explain {number}.")).attempts[-1].model for number in range(3)
        ]
    assert models == [FREE, FREE, PAID]


@pytest.mark.parametrize(
    "overrides", [{"limits.spreadFreeRequests": False}, {"environment": "production", "allowPaid": True}]
)
async def test_elsewhere_the_day_is_used_as_it_comes(overrides: dict[str, object], tmp_path: Path) -> None:
    async with world(tmp_path, **overrides) as (deployment, _):
        for number in range(4):
            await deployment.execute_task(f"Explain {number}.")
        assert not [one for one in deployment.service_levels() if one.of == "free models"]
