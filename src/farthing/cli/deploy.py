"""`farthing deploy`: a profile is checked, then set to work. What it takes; `work/deploy.py` does it."""

from pathlib import Path
from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing deploy balanced --check

farthing deploy production --goal "Design and build a URL shortener"

farthing deploy budget --tasks tasks.jsonl --out results.jsonl

**A file of tasks** has one JSON value a line: a prompt in quotes, or an object with `prompt`, `type`,
`messages`, `tools`, `max_tokens`, … and an `id` of your own. It is read as it is worked through.
"""


@app.command(epilog=_EPILOG)
def deploy(
    profile: Annotated[
        str,
        typer.Argument(
            metavar="PROFILE|FILE",
            help="budget, balanced, premium, production, or a configuration file.",
            autocompletion=options.profiles,
        ),
    ],
    goal: Annotated[
        str | None, typer.Option("--goal", metavar="TEXT", help="Set a team on this goal.")
    ] = None,
    tasks: Annotated[
        Path | None,
        typer.Option("--tasks", metavar="FILE.jsonl", help="Work through these; - is standard input."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.jsonl", help="Results of --tasks; else standard output."),
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", min=1, help="Tasks at once; else the profile's.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only the preflight; fails when a check does.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Check a profile (key, models, prices, budget, database), then set it to work.

    Without a goal or tasks it asks for a goal on a terminal; elsewhere it only checks.
    """
    if goal is not None and tasks is not None:
        raise typer.BadParameter("give --goal or --tasks, not both")
    if out is not None and tasks is None:
        raise typer.BadParameter("--out is for the results of --tasks")
    from farthing.cli.work.deploy import check_only, deploy_goal, deploy_tasks

    if check or (goal is None and tasks is None):
        goal = check_only(profile, strict=check, as_json=as_json)
    if goal is not None and not check:
        deploy_goal(profile, goal, as_json=as_json)
    elif tasks is not None and not check:
        deploy_tasks(profile, tasks, out, concurrency=concurrency)
