"""`farthing demo`: the whole product at work, over real HTTP, against a simulator in a process of its own.

Uses no key, whatever the environment or `.env` says, and a ledger of its own. `--live` does the same for
real, asks first, and is held to a cap.
"""

import os
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import typer
from rich.console import Console

from farthing.catalog.models import Catalog
from farthing.catalog.pricing import computed_cost
from farthing.catalog.successors import Gone, Present, Replaced, Unknown, standing
from farthing.cli.work import show, tables
from farthing.cli.work.interrupt import run_async
from farthing.cli.work.ledger import RunReport
from farthing.cli.work.swarm import fail_if_stopped, team_json
from farthing.cli.work.team import TeamRun, concluded, limited, run_goal, specs_for
from farthing.config.environment import API_KEY
from farthing.config.load import api_key, load_catalog, load_config
from farthing.deployment import Deployment
from farthing.errors import FarthingError, MissingKeyError
from farthing.simulator.process import SimulatorFailedError, SimulatorProcess
from farthing.storage.database import default_path, sqlite_url

PROFILE = "balanced"
CAP = Decimal("0.05")
"""What `--live` may spend at most, in dollars."""
_NO_KEY = "sk-or-simulated"
"""Given in place of a key, so that not even one from `.env` reaches the simulator."""


def run_demo(
    goal: str, *, seed: int, faults: str, time_scale: float, out: Path | None, as_json: bool
) -> None:
    """The demo on a simulator. `faults` is `none`, `demo` or a scenario file."""
    simulator = SimulatorProcess(
        seed=seed, time_scale=time_scale, book="tutorial", faults=_checked_faults(faults)
    )
    _tell(_simulated(goal, out, show.console(stderr=as_json), simulator), as_json=as_json)


def run_live_demo(goal: str, *, out: Path | None, asks: bool, as_json: bool) -> None:
    """The demo for real, held to the cap."""
    _tell(_for_real(goal, out, show.console(stderr=as_json), asks=asks), as_json=as_json)


def _tell(run: TeamRun, *, as_json: bool) -> None:
    if as_json:
        show.write_json(demo_json(run))
    else:
        _show(run)
    fail_if_stopped(run)


def _checked_faults(name: str) -> str:
    """The name, once it is sure that the simulator can use it. Raises `ConfigError` with every fault."""
    from farthing.simulator.__main__ import scenario_named  # a server's imports, which the child has anyway

    scenario_named(name, seed=0)
    return name


def _simulated(goal: str, out: Path | None, progress: Console, simulator: SimulatorProcess) -> TeamRun:
    os.environ.pop(API_KEY, None)
    try:
        with simulator:
            settings = {"upstream.baseUrl": simulator.base_url, "storage.databaseUrl": own_ledger()}
            return _work(goal, out, progress, settings | _UNTOUCHED, {API_KEY: _NO_KEY})
    except SimulatorFailedError as error:
        raise FarthingError(str(error)) from error


_UNTOUCHED = {"environment": "production", "monitoring.costTracking": True, "budget.monthlyLimit": 200}
"""The profile's own settings, whatever a `.env` in the working directory says."""


def _work(
    goal: str, out: Path | None, progress: Console, settings: Mapping[str, object], environ: Mapping[str, str]
) -> TeamRun:
    config = load_config(PROFILE, environ=environ, overrides=settings)

    async def run() -> TeamRun:
        async with Deployment(config, environ=environ) as deployment:
            result = await run_goal(deployment, specs_for(config), goal, progress=progress)
            in_force, simulated = deployment.config, deployment.simulated
        return concluded(result, in_force, simulated=simulated, out=out)

    return run_async(run())


