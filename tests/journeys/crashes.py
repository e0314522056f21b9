"""Kills a working process at a random moment, starts another, reconciles, and compares with the bill.

`make crash-test` runs this two hundred times, on SQLite and PostgreSQL in turn; `test_crashes.py` a few.
Real processes killed by SIGKILL, real HTTP, faults on the way. The bill is the simulator's own.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import sqlalchemy as sa
from rich.console import Console
from rich.progress import track
from rich.table import Table
from tests.journeys import crash_worker

from farthing.bench.law import billed_by_id, hold_against_bill, read_fold
from farthing.bench.postgresql import own_server
from farthing.money import format_usd, from_nano
from farthing.proof import reconcile
from farthing.simulator.process import SimulatorProcess
from farthing.spend.runs import Fold
from farthing.storage.database import Database, sqlite_url
from farthing.upstream.client import Client
from farthing.upstream.direct import DirectTransport

LEASE_S = 0.6
FAULTS = {
    "overrun_rate": 0.0,  # a provider can bill above any bound: booked whole, and proved elsewhere
    "random": {
        "rate": 0.15,
        "kinds": ["rate_limit", "server_error", "cut", "cut_before_first", "stream_error", "empty", "stall"],
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """One run. Money in nano-dollars. `idless`: uncertain calls without an id, by what became of them."""

    database: str
    killed_after_s: float
    """Since the process was ready to work; below zero while it started."""
    calls: int
    open_at_kill: int
    by_id: int
    """How many of those were settled afterwards by their generation id."""
    bill: int
    settled: int
    uncertain: int
    idless: int
    billed_without_id: int
    """Bills whose id no row has: they belong to the id-less calls, whose worst cases cover them."""
    faults: tuple[str, ...] = ()


async def crash(simulator: SimulatorProcess, url: str, *, delay_s: float) -> Crash:
    """One run on an empty database. `delay_s` after `ready`; below zero: that long before it could be."""
    await simulator.reset()
    await simulator.set_scenario(FAULTS)
    killed_after_s = await _work_until_killed(simulator, url, delay_s)
    await simulator.idle()
    database = Database(url)
    try:
        before = read_fold(database)
        await _recover(database, simulator.base_url)
        bill = billed_by_id(await simulator.bill())
        found = _compared(database, bill)
    finally:
        database.close()
    unsettled = [call for call in before.calls.values() if call.cost is None]
    return replace(
        found,
        database=database.url.get_backend_name(),
        killed_after_s=round(killed_after_s, 3),
        open_at_kill=len(unsettled),
        by_id=len(unsettled) - sum(1 for call in _read_again(url).calls.values() if call.cost is None),
    )


async def _work_until_killed(simulator: SimulatorProcess, url: str, delay_s: float) -> float:
    began = time.monotonic()
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(crash_worker.__file__)),
        url,
        str(LEASE_S),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "OPENROUTER_BASE_URL": simulator.base_url},
    )
    assert child.stdout is not None
    if delay_s < 0:
        await asyncio.sleep(-delay_s)
        ready = None
    else:
        line = await child.stdout.readline()
        assert line == b"ready\n"
        ready = time.monotonic()
        await asyncio.sleep(delay_s)
    child.kill()
    await child.communicate()
    return began - time.monotonic() if ready is None else time.monotonic() - ready


async def _recover(database: Database, base_url: str) -> None:
    """What `farthing ledger reconcile` does when the dead process's lease is over."""
    client = Client(DirectTransport(), base_url=base_url, api_key="sk-or-simulated")
    await asyncio.sleep(LEASE_S)  # by the database's clock, which is real here
    try:
        async with reconcile.writing(database, label="recovery", now_us=_now_us) as ledger_writer:
            await reconcile.reconcile_open(
                database, client, ledger_writer, now_us=_now_us, delays_s=(0.0, *[0.05] * 20)
            )
    finally:
        await client.aclose()


def _now_us() -> int:
    return time.time_ns() // 1000


def _read_again(url: str) -> Fold:
    database = Database(url)
    try:
        return read_fold(database)
    finally:
        database.close()


def _compared(database: Database, bill: dict[str, int]) -> Crash:
    found = hold_against_bill(database, bill)
    return Crash(
        database="",
        killed_after_s=0.0,
        calls=found.calls,
        open_at_kill=0,
        by_id=0,
        bill=found.bill,
        settled=found.settled,
        uncertain=found.uncertain,
        idless=found.idless,
        billed_without_id=found.billed_without_id,
        faults=(*found.faults, *(["an uncertain call's id has no bill"] if found.unbilled else [])),
    )


@contextmanager
def postgresql() -> Generator[Callable[[int], str]]:
    """A server of our own; gives the URL of a new database for a number."""
    with own_server() as server:
        admin = sa.create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT")

        def url_of(number: int) -> str:
            with admin.connect() as connection:
                connection.execute(sa.text(f"CREATE DATABASE crash_{number}"))
            return server.format(f"crash_{number}")

        try:
            yield url_of
        finally:
            admin.dispose()


async def run_all(count: int, *, seed: int, progress: bool) -> list[Crash]:
    draw = random.Random(seed)
    crashes: list[Crash] = []
    with tempfile.TemporaryDirectory() as folder, postgresql() as server:
        async with SimulatorProcess(seed=seed, time_scale=0.05) as simulator:
            for number in track(range(count), "killing", disable=not progress):
                url = server(number) if number % 2 else sqlite_url(Path(folder) / f"{number}.db")
                # One in ten while it starts, the others at any moment of its first second of work.
                delay_s = -draw.uniform(0.05, 1.0) if draw.random() < 0.1 else draw.uniform(0.0, 1.0)
                crashes.append(await crash(simulator, url, delay_s=delay_s))
    return crashes


def show(crashes: list[Crash], console: Console) -> None:
    table = Table(title="killed by SIGKILL, restarted, reconciled")
    columns = ("database", "runs", "calls", "open at kill", "settled by id", "bill", "settled", "uncertain")
    for column in (*columns, "id-less", "of them billed", "violations"):
        table.add_column(column, justify="left" if column == "database" else "right")
    for name in sorted({one.database for one in crashes}):
        mine = [one for one in crashes if one.database == name]
        counts = [sum(getattr(one, part) for one in mine) for part in ("calls", "open_at_kill", "by_id")]
        money = [sum(getattr(one, part) for one in mine) for part in ("bill", "settled", "uncertain")]
        last = [sum(getattr(one, part) for one in mine) for part in ("idless", "billed_without_id")]
        cells = [len(mine), *counts, *(format_usd(from_nano(nano)) for nano in money), *last]
        table.add_row(name, *map(str, cells), str(sum(len(one.faults) for one in mine)))
    console.print(table)
    console.print(
        "An id-less call was sent, or was about to be, and its process died before a byte came back:"
    )
    console.print("its worst case stays uncertain, and covers its bill where there is one.")
    for one in crashes:
        for fault in one.faults:
            console.print(f"VIOLATION: {fault}: {one}", style="red")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=None)
    given = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=160)
    crashes = asyncio.run(run_all(given.runs, seed=given.seed, progress=console.is_terminal))
    show(crashes, console)
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(one) for one in crashes], indent=2))
    return 1 if any(one.faults for one in crashes) else 0


if __name__ == "__main__":
    sys.exit(main())
