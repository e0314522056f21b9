"""Shared memory and its database: locked by others, without FTS5, refusing, copied to another one."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from tests.swarm.memory.conftest import StandingClock

from farthing.errors import LedgerUnavailableError
from farthing.proof import duplicate
from farthing.storage.database import Database, sqlite_url
from farthing.storage.words import TABLE
from farthing.swarm.memory import group, store
from farthing.swarm.memory.edits import Increment
from farthing.swarm.memory.entry import Bounds, Place
from farthing.swarm.memory.group import Groups
from farthing.swarm.memory.shared import Memories, Memory


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def test_a_locked_file_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farthing.storage.database._BUSY_TIMEOUT_S", 0.0)
    database = Database(sqlite_url(path))
    memories = Memories(database)
    with closing(sqlite3.connect(path, check_same_thread=False)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")

        def again(_least: float, _most: float) -> float:
            if other.in_transaction:
                other.execute("ROLLBACK")
            return 0.0

        monkeypatch.setattr(group.random, "uniform", again)  # called between two tries
        assert await memories.open("shared:notes").increment("n") == 1
        assert not other.in_transaction
    await memories.aclose()
    database.close()


async def test_patience_has_an_end_that_says_what_is_wrong(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farthing.storage.database._BUSY_TIMEOUT_S", 0.0)
    database = Database(sqlite_url(path))
    groups = Groups(database, Bounds(), patience_s=0.0)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            LedgerUnavailableError, match="shared memory cannot be reached: database is locked"
        ):
            await groups.edit(Place("", "shared:notes"), Increment(key="n", amount=1, ttl_us=None, by=""))
        other.rollback()
    await groups.aclose()
    database.close()


def failing(error: Callable[[str], DBAPIError], of: str) -> Callable[..., list[group.Answer]]:
    """`commit_edits` that fails in any group with an edit of that key."""
    commit = store.commit_edits

    def fail(
        connection: sa.Connection, database: Database, jobs: list[store.Job], bounds: Bounds
    ) -> list[group.Answer]:
        if any(job.edit is not None and job.edit.key == of for job in jobs):
            raise error(of)
        return commit(connection, database, jobs, bounds)

    return fail


async def test_what_one_edit_causes_is_not_the_others(notes: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(key: str) -> DBAPIError:
        return IntegrityError(key, None, Exception("it is refused"))

    monkeypatch.setattr(store, "commit_edits", failing(refused, "bad"))
    done = await asyncio.gather(
        notes.increment("a"), notes.increment("bad"), notes.increment("a"), return_exceptions=True
    )
    assert [done[0], done[2]] == [1, 2]
    assert isinstance(done[1], LedgerUnavailableError)


async def test_a_broken_connection_is_told_and_not_tried_again(
    notes: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def broken(key: str) -> DBAPIError:
        tried.append(key)
        return OperationalError(key, None, Exception("the server went away"))

    monkeypatch.setattr(store, "commit_edits", failing(broken, "a"))
    with pytest.raises(LedgerUnavailableError, match="may have happened or not"):
        await notes.increment("a")
    assert tried == ["a"]
    assert await notes.increment("b") == 1


async def test_without_fts5_a_search_reads_the_namespace_through(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farthing.storage.words.HAS_FTS5", "SELECT 0")
    database = Database(sqlite_url(path))
    assert not any(name.startswith(TABLE) for name in sa.inspect(database.engine).get_table_names())
    memories = Memories(database)
    notes = memories.open("shared:notes")
    await notes.put("a", "apples and pears")
    await notes.put("b", "apples")
    assert [one.entry.key for one in await notes.search("pear apple")] == ["a", "b"]
    await memories.aclose()
    database.close()


async def test_a_copy_in_another_database_is_whole_and_goes_on(database: StandingClock, path: Path) -> None:
    source = StandingClock(sqlite_url(path.with_name("old.db")))
    old = Memories(source)
    for number in range(5):
        await old.open("shared:notes").put(f"k{number}", f"apple {number}")
    version = await old.open("shared:notes").put("k4", "pear")
    await old.aclose()
    duplicate.restore(source, database)
    source.close()
    memories = Memories(database)
    notes = memories.open("shared:notes")
    assert [one.entry.key for one in await notes.search("apple")] == ["k3", "k2", "k1", "k0"]
    assert await notes.put("k5", "apple") == version + 1
    assert await memories.open("shared:more").increment("n") == 1
    assert len(await notes.list()) == 6
    await memories.aclose()
