"""Copies a ledger, in one state and while it is in use, into a SQLite file or into an empty database.

A SQLite file is copied by SQLite itself; anything else table by table within one repeatable read. A file is
there whole and durable, or not at all.
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from farthing.errors import FarthingError
from farthing.storage import tables
from farthing.storage.database import Database, sqlite_url

_CHUNK = 1000

OnPart = Callable[[int, int], None]
"""Told how many parts (pages or rows) are done, and of how many."""


def back_up(database: Database, path: Path, *, on_part: OnPart | None = None) -> None:
    """Copies a ledger into a new SQLite file. Raises `FarthingError` for a file that is there, `OSError`."""
    if path.exists():
        raise FarthingError(f"{path} is there already", hint="name another file; nothing is written over")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        if database.is_sqlite:
            _copy_pages(Path(str(database.url.database)), part, on_part)
        else:
            copied = Database(sqlite_url(part))
            try:
                copy_rows(database, copied, on_part=on_part)
            finally:
                copied.close()
        _settle(part)
        part.rename(path)
        _sync(path.parent)
    finally:
        for left in (part, Path(f"{part}-wal"), Path(f"{part}-shm")):
            left.unlink(missing_ok=True)


def restore(source: Database, target: Database, *, on_part: OnPart | None = None) -> None:
    """Copies a ledger into a database that has none: back from a backup, or from SQLite to PostgreSQL.

    Raises `FarthingError` where the target has rows or epochs of its own; it is left as it is.
    """
    with target.read() as connection:
        for table in (tables.ledger, tables.writer):
            if connection.execute(sa.select(table).limit(1)).first() is not None:
                raise FarthingError(
                    f"{target.display_url} has a ledger already, and two cannot become one",
                    hint="name an empty database, or a file that is not there yet",
                )
    copy_rows(source, target, on_part=on_part)


def copy_rows(source: Database, target: Database, *, on_part: OnPart | None = None) -> None:
    """All tables, in one transaction on either side."""
    with source.read() as reading, target.write() as writing:
        total = sum(_count(reading, table) for table in tables.metadata.sorted_tables)
        done = 0
        for table in tables.metadata.sorted_tables:
            rows = reading.execute(sa.select(table).execution_options(yield_per=_CHUNK))
            for chunk in rows.mappings().partitions():
                writing.execute(table.insert(), [dict(row) for row in chunk])
                done += len(chunk)
                if on_part is not None:
                    on_part(done, total)
        if not target.is_sqlite:
            _go_on_counting(writing)


def _count(connection: sa.Connection, table: sa.Table) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _go_on_counting(connection: sa.Connection) -> None:
    """PostgreSQL counts apart from the rows: its next numbers must follow the copied ones."""
    ours = ((tables.ledger, "seq"), (tables.writer, "epoch"))
    for table, column in (*ours, (tables.memory_space, "id"), (tables.memory, "id")):
        sequence = sa.func.pg_get_serial_sequence(table.name, column)
        last = sa.func.coalesce(sa.select(sa.func.max(table.c[column])).scalar_subquery(), 0)
        connection.execute(sa.select(sa.func.setval(sequence, last + 1, False)))


def _copy_pages(source: Path, target: Path, on_part: OnPart | None) -> None:
    """SQLite's own backup, which lets others write meanwhile."""

    def progress(_status: int, remaining: int, total: int) -> None:
        if on_part is not None:
            on_part(total - remaining, total)

    reading, writing = sqlite3.connect(source), sqlite3.connect(target)
    try:
        # In one step: in several, each write of another process would make it begin again.
        reading.backup(writing, pages=-1, progress=progress)
    finally:
        reading.close()
        writing.close()


def _settle(path: Path) -> None:
    """One file without a write-ahead log beside it, on the disk."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode=DELETE")
    finally:
        connection.close()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
