"""The spool: what a closing process could not write is on disk, and the next start settles it once."""

import fcntl
import os
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.spend.calls import (
    AT_US,
    Failing,
    admitted,
    balance,
    kinds,
    now_us,
    outcome,
    writing,
)

from farthing.errors import LedgerUnavailableError
from farthing.spend.batch import Seen
from farthing.spend.budget import Balance
from farthing.spend.spool import Spool, spool_path
from farthing.spend.writer import LedgerWriter
from farthing.storage.database import Database

EVENTS = [outcome("a", 3), Seen("b", AT_US, "gen-1"), outcome("b", None)]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "state" / "ledger.db.spool")


@pytest.fixture
def spooled(database: Database) -> Path:
    """Where the writers of this database spool."""
    path = spool_path(database.url, environ=os.environ)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farthing.spend.writer._PATIENCE_S", 0.01)


def test_events_come_back_in_order_and_once(spool: Spool) -> None:
    with spool.claim() as events:
        assert list(events) == []
    spool.append(EVENTS[:1])
    spool.append(EVENTS[1:])
    with spool.claim() as events:
        assert list(events) == EVENTS
    with spool.claim() as events:
        assert list(events) == []


def test_events_stay_until_they_are_written(spool: Spool) -> None:
    def fail() -> None:
        with spool.claim():
            raise LedgerUnavailableError("away")

    spool.append(EVENTS)
    with pytest.raises(LedgerUnavailableError):
        fail()
    with spool.claim() as events:
        assert list(events) == EVENTS


def test_a_line_that_a_crash_cut_off_spoils_no_other(spool: Spool) -> None:
    spool.append(EVENTS[:1])
    with spool.path.open("ab") as file:
        file.write(b'{"call_id":"x","at_u')
    spool.append([*EVENTS[1:], outcome("no UTF-8", 1, reason="\ud800")])
    with spool.claim() as events:
        assert list(events) == EVENTS


def test_another_process_that_replays_is_left_alone(spool: Spool) -> None:
    spool.append(EVENTS)
    with spool.path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with spool.claim() as events:
            assert list(events) == []
    with spool.claim() as events:
        assert list(events) == EVENTS


def test_the_spool_lies_beside_the_file_or_in_the_state_directory(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    assert spool_path(sa.make_url("sqlite:////a/l.db"), environ=environ) == Path("/a/l.db.spool")
    urls = [f"postgresql+psycopg://me:{word}@host/{name}" for word in ("x", "y") for name in ("one", "two")]
    paths = [spool_path(sa.make_url(url), environ=environ) for url in urls]
    assert {path.parent for path in paths} == {tmp_path / "farthing"}
    assert paths[0] == paths[2] != paths[1] == paths[3]  # the password does not name the file


async def test_a_close_without_a_database_spools_and_the_next_start_settles(
    database: Database, spooled: Path
) -> None:
    failing = Failing(database)
    async with writing(database) as ledger:
        await admitted(ledger, "a", 10)
        await admitted(ledger, "b", 20)
        await admitted(ledger, "c", 40)
        failing.away = True
        ledger.record(outcome("a", 3))
        ledger.record(outcome("b", None))
    assert not ledger.flush()
    failing.away = False
    assert balance(database) == Balance(held=70)
    async with writing(database):
        assert balance(database) == Balance(settled=3, held=40, uncertain=20)  # c waits for its lease
    Spool(spooled).append([outcome("a", 3), outcome("b", 8)])
    async with writing(database):
        assert balance(database) == Balance(settled=11, held=40)
    assert kinds(database, "b") == ["intent", "uncertain", "settled"]
    assert spooled.read_bytes() == b""


async def test_an_outcome_after_the_close_is_settled_by_the_next_start(database: Database) -> None:
    async with writing(database) as ledger:
        await admitted(ledger, "a", 10)
    ledger.record(outcome("a", 4))
    assert balance(database) == Balance(uncertain=10)
    async with writing(database):
        assert balance(database) == Balance(settled=4)


async def test_a_start_that_cannot_replay_keeps_the_spool(database: Database, spooled: Path) -> None:
    async with writing(database) as ledger:
        await admitted(ledger, "a", 10)
    ledger.record(outcome("a", 4))
    failing = Failing(database)
    failing.commits = ["", "", "", "lost"]  # epoch, heartbeat, balances; then the replay
    with pytest.raises(LedgerUnavailableError):
        await LedgerWriter(database, label="test", now_us=now_us).start()
    assert spooled.read_bytes()
    async with writing(database):
        assert balance(database) == Balance(settled=4)


async def test_a_spool_that_cannot_be_written_leaves_the_call_uncertain(
    database: Database, spooled: Path
) -> None:
    spooled.mkdir()
    ledger = LedgerWriter(database, label="test", now_us=now_us)
    with pytest.raises(LedgerUnavailableError, match="directory"):
        await ledger.start()
    spooled.rmdir()
    async with writing(database) as ledger:
        await admitted(ledger, "a", 10)
    spooled.mkdir()
    ledger.record(outcome("a", 4))
    assert balance(database) == Balance(uncertain=10)
