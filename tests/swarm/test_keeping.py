"""Who may go on with a run: nobody while its conductor lives, at once when that is gone or its lease over."""

import asyncio
import os
import socket
import sys

import pytest
import sqlalchemy as sa
from tests.spend.calls import AT_US, now_us, writing

from farthing.errors import SwarmError
from farthing.spend import store
from farthing.spend.writer import LedgerWriter
from farthing.storage.database import Database
from farthing.storage.tables import run, writer
from farthing.swarm import runs
from farthing.swarm.keeping import DAY_US, RunKeeper, forget_old
from farthing.swarm.resuming import RunOrder, encode

ORDER = encode(RunOrder(goal="g", specs=()))


def conducted(database: Database, *, label: str, lease_until: float) -> int:
    """A run, and the epoch of a process that conducts it."""
    with database.write() as connection:
        epoch = store.open_epoch(connection, label=label, lease_until=lease_until)
    runs.begin(database, "run-1", ORDER, epoch=epoch, at_us=AT_US)
    return epoch


def keeper(database: Database, ledger: LedgerWriter) -> RunKeeper:
    return RunKeeper(database=database, ledger=ledger, now_us=now_us, keep_days=0)


def state_of(database: Database, epoch: int) -> str:
    with database.read() as connection:
        return connection.execute(sa.select(writer.c.state).where(writer.c.epoch == epoch)).scalar_one()


async def test_a_run_of_a_process_elsewhere_is_left_alone_while_its_lease_lasts(database: Database) -> None:
    epoch = conducted(database, label="elsewhere:1", lease_until=9e9)
    async with writing(database) as ledger:
        with pytest.raises(SwarmError, match="run-1 is conducted by elsewhere:1"):
            await keeper(database, ledger).take("run-1")
    assert state_of(database, epoch) == "live"


async def test_a_run_whose_conductor_lost_its_lease_is_taken(database: Database) -> None:
    async with writing(database) as ledger:
        epoch = conducted(database, label="elsewhere:1", lease_until=1.0)
        journal = await keeper(database, ledger).take("run-1")
        assert (journal.run_id, state_of(database, epoch)) == ("run-1", "expired")
        row = await asyncio.to_thread(runs.read, database, "run-1")
        assert row is not None
        assert (row.epoch, row.standing) == (ledger.epoch, "running")


async def test_a_process_of_this_machine_that_is_gone_is_not_waited_for(database: Database) -> None:
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
    await child.wait()
    label = f"{socket.gethostname()}:{child.pid}"
    async with writing(database) as ledger:
        epoch = conducted(database, label=label, lease_until=9e9)
        await keeper(database, ledger).take("run-1")
    assert state_of(database, epoch) == "expired"


def test_a_process_that_lives_is_not_forsaken(database: Database) -> None:
    label = f"{socket.gethostname()}:{os.getpid()}"
    epoch = conducted(database, label=label, lease_until=9e9)
    assert not runs.forsake(database, epoch, label)
    assert not runs.forsake(database, epoch, "farthing ledger prune")
    assert state_of(database, epoch) == "live"


async def test_of_two_that_take_a_run_one_has_it(database: Database) -> None:
    with database.write() as connection:
        ours, theirs = (store.open_epoch(connection, label="t", lease_until=9e9) for _ in range(2))
    runs.begin(database, "run-1", ORDER, epoch=0, at_us=AT_US)
    assert runs.take(database, "run-1", body=ORDER, seen=0, epoch=ours)
    assert not runs.take(database, "run-1", body=ORDER, seen=0, epoch=theirs)
    ended = runs.end(database, "run-1", epoch=theirs, state="finished", at_us=AT_US, result="{}", body=None)
    assert not ended
    runs.cancel(database, "run-1", at_us=AT_US)
    assert runs.end(database, "run-1", epoch=ours, state="stopped", at_us=AT_US, result="{}", body=None)
    row = runs.read(database, "run-1")
    assert row is not None
    assert (row.state, row.epoch) == ("cancelled", 0)


def test_what_is_old_is_forgotten_unless_somebody_is_at_it(database: Database) -> None:
    epoch = conducted(database, label="elsewhere:1", lease_until=9e9)
    for name, state, days in (("new", "finished", 1), ("old", "finished", 8), ("left", "stopped", 31)):
        runs.begin(database, name, ORDER, epoch=0, at_us=AT_US - days * DAY_US)
        with database.write() as connection:
            connection.execute(run.update().where(run.c.run_id == name).values(state=state))
    later = AT_US + 40 * DAY_US
    assert forget_old(database, keep_days=7, now_us=AT_US) == 2
    assert forget_old(database, keep_days=7, now_us=later) == 1
    with database.read() as connection:
        assert [row.run_id for row in runs.listed(connection)] == ["run-1"]
    assert state_of(database, epoch) == "live"
