"""The thread that keeps texts: what it writes, deletes, loses, and never does to a task."""

import logging
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from farthing.content.keeper import DAY_US, Keeper
from farthing.content.redact import redactor
from farthing.content.store import Kept, keep, read_content
from farthing.storage.database import Database
from farthing.storage.tables import content


class Now:
    """A clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.us = 100 * DAY_US

    def __call__(self) -> int:
        return self.us


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def keeper(database: Database, now: Now) -> Iterator[Keeper]:
    made = Keeper(database, redact=redactor(("email",), secrets=["hunter22"]), retention_days=30, now_us=now)
    made.start()
    yield made
    made.close(10.0)


def read(database: Database, call_id: str) -> Kept | None:
    with database.read() as connection:
        return read_content(connection, call_id)


def test_texts_are_redacted_before_they_are_written(database: Database, keeper: Keeper, now: Now) -> None:
    keeper.keep("call-1", "mail ann@example.org", "hunter22 it is")
    assert keeper.flush()
    assert read(database, "call-1") == Kept("call-1", now.us, "mail [email]", "[key] it is")


def test_closing_writes_what_is_queued(database: Database, now: Now) -> None:
    keeper = Keeper(database, redact=redactor(()), retention_days=30, now_us=now)
    keeper.start()
    for number in range(100):
        keeper.keep(f"call-{number}", f"prompt {number}", "a")
    keeper.close(10.0)
    assert all(read(database, f"call-{number}") for number in range(100))


def test_what_is_too_old_is_deleted_at_opening_and_after_a_day(database: Database, now: Now) -> None:
    old = [Kept("call-1", now.us - 31 * DAY_US, "p", "a"), Kept("call-2", now.us - 29 * DAY_US, "p", "a")]
    with database.write() as connection:
        keep(connection, database, old)
    keeper = Keeper(database, redact=redactor(()), retention_days=30, now_us=now)
    keeper.start()
    assert keeper.flush()
    assert [read(database, name) is not None for name in ("call-1", "call-2")] == [False, True]
    now.us += 2 * DAY_US
    keeper.keep("call-3", "p", "a")
    assert keeper.flush()
    assert keeper.flush()  # the round after the one in which the day had gone
    keeper.close(10.0)
    assert [read(database, name) is not None for name in ("call-2", "call-3")] == [False, True]


def test_a_full_queue_loses_texts_and_says_how_many(
    database: Database, now: Now, caplog: pytest.LogCaptureFixture
) -> None:
    held, reached = threading.Event(), threading.Event()

    def hold(text: str) -> str:
        reached.set()
        held.wait(60)
        return text

    keeper = Keeper(database, redact=hold, retention_days=30, now_us=now)
    keeper.start()
    keeper.keep("call-first", "p", "a")
    assert reached.wait(60)
    for number in range(300):
        keeper.keep(f"call-{number}", "p", "a")  # comes back at once, or this test hangs
    held.set()
    keeper.close(60.0)
    with database.read() as connection:
        kept = connection.execute(sa.select(sa.func.count()).select_from(content)).scalar_one()
    assert kept == 257
    assert "the contents of 44 calls were not kept" in caplog.text


def test_a_database_that_refuses_loses_that_group_only(
    database: Database, keeper: Keeper, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with database.write() as connection:
        connection.execute(sa.text("ALTER TABLE content RENAME TO gone"))
    keeper.keep("call-1", "the MARKER", "a")
    assert keeper.flush()
    with database.write() as connection:
        connection.execute(sa.text("ALTER TABLE gone RENAME TO content"))
    keeper.keep("call-2", "p", "a")
    assert keeper.flush()
    assert [read(database, name) is not None for name in ("call-1", "call-2")] == [False, True]
    assert "could not be kept" in caplog.text
    assert "MARKER" not in caplog.text


def test_what_no_database_takes_is_replaced(database: Database, keeper: Keeper) -> None:
    keeper.keep("call-1", "nul \0 and half \ud83d a balloon", "a")
    assert keeper.flush()
    found = read(database, "call-1")
    assert found is not None
    assert found.prompt == "nul  and half ? a balloon"


def test_a_very_long_text_is_cut_and_says_so(database: Database, keeper: Keeper) -> None:
    keeper.keep("call-1", "x" * 200_010, "a")
    assert keeper.flush()
    found = read(database, "call-1")
    assert found is not None
    assert found.prompt.endswith("x\n[cut: 10 characters more]")
