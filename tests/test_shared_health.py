"""Health between processes: two books on one database, and its rows on PostgreSQL too."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from farthing.bench.postgresql import own_server
from farthing.routing.health import FAILURES_TO_OPEN, CoolingDown, Healthy, Open
from farthing.routing.healthbook import HealthBook, Subject
from farthing.shared_health import FRESH_US, HealthRow, SharedHealth, read_health, write_health
from farthing.storage.database import Database
from farthing.storage.tables import health
from farthing.task import Completion
from farthing.testing import VirtualClock
from farthing.upstream.failure import Failure, FailureKind

FAILED = Failure(kind=FailureKind.server_error, message="…", provider="Shaky")
ANSWER = Completion(generation_id="gen-1", model="m", provider="Shaky", text="ok", finish_reason="stop")


class Process:
    """One process: its book, and what carries it."""

    def __init__(self, database: Database, clock: VirtualClock) -> None:
        self.clock, self.book = clock, HealthBook()
        self.shared = SharedHealth(database, self.book, clock=clock)

    def fail(self) -> None:
        for _ in range(FAILURES_TO_OPEN):
            self.book.note("m", FAILED, self.clock.monotonic())


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    opened.close()


async def test_what_one_process_finds_the_other_knows(database: Database) -> None:
    clock = VirtualClock()
    clock.advance(50.0)
    first, second = Process(database, clock), Process(database, clock)
    first.fail()
    await first.shared.exchange()
    await second.shared.exchange()
    state = second.book.models["m"]
    assert isinstance(state, Open)
    assert abs(state.until - 51.0) < 1e-3
    assert second.book.avoided("m", 50.0) == ("Shaky",)
    clock.advance(2.0)
    second.book.begin("m", 52.0)
    second.book.note("m", ANSWER, 52.0)
    await second.shared.exchange()
    await first.shared.exchange()
    assert first.book.models["m"] == Healthy()
    assert first.book.avoided("m", 50.0) == ()


async def test_what_is_known_is_not_taken_over_again(database: Database) -> None:
    clock = VirtualClock()
    first, second = Process(database, clock), Process(database, clock)
    first.fail()
    await first.shared.exchange()
    await second.shared.exchange()
    second.book.merge(Subject("m"), Healthy())
    await second.shared.exchange()
    assert second.book.models["m"] == Healthy()


async def test_old_news_is_no_news(database: Database) -> None:
    first = Process(database, VirtualClock())
    limited = Failure(kind=FailureKind.rate_limited, message="…", retry_after_s=FRESH_US / 1e6)
    first.book.note("m", limited, 0.0)
    await first.shared.exchange()
    later = VirtualClock()
    later.advance(FRESH_US / 1e6 - 1)
    soon = Process(database, later)
    await soon.shared.exchange()
    assert isinstance(soon.book.models["m"], CoolingDown)
    later.advance(2)
    late = Process(database, later)
    await late.shared.exchange()
    assert late.book.models == {}


async def test_a_database_that_is_away_loses_no_news(database: Database) -> None:
    process = Process(database, VirtualClock())
    process.fail()
    with database.write() as connection:
        health.drop(connection)
    await process.shared.exchange()
    with database.write() as connection:
        health.create(connection)
    await process.shared.exchange()
    with database.read() as connection:
        found = {(row.model, row.provider, row.state) for row in read_health(connection)}
    assert found == {("m", "", "open"), ("m", "Shaky", "open")}


async def test_closing_tells_the_last_changes(database: Database) -> None:
    asleep = asyncio.Event()

    async def pause(_: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    book = HealthBook()
    shared = SharedHealth(database, book, clock=VirtualClock(), pause=pause)
    await shared.begin()
    await asleep.wait()
    for _ in range(FAILURES_TO_OPEN):
        book.note("m", FAILED, 0.0)
    await shared.aclose()
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(health)).scalar_one() == 2


async def test_what_came_here_meanwhile_is_newer_than_what_was_read(database: Database) -> None:
    """An answer while the others' open breaker is being read: it stands, and the others hear of it."""
    clock = VirtualClock()
    first, second = Process(database, clock), Process(database, clock)
    first.fail()
    await first.shared.exchange()
    second.fail()
    second.book.take_changes()
    reading = asyncio.ensure_future(second.shared.exchange())
    await asyncio.sleep(0)  # its thread has begun
    second.book.note("m", ANSWER, clock.monotonic())
    await reading
    assert second.book.models["m"] == Healthy()
    await second.shared.exchange()
    await first.shared.exchange()
    assert first.book.models["m"] == Healthy()


def test_a_row_takes_the_place_of_the_one_before_on_postgresql_too() -> None:
    row = HealthRow(
        model="m",
        provider="",
        state="open",
        until_us=5,
        failures=5,
        reason="cut",
        changed_us=1,
        changed_by="a",
    )
    later = HealthRow(
        model="m",
        provider="",
        state="healthy",
        until_us=None,
        failures=0,
        reason="",
        changed_us=2,
        changed_by="b",
    )
    with own_server() as url:
        database = Database(url.format("postgres"))
        with database.write() as connection:
            write_health(connection, database, [row, later])
        with database.read() as connection:
            assert read_health(connection) == [later]
        database.close()
