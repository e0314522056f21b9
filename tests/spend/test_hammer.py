"""Four processes hammer one dollar, on a SQLite file and on a PostgreSQL; one of them is stopped for a while.

Real processes, real HTTP, the simulator's own bill: it never passes the dollar, and nearly all of it is used.
"""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.journeys.books import billed_by_id, differing
from tests.spend import hammer
from tests.spend.chains import first_broken_link

from farthing.money import from_nano, parse_usd
from farthing.simulator.process import SimulatorProcess
from farthing.spend import store
from farthing.spend.budget import AccountKey
from farthing.spend.runs import fold
from farthing.storage.database import Database
from farthing.storage.tables import ledger, writer

LIMIT = "1.00"
PROCESSES, TASKS = 4, 850
LEASE_S = 1.0
QUIET = {"overrun_rate": 0.0}  # a provider can bill above any bound; here the limit itself is under test


@pytest.mark.timeout(300)  # some 10 s alone on two cores; the machine may be shared
async def test_four_processes_never_pass_one_dollar(url: str) -> None:
    async with SimulatorProcess(seed=11) as simulator:
        await simulator.set_scenario(QUIET)
        children = [await _started(url, simulator.base_url) for _ in range(PROCESSES)]
        database = Database(url)
        ends = asyncio.gather(*(child.communicate(b"go\n") for child in children))
        await _stop_past_its_lease(database, children[0])
        said = await ends
        await simulator.idle()
        bill = await simulator.bill()
    outcomes: Counter[str] = Counter()
    for child, (out, complaint) in zip(children, said, strict=True):
        assert child.returncode == 0, complaint.decode()[-2000:]
        outcomes.update(json.loads(out))
    billed = parse_usd(str(bill["total"]))
    _demand_was_thrice_the_limit(outcomes, billed)
    assert Decimal("0.95") <= billed <= Decimal(LIMIT)
    _books_agree(database, bill)
    database.close()


def _demand_was_thrice_the_limit(outcomes: Counter[str], billed: Decimal) -> None:
    assert outcomes["failed"] == 0
    assert outcomes["done"] + outcomes["refused"] == PROCESSES * TASKS
    assert billed / outcomes["done"] * PROCESSES * TASKS >= 3 * Decimal(LIMIT)


def _books_agree(database: Database, bill: dict[str, object]) -> None:
    with database.read() as connection:
        rows = list(store.read_rows(connection))
        kept = store.read_accounts(connection, scope="deployment")[AccountKey("deployment", "total")]
    assert first_broken_link(rows) is None
    book = fold(rows)
    assert book.balances()[AccountKey("deployment", "total")] == kept
    assert (kept.held, kept.uncertain) == (0, 0)
    assert from_nano(kept.settled) <= Decimal(LIMIT)
    assert differing(book.calls, billed_by_id(bill)) == []


async def _stop_past_its_lease(database: Database, child: asyncio.subprocess.Process) -> None:
    """Stops a process while its calls are on the wire; lets it go on when another has taken its epoch."""
    stopped = await _epoch_at_work(database, child.pid)
    child.send_signal(signal.SIGSTOP)
    while database.is_sqlite and not await asyncio.to_thread(_free, database):
        # Stopped within its transaction: nobody can break a file's lock, so the others would only wait.
        child.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.003)
        child.send_signal(signal.SIGSTOP)
    try:
        while await asyncio.to_thread(_state, database, stopped) == "live":  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.02)
        assert _state(database, stopped) == "expired"
    finally:
        child.send_signal(signal.SIGCONT)


async def _epoch_at_work(database: Database, pid: int) -> int:
    """The process's epoch, as soon as it has made some calls."""
    query = (
        sa.select(writer.c.epoch, sa.func.count())
        .join(ledger, ledger.c.epoch == writer.c.epoch)
        .where(writer.c.label.endswith(f":{pid}"))
        .group_by(writer.c.epoch)
    )
    while True:
        with database.read() as connection:
            found = connection.execute(query).first()
        if found is not None and found[1] >= 40:
            return found[0]
        await asyncio.sleep(0.01)


def _free(database: Database) -> bool:
    """Whether the file can be written now, or soon."""
    with closing(
        sqlite3.connect(str(database.url.database), timeout=0.5, isolation_level=None)
    ) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True


def _state(database: Database, epoch: int) -> str:
    with database.read() as connection:
        return connection.execute(sa.select(writer.c.state).where(writer.c.epoch == epoch)).scalar_one()


async def _started(url: str, base_url: str) -> asyncio.subprocess.Process:
    part = hammer.Part(database_url=url, limit=LIMIT, lease_s=LEASE_S, tasks=TASKS)
    arguments: Sequence[str] = [str(Path(hammer.__file__)), json.dumps(part)]
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "OPENROUTER_BASE_URL": base_url},
    )
    assert child.stdout is not None
    line = await child.stdout.readline()
    assert line == b"ready\n", (await child.communicate())[1].decode()[-2000:]
    return child
