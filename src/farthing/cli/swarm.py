"""`farthing swarm`: a goal, a team, and the answer; what it would cost; calls that wait for a person's word.

What the commands take; `work/swarm.py`, `work/swarmplan.py` and `work/approvals.py` do it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from farthing.cli import options
from farthing.cli.options import Approve

if TYPE_CHECKING:
    from decimal import Decimal

    from farthing.cli.work.swarmsource import AskedSwarm

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

_RUN = """\
**Examples**

farthing swarm run "Design and build a URL shortener" --agents researcher:3,coder:3,reviewer:2

farthing swarm run "Plan a migration to PostgreSQL" --agents planner,analyst:2 --budget 0.05 --out runs

farthing swarm run "Tidy the repository" --agents coder --workdir . --tool files --tool git

farthing swarm run --file team.json --input topic="rate limits"

farthing swarm run "Read every page of the manual" --agents researcher:500 --on ray=auto --workers 2
"""
_WAITING = """\
**Examples**

farthing swarm approvals

farthing swarm approvals run-1f2e3d4c5b6a --all --json
"""
_APPROVE = """\
**Examples**

farthing swarm approve run-1f2e3d4c5b6a call_1

farthing swarm approve run-1f2e3d4c5b6a call_1 --agent coder-2
"""
_DENY = """\
**Examples**

farthing swarm deny run-1f2e3d4c5b6a call_1 --note "not on a Friday"
"""

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]
Call = Annotated[str, typer.Argument(metavar="CALL", help="The call's id, as `approvals` lists it.")]
Agent = Annotated[
    str | None, typer.Option("--agent", metavar="ID", help="Whose call, where several have the same id.")
]


_RESUME = """\
**Examples**

farthing swarm resume run-5f3a9c0e7b12

farthing swarm resume run-5f3a9c0e7b12 --budget 0.10 --out runs
"""
_PLAN = """\
**Examples**

farthing swarm plan "Design and build a URL shortener" --agents researcher:3,coder:3,reviewer:2

farthing swarm plan --file team.json --budget 0.05 --json
"""
_CHECK = """\
**Examples**

