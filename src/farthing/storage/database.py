"""One database: how it is opened, made durable, and written by one transaction at a time.

Knows dialects and durability; knows nothing of money. Durable means `synchronous=FULL` on SQLite
(write-ahead log) and `synchronous_commit=on` on PostgreSQL.
"""

import sqlite3
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from farthing.config.environment import state_folder
from farthing.errors import LedgerUnavailableError
from farthing.storage import tables
from farthing.storage.prepared import run_now
from farthing.storage.words import word_index

_BUSY_TIMEOUT_S = 15.0


def default_path(*, simulated: bool, environ: Mapping[str, str]) -> Path:
    """Where the ledger lies when no URL is configured; simulated money has a file of its own."""
    return state_folder(environ) / ("simulated.db" if simulated else "ledger.db")


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


class Database:
    """An open database. Use from any thread; each `write` is one exclusive transaction."""

    def __init__(self, url: str, *, host_clock: Callable[[], float] = time.time) -> None:
        """Opens `url` (SQLAlchemy's form) and creates or migrates the tables.

        `host_clock` is the clock of a SQLite database, seconds since 1970.
        Raises `LedgerUnavailableError` when it does not answer or its schema is newer than ours.
        """
        self.url = _parsed(url)
        self._host_clock = host_clock
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite and self.url.database in (None, "", ":memory:"):
            raise LedgerUnavailableError(
                f"the ledger's database {self.display_url} would be in memory, and a ledger must last",
                hint="name a file: sqlite:///path/to/ledger.db",
            )
        try:
            self.engine = self._engine()
        except (ModuleNotFoundError, NoSuchModuleError) as error:
            raise LedgerUnavailableError(
                f"no driver is installed for {self.display_url}: {error}",
                hint="sqlite:///path/to/ledger.db needs none",
            ) from error
        try:
            if self.is_sqlite:
                Path(str(self.url.database)).parent.mkdir(parents=True, exist_ok=True)
            self._prepare_schema()
        except (DBAPIError, OSError) as error:
            self.engine.dispose()
            reason = error.orig if isinstance(error, DBAPIError) else error
            raise LedgerUnavailableError(
                f"the ledger's database {self.display_url} does not answer: {reason}",
                hint="check that the path is writable or the server is up; see FARTHING_DATABASE_URL",
            ) from error

    @property
    def display_url(self) -> str:
        """The URL without its password."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def write(self) -> Generator[sa.Connection]:
        """One transaction that excludes other writers from the start (SQLite: BEGIN IMMEDIATE)."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Generator[sa.Connection]:
        """A connection that sees one committed state. Never waits for a writer on SQLite."""
        with self.engine.connect() as connection:
            if self.is_sqlite:
                connection.execution_options(farthing_read=True)
            else:  # its usual level shows each statement a state of its own
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    def now(self, connection: sa.Connection) -> float:
        """Seconds since 1970 by the database's clock, which leases are measured by.

        A SQLite file has no clock but its host's, which all its processes share.
        """
        if self.is_sqlite:
            return self._host_clock()
        return float(
            connection.execute(sa.select(sa.extract("epoch", sa.func.clock_timestamp()))).scalar_one()
        )

    def bound_transactions(self, connection: sa.Connection, *, seconds: float) -> None:
        """Lets PostgreSQL end this connection's transactions after some time without a word from us.

        A process that is stopped within one would keep its locks, and so keep all others from admitting. A
        SQLite file's lock cannot be broken: there the others wait.
        """
        if self.is_sqlite:
            return
        with connection.begin():
            milliseconds = max(1, round(seconds * 1000))
            connection.exec_driver_sql(f"SET idle_in_transaction_session_timeout = {milliseconds}")
            version = cast("tuple[int, ...] | None", connection.dialect.server_version_info)
            if version is not None and version >= (17,):  # it covers a stop in the middle of a statement
                connection.exec_driver_sql(f"SET transaction_timeout = {milliseconds}")

    def add_missing(
        self, connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]
    ) -> int:
        """Inserts the rows whose primary key is not there yet; returns how many were inserted."""
        insert = sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)
        # Of an INSERT SQLAlchemy keeps no count unless asked: with psycopg it would say -1.
        adding = insert.on_conflict_do_nothing().execution_options(preserve_rowcount=True)
        return sum(connection.execute(adding, row).rowcount for row in rows)

    def replace(self, connection: sa.Connection, table: sa.Table, row: Mapping[str, object]) -> None:
        """Inserts a row, in the place of the one with its primary key if there is one."""
        insert = sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)
        keys = [column.name for column in table.primary_key]
        others = {name: insert.excluded[name] for name in row if name not in keys}
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=others), row)

    def close(self) -> None:
        self.engine.dispose()

    def _engine(self) -> sa.Engine:
        if not self.is_sqlite:
            return sa.create_engine(self.url, connect_args={"options": "-c synchronous_commit=on"})
        engine = sa.create_engine(self.url, connect_args={"timeout": _BUSY_TIMEOUT_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _prepare_schema(self) -> None:
        with self.write() as connection:
            if not self.is_sqlite:  # two processes that find a new database would both create the tables
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7267846)")
            found = _schema_version(connection)
            if found is None:
                tables.metadata.create_all(connection)
                for statement in word_index(connection):
                    connection.exec_driver_sql(statement)
                _stamp(connection, tables.SCHEMA_VERSION)
                return
        if found > tables.SCHEMA_VERSION:
            raise LedgerUnavailableError(
                f"{self.display_url} has schema {found}, newer than this version's {tables.SCHEMA_VERSION}",
                hint="upgrade Farthing, or name another database in FARTHING_DATABASE_URL",
            )
        if found < tables.SCHEMA_VERSION:
            from farthing.storage.migrations.run import upgrade

            upgrade(self.engine)


def _parsed(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except ArgumentError:  # the text is not shown: it may hold a password
        raise LedgerUnavailableError(
            "the ledger's database URL cannot be read", hint="write it as sqlite:///path/to/ledger.db"
        ) from None


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transactions begin deferred; ours say themselves how they begin.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get("farthing_read", False)
    run_now(connection, "BEGIN" if reading else "BEGIN IMMEDIATE")


def _schema_version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _stamp(connection: sa.Connection, version: str) -> None:
    connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.execute(sa.text("INSERT INTO alembic_version VALUES (:version)"), {"version": version})
