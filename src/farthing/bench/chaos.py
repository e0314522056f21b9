"""Benchmark of the claim that faults lose no task, keep deadlines, cost little, and leave the books right.

The same tasks twice on one simulator in a process of its own: without faults, and with faults drawn anew for
each request. Each run has its own ledger, which is held against the simulator's bill when it has closed.
What may go wrong is `mix.py`'s, the law of money `law.py`'s.
"""

import asyncio
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from farthing.bench import mix
from farthing.bench.figures import Figure, missed, quantile, show_figures, write_figures
from farthing.bench.footprint import raise_descriptors
from farthing.bench.law import Accord, billed_by_id, hold_against_bill
from farthing.bench.machine import this_machine
from farthing.bench.progress import Told, console, told
from farthing.deployment import Deployment
from farthing.errors import FarthingError
from farthing.money import format_usd, from_nano
from farthing.result import Restarted, TaskFinished, TaskResult, TokenReceived
from farthing.simulator.process import SimulatorProcess
from farthing.storage.database import Database, sqlite_url
from farthing.task import Task, TaskType

DEADLINE_S = 15.0
HURRIED_EVERY, HURRIED_S = 21, 0.5
"""Tasks whose deadline may pass in the middle of things, plain and streamed in turn."""
GRACE_S = 1.0
"""How late a task may end: its loop and machine are busy with hundreds of others."""
_HUNG_S = 30.0
"""Behind its deadline: then a task counts as hung and is given up."""
_LEAVING = "mistralai/mistral-small-3.1-24b-instruct"
_TYPES: tuple[TaskType, ...] = ("coding", "analysis", "general", "structured", "simple")
_SETTINGS: dict[str, object] = {
    "models.tertiary": _LEAVING,
    "upstream.firstTokenTimeout": 1.0,
    "upstream.betweenTokensTimeout": 1.0,
    "upstream.drainTimeout": 60,
    "fallbackRules.maxRetries": 8,
    "fallbackRules.retryDelay": 100,
    "fallbackRules.onBrokenStream": "continue",
    "budget.monthlyLimit": 1_000_000,
}
_HEALTHY = (
    "A healthy candidate existed for every task: a fault is drawn for each request by itself, so nobody is",
    "down, and another candidate or another try meets the same chance. Only the tertiary candidate is gone",
    "for good. What concerns the whole account (no credit, a refused key) leaves none: not in the mix.",
    f"One task in {HURRIED_EVERY} has {HURRIED_S:g} s, less than a stall takes: it must end then, no more.",
)


@dataclass(slots=True, kw_only=True)
class Tally:
    """How the tasks of a run ended."""

    succeeded: int = 0
    hung: int = 0
    failed: Counter[str] = field(default_factory=Counter[str])
    hurried: int = 0
    """Tasks of a short deadline, however they ended; `hurried_in_time` of them succeeded."""
    hurried_in_time: int = 0
    mistold: int = 0
    """Streams whose text is not their result's."""
    attempts: int = 0
    overdue_s: float = float("-inf")
    """The latest end, counted from its deadline: below zero, all ended before."""
    seconds: list[float] = field(default_factory=list[float])

    @property
    def ended(self) -> int:
        return self.succeeded + self.hung + self.failed.total() + self.hurried

    def note(self, number: int, seconds: float, result: TaskResult | None, reason: str = "") -> None:
        """One task that ended with a result or an error."""
        self.seconds.append(seconds)
        self.overdue_s = max(self.overdue_s, seconds - deadline_s(number))
        self.attempts += len(result.attempts) if result else 0
        if number % HURRIED_EVERY == 0:
            self.hurried += 1
            self.hurried_in_time += result is not None
        elif result is not None:
            self.succeeded += 1
        else:
            self.failed[reason] += 1