farthing swarm check team.json --input topic="rate limits"
"""

Goal = Annotated[
    str | None,
    typer.Argument(
        metavar="GOAL", help="What the team is to bring about; else the file's.", show_default=False
    ),
]
Agents = Annotated[
    str | None,
    typer.Option(
        "--agents", metavar="ROLE:COUNT,…", help="Stages in order; else a team of the profile's size."
    ),
]
File = Annotated[
    Path | None, typer.Option("--file", "-f", metavar="FILE", help="A swarm file, .json or .toml.")
]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", "-i", metavar="NAME=VALUE", help="A value that the file asks for; repeatable."),
]
Book = Annotated[
    str, typer.Option("--book", help="Dated prices to reckon with: snapshot, tutorial, or a book's id.")
]


@app.callback()
def swarm() -> None:
    """Set a team of agents to work on a goal."""


@app.command(epilog=_RUN)
def run(
    goal: Goal = None,
    agents: Agents = None,
    file: File = None,
    inputs: Inputs = None,
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
    workdir: options.Workdir = None,
    tools: options.Tools = None,
    approve: options.Approving = options.Approve.ask,
    as_json: options.Json = False,
) -> None:
    """Run a goal with a team: in stages, each reading the earlier results, or by the pattern of a swarm file.

    Needs OPENROUTER_API_KEY and costs money. The answer goes to standard output, progress and costs to
    standard error. Ctrl-C stops cleanly and tells what was spent.
    """
    from farthing.cli.work.swarm import run_team
    from farthing.task import Labels

    labels = Labels(key=key, tags=tuple(tags or ()))
    source = options.source_of(profile, config)
    asked = _asked(goal, agents, file, inputs, source, budget, workdir=workdir, tools=tools)
    place = options.place_of(on, workers=workers)
    run_team(asked, out=out, labels=labels, approve=approve.value, as_json=as_json, on=place)


@app.command(epilog=_PLAN)
def plan(
    goal: Goal = None,
    agents: Agents = None,
    file: File = None,
    inputs: Inputs = None,
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    budget: options.Budget = None,
    book: Book = "snapshot",
    as_json: options.Json = False,
) -> None:
    """Tell what a run would cost, expected and at most, before anything is spent.

    Takes what `farthing swarm run` takes. Sends nothing and needs no key.
    """
    from farthing.cli.work.swarmplan import tell_plan

    asked = _asked(goal, agents, file, inputs, options.source_of(profile, config), budget)
    tell_plan(asked, prices=book, as_json=as_json)


@app.command(epilog=_CHECK)
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A swarm file, .json or .toml.")],
    inputs: Inputs = None,
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    book: Book = "snapshot",
    as_json: options.Json = False,
) -> None:
    """Tell every fault of a swarm file, with its place; sends nothing and needs no key."""
    from farthing.cli.work.swarmplan import tell_check

    asked = _asked(None, None, file, inputs, options.source_of(profile, config), None)
    tell_check(asked, prices=book, as_json=as_json)


@app.command(epilog=_RESUME)
def resume(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="A run, as `farthing runs list` shows it.")],
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    budget: options.Budget = None,
    on: options.On = None,
    out: options.Out = None,
    approve: Annotated[
        Approve,
        typer.Option(
            "--approve",
            help="Calls that need approval: ask on the terminal or wait, never (the run pauses), all.",
        ),
    ] = Approve.ask,
    as_json: options.Json = False,
) -> None:
    """Go on with a run whose process was killed, or that was stopped: no completed step is paid again.

    With the profile it was begun with, unless another is named, and under the same limit, unless another is
    given. Tools that only code can hand over need code to go on: `deployment.resume_swarm`.
    """
    from farthing.cli.work.resume import resume_run

    source = options.source_of(profile, config)
    place = options.place_of(on)
    resume_run(run_id, source, budget=budget, out=out, approve=approve.value, as_json=as_json, on=place)


@app.command(epilog=_WAITING)
def approvals(
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Only this run's; else those of all runs.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Those that were decided, too.")] = False,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
    as_json: options.Json = False,
) -> None:
    """List the tool calls that wait for a person's word, oldest first."""
    from farthing.cli.work.approvals import tell_approvals

    tell_approvals(run, config, every=every, database=database, simulated=simulated, as_json=as_json)


@app.command(epilog=_APPROVE)
def approve(
    run: Run,
    call: Call,
    agent: Agent = None,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
) -> None:
    """Let a waiting tool call run. A process that waits for it notices within a second."""
    from farthing.cli.work.approvals import tell_decided
    from farthing.swarm.company import Approved

    tell_decided(run, call, agent, Approved(), config, database=database, simulated=simulated)


@app.command(epilog=_DENY)
def deny(
    run: Run,
    call: Call,
    agent: Agent = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why; the model is told.")] = "",
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
) -> None:
    """Refuse a waiting tool call; the agent goes on without it."""
    from farthing.cli.work.approvals import tell_decided
    from farthing.swarm.company import Denied

    tell_decided(run, call, agent, Denied(note=note), config, database=database, simulated=simulated)


def _asked(
    goal: str | None,
    agents: str | None,
    file: Path | None,
    inputs: list[str] | None,
    source: str | Path | None,
    budget: "Decimal | None",
    *,
    workdir: Path | None = None,
    tools: list[str] | None = None,
) -> "AskedSwarm":
    from farthing.cli.work.swarmsource import AskedSwarm

    return AskedSwarm(
        goal=goal,
        agents=agents,
        file=file,
        inputs=tuple(inputs or ()),
        source=source,
        budget_usd=budget,
        workdir=workdir,
        tools=tuple(tools or ()),
    )
