"""`farthing swarm run`: a goal, a team, and the answer; what happens on the way is shown beside it."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from farthing.cli import options, show, tables
from farthing.cli.interrupt import INTERRUPTED, run_async
from farthing.cli.team import TeamRun, concluded, limited, run_goal, specs_for, specs_from
from farthing.config.load import load_config
from farthing.config.schema import DeploymentConfig
from farthing.deployment import Deployment
from farthing.errors import EXIT_CODES, SwarmError
from farthing.swarm.agent import AgentSpec
from farthing.swarm.results import SwarmResult
from farthing.swarm.run import CANCELLED

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing swarm run "Design and build a URL shortener" --agents researcher:3,coder:3,reviewer:2

farthing swarm run "Plan a migration to PostgreSQL" --agents planner,analyst:2 --budget 0.05 --out runs
"""


@app.callback()
def swarm() -> None:
    """Set a team of agents to work on a goal."""


@app.command(epilog=_EPILOG)
def run(
    goal: Annotated[str, typer.Argument(metavar="GOAL", help="What the team is to bring about.")],
    agents: Annotated[
        str | None,
        typer.Option(
            "--agents", metavar="ROLE:COUNT,…", help="Stages in order; else a team of the profile's size."
        ),
    ] = None,
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    budget: options.Budget = None,
    out: options.Out = None,
    as_json: options.Json = False,
) -> None:
    """Run a goal in stages: the agents of a stage side by side, each stage reading the earlier results.

    Needs OPENROUTER_API_KEY and costs money. The answer goes to standard output, progress and costs to
    standard error. Ctrl-C stops cleanly and tells what was spent.
    """
    settings = load_config(options.source_of(profile, config), overrides=limited(budget))
    specs = specs_for(settings) if agents is None else specs_from(agents)
    result, settings, simulated = run_async(_run(settings, specs, goal))
    finish(concluded(result, settings, simulated=simulated, out=out), as_json=as_json)


async def _run(
    settings: DeploymentConfig, specs: Sequence[AgentSpec], goal: str
) -> tuple[SwarmResult, DeploymentConfig, bool]:
    async with Deployment(settings) as deployment:
        result = await run_goal(deployment, specs, goal, progress=show.console(stderr=True))
        return result, deployment.config, deployment.simulated


def finish(run: TeamRun, *, as_json: bool) -> None:
    """Tells how a run ended: the answer on standard output, the rest beside it."""
    if as_json:
        show.write_json(team_json(run))
    else:
        _show(run)
    fail_if_stopped(run)


def fail_if_stopped(run: TeamRun) -> None:
    """Exits with 130 for a run that Ctrl-C ended, with 6 for one that has no answer for another reason."""
    stopped = run.result.stopped
    if stopped is not None:
        show.note(f"stopped before the end: {stopped}")
        raise typer.Exit(INTERRUPTED if stopped == CANCELLED else EXIT_CODES[SwarmError])


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
    beside.print(f"again: farthing report --run {run.result.run_id}", style="dim", soft_wrap=True)
