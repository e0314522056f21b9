"""`farthing report`: what was spent, read from the ledger. Needs no key and sends nothing."""

import csv
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from farthing.cli import options, show, tables
from farthing.cli.ledger import RunReport, month_report, opened, read_run
from farthing.config.load import load_config
from farthing.config.schema import DeploymentConfig
from farthing.errors import FarthingError
from farthing.spend.report import CostReport
from farthing.storage.database import default_path, sqlite_url

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
    settings = load_config(options.source_of(profile, config))
    urls = ledger_urls(settings, database=database, simulated=simulated, any_run=run is not None)
    now = datetime.now(UTC)
    if run is not None:
        _tell_run(find_run(run, urls, settings, now=now), as_json=as_json, as_csv=as_csv)
        return
    with opened(urls[0]) as ledger:
        if ledger is None:
            show.note(f"nothing was spent yet: there is no ledger at {urls[0]}")
        costs = month_report(ledger, settings, now=now, simulated=simulated)
    _tell_month(costs, as_json=as_json, as_csv=as_csv)


def ledger_urls(
    settings: DeploymentConfig, *, database: str | None = None, simulated: bool = False, any_run: bool = False
) -> list[str]:
    """The ledgers to look into, in order: a month's is the first one; a run may be in any of them."""
    pretended = sqlite_url(default_path(simulated=True, environ=os.environ))
    if database is not None:
        return [database]
    if simulated:
        return [pretended]
    real = settings.storage.database_url or sqlite_url(default_path(simulated=False, environ=os.environ))
    return [real, pretended] if any_run else [real]


def find_run(run_id: str, urls: Sequence[str], settings: DeploymentConfig, *, now: datetime) -> RunReport:
    """The run from the first ledger that has it. Raises `FarthingError` when none has."""
    for url in urls:
        with opened(url) as ledger:
            found = ledger and read_run(ledger, run_id, baseline_model=settings.baseline.model, now=now)
        if found:
            return found
    raise FarthingError(
        f"no ledger has a call of the run {run_id!r}",
        hint="the id is printed at the end of a run; another ledger is named by --database or --config",
    )


def _tell_month(costs: CostReport, *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        show.write_json(tables.costs_json(costs, is_run=False))
    elif as_csv:
        _write_csv(_month_rows(costs))
    else:
        out = show.console()
        out.print(f"{costs.scope}, {costs.period}", style="bold")
        tables.show_costs(out, costs, is_run=False)


def _tell_run(run: RunReport, *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        show.write_json(tables.run_json(run))
    elif as_csv:
        _write_csv(_run_rows(run))
    else:
        out = show.console()
        out.print(f"{run.run_id}, started {run.started_at:%Y-%m-%d %H:%M:%S} UTC", style="bold")
        tables.show_run(out, run)
        tables.show_costs(out, run.costs, is_run=True)


_MONTH_COLUMNS = ("group", "name", "calls", "failed", "settled_usd", "uncertain_usd", "baseline_usd")
_TOKENS = ("input_tokens", "output_tokens", "simulated")


def _month_rows(costs: CostReport) -> Iterable[Sequence[object]]:
    yield (*_MONTH_COLUMNS, *_TOKENS)
    sums = (costs.calls, costs.failed_calls, costs.total_spend, costs.uncertain, costs.baseline_cost)
    yield ("total", costs.period, *sums, costs.input_tokens, costs.output_tokens, costs.simulated)
    for group, lines in tables.groups_of(costs).items():
        for name, line in lines.items():
            sums = (line.calls, line.failed, line.cost, line.uncertain, line.baseline)
            yield (
                *(group.removeprefix("by_"), name, *sums),
                *(line.input_tokens, line.output_tokens, costs.simulated),
            )


def _run_rows(run: RunReport) -> Iterable[Sequence[object]]:
    """One row an attempt."""
    yield (
        *("task_id", "agent", "role", "task_type", "call_id", "model", "status", "reason", "ended"),
        *("cost_usd", "cost_basis", "baseline_usd", *_TOKENS),
    )
    for task in run.tasks:
        for call in task.attempts:
            yield (
                *(task.task_id, task.agent, task.role, task.task_type, call.call_id, call.model, call.status),
                *(call.why, call.ended, call.cost, call.basis, call.baseline_cost),
                *(call.usage.input_tokens, call.usage.output_tokens, run.costs.simulated),
            )


def _write_csv(rows: Iterable[Sequence[object]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for row in rows:
        writer.writerow([show.as_json(cell) for cell in row])
