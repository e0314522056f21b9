"""`farthing cache`: the answers in one ledger's database. The ledger's rows are not touched."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import typer

from farthing.cache import store
from farthing.cache.memory import Only
from farthing.cache.store import Region
from farthing.cli.work import show
from farthing.cli.work.proving import ledger_at
from farthing.errors import FarthingError, nearest
from farthing.task import TASK_TYPES, TaskType

COLUMNS = ("task type", "key", "answers", "oldest", "newest")


def tell_cache(config: Path | None, *, database: str | None, simulated: bool, as_json: bool) -> None:
    """Prints what is kept."""
    with ledger_at(config, database=database, simulated=simulated) as ledger, ledger.read() as connection:
        regions = store.regions(connection)
    if as_json:
        show.write_json([_json(region) for region in regions])
    elif not regions:
        show.note("no answer is kept; optimization.caching.enabled keeps them")
    else:
        rows = [
            (one.task_type, one.tenant or "—", f"{one.answers:,}", _at(one.oldest_us), _at(one.newest_us))
            for one in regions
        ]
        show.console().print(show.table(COLUMNS, rows, right=("answers",)))


def clear_cache(
    config: Path | None,
    *,
    task_type: str | None,
    key: str | None,
    yes: bool,
    database: str | None,
    simulated: bool,
) -> None:
    """Deletes answers. Raises `FarthingError` for an unknown type, or without leave."""
    only = Only(task_type=_known(task_type), tenant=key)
    with ledger_at(config, database=database, simulated=simulated) as ledger:
        if not yes and not _agreed(only):
            raise FarthingError("nothing was forgotten", hint="say --yes where nobody can be asked")
        with ledger.write() as connection:
            gone = store.clear(connection, only)
    show.note(f"{show.counted(gone, 'answer')} forgotten; running processes notice in five seconds")


def _known(task_type: str | None) -> TaskType | None:
    found: TaskType | None = next((kind for kind in TASK_TYPES if kind == task_type), None)
    if task_type is not None and found is None:
        near = nearest(task_type, TASK_TYPES)
        raise FarthingError(
            f"there is no task type {task_type!r}" + (f"; the nearest is {near}" if near else ""),
            hint=f"one of {', '.join(TASK_TYPES)}",
        )
    return found


def _agreed(only: Only) -> bool:
    if not sys.stdin.isatty():
        return False
    what = " of ".join(filter(None, (only.task_type, only.tenant))) or "everybody's"
    return typer.confirm(f"Forget the kept answers ({what})?", err=True)


def _json(region: Region) -> dict[str, object]:
    return {
        "task_type": region.task_type,
        "key": region.tenant or None,
        "answers": region.answers,
        "oldest": _time(region.oldest_us),
        "newest": _time(region.newest_us),
    }


def _time(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC)


def _at(at_us: int) -> str:
    return f"{_time(at_us):%Y-%m-%d %H:%M:%S}"
