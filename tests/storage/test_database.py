"""A database opens with its schema, its durability and its exclusion, or says why it does not."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine.interfaces import ReflectedIndex
from sqlalchemy.exc import OperationalError

from farthing.errors import LedgerUnavailableError
from farthing.storage import tables
from farthing.storage.database import Database, default_path, sqlite_url
from farthing.storage.migrations.run import upgrade


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "ledger.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = Database(sqlite_url(path))
    yield opened
    opened.close()


def shape(engine: sa.Engine) -> dict[str, object]:
    """Columns, keys and indexes of all of our tables, as the database tells them; those of the word index are
    SQLite's own."""
    found = sa.inspect(engine)
    return {
        name: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(name)],
            found.get_pk_constraint(name)["constrained_columns"],
            sorted(
                (str(index["name"]), index["column_names"], index["unique"], condition(index))
                for index in found.get_indexes(name)
            ),
        )
        for name in sorted(found.get_table_names())
        if name != "alembic_version" and not name.startswith("memory_words")
    }


def triggers(engine: sa.Engine) -> list[str]:
    """What makes the word index of shared memory, and keeps it."""
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name LIKE 'memory_words%'")
        return sorted(str(text) for text in found.scalars())


def condition(index: ReflectedIndex) -> str:
    return str(index.get("dialect_options", {}).get("sqlite_where"))


def versions(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars())


def test_a_new_file_gets_every_table_and_its_version(database: Database) -> None:
    assert set(shape(database.engine)) == set(tables.metadata.tables)
    assert versions(database.engine) == [tables.SCHEMA_VERSION]


def test_migrations_lead_to_the_same_schema(database: Database, tmp_path: Path) -> None:
    migrated = sa.create_engine(sqlite_url(tmp_path / "old.db"))
    upgrade(migrated)
    assert shape(migrated) == shape(database.engine)
    assert triggers(migrated) == triggers(database.engine) != []
    assert versions(migrated) == [tables.SCHEMA_VERSION]
    migrated.dispose()


