"""Three real processes on one database: together they never pass the limit, and they use nearly all of it."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import sqlalchemy as sa
from tests.spend.calls import LONG_S, balance, open_database, states, writing

from farthing.spend import store
from farthing.spend.budget import Balance
from farthing.storage.database import Database, sqlite_url
from farthing.storage.tables import ledger

SPENDER = Path(__file__).with_name("spender.py")
LIMIT, WORST = 10_000, 100


async def started(url: str, name: str) -> asyncio.subprocess.Process:
    arguments = [str(SPENDER), url, name, str(LIMIT), str(WORST)]
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def finished(process: asyncio.subprocess.Process) -> dict[str, int]:
    output, errors = await asyncio.wait_for(process.communicate(), LONG_S)
    assert process.returncode == 0, errors.decode()
    return json.loads(output)


async def test_three_processes_share_one_budget(url: str) -> None:
    processes = [await started(url, name) for name in ("x", "y", "z")]
    results = [await finished(process) for process in processes]
    database = Database(url)
    total = sum(result["cost"] for result in results)
    assert balance(database) == Balance(settled=total)
    assert 0.9 * LIMIT <= total <= LIMIT
    assert states(database) == ["closed"] * 3
    assert sum(result["admitted"] for result in results) == intents(database.engine)
    most = 0
    with database.read() as connection:  # at every instant, as the rows tell it
        committed: dict[str, int] = {}
        for row in store.read_rows(connection):
            committed[row.call_id] = row.nano if row.kind in ("intent", "settled") else committed[row.call_id]
            most = max(most, sum(committed.values()))
    assert most <= LIMIT
    database.close()


async def test_a_killed_process_leaves_its_calls_counted(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    database = open_database(path)
    process = await started(sqlite_url(path), "x")
    while intents(database.engine) == 0:
        assert process.returncode is None
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    left = balance(database)
    assert 0 < left.committed <= LIMIT
    database.close()
    later = open_database(path, host_clock=lambda: 1e11)  # long after its lease ran out
    async with writing(later):
        assert balance(later) == Balance(left.settled, 0, left.uncertain + left.held)
    later.close()


def intents(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        query = sa.select(sa.func.count()).where(ledger.c.kind == "intent")
        return connection.execute(query).scalar_one()
