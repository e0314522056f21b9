"""The databases that the ledger's tests run on: a SQLite file, and a real PostgreSQL from a wheel."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from farthing.bench.postgresql import own_server
from farthing.storage.database import Database, sqlite_url

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL of this test process's own, on a socket in a folder; its URL without a database."""
    with own_server() as url:
        yield url


@pytest.fixture
def postgresql_url(server: str) -> str:
    """A new, empty database."""
    name = f"ledger_{next(_NUMBERS)}"
    engine = sa.create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.format(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty database of each kind."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "ledger.db")
    return request.getfixturevalue("postgresql_url")


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.close()
