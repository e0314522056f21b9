"""`farthing report`: what was spent, read from the ledger. Needs no key and sends nothing."""

import csv
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from farthing.catalog.kept import catalog_named
from farthing.cli.work import reportdata, reportperiod, reportview, show, tables
from farthing.cli.work.ledger import RunReport, opened, read_run
from farthing.cli.work.reportperiod import Asked, Period
from farthing.config.load import load_config
from farthing.config.schema import DeploymentConfig
from farthing.errors import ConfigError, FarthingError
from farthing.spend import focus, readings
from farthing.spend.reprice import Repricer, Repricing
from farthing.storage.database import Database, default_path, sqlite_url

Format = Literal["tables", "json", "csv"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to do with a period besides telling it."""

    form: Format
    reprice: str | None = None
    plot: Path | None = None
    focus: Path | None = None


def tell_period(
    source: str | Path | None, asked: Asked, wanted: Wanted, *, database: str | None, simulated: bool
) -> None:
    """A period of one ledger: the month to date, or the days that are asked for."""
    settings = load_config(source)
    url = ledger_urls(settings, database=database, simulated=simulated)[0]
    now = datetime.now(UTC)
    with ExitStack() as stack:
        ledger = stack.enter_context(opened(url))
        if ledger is None:
            show.note(f"nothing was spent yet: there is no ledger at {show.masked(url)}")
        period = reportperiod.read_period(ledger, settings, asked, now=now, simulated=simulated)
        if wanted.plot is not None:
            from farthing.cli.work.chartdays import draw_days

            draw_days(period, wanted.plot)
            show.note(f"drawn: {wanted.plot}")
        if wanted.focus is not None:
            _write_focus(ledger, period, wanted.focus)
        if wanted.reprice is not None:
            _tell_repricing(repriced(ledger, period, wanted.reprice), period, wanted.form)
            return
    match wanted.form:
        case "json":
            show.write_json(reportdata.period_json(period))
        case "csv":
            _write_csv(reportdata.period_rows(period))
        case "tables":
            reportview.show_period(show.console(), period)


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


def repriced(ledger: Database | None, period: Period, book: str) -> Repricing:
    """The period's calls by another book: a packaged or kept one, else one that the ledger keeps.

    Raises `ConfigError` for a book that there is not.
    """
    if ledger is None:
        return Repricer(catalog_named(book, os.environ).prices.id, lambda _: None).result()
    with ledger.read() as connection:
        try:
            catalog = catalog_named(book, os.environ)
            repricer = Repricer(catalog.prices.id, catalog.price)
        except ConfigError:
            fits = [name for name in readings.read_books(connection) if name.startswith(book)]
            if not fits:
                raise
            finder = reportperiod.price_finder(connection, period.rollups)
            repricer = Repricer(fits[-1], lambda model: finder(fits[-1], model))
        for entry in reportperiod.entries(connection, period.asked, expected=period.costs.calls):
            repricer.add(*entry)
    return repricer.result()


def _tell_repricing(found: Repricing, period: Period, form: Format) -> None:
    match form:
        case "json":
            show.write_json(reportdata.repricing_json(found, period.costs))
        case "csv":
            _write_csv(reportdata.repricing_rows(found, period.costs))
        case "tables":
            reportview.show_repricing(show.console(), found, period.costs)


def _write_focus(ledger: Database | None, period: Period, path: Path) -> None:
    """Charges for finance tools; what is uncertain is told, as it is no charge yet."""
    costs = period.costs

    def charges() -> Iterable[Sequence[str]]:
        if ledger is None:
            return
        with ledger.read() as connection:
            prices = reportperiod.price_finder(connection, period.rollups)
            for call, ended_us in reportperiod.entries(connection, period.asked, expected=costs.calls):
                charge = focus.charge_of(call, ended_us, prices, simulated=costs.simulated)
                if charge is not None:
                    yield charge

    count = reportdata.write_charges(path, charges)
    show.note(f"{path}: {show.counted(count, 'charge')} as FOCUS {focus.VERSION}")
    if costs.uncertain:
        show.note(f"not among them: {show.usd(costs.uncertain)} that is uncertain, so billed by nobody yet")
    if costs.simulated:
        show.note("the charges are simulated: no provider bills them (x_Simulated says so)")


_TOKENS = ("input_tokens", "output_tokens", "simulated")


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
