"""`farthing ledger backup`, `restore` and `prune`: copies of a ledger, and old rows put away."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from farthing.cli.work import show
from farthing.cli.work.ledger import opened
from farthing.cli.work.proving import counting, ledger_at, proved
from farthing.errors import FarthingError
from farthing.money import from_nano
from farthing.proof import duplicate
from farthing.proof.prune import prune
from farthing.proof.replay import Replay
from farthing.storage.database import Database, sqlite_url


def back_up(config: Path | None, path: Path, *, database: str | None, simulated: bool) -> None:
    """Copies, then verifies the copy. A copy with a finding stays, and is told."""
    with ledger_at(config, database=database, simulated=simulated) as ledger, _copying("copying") as step:
        duplicate.back_up(ledger, path, on_part=step)
    _tell_copy(sqlite_url(path), str(path))


def restore_to(path: Path, url: str) -> None:
    """Raises `FarthingError` where there is no backup, or the database is not empty."""
    with opened(sqlite_url(path)) as source:
        if source is None:
            raise FarthingError(f"there is no backup at {path}")
        target = Database(url)
        try:
            with _copying("copying") as step:
                duplicate.restore(source, target, on_part=step)
        finally:
            target.close()
    _tell_copy(url, show.masked(url))


def prune_to(
    config: Path | None,
    path: Path,
    before: date | None,
    *,
    yes: bool,
    database: str | None,
    simulated: bool,
) -> None:
    """Asks, then puts the rows away. Raises `FarthingError` for a ledger with a finding."""
    now = datetime.now(UTC)
    first = before or date(now.year, 1, 1)
    with ledger_at(config, database=database, simulated=simulated) as ledger:
        if not yes:
            show.note(f"rows written before {first} move from {ledger.display_url} to {path}")
            typer.confirm("Go on?", abort=True, err=True)
        with counting(ledger) as count:
            done = prune(ledger, path, before=first, now=now, on_row=count)
    if done is None:
        show.note(f"nothing to put away: no row is older than {first}")
        return
    left = f"; {show.counted(done.left, 'row')} of calls that are not settled stayed" if done.left else ""
    rows = show.counted(done.rows, "row")
    show.note(f"{rows} put away in {done.path}, as checkpoint {done.checkpoint.number}{left}")
    show.note("keep the file: farthing ledger verify --archive FILE proves it")


def _tell_copy(url: str, name: str) -> None:
    with opened(url) as copy:
        if copy is None:
            raise FarthingError(f"{name} is gone")
        with counting(copy) as count:
            found = proved(copy, count)
    show.note(f"written: {name}, {_summary(found)}; every row is as it must be")


def _summary(found: Replay) -> str:
    settled = show.usd(from_nano(found.total.settled))
    return f"{show.counted(found.rows, 'row')}, {show.counted(found.calls, 'call')}, {settled} settled"


@contextmanager
def _copying(what: str) -> Generator[Callable[[int, int], None]]:
    beside = show.console(stderr=True)
    columns = (TextColumn(what), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=beside, transient=True, disable=not beside.is_terminal) as bar:
        job = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(job, completed=done, total=total)
