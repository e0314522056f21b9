"""`farthing swarm run`: a goal, a team, and the answer. What it takes; `work/swarm.py` does it."""

from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing swarm run "Design and build a URL shortener" --agents researcher:3,coder:3,reviewer:2

farthing swarm run "Plan a migration to PostgreSQL" --agents planner,analyst:2 --budget 0.05 --out runs

farthing swarm run "Read every page of the manual" --agents researcher:500 --on ray=auto --workers 2
"""


_RESUME = """\
**Examples**

farthing swarm resume run-5f3a9c0e7b12

farthing swarm resume run-5f3a9c0e7b12 --budget 0.10 --out runs
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
    on: options.On = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, help="With --on ray: worker processes on each node.")
    ] = 1,
    out: options.Out = None,
    key: options.Key = None,
    tags: options.Tags = None,
    as_json: options.Json = False,
) -> None:
    """Run a goal in stages: the agents of a stage side by side, each stage reading the earlier results.

    Needs OPENROUTER_API_KEY and costs money. The answer goes to standard output, progress and costs to
    standard error. Ctrl-C stops cleanly and tells what was spent.
    """
    from farthing.cli.work.swarm import run_team
    from farthing.task import Labels

    labels = Labels(key=key, tags=tuple(tags or ()))
    source = options.source_of(profile, config)
    place = options.place_of(on, workers=workers)
    run_team(goal, agents, source, budget=budget, out=out, labels=labels, as_json=as_json, on=place)


@app.command(epilog=_RESUME)
def resume(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="A run, as `farthing runs list` shows it.")],
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    budget: options.Budget = None,
    on: options.On = None,
    out: options.Out = None,
    as_json: options.Json = False,
) -> None:
    """Go on with a run whose process was killed, or that was stopped: no completed step is paid again.

    With the profile it was begun with, unless another is named, and under the same limit, unless another is
    given. Tools that only code can hand over need code to go on: `deployment.resume_swarm`.
    """
    from farthing.cli.work.resume import resume_run

    source = options.source_of(profile, config)
    resume_run(run_id, source, budget=budget, out=out, as_json=as_json, on=options.place_of(on))
