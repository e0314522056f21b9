"""`farthing ledger`: prove it, settle it, keep it. What it takes; modules of `work/` do it."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

_VERIFY = """\
**Examples**

farthing ledger verify

farthing ledger verify --head head.json --archive ledger-2025.jsonl.gz

farthing ledger verify --rows ledger.jsonl.gz --head head.json
"""
_EXPORT = """\
**Examples**

farthing ledger export --head head.json

farthing ledger export --rows ledger.jsonl.gz
"""
_RECONCILE = """\
**Examples**

farthing ledger reconcile

farthing ledger reconcile --all --last 30d

OPENROUTER_MANAGEMENT_KEY=sk-or-… farthing ledger reconcile --activity
"""
_RESOLVE = """\
**Examples**

farthing ledger resolve call_1f2e3d4c --cost 0.0013 --note "as the provider's invoice says"

farthing ledger resolve call_1f2e3d4c --never-billed
"""
_PRUNE = """\
**Examples**

farthing ledger prune ledger-2025.jsonl.gz --yes

farthing ledger prune until-june.jsonl.gz --before 2026-07-01
"""
_RESTORE = """\
**Examples**

farthing ledger restore ledger-2026-11-24.db --database sqlite:///again.db
"""


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; write it as 2026-01-01") from None


Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.callback()
def ledger() -> None:
    """Prove a ledger, settle what is uncertain, copy it, put old rows away."""


@app.command(epilog=_VERIFY)
def verify(
    head: Annotated[
        Path | None, typer.Option("--head", metavar="FILE", help="A head that was exported before.")
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option(
            "--rows", metavar="FILE", help="Exported rows instead of a ledger, as an auditor has them."
        ),
    ] = None,
    archive: Annotated[
        list[Path] | None,
        typer.Option(
            "--archive", metavar="FILE", help="Rows that were put away; oldest first, may be repeated."
        ),
    ] = None,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
    as_json: options.Json = False,
) -> None:
    """Go through every row: the hash chain, the promise at each admission, every amount, all kept sums.

    With an exported head a cut tail and a rewritten past are found, too. Exits with 1 when something is
    not as it must be. Sends nothing and changes nothing.
    """
    from farthing.cli.work.proving import Proof, tell_verified

    proof = Proof(head=head, rows=rows, archives=tuple(archive or ()))
    tell_verified(config, proof, database=database, simulated=simulated, as_json=as_json)


@app.command(epilog=_EXPORT)
def export(
    head: Annotated[
        Path | None, typer.Option("--head", metavar="FILE", help="Write the heads of all chains here.")
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option(
            "--rows", metavar="FILE", help="Write all rows here: .jsonl, .jsonl.gz, or .csv to read."
        ),
    ] = None,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
) -> None:
    """Write the head, to be kept where nobody who can write to the ledger can change it; or all rows.

    Without an option the head goes to standard output. The ledger is verified first.
    """
    from farthing.cli.work.proving import export_ledger

    export_ledger(config, head, rows, database=database, simulated=simulated)


@app.command(epilog=_RECONCILE)
def reconcile(
    everything: Annotated[
        bool, typer.Option("--all", help="Also hold every settled call against its bill; changes none.")
    ] = False,
    activity: Annotated[
        bool,
        typer.Option("--activity", help="Also compare days and models with the account's activity."),
    ] = False,
    settle: Annotated[
        bool,
        typer.Option(
            "--settle-days",
            help="With --activity: book what a day leaves as its uncertain calls. Only for an account that "
            "nothing but this ledger uses.",
        ),
    ] = False,
    since: Annotated[str | None, typer.Option("--since", metavar="DAY", help="First day, UTC.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DAY", help="Last day, UTC.")] = None,
    last: Annotated[
        str | None, typer.Option("--last", metavar="SPAN", help="So many days up to today: 30d, 4w.")
    ] = None,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
    as_json: options.Json = False,
) -> None:
    """Ask the provider for the bills of uncertain calls by their ids, and settle them.

    Days are for --all and --activity; without them, the month to date. --activity needs
    OPENROUTER_MANAGEMENT_KEY. Exits with 1 when a bill differs from its row.
    """
    from farthing.cli.work.reconciling import Wanted, tell_reconciled

    if settle and not activity:
        raise typer.BadParameter("--settle-days needs --activity")
    wanted = Wanted(
        everything=everything, activity=activity, settle=settle, since=since, until=until, last=last
    )
    tell_reconciled(config, wanted, database=database, simulated=simulated, as_json=as_json)


@app.command(epilog=_RESOLVE)
def resolve(
    call: Annotated[
        str, typer.Argument(help="An uncertain call, by the beginning of its id.", show_default=False)
    ],
    cost: Annotated[
        Decimal | None,
        typer.Option("--cost", metavar="USD", parser=options.dollars, help="What it cost, in dollars."),
    ] = None,
    never_billed: Annotated[bool, typer.Option("--never-billed", help="It cost nothing.")] = False,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why; kept in the row.")] = "",
    yes: Yes = False,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
    as_json: options.Json = False,
) -> None:
    """Settle an uncertain call by hand, at what you know that it cost. It cannot be taken back."""
    from farthing.cli.work.resolving import tell_resolved

    if (cost is None) == (not never_billed):
        raise typer.BadParameter("give --cost or --never-billed")
    tell_resolved(
        call,
        Decimal(0) if cost is None else cost,
        config,
        note=note,
        yes=yes,
        database=database,
        simulated=simulated,
        as_json=as_json,
    )


@app.command(epilog="**Examples**\n\nfarthing ledger backup ledger-2026-11-24.db")
def backup(
    file: Annotated[Path, typer.Argument(help="A new SQLite file.", show_default=False)],
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
) -> None:
    """Copy a ledger into a file, in one state and while it is in use; then verify the copy."""
    from farthing.cli.work.keeping import back_up

    back_up(config, file, database=database, simulated=simulated)


@app.command(epilog=_RESTORE)
def restore(
    file: Annotated[Path, typer.Argument(help="A backup.", show_default=False)],
    database: Annotated[
        str, typer.Option("--database", metavar="URL", help="An empty database to copy it into.")
    ],
) -> None:
    """Copy a backup into an empty database: to go back, or to move from SQLite to PostgreSQL."""
    from farthing.cli.work.keeping import restore_to

    restore_to(file, database)


@app.command(epilog=_PRUNE)
def prune(
    file: Annotated[
        Path, typer.Argument(help="A new file for the rows: .jsonl or .jsonl.gz.", show_default=False)
    ],
    before: Annotated[
        date | None,
        typer.Option("--before", metavar="DAY", parser=_day, help="First day to keep; unset: 1 January."),
    ] = None,
    yes: Yes = False,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
) -> None:
    """Put past years' rows into a file, and what they came to into a checkpoint.

    Balances, limits and reports of days stay as they are; rows of calls that are not settled stay, too.
    """
    from farthing.cli.work.keeping import prune_to

    prune_to(config, file, before, yes=yes, database=database, simulated=simulated)
