"""Statements past SQLAlchemy: the same rows, the same errors, whatever order values are given in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError, OperationalError

from farthing.storage.database import Database, sqlite_url
from farthing.storage.prepared import Prepared, PreparedInsert, run_now
from farthing.storage.tables import meta

INSERT = PreparedInsert(meta, ("key", "value"))
VALUE = Prepared(sa.select(meta.c.value).where(meta.c.key == sa.bindparam("k")), ("k",))
CHANGE = Prepared(
    meta.update().where(meta.c.key == sa.bindparam("k")).values(value=sa.bindparam("v")), ("k", "v")
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sa.Connection]:
    database = Database(sqlite_url(tmp_path / "ledger.db"))
    with database.write() as connection:
        yield connection
    database.close()


@pytest.mark.parametrize("count", [0, 1, 3, 4, 63, 64, 65, 149])
def test_every_row_is_inserted_once_and_in_order(connection: sa.Connection, count: int) -> None:
    rows = [(f"key {number:03}", str(number)) for number in range(count)]
    INSERT.run(connection, rows)
    assert list(connection.execute(sa.select(meta.c.key, meta.c.value).order_by(sa.text("rowid")))) == rows


def test_values_go_to_their_names(connection: sa.Connection) -> None:
    INSERT.run(connection, [("a", "1"), ("b", "2")])
    assert CHANGE.run(connection, ("a", "9")) == 1
    assert CHANGE.run(connection, ("c", "9")) == 0
    assert VALUE.first(connection, ("a",)) == ("9",)
    assert VALUE.first(connection, ("b",)) == ("2",)
    assert VALUE.first(connection, ("c",)) is None


def test_errors_are_sqlalchemys_and_show_no_values(connection: sa.Connection) -> None:
    INSERT.run(connection, [("a", "secret")])
    with pytest.raises(IntegrityError) as refused:
        INSERT.run(connection, [("a", "secret")])
    assert "secret" not in str(refused.value)
    with pytest.raises(OperationalError):
        run_now(connection, "BEGIN")


def test_postgresql_gets_its_own_words() -> None:
    sql, bind = CHANGE._for(postgresql.dialect(paramstyle="pyformat"))  # pyright: ignore[reportPrivateUsage]
    assert "value=%(v)s" in sql
    assert bind(("a", "9")) == {"k": "a", "v": "9"}
    text = INSERT._text(postgresql.dialect(paramstyle="pyformat"), 2)  # pyright: ignore[reportPrivateUsage]
    assert text == "INSERT INTO meta (key, value) VALUES (%s, %s), (%s, %s)"


def test_what_is_there_is_left_out_where_that_is_asked_for(connection: sa.Connection) -> None:
    INSERT.run(connection, [("a", "1")])
    PreparedInsert(meta, ("key", "value"), missing_only=True).run(connection, [("a", "2"), ("b", "3")])
    assert [VALUE.first(connection, (key,)) for key in "ab"] == [("1",), ("3",)]
