"""Does `farthing check`: what is wrong on paper, then a drill of each policy against simulators.

The key is dropped from this process's environment before anything else is done. Looks are `checkview.py`'s.
"""

import logging
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, time
from pathlib import Path

import typer
from rich.live import Live
from rich.text import Text

from farthing.cli.work import checkview, show
from farthing.cli.work.checkview import Checked, Placed
from farthing.cli.work.drilling import carried_out
from farthing.cli.work.interrupt import run_async
from farthing.cli.work.stage import made_up_names, midmonth, open_stage
from farthing.config.environment import API_KEY, MANAGEMENT_KEY
from farthing.config.load import inert_settings, load_catalog, load_config, secrets_of
from farthing.config.schema import DeploymentConfig
from farthing.policies.drill import Planned, Row
from farthing.policies.findings import findings_of
from farthing.policies.plan import plan_for
from farthing.policies.setup import Setup, setup_of


def check_config(source: str | None, *, policies: bool, book: str, as_json: bool) -> None:
    """Tells what was found. Leaves with 1 when a rule cannot act, or did not when it was provoked.

    Raises `ConfigError` for a configuration that cannot be used, `FarthingError` when no simulator starts.
    """
    said = load_config(source)
    unset = _unset_keys(said)
    _drop_keys(said)
    catalog = load_catalog(book)
    now = max(datetime.now(UTC), datetime.combine(catalog.prices.day, time(12), UTC))
    setup = setup_of(said, catalog, now=midmonth(now))
    found = findings_of(setup, inert_settings(setup.config), unset_keys=unset)
    rows, placed = run_async(_drilled(setup, book=book)) if policies else ((), ())
    checked = Checked(setup=setup, findings=found, rows=rows, placed=placed, drilled=policies)
    if as_json:
        show.write_json(checkview.as_document(checked))
    else:
        checkview.show_checked(show.console(), checked)
    if checked.faults:
        raise typer.Exit(1)


def _unset_keys(config: DeploymentConfig) -> tuple[str, ...]:
    """Of several variables for keys, those that hold none: only whether they are set is looked at."""
    names = config.upstream.api_key_env
    found = secrets_of(names) if len(names) > 1 else {}
    return tuple(name for name in names if found and name not in found)


def _drop_keys(config: DeploymentConfig) -> None:
    for name in (API_KEY, MANAGEMENT_KEY, *made_up_names(config)):
        os.environ.pop(name, None)


async def _drilled(setup: Setup, *, book: str) -> tuple[tuple[Row, ...], tuple[Placed, ...]]:
    plan = plan_for(setup)
    with _quiet(), _progress(len(plan)) as progress:
        async with open_stage(setup, book=book) as stage:
            placed = tuple(Placed(*one) for one in stage.placed(Path("…")))
            rows: list[Row] = []
            async for row in carried_out(stage, setup, plan, began=progress.begin):
                rows.append(row)
                progress.end(row)
    return tuple(rows), placed


class Progress:
    """Where the drills are: a live line on a terminal, a line for each where it is piped."""

    def __init__(self, total: int, tell: Callable[[str], None] | None) -> None:
        self._total, self._tell = total, tell
        self._number = 0
        self._policy = ""

    def begin(self, planned: Planned) -> None:
        self._number, self._policy = self._number + 1, planned.policy

    def end(self, row: Row) -> None:
        if self._tell is not None and row.verdict != "not configured":
            self._tell(f"{self._number}/{self._total} {row.policy}: {row.verdict}")

    def line(self) -> Text:
        return Text(f"{self._number} of {self._total}, simulated: {self._policy}", style="dim")


@contextmanager
def _progress(total: int) -> Generator[Progress]:
    beside = show.console(stderr=True)
    if not beside.is_terminal:
        yield Progress(total, show.note)
        return
    progress = Progress(total, None)
    with Live(get_renderable=progress.line, console=beside, transient=True):
        yield progress


@contextmanager
def _quiet() -> Generator[None]:
    """Provoked alerts and failures are no news: without a log that was asked for, they are not written."""
    log = logging.getLogger("farthing")
    if log.handlers:
        yield
        return
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)
