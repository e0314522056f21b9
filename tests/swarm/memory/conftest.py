"""Shared memory on both databases, on a clock that stands until a test moves it."""

from collections.abc import AsyncIterator, Iterator

import pytest
import sqlalchemy as sa
from tests.spend.conftest import postgresql_url, server, url

from farthing.storage.database import Database
from farthing.swarm.memory.shared import Memories, Memory

__all__ = ["postgresql_url", "server", "url"]


class StandingClock(Database):
    """A database whose clock, too, is the test's, on PostgreSQL as on SQLite."""

    seconds: float = 1_795_000_000.0

    def now(self, connection: sa.Connection) -> float:
        return self.seconds


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
