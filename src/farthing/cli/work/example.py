"""Does `farthing example`: runs an example's own code on the simulator, or for real, and tells its run."""

import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from importlib import import_module
from importlib.resources import files
from typing import cast

import typer

from farthing.cli.work import show, tables
from farthing.cli.work.demo import CAP, own_ledger
from farthing.cli.work.interrupt import run_async
from farthing.cli.work.ledger import RunReport, opened, read_run
from farthing.cli.work.team import ledger_url, limited
from farthing.config.environment import API_KEY
from farthing.config.load import api_key
from farthing.deployment import Deployment
from farthing.errors import FarthingError, MissingKeyError
from farthing.names import Names
from farthing.simulator.process import SimulatorFailedError, SimulatorProcess

_NO_KEY = "sk-or-simulated"
_SETTINGS = {"environment": "production", "monitoring.costTracking": True}
"""Whatever a `.env` in the working directory says."""

Work = Callable[[Deployment, str], Awaitable[str]]


def show_example(name: str) -> None:
    """Prints the example's code as it is run."""
    sys.stdout.write(files("farthing.examples").joinpath(f"{name}.py").read_text(encoding="utf-8"))


def run_example(name: str, *, real: bool, asks: bool, as_json: bool) -> None:
    """Runs the example and prints what its run cost, task by task."""
    report, output, simulated = _for_real(name, asks=asks) if real else _simulated(name)
    if as_json:
        show.write_json({**tables.run_json(report), "output": output, "simulated": simulated})
        return
    out = show.console()
    tables.show_run(out, report)
    out.print(show.facts(tables.sums(report.costs, is_run=True)))
    out.print(f"\n{show.plain(output)}\n", soft_wrap=True)
    if simulated:
        out.print(tables.SIMULATED_SENTENCE, style="yellow", soft_wrap=True)
    out.print(f"Its code: farthing example {name} --show", soft_wrap=True)


def _simulated(name: str) -> tuple[RunReport, str, bool]:
    try:
        with SimulatorProcess(time_scale=0.0) as simulator:
            settings = {"upstream.baseUrl": simulator.base_url, "storage.databaseUrl": own_ledger()}
            return run_async(_worked(name, _SETTINGS | settings, {API_KEY: _NO_KEY}))
    except SimulatorFailedError as error:
        raise FarthingError(str(error)) from error


def _for_real(name: str, *, asks: bool) -> tuple[RunReport, str, bool]:
    if api_key() is None:
        raise MissingKeyError(
            "OPENROUTER_API_KEY is not set, and --real makes real calls",
            hint="export OPENROUTER_API_KEY=sk-or-…, or leave --real out and nothing is spent",
        )
    if asks:
        if not sys.stdin.isatty():
            raise FarthingError("--real asks before it spends, and there is no terminal", hint="add --yes")
        question = f"This makes about 4 real calls and spends at most ${CAP}. Go on?"
        typer.confirm(question, abort=True, err=True)
    return run_async(_worked(name, _SETTINGS | limited(CAP), dict(os.environ)))


async def _worked(
    name: str, settings: Mapping[str, object], environ: Mapping[str, str]
) -> tuple[RunReport, str, bool]:
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
    return report, output, simulated
