"""Plays the machine at length on SQLite and PostgreSQL, and each mutant on both: `make nightly`.

Prints what was played and what was found; the last line of a failure repeats it. Ends with 1 where a law was
broken or a mutant lived.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis.errors import HypothesisException
from rich.console import Console
from rich.table import Table
from tests.journeys.crashes import postgresql
from tests.spend.machine.model import LawBrokenError
from tests.spend.machine.mutants import MUTANTS
from tests.spend.machine.run import BUDGET, Budget, run
from tests.spend.machine.stage import staged

from farthing.storage.database import sqlite_url

SHARD = 250
"""Examples in one job: so that two cores share the work, and a failure comes soon."""
SHOWN = (
    *("examples", "steps", "calls asked", "calls admitted", "rows", "overruns", "stopped past the lease"),
    *("killed", "faults", "outages", "roll-overs", "closed without a database", "uncertain at the end"),
)


class Job(NamedTuple):
    """Examples on one database; with a mutant in the product where it names one."""

    kind: str
    url: str | None
    budget: Budget
    mutant: str | None = None


class Played(NamedTuple):
    """What came of a job. `broken`: the law that it found broken, or how else it failed."""

    job: Job
    counts: Mapping[str, int]
    seconds: float
    broken: str | None


def play(job: Job) -> Played:
    """In a process of its own."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        url = job.url or sqlite_url(Path(folder) / "ledger.db")
        with staged(url, Path(folder)) as stage:
            if job.mutant is not None:
                MUTANTS[job.mutant](patch, stage)
            broken = None
            try:
                run(stage, **job.budget)
            except (AssertionError, HypothesisException) as error:
                notes = "\n".join(getattr(error, "__notes__", ()))
                broken = f"{type(error).__name__}: {error}\n{notes}"
            except Exception as error:  # noqa: BLE001 - whatever it is, the product raised it
                broken = f"unexpected {type(error).__name__}: {error}"
    return Played(job, dict(stage.counts), time.monotonic() - began, broken)


def jobs(examples: int, steps: int, from_seed: int, server: Iterator[str]) -> Iterator[Job]:
    for number, first in enumerate(range(0, examples, SHARD)):
        budget = Budget(
            examples=min(SHARD, examples - first), steps=steps, from_seed=from_seed + number, shrink=True
        )
        yield Job("sqlite", None, budget)
        yield Job("postgresql", next(server), budget)
    for mutant in MUTANTS:
        yield Job("sqlite", None, BUDGET, mutant)
        yield Job("postgresql", next(server), BUDGET, mutant)


def show(done: list[Played], console: Console) -> int:
    """Prints what was played; returns how much of it is not as it must be."""
    table = Table(title="the state machine, laws checked after each step")
    for column in ("", "sqlite", "postgresql"):
        table.add_column(column, justify="left" if column == "" else "right")
    sums = {kind: Counter[str]() for kind in ("sqlite", "postgresql")}
    seconds = Counter[str]()
    for played in done:
        if played.job.mutant is None:
            sums[played.job.kind].update(played.counts)
            seconds[played.job.kind] += round(played.seconds)
    for name in SHOWN:
        table.add_row(name, *(f"{found[name]:,}" for found in sums.values()))
    table.add_row("seconds of work", *(f"{seconds[kind]:,}" for kind in sums))
    broken = [played for played in done if played.job.mutant is None and played.broken is not None]
    table.add_row("laws broken", *(str(sum(played.job.kind == kind for played in broken)) for kind in sums))
    console.print(table)
    mutants = Table(title="mutants, by the law that each broke")
    for column in ("mutant", "database", "after examples", "law"):
        mutants.add_column(column)
    alive = 0
    for played in sorted((one for one in done if one.job.mutant), key=lambda one: str(one.job.mutant)):
        killed = played.broken is not None and played.broken.startswith(LawBrokenError.__name__)
        alive += not killed
        law = (played.broken or "LIVES").splitlines()[0].partition(": ")[2][:70] if killed else "LIVES"
        mutants.add_row(str(played.job.mutant), played.job.kind, str(played.counts["examples"]), law)
    console.print(mutants)
    for played in broken:
        console.print(f"LAW BROKEN on {played.job.kind}, seed {played.job.budget['from_seed']}:", style="red")
        console.print(played.broken)
    return len(broken) + alive


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    # An example takes 32 of its 50 steps in the mean: so these are more steps than 2,000 times 50.
    parser.add_argument("--examples", type=int, default=3200, help="on each database")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None, help="the first of the seeds; another each time")
    parser.add_argument("--json", type=Path, default=None)
    given = parser.parse_args()
    from_seed = random.randrange(10**6) * 1000 if given.seed is None else given.seed
    console = Console(width=None if sys.stdout.isatty() else 120, markup=False, highlight=False)
    done: list[Played] = []
    with postgresql() as url_of, ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        asked = jobs(given.examples, given.steps, from_seed, map(url_of, range(10**6)))
        waiting: list[Future[Played]] = [pool.submit(play, job) for job in asked]
        for future in as_completed(waiting):
            done.append(future.result())
            last = done[-1]
            what = f"{last.counts.get('examples', 0)} examples in {last.seconds:.0f} s"
            console.print(f"{len(done)}/{len(waiting)} {last.job.kind} {last.job.mutant or ''} {what}")
    failures = show(done, console)
    console.print(f"first seed: {from_seed}")
    if given.json is not None:
        given.json.write_text(json.dumps([one._asdict() for one in done], indent=2, default=str))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
