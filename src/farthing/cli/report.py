"""`farthing report`: what was spent. What it takes; `work/report.py` does it."""

from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing report                        the month so far

farthing report --run run-1f2e3d4c5b6a --json

farthing report --simulated --csv      what the demo's runs would have cost
"""


@app.command(epilog=_EPILOG)
def report(
    run: Annotated[
        str | None, typer.Option("--run", metavar="ID", help="One run instead of the month.")
    ] = None,
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="URL", help="This ledger, as sqlite:///path/to/file.db."),
    ] = None,
    simulated: Annotated[
        bool,
        typer.Option("--simulated", help="The simulator's ledger, which is never mixed with the real one."),
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on standard output.")] = False,
    as_json: options.Json = False,
) -> None:
    """Show what was spent this month, or by one run, and what it saved.

    Settled, held and uncertain money are told apart. A run is looked for in the real ledger, then in the
    simulator's.
    """
    if as_csv and as_json:
        raise typer.BadParameter("give --csv or --json, not both")
    from farthing.cli.work.report import Format, tell_month, tell_run

    form: Format = "json" if as_json else "csv" if as_csv else "tables"
    source = options.source_of(profile, config)
    if run is None:
        tell_month(source, database=database, simulated=simulated, form=form)
    else:
        tell_run(run, source, database=database, simulated=simulated, form=form)
