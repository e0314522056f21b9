"""`farthing init`: questions, a recommended profile, first files. What it takes; `work/init.py` does it."""

from pathlib import Path
from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing init

farthing init shop --workload coding=.6,general=.4 --volume 10M --budget 200 --compliance eu --yes

farthing init --yes --json

**What you do not know** is `typical`: a workload and a volume as the profile's, a budget as its own limit.
"""


Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go; made when it is not there.")]
Workload = Annotated[
    str | None,
    typer.Option("--workload", metavar="MIX", help="Task types with their shares: coding=.6,general=.4."),
]
Volume = Annotated[
    str | None,
    typer.Option("--volume", metavar="TOKENS", help="A month: 10M goes in and a fifth comes out; or 10M/3M."),
]
Criticality = Annotated[
    str | None,
    typer.Option("--criticality", metavar="WORD", help="learning, production or mission-critical."),
]
Budget = Annotated[
    str | None, typer.Option("--budget", metavar="USD", help="Hard limit of a month, in dollars.")
]
Compliance = Annotated[
    str | None, typer.Option("--compliance", metavar="WORDS", help="none, or of eu, no-training, zdr.")
]
Today = Annotated[
    str | None,
    typer.Option("--today", metavar="MODEL", help="What is used now: claude, gpt, a model's id, nothing."),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        "-p",
        help="This profile instead of the recommended one.",
        autocompletion=options.profiles,
    ),
]
File = Annotated[str, typer.Option("--file", metavar="NAME", help="The configuration's name in DIR.")]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask; what is not said is taken as typical, and told.")
]


@app.command(epilog=_EPILOG)
def init(
    directory: Folder = Path(),
    workload: Workload = None,
    volume: Volume = None,
    criticality: Criticality = None,
    budget: Budget = None,
    compliance: Compliance = None,
    today: Today = None,
    profile: Profile = None,
    file: File = "farthing.json",
    yes: Yes = False,
    as_json: options.Json = False,
) -> None:
    """Ask about the work, recommend a profile with reasons and an estimate, and write the first files.

    They are a configuration that extends the profile, its JSON Schema, a `.env` without a key, and a line
    in `.gitignore`. Nothing is written over: when a configuration of that name is there, nothing is written.
    Sends nothing and needs no key.
    """
    from farthing.cli.work.init import Given, begin

    given = Given(
        workload=workload,
        volume=volume,
        criticality=criticality,
        budget=budget,
        compliance=compliance,
        today=today,
    )
    begin(given, directory, file=file, profile=profile, yes=yes, as_json=as_json)
