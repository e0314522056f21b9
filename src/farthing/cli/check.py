"""`farthing check`: whether a configuration's rules act. What it takes; `work/check.py` does it."""

from enum import StrEnum
from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing check

farthing check farthing.json --policies

farthing check production --policies --json > policies.json

Exits with 0 when nothing is found and every configured policy fires, with 1 otherwise.
"""


class Book(StrEnum):
    """The price books that the simulator can bill by."""

    snapshot = "snapshot"
    tutorial = "tutorial"


Config = Annotated[
    str | None,
    typer.Argument(
        metavar="[CONFIG]",
        show_default=False,
        help="A profile's name, or a .json or .toml file; else what DEPLOYMENT_CONFIG names, else balanced.",
        autocompletion=options.profiles,
    ),
]


@app.command(epilog=_EPILOG)
def check(
    config: Config = None,
    policies: Annotated[
        bool, typer.Option("--policies", help="Provoke every policy against a simulator, and see it act.")
    ] = False,
    book: Annotated[Book, typer.Option("--book", help="Models and prices to check with.")] = Book.snapshot,
    as_json: options.Json = False,
) -> None:
    """Find rules of a configuration that can never act; with --policies prove that the others do.

    Always simulated: nothing leaves this machine, no key is used, nothing is spent.
    """
    from farthing.cli.work.check import check_config

    check_config(config, policies=policies, book=book.value, as_json=as_json)
