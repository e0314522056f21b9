"""Tasks that may wait a day go in batches: what is sent, what is held, what is settled, and by whom."""

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from tests.journeys import batch_worker
from tests.journeys.batch_worker import ONE
from tests.simulator.conftest import ROWS

from farthing.deployment import Deployment
from farthing.errors import BudgetExceededError, DeploymentClosedError
from farthing.proof.reconcile import reconcile_open, writing
from farthing.result import AttemptFinished, TaskFinished, TaskResult
from farthing.simulator.conditions import CONDITIONS, Condition
from farthing.simulator.framing import Request
from farthing.simulator.server import Simulator, start_simulator
from farthing.spend import store
from farthing.spend.runs import Call, fold
from farthing.storage.database import Database
from farthing.task import Task
from farthing.testing import VirtualClock, deployment_at
from farthing.upstream.client import Client
from farthing.upstream.direct import DirectTransport

LEASE_S = 0.6
EVEN: dict[str, object] = {"overrun_rate": 0.0}


class GatedClock(VirtualClock):
    """A virtual clock that stands while its gate is shut."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()

    async def sleep(self, seconds: float) -> None:
        await self.gate.wait()
        await super().sleep(seconds)


@asynccontextmanager
async def world(
    folder: Path, scenario: Mapping[str, object] | None = None, **overrides: object
) -> AsyncGenerator[tuple[Simulator, Deployment, GatedClock]]:
    clock = GatedClock()
    async with start_simulator(rows=ROWS, scenario={**EVEN, **(scenario or {})}) as simulator:
        settings = {**ONE, **overrides}
        yield simulator, deployment_at(simulator.base_url, folder, clock=clock, overrides=settings), clock


def due(clock: VirtualClock, text: str, *, hours: float = 30) -> Task:
    return Task(description=text, type="general", deadline=clock.now() + timedelta(hours=hours))


async def answers(deployment: Deployment, clock: VirtualClock, count: int) -> list[TaskResult]:
    tasks = [deployment.execute_task(due(clock, f"Explain {number}.")) for number in range(count)]
    return list(await asyncio.gather(*tasks))


def calls_in(folder: Path) -> list[Call]:
    database = Database(f"sqlite:///{folder / 'ledger.db'}")
    try:
        with database.read() as connection:
            return list(fold(store.read_rows(connection)).calls.values())
    finally:
        database.close()


def total_of(simulator: Simulator) -> Decimal:
    total: Fraction = simulator.desk.bill.total()
    return Decimal(total.numerator) / Decimal(total.denominator)


def booked(calls: list[Call]) -> int:
    return sum(call.cost or 0 for call in calls)


async def test_tasks_of_a_model_go_in_one_batch_and_each_is_settled_by_its_own_bill(tmp_path: Path) -> None:
    async with world(tmp_path) as (simulator, deployment, clock):
        async with deployment:
            results = await answers(deployment, clock, 5)
            report = deployment.get_cost_report()
        stats = simulator.stats()
        rows = {row.id: row.cost for row in simulator.desk.bill.rows()}
        total = total_of(simulator)
    assert (len(rows), stats["chat_requests"]) == (5, 0)
    for result in results:
        assert result.deferral is not None
        assert result.deferral.ways == ("batch",)
        assert result.deferral.cost_at_once == 2 * result.metrics.cost
        assert result.metrics.cost_basis == "reported"
        assert "in a batch" in result.route.reason
        assert result.simulated
        (attempt,) = result.attempts
        assert Fraction(attempt.cost) == rows[attempt.generation_id or ""]
    assert report.total_spend == total
    assert (report.held, report.uncertain) == (0, 0)
    calls = calls_in(tmp_path)
    assert {call.intent.deferral for call in calls} == {"batch"}
    assert len({call.generation_id for call in calls}) == 5


async def on_its_way(simulator: Simulator, clock: GatedClock) -> None:
    """Until the simulator has the batch; from there the clock stands."""
    while not simulator.stats()["batches"]:  # noqa: ASYNC110 - the simulator has no event for it
        await asyncio.sleep(0.001)
    clock.gate.clear()


async def test_every_item_holds_its_worst_case_while_its_batch_is_on_its_way(tmp_path: Path) -> None:
    async with world(tmp_path, {"batch_held": True}) as (simulator, deployment, clock), deployment:
        waiting = asyncio.ensure_future(answers(deployment, clock, 3))
        await on_its_way(simulator, clock)
        held = deployment.get_cost_report().held
        simulator.release()
        clock.gate.set()
        results = await asyncio.wait_for(waiting, 10)
        assert held > sum(result.metrics.cost for result in results)
        assert deployment.get_cost_report().held == 0


async def test_a_late_batch_is_counted_and_the_task_is_sent_directly(tmp_path: Path) -> None:
    async with world(tmp_path, {"batch_held": True}) as (simulator, deployment, clock):
        async with deployment:
            result = None
            async for event in deployment.stream_task(due(clock, "Explain it.", hours=25)):
                if isinstance(event, AttemptFinished) and simulator.stats()["batches"]:
                    clock.gate.clear()  # it is a day later, and stays so
                    assert deployment.get_cost_report().held > 0  # the item nobody waits for
                    simulator.release()
                    clock.gate.set()
                elif isinstance(event, TaskFinished):
                    result = event.result
            while deployment.get_cost_report().held:  # noqa: ASYNC110 - its settlement outlives the task
                await asyncio.sleep(0.001)
            report = deployment.get_cost_report()
        total = total_of(simulator)
    assert result is not None
    assert result.deferral is not None
    assert result.deferral.ways == ()
    assert "sent directly: its batch was late" in result.route.reason
    assert [attempt.status for attempt in result.attempts] == ["failed", "accepted"]
    assert result.metrics.cost_basis == "uncertain"  # as the batch's item was when this was known
    assert 0 < report.total_spend == total
    first, second = calls_in(tmp_path)
    assert [first.intent.deferral, second.intent.deferral] == ["batch", ""]
    assert first.outcome is not None
    assert not first.outcome.accepted


@pytest.mark.parametrize("end", ["failed", "expired"])
async def test_a_batch_that_comes_to_nothing_costs_nothing_and_a_direct_call_follows(
    end: str, tmp_path: Path
) -> None:
    async with world(tmp_path, {"batch_ends": end}) as (simulator, deployment, clock):
        async with deployment:
            result = await deployment.execute_task(due(clock, "Explain it."))
            report = deployment.get_cost_report()
        assert (report.total_spend, report.uncertain) == (total_of(simulator), 0)
    assert result.attempts[0].cost_basis == "computed"
    assert result.attempts[0].cost == 0
    assert f"the batch ended {end}" in result.route.reason


async def test_items_that_fail_cost_nothing_where_the_others_bills_are_the_whole(tmp_path: Path) -> None:
    async with world(tmp_path, {"batch_failure_rate": 0.5}) as (simulator, deployment, clock):
        async with deployment:
            results = await answers(deployment, clock, 12)
        assert Fraction(booked(calls_in(tmp_path)), 10**9) == simulator.desk.bill.total()
    ways = {result.deferral.ways for result in results if result.deferral}
    assert ways == {("batch",), ()}


async def test_a_model_that_has_no_batches_is_asked_directly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The submission is refused up front: nothing was billed, nothing was waited for."""
    async with world(tmp_path) as (simulator, deployment, clock):
        async with deployment:

            def refused(_request: Request, _path: str) -> Condition:
                return CONDITIONS["no_endpoints"]

            monkeypatch.setattr(simulator.batches, "answer", refused)
            result = await deployment.execute_task(due(clock, "Explain it."))
        assert Fraction(booked(calls_in(tmp_path)), 10**9) == simulator.desk.bill.total()
    assert result.attempts[0].cost == 0
    assert len(result.attempts) == 2