def test_an_older_file_is_migrated_when_it_is_opened(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db")) as old:
        old.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        old.execute("INSERT INTO alembic_version VALUES ('0000')")
        old.commit()
    with pytest.MonkeyPatch.context() as patch:
        upgraded: list[sa.Engine] = []
        patch.setattr("farthing.storage.migrations.run.upgrade", upgraded.append)
        database = Database(sqlite_url(tmp_path / "old.db"))
    assert upgraded == [database.engine]
    database.close()


@pytest.mark.parametrize("made", [False, True], ids=["without", "with"])
def test_a_file_of_0002_with_or_without_the_checkpoints_table_is_migrated(tmp_path: Path, made: bool) -> None:
    """0002 made the table for a while."""
    url = sqlite_url(tmp_path / "old.db")
    Database(url).close()
    with closing(sqlite3.connect(tmp_path / "old.db")) as old:
        old.execute("UPDATE alembic_version SET version_num = '0002'")
        old.execute("INSERT INTO meta VALUES ('money', 'real')")
        for trigger in ("insert", "update", "delete"):  # what 0009 makes
            old.execute(f"DROP TRIGGER memory_words_{trigger}")
        for table in ("memory_words", "memory", "memory_space"):
            old.execute(f"DROP TABLE {table}")
        for table in ("run", "piece", "step", "approval"):  # what 0008 makes
            old.execute(f"DROP TABLE {table}")
        old.execute("DROP TABLE health")  # which 0004 makes
        old.execute("DROP TABLE experience")  # which 0007 makes
        old.execute("DROP TABLE semantic_standing")  # which 0006 makes
        for table in ("answer", "flight"):  # and what 0005 makes
            old.execute(f"DROP TABLE {table}")
        for table in ("rollup", "rollup_by"):
            for column in ("reused", "saved"):
                old.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        if not made:
            old.execute("DROP TABLE checkpoint")
        old.commit()
    database = Database(url)
    with database.read() as connection:
        assert connection.execute(sa.select(tables.meta.c.value)).scalar_one() == "real"
        assert connection.execute(sa.select(tables.checkpoint)).all() == []
    assert versions(database.engine) == [tables.SCHEMA_VERSION]
    database.close()


def test_a_newer_schema_is_refused(path: Path, database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerUnavailableError, match="schema 9999, newer than this version's"):
        Database(sqlite_url(path))


def test_it_opens_again_with_what_was_written(path: Path, database: Database) -> None:
    with database.write() as connection:
        assert database.add_missing(connection, tables.meta, [{"key": "k", "value": "v"}]) == 1
        assert database.add_missing(connection, tables.meta, [{"key": "k", "value": "w"}]) == 0
    again = Database(sqlite_url(path))
    with again.read() as connection:
        assert connection.execute(sa.select(tables.meta)).all() == [("k", "v")]
    again.close()


def test_every_connection_is_durable(database: Database) -> None:
    with database.write() as one, database.read() as two:
        for connection in (one, two):
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_write_excludes_other_writers_from_its_start(
    path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farthing.storage.database._BUSY_TIMEOUT_S", 0.0)
    with database.write():  # nothing written yet
        with closing(sqlite3.connect(path, timeout=0)) as other, pytest.raises(sqlite3.OperationalError):
            other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailableError, match="locked"):
            Database(sqlite_url(path))


def test_a_read_neither_waits_nor_sees_what_is_not_committed(database: Database) -> None:
    with database.write() as writing:
        writing.execute(tables.meta.insert(), {"key": "k", "value": "v"})
        with database.read() as reading:
            assert reading.execute(sa.select(tables.meta)).all() == []


def test_an_error_undoes_the_whole_write(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            connection.execute(tables.meta.insert(), {"key": "k", "value": "v"})
            connection.exec_driver_sql("SELECT * FROM nowhere")

    with pytest.raises(OperationalError):
        fail()
    with database.read() as connection:
        assert connection.execute(sa.select(tables.meta)).all() == []


def test_the_clock_is_the_hosts(path: Path) -> None:
    database = Database(sqlite_url(path), host_clock=lambda: 12.5)
    with database.read() as connection:
        assert database.now(connection) == 12.5
    database.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_ledger_in_memory_is_refused(url: str) -> None:
    with pytest.raises(LedgerUnavailableError, match="must last"):
        Database(url)


@pytest.mark.parametrize("name", ["file/ledger.db", "directory"])
def test_a_path_that_cannot_be_is_an_error_with_a_hint(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("no directory")
    (tmp_path / "directory").mkdir()
    with pytest.raises(LedgerUnavailableError, match="FARTHING_DATABASE_URL") as raised:
        Database(sqlite_url(tmp_path / name))
    assert name in str(raised.value)


def test_a_file_of_something_else_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(LedgerUnavailableError, match="FARTHING_DATABASE_URL"):
        Database(sqlite_url(tmp_path / "ledger.db"))


def test_a_password_is_never_displayed(path: Path, database: Database) -> None:
    database.url = sa.make_url("postgresql+psycopg://me:secret@host/ledger")
    assert database.display_url == "postgresql+psycopg://me:***@host/ledger"


def test_simulated_money_has_a_file_of_its_own(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    real, simulated = (default_path(simulated=kind, environ=environ) for kind in (False, True))
    assert real == tmp_path / "farthing" / "ledger.db"
    assert simulated == tmp_path / "farthing" / "simulated.db"


def test_a_url_without_a_driver_says_so() -> None:
    with pytest.raises(LedgerUnavailableError, match="no driver is installed"):
        Database("nosuchdatabase://user:hidden@localhost/ledger")


def test_a_url_that_cannot_be_read_is_not_shown() -> None:
    with pytest.raises(LedgerUnavailableError) as caught:
        Database("postgres hidden password")
    assert "hidden" not in str(caught.value)
