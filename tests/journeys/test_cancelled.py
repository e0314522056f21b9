"""A thousand cancelled streams, a thousand callbacks that raise, a hundred closings in flight: the law holds.

Against the real simulator over HTTP: its bill is compared with the ledger row by row, it is asked for open
connections, and nothing of ours is left running.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest
from tests.journeys.books import billed_by_id, differing, kept_balances, read_ledger

from farthing.deployment import Deployment
from farthing.errors import DeploymentClosedError
from farthing.result import TaskFinished, TokenReceived
from farthing.simulator.process import SimulatorProcess
from farthing.spend.alerts import Alert

AT_ONCE = 32
QUIET = {"overrun_rate": 0.0}


class ConsumerError(Exception):
    """What a caller's own code may raise."""


def deployed(simulator: SimulatorProcess, folder: Path, **overrides: object) -> Deployment:
    settings: dict[str, object] = {
        "upstream.baseUrl": simulator.base_url,
        "upstream.drainTimeout": 60.0,
        "storage.databaseUrl": f"sqlite:///{folder / 'ledger.db'}",
        "budget.monthlyLimit": Decimal(100),
        **overrides,
    }
    return Deployment("balanced", environ={}, overrides=settings)


async def at_once(work: Callable[[int], Awaitable[None]], count: int) -> None:
    """Runs numbered pieces of work, some at a time."""
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            await work(number)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


async def check_books(simulator: SimulatorProcess, folder: Path, *, calls: int) -> None:
    """`settled ≤ bill ≤ settled + uncertain`, equality where the id is known, and nothing left open."""
    await simulator.idle()
    bill, stats = await simulator.bill(), await simulator.stats()
    book, billed = read_ledger(folder / "ledger.db"), billed_by_id(await simulator.bill())
    total = book.total()
    assert len(book.calls) >= calls
    assert total.held == 0
    assert total.settled <= sum(billed.values()) <= total.settled + total.uncertain
    known = {name: call for name, call in book.calls.items() if call.cost is not None}
    assert differing(known, billed) == []
    without = [call for call in book.calls.values() if call.cost is None and call.generation_id is not None]
    assert without == []  # what has an id was asked for by it
    assert set(kept_balances(folder / "ledger.db").values()) == {total}
    assert bill["simulated"] is True
    assert stats["in_flight"] == 0
    assert stats["open_connections"] <= 1  # the one that asks


def ours_pending() -> list[str]:
    """Tasks that are not this test's own."""
    current = asyncio.current_task()
    return [task.get_name() for task in asyncio.all_tasks() if task is not current and not task.done()]


@pytest.mark.timeout(300)
async def test_a_thousand_cancelled_streams(tmp_path: Path) -> None:
    draw = random.Random(3)
    async with SimulatorProcess(seed=3) as simulator:
        await simulator.set_scenario(QUIET)
        async with deployed(simulator, tmp_path) as deployment:

            async def cancel_one(number: int) -> None:
                stop_after = draw.randrange(5)
                task = asyncio.ensure_future(read(deployment, number, stop_after))
                if number % 3 == 0:  # from outside, at whatever point it has come to
                    for _ in range(draw.randrange(40)):
                        await asyncio.sleep(0)
                    task.cancel()
                await asyncio.wait([task])
                assert task.cancelled() or task.exception() is None

            await at_once(cancel_one, 1000)
        assert ours_pending() == []
        await check_books(simulator, tmp_path, calls=600)  # some were cancelled before they reserved


async def read(deployment: Deployment, number: int, stop_after: int) -> None:
    """Reads some tokens of a stream and leaves."""
    seen = 0
    async for event in deployment.stream_task(f"Explain entry {number}.", max_tokens=64):
        seen += isinstance(event, TokenReceived)
        if seen > stop_after:
            return


@pytest.mark.timeout(300)
async def test_a_thousand_callbacks_that_raise(tmp_path: Path) -> None:
    """Consumers of streams and alert callbacks: each raises, and no money is lost by it."""
    async with SimulatorProcess(seed=4) as simulator:
        await simulator.set_scenario(QUIET)
        async with deployed(simulator, tmp_path, **{"alerts.criticalConcurrency": AT_ONCE}) as deployment:
            raised: list[str] = []

            def on_warning(alert: Alert) -> None:
                raised.append(alert.level)
                raise ConsumerError(alert.level)

            deployment.set_cost_alert(
                monthly_budget="0.000001", on_warning=on_warning, on_critical=on_warning
            )

            async def raise_one(number: int) -> None:
                with pytest.raises(ConsumerError):
                    await consume(deployment, number)

            await at_once(raise_one, 1000)
        assert {"warning", "critical"} <= set(raised)
        assert ours_pending() == []
        await check_books(simulator, tmp_path, calls=1000)


async def consume(deployment: Deployment, number: int) -> None:
    """Raises at the first token, or only at the end."""
    async for event in deployment.stream_task(f"Explain entry {number}.", max_tokens=64):
        if isinstance(event, TokenReceived if number % 2 else TaskFinished):
            raise ConsumerError(number)


@pytest.mark.timeout(300)
async def test_a_hundred_closings_in_flight(tmp_path: Path) -> None:
    draw = random.Random(5)
    async with SimulatorProcess(seed=5, time_scale=0.01) as simulator:
        await simulator.set_scenario(QUIET)

        async def close_one(number: int) -> None:
            async with deployed(simulator, tmp_path) as deployment:
                prompts = [f"Explain entry {number}.{each}." for each in range(6)]
                tasks = [
                    asyncio.ensure_future(deployment.execute_task(prompt, max_tokens=64))
                    for prompt in prompts
                ]
                for _ in range(draw.randrange(60)):
                    await asyncio.sleep(0)
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            errors = [end for end in ends if isinstance(end, BaseException)]
            assert all(isinstance(error, DeploymentClosedError) for error in errors)

        await at_once(close_one, 100)
        assert ours_pending() == []
        await check_books(simulator, tmp_path, calls=20)
