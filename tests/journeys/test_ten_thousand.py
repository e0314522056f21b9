"""Ten thousand tasks, one attempt in ten failing: none lost, the books equal, the memory flat."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from tests.journeys import long_run
from tests.journeys.books import billed_by_id, differing, read_ledger

from farthing.simulator.process import SimulatorProcess

COUNT = 10_000
FAULTS = {
    "random": {
        "rate": 0.1,
        "kinds": [
            *("rate_limit", "overloaded", "server_error"),
            *("cut", "cut_before_first", "stream_error", "body_error", "empty"),
        ],
    }
}


@pytest.mark.timeout(300)  # some 15 s alone on two cores; the machine may be shared
async def test_ten_thousand_tasks(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.db"
    async with SimulatorProcess(seed=7) as simulator:
        await simulator.set_scenario(FAULTS)
        program = [sys.executable, str(long_run.__file__), f"sqlite:///{ledger}", str(COUNT)]
        child = await asyncio.create_subprocess_exec(
            *program,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "OPENROUTER_BASE_URL": simulator.base_url},
        )
        said, complaint = await child.communicate()
        assert child.returncode == 0, complaint.decode()[-2000:]
        await simulator.idle()
        bill = await simulator.bill()
    run = json.loads(said)
    _none_lost(run, ledger)
    _books_agree(bill, ledger)
    assert run["resident_last"] <= 1.1 * run["resident_first"]


def _none_lost(run: dict[str, int], ledger: Path) -> None:
    calls = read_ledger(ledger).calls.values()
    accepted = [call for call in calls if call.outcome is not None and call.outcome.accepted]
    assert (run["done"], run["failed"]) == (COUNT, 0)
    assert len(accepted) == len({call.intent.task_id for call in accepted}) == COUNT
    assert len(calls) == run["attempts"]
    assert 0.08 < run["unsuccessful"] / run["attempts"] < 0.12


def _books_agree(bill: dict[str, object], ledger: Path) -> None:
    book = read_ledger(ledger)
    billed = billed_by_id(bill)
    assert differing(book.calls, billed) == []
    assert billed.keys() <= {call.generation_id for call in book.calls.values()}
    total = book.total()
    assert total.held == 0
    assert total.settled <= sum(billed.values()) <= total.settled + total.uncertain
