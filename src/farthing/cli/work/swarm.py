"""`farthing swarm run`: a goal, a team, and the answer; what happens on the way is shown beside it."""

import sys
from pathlib import Path

import typer

from farthing.cli.work import show, tables
from farthing.cli.work.approvals import ApproveMode, Asking
from farthing.cli.work.interrupt import INTERRUPTED, run_async
from farthing.cli.work.swarmsource import AskedSwarm, ToldSwarm, told_swarm
from farthing.cli.work.team import TeamRun, concluded, run_goal
from farthing.config.schema import DeploymentConfig
from farthing.deployment import Deployment
from farthing.errors import EXIT_CODES, BudgetExceededError, SwarmError
from farthing.swarm.course import CANCELLED
from farthing.swarm.placing import Place
from farthing.swarm.results import SwarmResult
from farthing.task import Labels


def run_team(
    asked: AskedSwarm,
    *,
    out: Path | None,
    labels: Labels,
    approve: ApproveMode,
    as_json: bool,
    on: Place | None = None,
) -> None:
    """Runs the goal; without agents or a file it is done by a team of the profile's size. `on` None is this
    process."""
    told = told_swarm(asked)
    for note in told.notes:
        show.note(f"note: {note}")
    result, settings, simulated = run_async(_run(told, labels, approve, on))
    finish(concluded(result, settings, simulated=simulated, out=out), as_json=as_json)


async def _run(
    told: ToldSwarm, labels: Labels, approve: ApproveMode, on: Place | None
) -> tuple[SwarmResult, DeploymentConfig, bool]:
    async with Deployment(told.settings) as deployment:
        deployment.profile = told.profile or deployment.profile
        progress = show.console(stderr=True)
        result = await run_goal(
            deployment,
            told.team,
            told.goal,
            progress=progress,
            labels=None if labels == Labels() else labels,
            budget_usd=told.budget_usd,
            asking=Asking(approve, progress),
            on=on,
        )
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
    if run.resumable:
        show.note(f"go on: farthing swarm resume {run.result.run_id}")
    if stopped == CANCELLED:
        raise typer.Exit(INTERRUPTED)
    if run.result.paused:
        show.note(f"farthing swarm approvals {run.result.run_id} shows what waits for a person's word")
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
        "paused": result.paused,
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
