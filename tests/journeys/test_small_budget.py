"""Five hundred tasks at once on five cents, in one process and in three on one file."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from tests.journeys import crowd
from tests.journeys.books import billed_by_id, differing, kept_balances, read_ledger

from farthing.config.load import load_catalog, load_config
from farthing.money import from_nano, parse_usd
from farthing.routing.classify import classify
from farthing.simulator.process import SimulatorProcess
from farthing.spend.reservation import Reasoning, WorstCase, worst_case
from farthing.upstream.wire import ChatRequest, encode_request

COUNT = 500
LIMIT = "0.05"
SCENARIO = {
    # A provider can bill above any bound (money.md, the promise); such a row is booked whole, and may pass a
    # limit. Here the limit itself is under test, so nothing is billed above its bound.
    "overrun_rate": 0.0,
    "random": {"rate": 0.04, "kinds": ["rate_limit", "cut"]},
}
# The first answers wait until enough are on the wire, so that it does not hang on the machine's speed.
HELD = {**SCENARIO, "rules": [{"match": {"contains": "Explain entry"}, "fault": "slow_headers"}]}
IN_FLIGHT = 50


def least_worst_case() -> Decimal:
    """The crowd's total worst case in dollars: the reservation's own arithmetic, the tutorial's prices."""
    config, catalog = load_config("balanced", environ={}), load_catalog("tutorial")
    total = 0
    for number in range(COUNT):
        task = crowd.crowd_task(number)
        slot = config.routing.task_type_mapping[classify(task).task_type]
        model = config.models.by_slot()[slot].model
        request = ChatRequest(
            model=model, messages=task.conversation, max_tokens=task.max_tokens or 0, stream=True
        )
        bound = worst_case(
            price=catalog.price(model),
            body=encode_request(request),
            messages=request.messages,
            max_tokens=request.max_tokens,
            reasoning=Reasoning(setting=None, extra_tokens=0),
            budget=config.budget,
            clampable_to=None,
        )
        assert isinstance(bound, WorstCase)
        total += bound.worst
    return from_nano(total)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("processes", [1, 3])
async def test_five_hundred_tasks_never_pass_five_cents(processes: int, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.db"
    async with SimulatorProcess(seed=5, time_scale=0.02) as simulator:
        await simulator.set_scenario(HELD)
        outcomes = await _run_crowd(simulator, ledger, processes)
        await simulator.idle()
        bill, stats = await simulator.bill(), await simulator.stats()
    balance = kept_balances(ledger)["total"]
    billed, limit = parse_usd(str(bill["total"])), Decimal(LIMIT)
    assert least_worst_case() >= Decimal("1.50")
    assert outcomes["done"] + outcomes["refused"] == COUNT
    assert outcomes["refused"] > 0
    assert billed + from_nano(balance.uncertain) <= limit
    assert billed >= limit * 9 / 10
    assert stats["max_in_flight"] >= IN_FLIGHT
    book = read_ledger(ledger)
    assert (balance.held, book.total()) == (0, balance)
    assert differing(book.calls, billed_by_id(bill)) == []


async def _run_crowd(simulator: SimulatorProcess, ledger: Path, processes: int) -> Counter[str]:
    """Starts the processes, lets them go together, and adds up what became of their tasks."""
    environment = {**os.environ, "OPENROUTER_BASE_URL": simulator.base_url}
    children = [
        await _start(range(first, COUNT, processes), ledger, environment) for first in range(processes)
    ]
    for child in children:
        assert child.stdout is not None
        assert await child.stdout.readline() == b"ready\n"
    ends = asyncio.gather(*(child.communicate(b"go\n") for child in children))
    while not ends.done() and (await simulator.stats())["held"] < IN_FLIGHT:  # noqa: ASYNC110 - in another process
        await asyncio.sleep(0.05)
    await simulator.set_scenario(SCENARIO)
    await simulator.release()
    said = await ends
    outcomes: Counter[str] = Counter()
    for child, (out, complaint) in zip(children, said, strict=True):
        assert child.returncode == 0, complaint.decode()[-2000:]
        outcomes.update(json.loads(out))
    return outcomes


async def _start(
    numbers: Sequence[int], ledger: Path, environment: dict[str, str]
) -> asyncio.subprocess.Process:
    part = crowd.Part(database_url=f"sqlite:///{ledger}", limit=LIMIT, numbers=list(numbers))
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(crowd.__file__),
        json.dumps(part),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
