"""`farthing migrate`: how far the way from Claude or GPT is. What it takes; `work/migrate.py` does it."""

from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

_STATUS = """\
**Example**

farthing migrate status --json
"""

_DONE = """\
**Examples**

farthing migrate done rules --note "invoices go to the primary slot"

farthing migrate done tenth
"""

_UNDO = """\
**Example**

farthing migrate undo rules
"""


def _items(incomplete: str) -> list[str]:
    from farthing.usage.checklist import ITEMS

    return [item.id for item in ITEMS if item.id.startswith(incomplete)]


_Item = Annotated[
    str, typer.Argument(metavar="ITEM", help="An item's name, as status shows it.", autocompletion=_items)
]


@app.callback()
def migrate() -> None:
    """Keep the checklist of a migration from Claude or GPT, and see what is done."""


@app.command(epilog=_STATUS)
def status(as_json: options.Json = False) -> None:
    """Show what is done, how that is known, and what comes next.

    Reads the configuration, the ledger and what `farthing audit` left; sends nothing. Simulated calls never
    count as production.
    """
    from farthing.cli.work.migrate import tell_status

    tell_status(as_json=as_json)


@app.command(epilog=_DONE)
def done(
    item: _Item,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What to remember of it.")] = "",
) -> None:
    """Mark an item as done that nothing can tell by itself."""
    from farthing.cli.work.migrate import mark_done

    mark_done(item, note=note)


@app.command(epilog=_UNDO)
def undo(item: _Item) -> None:
    """Take a mark back. What is detected follows the facts and is not marked."""
    from farthing.cli.work.migrate import take_back

    take_back(item)
