"""Shared memory on both databases, on a clock that stands until a test moves it."""

from collections.abc import AsyncIterator, Iterator

import pytest
import sqlalchemy as sa
from tests.spend.conftest import server, url

from farthing.storage.database import Database
from farthing.storage.tables import metadata
from farthing.swarm.memory.shared import Memories, Memory

__all__ = ["server", "url"]


class StandingClock(Database):
    """A database whose clock, too, is the test's, on PostgreSQL as on SQLite."""

    seconds: float = 1_795_000_000.0

    def now(self, connection: sa.Connection) -> float:
        return self.seconds


@pytest.fixture(scope="session")
def emptied(server: str) -> Iterator[Database]:
    """One database for all these tests: a new one for each would be half a gigabyte to write at the end."""
    engine = sa.create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE shared_memory"))
    engine.dispose()
    database = Database(server.format("shared_memory"))
    yield database
    database.close()


@pytest.fixture
def postgresql_url(emptied: Database, server: str) -> str:
    """That database, with nothing in it."""
    with emptied.write() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
    return server.format("shared_memory")


@pytest.fixture
def database(url: str) -> Iterator[StandingClock]:
    opened = StandingClock(url)
    yield opened
    opened.close()


@pytest.fixture
async def memories(database: StandingClock) -> AsyncIterator[Memories]:
    opened = Memories(database)
    yield opened
    await opened.aclose()


@pytest.fixture
def notes(memories: Memories) -> Memory:
    return memories.open("shared:notes", by="tester")
