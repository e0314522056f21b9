"""`farthing example`: a small piece of work for each profile. What it takes; `work/example.py` does it."""

from enum import StrEnum
from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing example budget

farthing example premium --json

farthing example balanced --show
"""


class Name(StrEnum):
    """The examples, which are named as their profiles."""

    budget = "budget"
    balanced = "balanced"
    premium = "premium"


@app.command(epilog=_EPILOG)
def example(
    name: Annotated[Name, typer.Argument(help="Whose work to see.", show_default=False)],
    show: Annotated[bool, typer.Option("--show", help="Print the example's code instead.")] = False,
    real: Annotated[
        bool,
        typer.Option(
            "--real", help="Do it for real, for at most $0.05: tells the expected cost and asks; needs a key."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --real: do not ask.")] = False,
    as_json: options.Json = False,
) -> None:
    """See a typical piece of work on a profile: each task's model, why, its cost, and the baseline's.

    A simulator answers, in a process of its own: no key, no cost, and no call leaves the machine.
    """
    from farthing.cli.work.example import run_example, show_example

    if show:
        show_example(name)
    else:
        run_example(name, real=real, asks=not yes, as_json=as_json)