def _for_real(goal: str, out: Path | None, progress: Console, *, asks: bool) -> TeamRun:
    if api_key() is None:
        raise MissingKeyError(
            "OPENROUTER_API_KEY is not set, and --live makes real calls",
            hint="export OPENROUTER_API_KEY=sk-or-…, or leave --live out and nothing is spent",
        )
    if asks:
        if not sys.stdin.isatty():
            raise FarthingError("--live asks before it spends, and there is no terminal", hint="add --yes")
        typer.confirm(
            f"This makes about 9 real calls and spends at most ${CAP}. Go on?", abort=True, err=True
        )
    return _work(goal, out, progress, limited(CAP), dict(os.environ))


def own_ledger() -> str:
    """The simulator's ledger in the user's state directory; in a temporary one where that is refused."""
    path = default_path(simulated=True, environ=os.environ)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writable = os.access(path.parent, os.W_OK)
    except OSError:
        writable = False
    return sqlite_url(path if writable else Path(tempfile.mkdtemp(prefix="farthing-")) / path.name)


def expected_today(report: RunReport, catalog: Catalog, *, now: datetime) -> Decimal | None:
    """What the same tokens cost by a catalogue's prices, in dollars; None where a model has no price there.

    A model that is gone is reckoned as the successor that stands in for it.
    """
    total = Decimal(0)
    for call in (call for task in report.tasks for call in task.attempts):
        if call.usage.total_tokens == 0:
            continue
        match standing(catalog, call.model, now.date()):
            case Present(model=model) | Replaced(by=model):
                price = catalog.price(model.id)
            case Gone() | Unknown():
                price = None
        if price is None:
            return None
        total += computed_cost(price, call.usage, at=now)
    return total


def command_for_real(goal: str) -> str:
    """What to type to have the goal done for real."""
    return f'farthing swarm run "{goal}" --profile {PROFILE} --agents researcher:3,coder:3,reviewer:2'


def demo_json(run: TeamRun) -> dict[str, object]:
    """The run as `farthing report --run ID --json` tells it, what it survived, and how to do it for real."""
    told = team_json(run)
    if run.report is None:
        return told
    catalog = load_catalog()
    return told | {
        "survived": [
            {
                "agent": task.agent,
                "model": call.model,
                "met": call.ended,
                "then": task.answered and task.answered.model,
            }
            for task, call in run.report.survived
        ],
        "for_real": {
            "command": command_for_real(run.result.goal),
            "expected_cost": expected_today(run.report, catalog, now=datetime.now(UTC)),
            "price_book": catalog.prices.id,
        },
    }


def _show(run: TeamRun) -> None:
    out, report = show.console(), run.report
    if report is None:
        out.print("Nothing was sent, and nothing was spent.")
        return
    out.print(f"\n{show.plain(run.result.goal)}", style="bold")
    tables.show_run(out, report)
    for task, call in report.survived:
        then = task.answered.model if task.answered else ""
        met = tables.met_in_words(call)
        out.print(f"survived: {met} on {call.model} ({task.agent}); {then} answered", soft_wrap=True)
    out.print(show.facts(tables.sums(report.costs, is_run=True)))
    if run.folder is not None:
        out.print(f"kept in {run.folder}", soft_wrap=True)
    if run.simulated:
        out.print(tables.SIMULATED_SENTENCE, style="yellow", soft_wrap=True)
        if run.result.stopped is None:
            _show_how_to_do_it(out, run.result.goal, report)
    out.print(f"The same figures again: {run.report_command} --json", soft_wrap=True)


def _show_how_to_do_it(out: Console, goal: str, report: RunReport) -> None:
    catalog = load_catalog()
    cost = show.usd(expected_today(report, catalog, now=datetime.now(UTC)))
    out.print(f"\nFor real, about {cost} by the prices of {catalog.prices.day} for the same tokens:")
    out.print("  export OPENROUTER_API_KEY=sk-or-…", soft_wrap=True)
    out.print(f"  {command_for_real(show.plain(goal))}", soft_wrap=True)
    out.print(f"  or farthing demo --live, which asks first and spends at most ${CAP}\n", soft_wrap=True)