async def test_a_budget_that_has_no_room_refuses_an_items_intent_before_a_byte_leaves(tmp_path: Path) -> None:
    tight: dict[str, object] = {"budget.monthlyLimit": "0.0000001"}
    async with world(tmp_path, None, **tight) as (simulator, deployment, clock):
        async with deployment:
            with pytest.raises(BudgetExceededError):
                await deployment.execute_task(due(clock, "Explain it."))
        assert len(simulator.desk.bill) == 0
        assert simulator.batches.release() == 0


async def test_a_short_deadline_takes_no_batch(tmp_path: Path) -> None:
    async with world(tmp_path) as (_, deployment, clock), deployment:
        result = await deployment.execute_task(due(clock, "Explain it.", hours=20))
    assert result.deferral is not None
    assert result.deferral.ways == ("flex",)


async def test_closing_leaves_items_uncertain_with_their_batch_and_reconcile_finds_them(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, {"batch_held": True}) as (simulator, deployment, clock):
        async with deployment:
            waiting = asyncio.ensure_future(answers(deployment, clock, 2))
            await on_its_way(simulator, clock)
        with pytest.raises(DeploymentClosedError):
            await waiting
        left = calls_in(tmp_path)
        assert all(call.doubted and call.cost is None for call in left)
        assert {(call.generation_id or "").partition(":")[0] for call in left} == {"batch"}
        assert await reconciled(tmp_path, simulator) == 0  # it has not ended
        simulator.release()
        assert await reconciled(tmp_path, simulator) == 2
        assert Fraction(booked(calls_in(tmp_path)), 10**9) == simulator.desk.bill.total()


@pytest.mark.timeout(120)
async def test_a_killed_process_leaves_a_batch_that_is_found_and_settled(tmp_path: Path) -> None:
    async with start_simulator(rows=ROWS, scenario={**EVEN, "batch_held": True}) as simulator:
        child = await asyncio.create_subprocess_exec(
            sys.executable, batch_worker.__file__, simulator.base_url, str(tmp_path), str(LEASE_S)
        )
        assert await child.wait() == -signal.SIGKILL
        assert {call.cost for call in calls_in(tmp_path)} == {None}
        simulator.release()
        await asyncio.sleep(LEASE_S)  # by the database's clock, which is real here
        assert await reconciled(tmp_path, simulator) == batch_worker.TASKS
        calls = calls_in(tmp_path)
        assert Fraction(booked(calls), 10**9) == simulator.desk.bill.total() > 0
    assert all(call.outcome is not None and call.outcome.basis == "reported" for call in calls)
    assert all((call.generation_id or "").startswith("gen-") for call in calls)


async def reconciled(folder: Path, simulator: Simulator) -> int:
    """How many calls `farthing ledger reconcile` settles."""
    database = Database(f"sqlite:///{folder / 'ledger.db'}")
    client = Client(DirectTransport(connection_limit=4), base_url=simulator.base_url, api_key="sk-or-test")
    try:
        async with writing(database, label="test", now_us=_now_us) as writer:
            done = await reconcile_open(database, client, writer, now_us=_now_us, delays_s=(0.0, 0.0, 0.0))
        return len(done.settled)
    finally:
        await client.aclose()
        database.close()


def _now_us() -> int:
    return int(datetime.now(UTC).timestamp() * 1_000_000)
