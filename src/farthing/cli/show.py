"""`farthing show`: why a call cost what it cost. What it takes; `work/showcall.py` does it."""

from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing show call_5f3a9c0e7b12-1f

farthing show call_5f3a --json         the beginning of an id will do where one call has it

farthing show task_5f3a9c0e7b12-1e     all attempts of a task
"""


@app.command(epilog=_EPILOG)
def show(
    call: Annotated[str, typer.Argument(metavar="CALL", help="A call's or a task's id, or its beginning.")],
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="URL", help="This ledger, as sqlite:///path/to/file.db."),
    ] = None,
    simulated: Annotated[
        bool,
        typer.Option("--simulated", help="The simulator's ledger only; else the real one comes first."),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Show why a call cost what it cost: its route, limits, prices, tokens, bill and place in the ledger."""
    from farthing.cli.work.showcall import tell_call

    source = options.source_of(profile, config)
    tell_call(call, source, database=database, simulated=simulated, as_json=as_json)
