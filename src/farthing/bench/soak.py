"""Benchmark of the claim that a process may run for ever: full speed for minutes, and nothing grows.

Memory, descriptors, threads and tasks of the event loop are read each second. A few faults are mixed in, so
that the ways of failure are soaked too. The ledger grows on disk, as it must: that is told and not judged.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from farthing.bench import mix
from farthing.bench.figures import Figure, missed, show_figures, write_figures
from farthing.bench.footprint import MIB, Footprint, footprint, raise_descriptors
from farthing.bench.machine import this_machine
from farthing.bench.progress import Told, console, told
from farthing.deployment import Deployment
from farthing.errors import FarthingError
from farthing.simulator.process import SimulatorProcess
from farthing.storage.database import sqlite_url
from farthing.task import Task, TaskType

_MINUTE_S = 60.0
_WITHIN = 0.10
_AROUND_S = 10.0
"""A value is the median of so many seconds: one reading hangs on when garbage was last collected."""
_PROMPTS = 997
_ROWS_KEPT = 20_000
"""Of the simulator's bill: what is asked for is asked within half a minute."""
_TYPES: tuple[TaskType, ...] = ("coding", "analysis", "general", "structured", "simple")
_SETTINGS: dict[str, object] = {
    "upstream.firstTokenTimeout": 1.0,
    "upstream.betweenTokensTimeout": 1.0,
    "upstream.drainTimeout": 60,
    "fallbackRules.maxRetries": 8,
    "fallbackRules.retryDelay": 1,
    "fallbackRules.onBrokenStream": "continue",
    "budget.monthlyLimit": 1_000_000,
}
_RESTING = frozenset(
    {"rate_limit", "overloaded", "capacity_exhausted", "temporarily_unavailable", "edge_overloaded"}
)
"""They let a model rest for seconds: at full speed all of them would rest nearly always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The process at one second of the run, and how many tasks had ended by then."""

    at_s: float
    done: int
    footprint: Footprint


@dataclass(slots=True, kw_only=True)
class Soak:
    """What was seen."""

    done: int = 0
    failed: int = 0
    before: Footprint
    after: Footprint
    """When the deployment had closed."""
    readings: list[Reading] = field(default_factory=list[Reading])
    ledger_bytes: int = 0
    requests: int = 0
    faulted: int = 0

    def around(self, at_s: float) -> list[Footprint]:
        """The readings of the seconds that end there."""
        near = [one for one in self.readings if at_s - _AROUND_S <= one.at_s <= at_s]
        return [one.footprint for one in near or self.readings[-1:]]


def main(
    *,
    minutes: float = 10.0,
    concurrency: int = 32,
    faults: float = 0.02,
    seed: int = 1,
    json_path: Path | None = None,
) -> bool:
    """Runs the benchmark and prints its tables; whether all that is committed was met."""
    out, machine = console(), this_machine()
    raise_descriptors(concurrency)
    out.print(f"Workload: {minutes:g} minutes, {concurrency} tasks in flight, every second one streamed;")
    out.print(f"faults on {faults:.0%} of the requests, but for those that let a model rest; upstream: the")
    out.print("simulator; ledger: SQLite, synchronous=FULL, which grows on disk")
    out.print(f"Machine: {machine}\n", highlight=False, soft_wrap=True)
    with told("seconds", minutes * _MINUTE_S, out) as line:
        soak = asyncio.run(_main(minutes * _MINUTE_S, concurrency, faults, seed, line))
    figures = figures_of(soak, minutes * _MINUTE_S, concurrency)
    _show_minutes(soak, out)
    show_figures("farthing bench soak", figures, out, legend="")
    if json_path is not None:
        workload = {
            "minutes": minutes,
            "concurrency": concurrency,
            "faults": faults,
            "seed": seed,
            "readings": soak.readings,
        }
        write_figures(json_path, figures, machine=machine, workload=workload, console=out)
    return not missed(figures)


async def _main(seconds: float, concurrency: int, faults: float, seed: int, line: Told) -> Soak:
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder) / "ledger.db"
        async with SimulatorProcess(seed=seed) as simulator:
            await simulator.set_scenario(_scenario(faults))
            before = footprint()
            soak = Soak(before=before, after=before)
            await _soaked(simulator, ledger, seconds, concurrency, soak, line)
            await asyncio.sleep(0)  # sockets that were closed are gone in the next turn
            soak.after = footprint()
            stats = await simulator.stats()
        soak.requests, soak.faulted = stats["chat_requests"], stats["faulted"]
        soak.ledger_bytes = sum(file.stat().st_size for file in ledger.parent.iterdir())
    return soak


async def _soaked(
    simulator: SimulatorProcess, ledger: Path, seconds: float, concurrency: int, soak: Soak, line: Told
) -> None:
    settings = {
        **_SETTINGS,
        "upstream.baseUrl": simulator.base_url,
        "storage.databaseUrl": sqlite_url(ledger),
    }
    async with Deployment("balanced", environ={}, overrides=settings) as deployment:
        began = time.monotonic()
        watching = asyncio.ensure_future(_watch(soak, began, line))
        workers = [
            _worker(deployment, soak, number, concurrency, began + seconds) for number in range(concurrency)
        ]
        await asyncio.gather(*workers)
        watching.cancel()
        soak.readings.append(_reading(soak, began))


