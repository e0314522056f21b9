"""Core statements compiled once per dialect and run on the driver's own cursor: what every group commit runs.

For these SQLAlchemy's work at each execution (compiled cache, parameter processing, result objects) costs
several times what SQLite does. Values are integers, floats and texts, which the drivers take as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPICursor, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

if TYPE_CHECKING:
    import psycopg

Values = Sequence[object]
_Given = Sequence[object] | Mapping[str, object]  # as the driver takes them
_Bind = Callable[[Values], _Given]
_T = TypeVar("_T")

_CHUNKS = (64, 16, 4, 2, 1)
"""Rows inserted by one statement: SQLite then gives the interpreter's lock away once, and not once a row."""

_COPIED_FROM = 8
"""PostgreSQL copies so many rows or more: its INSERT of hundreds of values takes several times as long."""


class Prepared:
    """One statement. `names` are its bind parameters, in the order in which values are given."""

    def __init__(self, statement: sa.ClauseElement, names: Sequence[str]) -> None:
        self._statement, self._names = statement, tuple(names)
        self._compiled: dict[str, tuple[str, _Bind]] = {}

    def run(self, connection: sa.Connection, values: Values) -> int:
        """Runs it once and returns how many rows it changed. Raises `DBAPIError`, as SQLAlchemy does."""
        sql, bind = self._for(connection.dialect)
        return _on_cursor(connection, sql, bind(values), _row_count)

    def run_each(self, connection: sa.Connection, many: Sequence[Values]) -> None:
        """Runs it for each of these values, on PostgreSQL in one round trip. Raises as `run` does."""
        if connection.dialect.name != "postgresql" or len(many) < 2:
            for values in many:
                self.run(connection, values)
            return
        sql, bind = self._for(connection.dialect)
        given = [bind(values) for values in many]
        _with_cursor(
            connection, sql, lambda cursor: cursor.executemany(sql, cast("Sequence[Sequence[object]]", given))
        )

    def first(self, connection: sa.Connection, values: Values) -> Values | None:
        """The first row of its result. Raises as `run` does."""
        sql, bind = self._for(connection.dialect)
        return _on_cursor(connection, sql, bind(values), _first_row)

    def _for(self, dialect: Dialect) -> tuple[str, _Bind]:
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = self._compile(dialect)
        return found

    def _compile(self, dialect: Dialect) -> tuple[str, _Bind]:
        compiled = self._statement.compile(dialect=dialect)
        if not isinstance(compiled, SQLCompiler):
            raise TypeError(f"{self._statement} is no statement with parameters")
        names = compiled.positiontup
        if names is None:
            return str(compiled), partial(_named, self._names)
        order = [self._names.index(name) for name in names]
        return str(compiled), itemgetter(*order) if len(order) > 1 else _as_it_is


class PreparedInsert:
    """Inserts rows whose values stand in the order of `columns`, many by one statement.

    `missing_only`: a row whose primary key is there is left out.
    """

    def __init__(self, table: sa.Table, columns: Sequence[str], *, missing_only: bool = False) -> None:
        self._table, self._columns = table, tuple(columns)
        self._suffix = " ON CONFLICT DO NOTHING" if missing_only else ""
        self._texts: dict[tuple[str, int], str] = {}

    def run(self, connection: sa.Connection, rows: Sequence[Values]) -> None:
        """Raises `DBAPIError`, as SQLAlchemy does."""
        if connection.dialect.name == "postgresql" and len(rows) >= _COPIED_FROM and not self._suffix:
            self._copy(connection, rows)
            return
        done = 0
        for size in _CHUNKS:
            while len(rows) - done >= size:
                values = [value for row in rows[done : done + size] for value in row]
                _on_cursor(connection, self._text(connection.dialect, size), values, _row_count)
                done += size

    def _copy(self, connection: sa.Connection, rows: Sequence[Values]) -> None:
        quote = connection.dialect.identifier_preparer.quote
        names = ", ".join(map(quote, self._columns))
        sql = f"COPY {quote(self._table.name)} ({names}) FROM STDIN"

        def copy(cursor: DBAPICursor) -> None:
            with cast("psycopg.Cursor[object]", cursor).copy(sql.encode()) as stream:
                for row in rows:
                    stream.write_row(row)

        _with_cursor(connection, sql, copy)

    def _text(self, dialect: Dialect, size: int) -> str:
        key = (dialect.paramstyle, size)
        text = self._texts.get(key)
        if text is None:
            quote = dialect.identifier_preparer.quote
            mark = "?" if dialect.paramstyle == "qmark" else "%s"
            row = f"({', '.join([mark] * len(self._columns))})"
            names = ", ".join(map(quote, self._columns))
            rows = ", ".join([row] * size)
            text = f"INSERT INTO {quote(self._table.name)} ({names}) VALUES {rows}{self._suffix}"  # noqa: S608 - no values
            self._texts[key] = text
        return text


def run_now(connection: sa.Connection, sql: str) -> None:
    """Runs one statement without parameters, such as BEGIN, past SQLAlchemy. Raises `DBAPIError`."""
    _on_cursor(connection, sql, (), _row_count)


def _on_cursor(connection: sa.Connection, sql: str, values: _Given, read: Callable[[DBAPICursor], _T]) -> _T:
    def execute(cursor: DBAPICursor) -> _T:
        cursor.execute(sql, values)
        return read(cursor)

    return _with_cursor(connection, sql, execute)


def _with_cursor(connection: sa.Connection, sql: str, work: Callable[[DBAPICursor], _T]) -> _T:
    cursor = connection.connection.cursor()
    try:
        return work(cursor)
    except connection.dialect.loaded_dbapi.Error as error:
        # Without the values: they are nobody's business, and an error is logged.
        raise DBAPIError.instance(
            sql, None, error, connection.dialect.loaded_dbapi.Error, dialect=connection.dialect
        ) from error
    finally:
        cursor.close()


def _row_count(cursor: DBAPICursor) -> int:
    return cursor.rowcount


def _first_row(cursor: DBAPICursor) -> Values | None:
    return cursor.fetchone()


def _named(names: Sequence[str], values: Values) -> _Given:
    return dict(zip(names, values, strict=True))


def _as_it_is(values: Values) -> _Given:
    return values
