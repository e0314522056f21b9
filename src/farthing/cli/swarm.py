"""`farthing swarm`: a goal, a team, and the answer; and what it would cost. `work/swarm.py` and
`work/swarmplan.py` do it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from farthing.cli import options

if TYPE_CHECKING:
    from decimal import Decimal

    from farthing.cli.work.swarmsource import AskedSwarm

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

_RUN = """\
**Examples**

farthing swarm run "Design and build a URL shortener" --agents researcher:3,coder:3,reviewer:2

farthing swarm run "Plan a migration to PostgreSQL" --agents planner,analyst:2 --budget 0.05 --out runs

farthing swarm run --file team.json --input topic="rate limits"
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
    out: options.Out = None,
    key: options.Key = None,
    tags: options.Tags = None,
    as_json: options.Json = False,
) -> None:
    """Run a goal with a team: in stages, each reading the earlier results, or by the pattern of a swarm file.

    Needs OPENROUTER_API_KEY and costs money. The answer goes to standard output, progress and costs to
    standard error. Ctrl-C stops cleanly and tells what was spent.
    """
    from farthing.cli.work.swarm import run_team
    from farthing.task import Labels

    labels = Labels(key=key, tags=tuple(tags or ()))
    asked = _asked(goal, agents, file, inputs, options.source_of(profile, config), budget)
    run_team(asked, out=out, labels=labels, as_json=as_json)


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


def _asked(
    goal: str | None,
    agents: str | None,
    file: Path | None,
    inputs: list[str] | None,
    source: str | Path | None,
    budget: "Decimal | None",
) -> "AskedSwarm":
    from farthing.cli.work.swarmsource import AskedSwarm

    return AskedSwarm(
        goal=goal, agents=agents, file=file, inputs=tuple(inputs or ()), source=source, budget_usd=budget
    )