async def _worker(deployment: Deployment, soak: Soak, first: int, step: int, until: float) -> None:
    number = first
    while time.monotonic() < until:
        task = Task(
            description=f"Explain step {number % _PROMPTS} of the plan, and what to do when it fails.",
            type=_TYPES[number % len(_TYPES)],
            max_tokens=64,
            timeout_s=20.0,
        )
        try:
            if number // step % 2 == 0:
                await deployment.execute_task(task)
            else:
                async for _ in deployment.stream_task(task):
                    pass
        except FarthingError:
            soak.failed += 1
        soak.done += 1
        number += step


async def _watch(soak: Soak, began: float, line: Told) -> None:
    while True:
        await asyncio.sleep(1.0)
        reading = _reading(soak, began)
        soak.readings.append(reading)
        line.report(reading.at_s, f"{soak.done:,} tasks, {reading.footprint.resident / MIB:,.0f} MiB")


def _reading(soak: Soak, began: float) -> Reading:
    return Reading(at_s=time.monotonic() - began, done=soak.done, footprint=footprint())


def _scenario(faults: float) -> dict[str, object]:
    def kind(fault: mix.Fault) -> object:
        return fault if isinstance(fault, str) else fault.get("error", fault["kind"])

    kinds = [fault for fault in mix.passing_faults() if kind(fault) not in _RESTING]
    return {"overrun_rate": 0.0, "rows_kept": _ROWS_KEPT, "random": {"rate": faults, "kinds": kinds}}


def _middle(values: Sequence[int]) -> int:
    return sorted(values)[len(values) // 2]


def figures_of(soak: Soak, seconds: float, concurrency: int) -> list[Figure]:
    """Each figure beside what is committed. What is compared is the first minute's end with the whole's."""
    judged = seconds >= 2 * _MINUTE_S
    first, last = soak.around(min(_MINUTE_S, seconds / 2)), soak.around(seconds + _AROUND_S / 2)
    memory = [_middle([one.resident for one in part]) for part in (first, last)]
    growth = memory[1] / memory[0] - 1
    most = max(one.footprint.resident for one in soak.readings)
    open_then, open_now = (max(one.descriptors for one in part) for part in (first, last))
    before, after = soak.before, soak.after
    clean = after.descriptors <= before.descriptors and after.tasks <= before.tasks
    return [
        Figure(
            name="memory after the first minute, at the end, MiB",
            value=f"{memory[0] / MIB:,.1f}, {memory[1] / MIB:,.1f} ({growth:+.1%}; most {most / MIB:,.1f})",
            commit="within 10 %",
            met=abs(growth) <= _WITHIN if judged else None,
        ),
        Figure(
            name="descriptors after the first minute, at the end",
            value=f"{open_then}, {open_now}",
            commit=f"no more than {concurrency} more, one a task",
            met=open_now <= open_then + concurrency,
        ),
        Figure(
            name="descriptors, loop's tasks, threads: before opening, after closing",
            value=f"{_parts(before)}, {_parts(after)}",
            commit="no more",
            met=clean,
        ),
        Figure(
            name="loop's tasks, threads after the first minute, at the end",
            value=", ".join(
                f"{max(p.tasks for p in part)} / {max(p.threads for p in part)}" for part in (first, last)
            ),
        ),
        *_work(soak),
    ]


def _work(soak: Soak) -> list[Figure]:
    return [
        Figure(name="tasks, of them failed", value=f"{soak.done:,}, {soak.failed:,}"),
        Figure(
            name="requests, of them with a fault",
            value=f"{soak.requests:,}, {100 * soak.faulted / max(soak.requests, 1):.1f} %",
        ),
        Figure(
            name="ledger on disk, MiB; bytes a request",
            value=f"{soak.ledger_bytes / MIB:,.0f}; {soak.ledger_bytes / max(soak.requests, 1):,.0f}",
        ),
    ]


def _parts(one: Footprint) -> str:
    return f"{one.descriptors} / {one.tasks} / {one.threads}"


def _show_minutes(soak: Soak, out: Console) -> None:
    table = Table(title="minute by minute")
    for column in ("minute", "tasks/s", "memory, MiB", "descriptors", "loop's tasks", "threads"):
        table.add_column(column, justify="right")
    start, done_before = 0.0, 0
    for minute in range(1, int(soak.readings[-1].at_s // _MINUTE_S) + 2):
        part = [one for one in soak.readings if start <= one.at_s < minute * _MINUTE_S]
        if not part or (minute > 1 and part[-1].at_s - start < _MINUTE_S / 2):  # the last tasks' ends
            break
        last, look = part[-1], part[-1].footprint
        rate = (last.done - done_before) / (last.at_s - start)
        cells = (f"{look.resident / MIB:,.1f}", look.descriptors, look.tasks, look.threads)
        table.add_row(str(minute), f"{rate:,.0f}", *map(str, cells))
        start, done_before = last.at_s, last.done
    out.print(table)
