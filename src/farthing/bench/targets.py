"""Benchmark of the claim that each profile meets its service levels under the load they name.

Every profile in turn, on a simulator in a process of its own: many times the agents that it has for a target,
each with one task after another, of all task types in turn. The simulator draws its times from the tutorial's
table of latencies, nine tenths of them, so what is shown is that Farthing adds no more than the tenth that is
left, under such a load. The load is also what makes a quantile sure: the 99 % one of 2,000 answers is within
some 11 % of the true one, 19 times of 20.
"""

import asyncio
import itertools
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from farthing.bench.figures import Figure, missed, write_figures
from farthing.bench.machine import this_machine
from farthing.bench.progress import Told, console, told
from farthing.deployment import Deployment
from farthing.simulator.process import SimulatorProcess
from farthing.spend.targets import Level
from farthing.storage.database import sqlite_url
from farthing.task import TASK_TYPES

PROFILES = ("budget", "balanced", "premium")
_QUIET = {"missing_cost_rate": 0, "overrun_rate": 0}
_BUDGET_USD = "1000"


def main(
    *,
    seconds: float = 75.0,
    load: int = 20,
    seed: int = 1,
    time_scale: float = 1.0,
    json_path: Path | None = None,
) -> bool:
    """Runs the benchmark and prints its table; whether every level was met. `time_scale` 0 is for tests: the
    upstream then takes no time."""
    out, machine = console(), this_machine()
    out.print(f"Workload: {seconds:g} s for each profile, {load} times its target of agents, all task types;")
    out.print("upstream: the simulator, whose times are nine tenths of the tutorial's; ledger: SQLite, FULL")
    out.print(f"Machine: {machine}\n", highlight=False, soft_wrap=True)
    with told("seconds", seconds * len(PROFILES), out) as line:
        found = asyncio.run(_main(seconds, load, seed, time_scale, line))
    figures: list[Figure] = []
    for profile, (count, levels) in found.items():
        _show(profile, count, levels, out)
        figures += [_figure(profile, level) for level in levels]
    if json_path is not None:
        tasks = {profile: count for profile, (count, _) in found.items()}
        workload = {"seconds": seconds, "load": load, "seed": seed, "tasks": tasks}
        write_figures(json_path, figures, machine=machine, workload=workload, console=out)
    return not missed(figures)


async def _main(
    seconds: float, load: int, seed: int, time_scale: float, line: Told
) -> dict[str, tuple[int, tuple[Level, ...]]]:
    found: dict[str, tuple[int, tuple[Level, ...]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with SimulatorProcess(seed=seed, time_scale=time_scale) as simulator:
            await simulator.set_scenario(_QUIET)
            for number, profile in enumerate(PROFILES):
                settings = {
                    "upstream.baseUrl": simulator.base_url,
                    "storage.databaseUrl": sqlite_url(Path(folder) / f"{profile}.db"),
                    "budget.monthlyLimit": _BUDGET_USD,
                }
                async with Deployment(profile, environ={}, overrides=settings) as deployment:
                    tasks = await _loaded(deployment, load, seconds, line, number * seconds)
                    found[profile] = tasks, deployment.service_levels()
    return found


async def _loaded(deployment: Deployment, load: int, seconds: float, line: Told, before_s: float) -> int:
    """So many times the profile's agents at work for so long; how many tasks they did."""
    began, done = time.monotonic(), itertools.count()

    async def agent(number: int) -> None:
        types = itertools.islice(itertools.cycle(TASK_TYPES), number % len(TASK_TYPES), None)
        while time.monotonic() - began < seconds:
            await deployment.execute_task(
                f"Piece {next(done)} of the work.", type=next(types), agent_id=f"agent-{number}"
            )
            line.report(before_s + min(time.monotonic() - began, seconds), deployment.config.name)

    agents = load * (deployment.config.scaling.target_concurrent_agents or 1)
    await asyncio.gather(*(agent(number) for number in range(agents)))
    return next(done)


def _figure(profile: str, level: Level) -> Figure:
    relation = "≥" if level.of == "scaling" and level.name != "queue depth" else "≤"
    return Figure(
        name=f"{profile}: {level.of}, {level.name}",
        value="–" if level.measured is None else f"{level.measured:,.0f}",
        commit=f"{relation} {level.target:,.0f}",
        met=level.verdict == "met",
    )


def _show(profile: str, tasks: int, levels: tuple[Level, ...], out: Console) -> None:
    table = Table(title=f"farthing bench targets: {profile}, {tasks:,} tasks (times in ms)")
    for column in ("of", "level", "measured", "target", ""):
        table.add_column(column, justify="left" if column in ("of", "level") else "right")
    for level in levels:
        figure = _figure(profile, level)
        mark = "met" if figure.met else level.verdict
        table.add_row(level.of, level.name, figure.value, figure.commit, mark)
    out.print(table)
