"""Does `farthing example`: runs an example's own code on the simulator, or for real, and tells its run.

What it will cost for real is said before anybody is asked: the tokens of a simulated rehearsal at the prices
of the catalogue's day.
"""

import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import cast

import typer
from rich.table import Table

from farthing.cli.work import show, tables
from farthing.cli.work.demo import CAP, expected_today, own_ledger
from farthing.cli.work.interrupt import run_async
from farthing.cli.work.ledger import LedgerTask, RunReport, opened, read_run
from farthing.cli.work.team import ledger_url, limited
from farthing.config.environment import API_KEY
from farthing.config.load import api_key, load_catalog
from farthing.deployment import Deployment
from farthing.errors import FarthingError, MissingKeyError
from farthing.names import Names
from farthing.simulator.process import SimulatorFailedError, SimulatorProcess
from farthing.storage.database import sqlite_url

_NO_KEY = "sk-or-simulated"
_SETTINGS = {"environment": "production", "monitoring.costTracking": True}
"""Whatever a `.env` in the working directory says."""
_COLUMNS = ("task type", "route", "cost", "baseline", "saved")

Work = Callable[[Deployment, str], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """An example that was run: what the ledger says of it, and its last answer."""

    report: RunReport
    output: str
    simulated: bool


def show_example(name: str) -> None:
    """Prints the example's code as it is run."""
    sys.stdout.write(files("farthing.examples").joinpath(f"{name}.py").read_text(encoding="utf-8"))


def run_example(name: str, *, real: bool, asks: bool, as_json: bool) -> None:
    """Runs the example and prints what its run cost, task by task."""
    done = _for_real(name, asks=asks) if real else _simulated(name, own_ledger())
    if as_json:
        told = tables.run_json(done.report)
        told |= {"output": done.output, "simulated": done.simulated, "for_real": _expected(name, done)}
        show.write_json(told)
        return
    _show(name, done)


def _simulated(name: str, ledger: str) -> _Done:
    try:
        with SimulatorProcess(time_scale=0.0) as simulator:
            settings = {"upstream.baseUrl": simulator.base_url, "storage.databaseUrl": ledger}
            return run_async(_worked(name, _SETTINGS | settings, {API_KEY: _NO_KEY}))
    except SimulatorFailedError as error:
        raise FarthingError(str(error)) from error


def _for_real(name: str, *, asks: bool) -> _Done:
    if api_key() is None:
        raise MissingKeyError(
            "OPENROUTER_API_KEY is not set, and --real makes real calls",
            hint="export OPENROUTER_API_KEY=sk-or-…, or leave --real out and nothing is spent",
        )
    if asks and not sys.stdin.isatty():
        raise FarthingError("--real asks before it spends, and there is no terminal", hint="add --yes")
    with tempfile.TemporaryDirectory(prefix="farthing-") as folder:
        rehearsed = _simulated(name, sqlite_url(Path(folder) / "rehearsal.db"))
    calls, expected = show.counted(rehearsed.report.costs.calls, "real call"), _expected_words(rehearsed)
    show.note(f"This makes about {calls}, expected to cost {expected}. At most ${CAP} is spent.")
    if asks:
        typer.confirm("Go on?", abort=True, err=True)
    return run_async(_worked(name, _SETTINGS | limited(CAP), dict(os.environ)))


async def _worked(name: str, settings: Mapping[str, object], environ: Mapping[str, str]) -> _Done:
    work = cast("Work", import_module(f"farthing.examples.{name}").work)
    run_id = Names().new("run")
    async with Deployment(name, environ=environ, overrides=settings) as deployment:
        output = await work(deployment, run_id)
        config, simulated = deployment.config, deployment.simulated
    # Only now every bill is in: one that came late is asked for while the deployment closes.
    with opened(ledger_url(config, simulated=simulated)) as database:
        baseline, now = config.baseline.model, datetime.now(UTC)
        report = database and read_run(database, run_id, baseline_model=baseline, now=now)
    if report is None:
        raise FarthingError(f"the ledger has nothing of {run_id}", hint="farthing report shows the month")
    return _Done(report=report, output=output, simulated=simulated)


def _show(name: str, done: _Done) -> None:
    out = show.console()
    out.print(_steps(done.report))
    out.print(show.facts(tables.sums(done.report.costs, is_run=True)))
    out.print("\nThe last answer:")
    for line in show.plain(done.output).splitlines():  # marked, so that it is not taken for this command's
        out.print(f"  │ {line}".rstrip(), soft_wrap=True)
    out.print()
    if done.simulated:
        out.print(tables.SIMULATED_SENTENCE, style="yellow", soft_wrap=True)
        out.print(f"For real, {_expected_words(done)}: farthing example {name} --real", soft_wrap=True)
    out.print(f"Its code: farthing example {name} --show", soft_wrap=True)


def _steps(report: RunReport) -> Table:
    """Each task with its route and money; at the end the run's."""
    made = show.table(_COLUMNS, map(_row, report.tasks), right=("cost", "baseline", "saved"))
    made.columns[0].no_wrap = True  # a narrow terminal breaks the reasons only
    costs = report.costs
    spent = costs.total_spend + costs.uncertain + costs.held
    sums = (show.usd(spent), show.usd(costs.baseline_cost), show.percent(costs.savings_percent))
    made.add_section()
    made.add_row("total", "", *sums, style="bold")
    return made


def _row(task: LedgerTask) -> tuple[str, ...]:
    last = task.answered or task.attempts[-1]
    return (
        task.task_type,
        f"{tables.short(last.model)}\n{last.why}",
        show.usd(task.cost),
        show.usd(task.baseline_cost),
        show.percent(task.savings_percent),
    )


def _expected(name: str, done: _Done) -> dict[str, object]:
    """How to do it for real, and what the same tokens cost then, in dollars."""
    catalog = load_catalog()
    return {
        "command": f"farthing example {name} --real",
        "expected_cost": expected_today(done.report, catalog, now=datetime.now(UTC)),
        "price_book": catalog.prices.id,
    }


def _expected_words(done: _Done) -> str:
    catalog = load_catalog()
    cost = show.usd(expected_today(done.report, catalog, now=datetime.now(UTC)))
    return f"about {cost} by the prices of {catalog.prices.day}"
