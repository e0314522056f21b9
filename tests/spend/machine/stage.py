"""Where the machine plays: one real database, three processes' engines that can fail, two clocks that obey.

The engines' connections are the drivers' own, with a hook before each statement and around each commit. They
are not durable (`synchronous` off): this stage proves the transactions, `make crash-test` the durability.
"""

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from farthing.storage.database import Database
from farthing.storage.tables import account, alert, ledger, rollup, rollup_by, writer

PROCESSES = 3
LEASE_S = 30.0
_LOG = logging.getLogger("farthing.spend")
_TABLES = (ledger, account, rollup, rollup_by, alert, writer)

FaultKind = Literal["lost", "unsure", "kill", "kill after"]
"""What happens to a transaction: it fails, it fails after its commit worked, its process dies, likewise."""


class KilledError(BaseException):
    """SIGKILL: no code of the process runs after it."""


class Clocks:
    """The wall clock dates rows; the other measures leases, deadlines and patience. Seconds."""

    def __init__(self) -> None:
        self.wall, self.lease = 0.0, 0.0

    def monotonic(self) -> float:
        return self.lease

    def sleep(self, seconds: float) -> None:
        self.pass_by(seconds)

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.lease += seconds

    def now_us(self) -> int:
        return round(self.wall * 1_000_000)


class Faults:
    """What goes wrong in one process's connections."""

    def __init__(self) -> None:
        self.away = 0
        """How many more statements or connections fail."""
        self.happened = 0
        self._kind: FaultKind | None = None
        self._at = 0

    def set(self, kind: FaultKind | None, *, statement: int = 0) -> None:
        """At this statement of the next transactions; `unsure` and `kill after`: at the next commit."""
        self._kind, self._at = kind, statement

    def clear(self) -> None:
        self.away, self._kind = 0, None

    def taken(self) -> int:
        """How many happened since this was last asked."""
        happened, self.happened = self.happened, 0
        return happened

    def before_statement(self) -> None:
        if self.away:
            self.away -= 1
            self._fail("away")
        if self._kind in ("lost", "kill"):
            self._at -= 1
            if self._at < 0:
                self._happen()

    def around_commit(self, commit: Callable[[], None]) -> None:
        if self.away:
            self.away -= 1
            self._fail("away")
        if self._kind in ("lost", "kill"):
            self._happen()
        commit()
        if self._kind is not None:
            self._happen()

    def _happen(self) -> None:
        kind, self._kind = self._kind, None
        self._fail(str(kind))

    def _fail(self, what: str) -> None:
        self.happened += 1
        if what.startswith("kill"):
            raise KilledError(what)
        raise _AwayError(what)


class _AwayError(sqlite3.OperationalError, psycopg.OperationalError):
    """Both drivers' word for a database that does not do what it should."""


class PlayedDatabase(Database):
    """A database by the clocks of the stage; its connections fail as they are told."""

    def __init__(self, url: str, clocks: Clocks) -> None:
        super().__init__(url)
        self.faults = Faults()
        self._clocks = clocks
        self.engine.dispose()
        event.listen(self.engine, "do_connect", self._connect)
        event.listen(self.engine, "connect", _not_durable)

    def now(self, connection: sa.Connection) -> float:
        return self._clocks.lease

    def _connect(self, _dialect: object, _record: object, arguments: Any, options: Any) -> object:
        self.faults.before_statement()
        if self.is_sqlite:
            opened = sqlite3.connect(*arguments, factory=_SqliteConnection, **options)
        else:
            opened = _PostgresqlConnection.connect(*arguments, cursor_factory=_PostgresqlCursor, **options)
        opened.faults = self.faults
        return opened


def _not_durable(connection: Any, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")
    else:
        connection.execute("SET synchronous_commit = off")
        connection.commit()


# The drivers' types are left out below: each method hands on what it is given.
class _SqliteCursor(sqlite3.Cursor):
    def execute(self, *given: Any) -> Any:
        _faults_of(self.connection).before_statement()
        return super().execute(*given)

    def executemany(self, *given: Any) -> Any:
        _faults_of(self.connection).before_statement()
        return super().executemany(*given)


class _SqliteConnection(sqlite3.Connection):
    faults: Faults | None = None

    def cursor(self, factory: Any = _SqliteCursor) -> Any:
        return super().cursor(factory)

    def commit(self) -> None:
        _faults_of(self).around_commit(super().commit)


class _PostgresqlCursor(psycopg.Cursor[Any]):
    def execute(self, *given: Any, **options: Any) -> Any:
        _faults_of(self.connection).before_statement()
        return super().execute(*given, **options)

    def executemany(self, *given: Any, **options: Any) -> None:
        _faults_of(self.connection).before_statement()
        super().executemany(*given, **options)

    def copy(self, *given: Any, **options: Any) -> Any:
        _faults_of(self.connection).before_statement()
        return super().copy(*given, **options)


class _PostgresqlConnection(psycopg.Connection[Any]):
    faults: Faults | None = None

    def commit(self) -> None:
        _faults_of(self).around_commit(super().commit)


_NONE = Faults()


def _faults_of(connection: Any) -> Faults:
    """None of ours while the driver opens it."""
    return getattr(connection, "faults", None) or _NONE


class Stage:
    """One database of one kind, used by example after example, each from empty tables."""

    def __init__(self, url: str, folder: Path) -> None:
        self.clocks = Clocks()
        self.reader = Database(url)
        self.databases = [PlayedDatabase(url, self.clocks) for _ in range(PROCESSES)]
        self.spool_path = folder / "machine.spool"
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        """What the ledger logged as an error: it was refused something."""
        self.loop = asyncio.new_event_loop()  # never run: it makes the futures

    @property
    def kind(self) -> str:
        return self.reader.url.get_backend_name()

    def clear(self) -> None:
        """Before an example."""
        self.spool_path.unlink(missing_ok=True)
        self.errors.clear()
        for database in self.databases:
            database.faults.clear()
        with self.reader.write() as connection:
            if self.reader.is_sqlite:
                for table in _TABLES:
                    connection.execute(table.delete())
            else:
                names = ", ".join(table.name for table in _TABLES)
                connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY")

    def index_unique(self, unique: bool) -> None:
        """Whether the database itself refuses a second row of one kind for one call."""
        with self.reader.write() as connection:
            connection.exec_driver_sql("DROP INDEX ledger_call")
            only = "UNIQUE " if unique else ""
            connection.exec_driver_sql(f"CREATE {only}INDEX ledger_call ON ledger (call_id, kind)")

    def close(self) -> None:
        for database in (self.reader, *self.databases):
            database.close()
        self.loop.close()


@contextmanager
def staged(url: str, folder: Path) -> Generator[Stage]:
    """A stage, while the product's own waiting goes by the stage's clocks."""
    stage = Stage(url, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("farthing.spend.epoch.time", stage.clocks)
        patch.setattr("farthing.spend.writer.time", stage.clocks)
        patch.setattr("farthing.spend.writer._PATIENCE_S", 0.2)
        patch.setattr(_LOG, "level", logging.ERROR)
        patch.setattr(_LOG, "propagate", False)
        listener = _Listener(stage.errors)
        _LOG.addHandler(listener)
        try:
            yield stage
        finally:
            _LOG.removeHandler(listener)
            stage.close()


class _Listener(logging.Handler):
    def __init__(self, errors: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        self._errors.append(record.getMessage())
