"""Benchmark of the ledger: durable, chained, acknowledged rows a second, and what admission costs a call.

A call is two rows: its intent, acknowledged only when it is durable, and its settlement. A caller reserves,
settles and goes on; the clock stops when the last settlement is durable. Beside it, in the same run, what the
disk alone takes to make a page durable, for every group commit waits for that. PostgreSQL likewise, where a
URL is given or a server comes from a wheel.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from farthing.bench.figures import Figure, Spread, quantile, show_figures, spread, write_figures
from farthing.bench.machine import this_machine
from farthing.bench.postgresql import WHEEL, own_server
from farthing.errors import FarthingError
from farthing.spend.budget import AccountKey, Admitted, Claim
from farthing.spend.ledger import Intent, Outcome
from farthing.spend.writer import LedgerWriter
from farthing.storage.database import Database, sqlite_url
from farthing.task import Usage

_COMMIT = 20_000
_LIMIT = 10**15
_CLAIMS = (
    Claim(AccountKey("deployment", "month:2026-11"), _LIMIT),
    Claim(AccountKey("deployment", "day:2026-11-24"), _LIMIT),
)
_AT_US = 1_795_500_000_000_000
_USAGE = Usage(input_tokens=212, output_tokens=64, cached_tokens=128)
_LONG_S = 60.0


def main(
    *,
    calls: int = 20_000,
    concurrency: int = 256,
    repeats: int = 5,
    postgresql: str | None = None,
    json_path: Path | None = None,
) -> None:
    """Runs the benchmark, prints its table, and writes JSON where `json_path` says."""
    console, machine = Console(), this_machine()
    console.print(f"Workload: {calls:,} calls a round, two chained rows each, {repeats} rounds;")
    console.print(f"{concurrency} callers for the rows a second; every intent charges two limited accounts;")
    console.print("SQLite: synchronous=FULL, write-ahead log; PostgreSQL: synchronous_commit=on")
    console.print(f"Machine: {machine}\n", highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        figures = [_fsync(Path(folder))]
        url = sqlite_url(Path(folder) / "ledger.db")
        figures += _measure("SQLite", url, calls, concurrency, repeats, commit=_COMMIT)
    with empty_server(postgresql) as server:
        if server is None:
            console.print(f"no PostgreSQL: give --postgresql URL, or install {WHEEL.replace('_', '-')}")
        else:
            figures += _measure("PostgreSQL", server, calls, concurrency, repeats, commit=None)
    show_figures("farthing bench ledger", figures, console)
    if json_path is not None:
        workload = {"calls": calls, "concurrency": concurrency, "repeats": repeats}
        write_figures(json_path, figures, machine=machine, workload=workload, console=console)


def _measure(
    name: str, url: str, calls: int, concurrency: int, repeats: int, *, commit: int | None
) -> list[Figure]:
    database = Database(url)
    try:
        return asyncio.run(_measured(name, database, calls, concurrency, repeats, commit=commit))
    finally:
        database.close()


async def _measured(
    name: str, database: Database, calls: int, concurrency: int, repeats: int, *, commit: int | None
) -> list[Figure]:
    ledger = LedgerWriter(database, label="bench", now_us=lambda: _AT_US)
    await ledger.start()
    work = _Work(ledger)
    try:
        await work.round(calls // 10, concurrency)
        rows = spread([2 * calls / await work.round(calls, concurrency) for _ in range(repeats)])
        figures = [_rows(name, rows, concurrency, commit)]
        for callers in dict.fromkeys((1, 32, concurrency)):
            waited = await work.admissions(min(calls, 500 * callers), callers)
            p50, p99 = (quantile(waited, q) * 1000 for q in (0.50, 0.99))
            label = f"{name}, admission with {callers} callers, p50 / p99, ms"
            figures.append(Figure(name=label, value=f"{p50:.2f} / {p99:.2f}"))
    finally:
        await ledger.aclose()
    return figures


def _rows(name: str, rows: Spread, concurrency: int, commit: int | None) -> Figure:
    return Figure(
        name=f"{name}, durable chained rows/s, {concurrency} callers",
        value=f"{rows.median:,.0f} ({rows.least:,.0f}–{rows.most:,.0f})",
        commit="" if commit is None else f"≥ {commit:,}",
        met=None if commit is None else rows.median >= commit,
    )


async def admissions_beside(
    database: Database, *, calls: int, until: Callable[[], bool] = lambda: True
) -> Sequence[float]:
    """How long single calls wait for admission, one after another: seconds, sorted. At least so many calls,
    and on until `until` says so."""
    ledger = LedgerWriter(database, label="bench", now_us=lambda: _AT_US)
    await ledger.start()
    work, waited = _Work(ledger), list[float]()
    try:
        while len(waited) < calls or not until():
            waited += await work.admissions(10, 1)
    finally:
        await ledger.aclose()
    return sorted(waited)


class _Work:
    """Callers that reserve and settle on one ledger, as attempts do."""

    def __init__(self, ledger: LedgerWriter) -> None:
        self._ledger, self._count = ledger, ledger.epoch << 32  # no id is another epoch's

    async def round(self, calls: int, callers: int) -> float:
        """Seconds until all these calls are settled, durably."""
        began = time.perf_counter()
        await self._run(calls, callers, lambda _: None)
        if not await asyncio.to_thread(self._ledger.flush, _LONG_S):
            raise FarthingError("the ledger took more than a minute to settle")
        return time.perf_counter() - began

    async def admissions(self, calls: int, callers: int) -> list[float]:
        """How long each call waited for its durable intent: seconds, sorted."""
        waited: list[float] = []
        await self._run(calls, callers, waited.append)
        return sorted(waited)

    async def _run(self, calls: int, callers: int, note: Callable[[float], None]) -> None:
        left = calls

        async def caller() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                await self._call(note)

        await asyncio.gather(*(caller() for _ in range(callers)))

    async def _call(self, note: Callable[[float], None]) -> None:
        self._count += 1
        call_id = f"call-{self._count:012x}"
        began = time.perf_counter()
        decision = await self._ledger.reserve(_intent(call_id), deadline=time.monotonic() + _LONG_S)
        note(time.perf_counter() - began)
        if not isinstance(decision, Admitted):
            raise FarthingError(f"the benchmark's limit is too small: {decision}")
        self._ledger.record(_outcome(call_id))


def _intent(call_id: str) -> Intent:
    return Intent(
        call_id=call_id,
        at_us=_AT_US,
        task_id=call_id.replace("call", "task"),
        model="qwen/qwen-2.5-coder-32b-instruct",
        upstream="bench",
        price_book="2026-11-24/bench",
        worst=70_000,
        floor=30_000,
        claims=_CLAIMS,
        task_type="coding",
        purpose="task",
        reason="coding tasks go to primary (Qwen 2.5 Coder 32B)",
        baseline_model="anthropic/claude-3.5-sonnet",
    )


def _outcome(call_id: str) -> Outcome:
    return Outcome(
        call_id=call_id,
        at_us=_AT_US,
        cost=21_480,
        basis="reported",
        accepted=True,
        reason="ok",
        literal="0.00002148",
        generation_id=call_id.replace("call", "gen"),
        provider="bench",
        usage=_USAGE,
        baseline=1_596_000,
        latency_ms=412.5,
        first_token_ms=120.25,
    )


def _fsync(folder: Path, times: int = 200) -> Figure:
    """What the disk alone takes to make 4 KiB durable."""
    taken: list[float] = []
    with (folder / "probe").open("wb", buffering=0) as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    ordered: Sequence[float] = sorted(taken)
    value = f"{quantile(ordered, 0.5):.2f} / {quantile(ordered, 0.99):.2f}"
    return Figure(name="the disk alone: write 4 KiB and fsync, p50 / p99, ms", value=value)


@contextmanager
def empty_server(url: str | None) -> Generator[str | None]:
    """The URL of an empty database: the one given, or one on a server of our own from the wheel."""
    if url is not None or find_spec(WHEEL) is None:
        yield url
        return
    with own_server() as server:
        yield server.format("postgres")
