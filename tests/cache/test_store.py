"""Answers on both databases: lifetimes, eviction, clearing, and who asks."""

import asyncio
from collections.abc import Iterable

import pytest
import sqlalchemy as sa
from msgspec import structs
from tests.cache.asking import HOUR_US, NOW_US, answered, asked

from farthing.cache import store
from farthing.cache.answer import Asked, CachedAnswer
from farthing.cache.memory import Only
from farthing.cache.shared import SharedAnswers
from farthing.spend.store import close_epoch, open_epoch
from farthing.storage.database import Database
from farthing.task import ToolCall, Usage

MINUTE_US = 60_000_000


def keep(database: Database, *landed: tuple[Asked, CachedAnswer], now_us: int = NOW_US) -> None:
    with database.write() as connection:
        store.keep(connection, database, landed, now_us=now_us)


def found(database: Database, *names: str, now_us: int = NOW_US) -> set[str]:
    with database.write() as connection:
        keys = [asked(name).key for name in names]
        return {answer.text for answer in store.find(connection, keys, now_us=now_us).values()}


def test_an_answer_comes_back_whole(database: Database) -> None:
    whole = structs.replace(
        answered("☃"),
        finish_reason="tool_calls",
        tool_calls=(ToolCall(id="c1", name="f", arguments='{"a":1}'),),
        usage=Usage(input_tokens=3, output_tokens=4),
        provider="P",
        baseline=99,
        repaired=True,
    )
    keep(database, (asked(), whole))
    with database.write() as connection:
        assert store.find(connection, [asked().key], now_us=NOW_US) == {asked().key: whole}


def test_a_newer_answer_takes_the_place_of_the_older(database: Database) -> None:
    keep(database, (asked(), answered("old")))
    keep(database, (asked(), answered("new")))
    assert found(database, "a") == {"new"}


def test_an_answer_is_found_until_its_time(database: Database) -> None:
    keep(database, (asked(), answered()))
    assert found(database, "a", now_us=NOW_US + HOUR_US - 1)
    assert not found(database, "a", now_us=NOW_US + HOUR_US)


def test_what_was_used_longest_ago_goes_first(database: Database) -> None:
    for number, name in enumerate("abc"):
        keep(database, (asked(name), answered(name)), now_us=NOW_US + number)
    later = NOW_US + 2 * MINUTE_US
    assert found(database, "a", now_us=later) == {"a"}
    keep(database, (asked("d"), answered("d")), now_us=later + 1)
    assert found(database, *"abcd", now_us=later + 1) == {"a", "c", "d"}


def test_what_is_too_old_makes_room_first(database: Database) -> None:
    keep(database, (asked("a"), answered("a", until_us=NOW_US + 5)))
    for name in "bc":
        keep(database, (asked(name), answered(name)))
    keep(database, (asked("d"), answered("d")), now_us=NOW_US + 5)
    assert found(database, *"abcd", now_us=NOW_US + 5) == {"b", "c", "d"}


def test_clearing_is_of_a_type_a_tenant_or_all(database: Database) -> None:
    keep(
        database,
        (asked("a", task_type="coding", region="coding"), answered("a")),
        (asked("b", tenant="acme"), answered("b")),
        (asked("c"), answered("c")),
    )
    with database.write() as connection:
        kept = [(one.task_type, one.tenant, one.answers) for one in store.regions(connection)]
        assert kept == [("coding", "", 1), ("general", "", 1), ("general", "acme", 1)]
        assert store.clear(connection, Only(task_type="coding")) == 1
        assert store.clear(connection, Only(tenant="acme")) == 1
        assert store.clear(connection, Only()) == 1


@pytest.fixture
def epochs(database: Database) -> tuple[int, int]:
    """Two live processes."""
    with database.write() as connection:
        until = database.now(connection) + 60
        one, other = (open_epoch(connection, label="x", lease_until=until) for _ in range(2))
    return one, other


def claims(database: Database, epoch: int, *names: str) -> list[bool]:
    with database.write() as connection:
        mine = store.claim(connection, database, [asked(name).key for name in names], epoch=epoch)
    return [mine[asked(name).key] for name in names]


def test_one_of_two_asks(database: Database, epochs: tuple[int, int]) -> None:
    one, other = epochs
    assert claims(database, one, "a", "b") == [True, True]
    assert claims(database, other, "a", "c") == [False, True]
    with database.write() as connection:
        store.release(connection, [asked("a").key, asked("c").key], epoch=one)
    assert claims(database, other, "a", "b") == [True, False]
    assert claims(database, one, "c") == [False]  # which was not its own to release


@pytest.mark.parametrize("how", ["closed", "expired", "late"])
def test_the_claim_of_a_process_that_is_gone_is_taken_over(
    database: Database, epochs: tuple[int, int], how: str
) -> None:
    one, other = epochs
    assert claims(database, one, "a") == [True]
    with database.write() as connection:
        if how == "late":
            connection.exec_driver_sql(f"UPDATE writer SET lease_until = 1 WHERE epoch = {one}")  # noqa: S608
        else:
            close_epoch(connection, epoch=one, state=how)
    assert claims(database, other, "a") == [True]
    assert claims(database, one, "a") == [False]


def test_claims_of_the_dead_are_forgotten(database: Database, epochs: tuple[int, int]) -> None:
    one, other = epochs
    claims(database, one, "a")
    claims(database, other, "b")
    with database.write() as connection:
        close_epoch(connection, epoch=one, state="closed")
        store.release_of_the_dead(connection, database)
        left = connection.exec_driver_sql("SELECT epoch FROM flight").scalars().all()
    assert left == [other]


def test_an_answer_that_lands_between_look_and_claim_is_found(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where two transactions may run side by side, the flight may be over and the look too early."""
    shared = SharedAnswers(database, epoch=lambda: 1, now_us=lambda: NOW_US)
    claim = store.claim

    def late(connection: sa.Connection, opened: Database, keys: Iterable[str], *, epoch: int) -> object:
        store.keep(connection, opened, [(asked(), answered())], now_us=NOW_US)
        return claim(connection, opened, keys, epoch=epoch)

    monkeypatch.setattr(store, "claim", late)
    look = asyncio.run(shared.look(asked()))
    assert look.answer == answered()
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM flight").scalar() == 0
