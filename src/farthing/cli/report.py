"""`farthing report`: what was spent. What it takes; `work/report.py` does it."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing report                        the month so far

farthing report --last 30d --by day

farthing report --by tag --csv

farthing report --reprice tutorial     the same tokens at the prices of October 2025

farthing report --focus charges.csv    for finance tools

farthing report --run run-1f2e3d4c5b6a --json

farthing report --simulated --csv      what the demo's runs would have cost
"""

By = Literal["day", "model", "task-type", "role", "purpose", "agent", "swarm", "key", "tag"]


Run = Annotated[str | None, typer.Option("--run", metavar="ID", help="One run instead of a period.")]
Grouping = Annotated[By | None, typer.Option("--by", help="One group instead of the usual four.")]
Since = Annotated[str | None, typer.Option("--since", metavar="DAY", help="First day, UTC.")]
Until = Annotated[str | None, typer.Option("--until", metavar="DAY", help="Last day, UTC.")]
Last = Annotated[
    str | None, typer.Option("--last", metavar="SPAN", help="So many days up to today: 30d, 4w.")
]
Key = Annotated[str | None, typer.Option("--key", metavar="NAME", help="Only what was charged to this key.")]
Tag = Annotated[str | None, typer.Option("--tag", metavar="WORD", help="Only calls with this tag.")]
Detailed = Annotated[
    bool | None,
    typer.Option(
        "--details/--no-details",
        help="Levers and latency, read from every row. Unset: where there are not too many.",
    ),
]
Reprice = Annotated[
    str | None,
    typer.Option(
        "--reprice", metavar="BOOK", help="By other prices: tutorial, current, a day, or a book's id."
    ),
]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw the days: FILE.png or .svg.")]
Focus = Annotated[
    Path | None,
    typer.Option("--focus", metavar="FILE", help="Write the charges as FOCUS 1.2 for finance tools."),
]
Ledger = Annotated[
    str | None, typer.Option("--database", metavar="URL", help="This ledger, as sqlite:///path/to/file.db.")
]
Simulated = Annotated[
    bool, typer.Option("--simulated", help="The simulator's ledger, which is never mixed with the real one.")
]
Csv = Annotated[bool, typer.Option("--csv", help="CSV on standard output.")]


@app.command(epilog=_EPILOG)
def report(
    run: Run = None,
    by: Grouping = None,
    since: Since = None,
    until: Until = None,
    last: Last = None,
    key: Key = None,
    tag: Tag = None,
    details: Detailed = None,
    reprice: Reprice = None,
    plot: Plot = None,
    focus: Focus = None,
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    database: Ledger = None,
    simulated: Simulated = False,
    as_csv: Csv = False,
    as_json: options.Json = False,
) -> None:
    """Show what was spent this month, in other days, or by one run, and what it saved.

    Settled, held and uncertain money are told apart. A run is looked for in the real ledger, then in the
    simulator's.
    """
    if as_csv and as_json:
        raise typer.BadParameter("give --csv or --json, not both")
    from farthing.cli.work.report import Format, Wanted, tell_period, tell_run

    form: Format = "json" if as_json else "csv" if as_csv else "tables"
    source = options.source_of(profile, config)
    if run is not None:
        if any(one is not None for one in (by, since, until, last, key, tag, reprice, plot, focus, details)):
            raise typer.BadParameter("--run tells one run whole; --by, filters and files are for a period")
        tell_run(run, source, database=database, simulated=simulated, form=form)
        return
    from farthing.cli.work.reportperiod import asked_for

    try:
        asked = asked_for(since, until, last, key=key, tag=tag, by=by, details=details)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    wanted = Wanted(form=form, reprice=reprice, plot=plot, focus=focus)
    tell_period(source, asked, wanted, database=database, simulated=simulated)