def deadline_s(number: int) -> float:
    return HURRIED_S if number % HURRIED_EVERY == 0 else DEADLINE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One pass over the tasks, its books compared."""

    tally: Tally
    accord: Accord
    took_s: float
    requests: int
    faulted: int
    met: dict[str, int]


def main(
    *,
    tasks: int = 20_000,
    concurrency: int = 256,
    faults: float = 0.30,
    seed: int = 1,
    json_path: Path | None = None,
) -> bool:
    """Runs the benchmark and prints its tables; whether all that is committed was met."""
    out, machine = console(), this_machine()
    raise_descriptors(concurrency)
    kinds = mix.passing_faults()
    out.print(f"Workload: {tasks:,} tasks, {concurrency} in flight, every second one streamed, seed {seed};")
    out.print(f"faults on {faults:.0%} of the requests, {len(kinds)} of them, each as likely as the others;")
    out.print(f"deadline of a task {DEADLINE_S:g} s, of a first token and between tokens 1 s; 9 attempts;")
    out.print("a broken stream is continued; upstream: the simulator; ledger: SQLite, synchronous=FULL")
    out.print("\n".join(_HEALTHY))
    out.print(f"Machine: {machine}\n", highlight=False, soft_wrap=True)
    healthy, faulted = asyncio.run(_main(tasks, concurrency, faults, seed, out))
    figures = figures_of(healthy, faulted, tasks)
    show_figures("farthing bench chaos", figures, out, legend="")
    _show_met(faulted, out)
    if json_path is not None:
        workload = {
            "tasks": tasks,
            "concurrency": concurrency,
            "faults": faults,
            "seed": seed,
            "kinds": kinds,
            "met": faulted.met,
        }
        write_figures(json_path, figures, machine=machine, workload=workload, console=out)
    return not missed(figures)


async def _main(tasks: int, concurrency: int, faults: float, seed: int, console: Console) -> tuple[Run, Run]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with SimulatorProcess(seed=seed) as simulator:
            await simulator.set_scenario(mix.scenario(0.0))
            with told("without faults", tasks, console) as line:
                healthy = await _run(simulator, folder / "healthy.db", tasks, concurrency, line)
            await simulator.reset()
            await simulator.set_scenario(mix.scenario(faults, leaving=_LEAVING))
            with told("with faults", tasks, console) as line:
                faulted = await _run(simulator, folder / "faulted.db", tasks, concurrency, line)
    return healthy, faulted


async def _run(simulator: SimulatorProcess, ledger: Path, tasks: int, concurrency: int, line: Told) -> Run:
    url = sqlite_url(ledger)
    settings = {**_SETTINGS, "upstream.baseUrl": simulator.base_url, "storage.databaseUrl": url}
    tally, began = Tally(), time.perf_counter()
    async with Deployment("balanced", environ={}, overrides=settings) as deployment:
        numbers = iter(range(tasks))
        await asyncio.gather(*(_worker(deployment, numbers, tally, line) for _ in range(concurrency)))
        took_s = time.perf_counter() - began
    await simulator.idle(60.0)
    stats, met = await simulator.stats(), await simulator.faults_met()
    billed = billed_by_id(await simulator.bill())
    database = Database(url)
    try:
        accord = hold_against_bill(database, billed)
    finally:
        database.close()
    return Run(
        tally=tally,
        accord=accord,
        took_s=took_s,
        requests=stats["chat_requests"],
        faulted=stats["faulted"],
        met=met,
    )


async def _worker(deployment: Deployment, numbers: Iterator[int], tally: Tally, line: Told) -> None:
    for number in numbers:
        began, result, reason = time.perf_counter(), None, ""
        try:
            async with asyncio.timeout(DEADLINE_S + _HUNG_S):
                result = await _ask(deployment, number, tally)
        except TimeoutError:
            tally.hung += 1
            continue
        except FarthingError as error:
            reason = _reason(error)
        tally.note(number, time.perf_counter() - began, result, reason)
        line.report(tally.ended, f"{tally.failed.total()} failed")


async def _ask(deployment: Deployment, number: int, tally: Tally) -> TaskResult:
    """One task to its result, every second one streamed."""
    task = Task(
        description=f"Explain step {number} of the plan, and what to do when it fails.",
        type=_TYPES[number % len(_TYPES)],
        max_tokens=64 + 64 * (number % 4),
        timeout_s=deadline_s(number),
    )
    if number % 2 == 0:
        return await deployment.execute_task(task)
    text, result = "", None
    async for event in deployment.stream_task(task):
        if isinstance(event, TokenReceived):
            text += event.text
        elif isinstance(event, Restarted):
            text = ""
        elif isinstance(event, TaskFinished):
            result = event.result
    if result is None:
        raise FarthingError("the stream ended without a result")
    tally.mistold += text != result.output
    return result


def _reason(error: FarthingError) -> str:
    text = re.sub(r"step \d+", "step N", str(error).splitlines()[0])
    return f"{type(error).__name__}: {text}"


def figures_of(healthy: Run, faulted: Run, tasks: int) -> list[Figure]:
    """Each figure beside what is committed; both runs had so many tasks."""
    tally, ordered = faulted.tally, sorted(faulted.tally.seconds)
    p50, p99 = (quantile(ordered, q) for q in (0.50, 0.99))
    return [
        *_endings(faulted, tasks),
        *_money(healthy, faulted),
        Figure(
            name=f"succeeded within {HURRIED_S:g} s, of those who had no longer",
            value=f"{tally.hurried_in_time:,} of {tally.hurried:,}",
        ),
        *_shown("without faults", healthy),
        *_shown("with faults", faulted),
        Figure(
            name="seconds of a task with faults, p50 / p99 / most",
            value=f"{p50:.2f} / {p99:.2f} / {ordered[-1]:.2f}",
        ),
    ]


def _endings(run: Run, tasks: int) -> list[Figure]:
    tally = run.tally
    lost, unhurried = tasks - tally.ended, tasks - tally.hurried
    unbooked = max(tally.succeeded + tally.hurried_in_time - run.accord.accepted, 0)
    share = 100 * tally.succeeded / max(unhurried, 1)
    return [
        *(
            Figure(name=name, value=f"{count:,}", commit="0", met=count == 0)
            for name, count in (
                ("tasks lost", lost),
                ("results without an accepted call in the ledger", unbooked),
                ("tasks hung", tally.hung),
                ("streams whose text is not their result's", tally.mistold),
            )
        ),
        Figure(
            name="succeeded, of those with a healthy candidate",
            value=f"{share:.2f} % ({tally.succeeded:,} of {unhurried:,})",
            commit="≥ 99.5 %",
            met=share >= 99.5,
        ),
        Figure(
            name="latest end, from its deadline, s",
            value=f"{tally.overdue_s:+.2f}",
            commit=f"≤ +{GRACE_S:g}",
            met=tally.overdue_s <= GRACE_S,
        ),
    ]


def _money(healthy: Run, faulted: Run) -> list[Figure]:
    overhead = 100 * (faulted.accord.bill / max(healthy.accord.bill, 1) - 1)
    broken = (*healthy.accord.faults, *faulted.accord.faults)
    return [
        Figure(
            name="cost overhead against no faults",
            value=f"{overhead:.1f} %",
            commit="≤ 15 %",
            met=overhead <= 15,
        ),
        Figure(
            name="the law of money, both runs",
            value="; ".join(broken) or "holds, row by row",
            commit="holds",
            met=not broken,
        ),
    ]


def _shown(name: str, run: Run) -> list[Figure]:
    accord, tasks = run.accord, run.tally.ended
    money = " / ".join(
        format_usd(from_nano(nano)) for nano in (accord.settled, accord.bill, accord.uncertain)
    )
    return [
        Figure(name=f"{name}: tasks/s", value=f"{tasks / run.took_s:,.0f} ({run.took_s:.0f} s)"),
        Figure(
            name=f"{name}: requests, of them with a fault",
            value=f"{run.requests:,}, {100 * run.faulted / max(run.requests, 1):.1f} %",
        ),
        Figure(name=f"{name}: settled / billed / uncertain", value=money),
        Figure(
            name=f"{name}: ledger's calls; uncertain without id; with one that has no bill",
            value=f"{accord.calls:,}; {accord.idless:,} ({accord.billed_without_id:,} billed); "
            f"{accord.unbilled:,}",
        ),
    ]


def _show_met(run: Run, console: Console) -> None:
    table = Table(title="faults that the requests met")
    for _ in range(3):
        table.add_column("fault")
        table.add_column("times", justify="right")
    cells = [cell for kind, times in sorted(run.met.items()) for cell in (kind, f"{times:,}")]
    for start in range(0, len(cells), 6):
        table.add_row(*cells[start : start + 6])
    console.print(table)
    for reason, times in run.tally.failed.most_common(12):
        console.print(f"{times:,} failed: {reason}", highlight=False, markup=False, soft_wrap=True)
