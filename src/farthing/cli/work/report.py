"""`farthing report`: what was spent, read from the ledger. Needs no key and sends nothing."""

import csv
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from farthing.cli.work import show, tables
from farthing.cli.work.ledger import RunReport, month_report, opened, read_run
from farthing.config.load import load_config
from farthing.config.schema import DeploymentConfig
from farthing.errors import FarthingError
from farthing.spend.report import CostReport
from farthing.storage.database import default_path, sqlite_url

Format = Literal["tables", "json", "csv"]


def tell_month(source: str | Path | None, *, database: str | None, simulated: bool, form: Format) -> None:
    """The month to date of one ledger."""
    settings = load_config(source)
    url = ledger_urls(settings, database=database, simulated=simulated)[0]
    with opened(url) as ledger:
        if ledger is None:
            show.note(f"nothing was spent yet: there is no ledger at {show.masked(url)}")
        costs = month_report(ledger, settings, now=datetime.now(UTC), simulated=simulated)
    match form:
        case "json":
            show.write_json(tables.costs_json(costs, is_run=False))
        case "csv":
            _write_csv(_month_rows(costs))
        case "tables":
            out = show.console()
            out.print(f"{costs.scope}, {costs.period}", style="bold")
            tables.show_costs(out, costs, is_run=False)


def tell_run(
    run_id: str, source: str | Path | None, *, database: str | None, simulated: bool, form: Format
) -> None:
    """One run. Raises `FarthingError` when no ledger has it."""
    settings = load_config(source)
    urls = ledger_urls(settings, database=database, simulated=simulated, any_run=True)
    run = find_run(run_id, urls, settings, now=datetime.now(UTC))
    match form:
        case "json":
            show.write_json(tables.run_json(run))
        case "csv":
            _write_csv(_run_rows(run))
        case "tables":
            out = show.console()
            out.print(f"{run.run_id}, started {run.started_at:%Y-%m-%d %H:%M:%S} UTC", style="bold")
            tables.show_run(out, run)
            tables.show_costs(out, run.costs, is_run=True)


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
