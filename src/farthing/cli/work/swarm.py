"""`farthing swarm run`: a goal, a team, and the answer; what happens on the way is shown beside it."""

import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import typer

from farthing.cli.work import show, tables
from farthing.cli.work.interrupt import INTERRUPTED, run_async
from farthing.cli.work.team import TeamRun, concluded, limited, run_goal, specs_for
from farthing.config.load import load_config
from farthing.config.schema import DeploymentConfig
from farthing.deployment import Deployment
from farthing.errors import EXIT_CODES, BudgetExceededError, SwarmError
from farthing.swarm.agent import AgentSpec, specs_from
from farthing.swarm.placing import Place
from farthing.swarm.results import SwarmResult
from farthing.swarm.run import CANCELLED
from farthing.task import Labels


def run_team(
    goal: str,
    agents: str | None,
    source: str | Path | None,
    *,
    budget: Decimal | None,
    out: Path | None,
    labels: Labels,
    as_json: bool,
    on: Place | None = None,
) -> None:
    """Runs the goal; `agents` None is a team of the profile's size, `on` None is this process."""
    settings = load_config(source, overrides=limited(budget))
    specs = specs_for(settings) if agents is None else specs_from(agents)
    named = str(source.resolve()) if isinstance(source, Path) else source
    result, settings, simulated = run_async(_run(settings, specs, goal, labels, profile=named, on=on))
    finish(concluded(result, settings, simulated=simulated, out=out), as_json=as_json)


async def _run(
    settings: DeploymentConfig,
    specs: Sequence[AgentSpec],
    goal: str,
    labels: Labels,
    *,
    profile: str | None,
    on: Place | None,
) -> tuple[SwarmResult, DeploymentConfig, bool]:
    async with Deployment(settings) as deployment:
        deployment.profile = profile or deployment.profile
        progress = show.console(stderr=True)
        result = await run_goal(deployment, specs, goal, progress=progress, labels=labels, on=on)
        return result, deployment.config, deployment.simulated


def finish(run: TeamRun, *, as_json: bool) -> None:
    """Tells how a run ended: the answer on standard output, the rest beside it."""
    if as_json:
        show.write_json(team_json(run))
    else:
        _show(run)
    fail_if_stopped(run)


def fail_if_stopped(run: TeamRun) -> None:
    """Exits with 130 for a run that Ctrl-C ended, 4 for one that its budget ended, 6 for any other end."""
    stopped = run.result.stopped
    if stopped is None:
        return
    show.note(f"stopped before the end: {stopped}")
    if stopped == CANCELLED:
        raise typer.Exit(INTERRUPTED)
    refused = any(isinstance(piece.error, BudgetExceededError) for piece in run.result.results)
    raise typer.Exit(EXIT_CODES[BudgetExceededError if refused else SwarmError])


def team_json(run: TeamRun) -> dict[str, object]:
    """The run's report, as `farthing report --run` gives it, with the goal and the answer."""
    result = run.result
    told: dict[str, object] = {"run_id": result.run_id, "simulated": run.simulated}
    told |= {} if run.report is None else tables.run_json(run.report)
    return told | {
        "goal": result.goal,
        "stopped": result.stopped,
        "output": result.output,
        "finished": result.totals.finished,
        "failed": result.totals.failed,
        "folder": None if run.folder is None else str(run.folder),
    }


def _show(run: TeamRun) -> None:
    if run.result.output:
        shown = show.plain(run.result.output) if sys.stdout.isatty() else run.result.output
        sys.stdout.write(shown + "\n")
        sys.stdout.flush()
    beside = show.console(stderr=True)
    if run.report is None:
        beside.print("Nothing was sent, and nothing was spent.")
        return
    tables.show_run(beside, run.report)
    if run.folder is not None:
        beside.print(f"kept in {run.folder}", soft_wrap=True)
    if run.simulated:
        beside.print(tables.SIMULATED_SENTENCE, style="yellow")
    beside.print(f"again: {run.report_command}", style="dim", soft_wrap=True)
