"""Calls as the tests of the writer make them: intents, outcomes, a writer on a file, a proof of its sums."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from tests.spend.chains import first_broken_link

from farthing.spend import store
from farthing.spend.alerts import Alert, AlertRule
from farthing.spend.budget import AccountKey, Admitted, Balance, Claim, Decision
from farthing.spend.ledger import Intent, Outcome
from farthing.spend.runs import fold
from farthing.spend.writer import LedgerWriter
from farthing.storage.database import Database
from farthing.storage.tables import account, writer

MONTH = AccountKey("deployment", "month:2026-11")
AT_US = 1_795_000_000_000_000
LONG_S = 30.0


def now_us() -> int:
    return AT_US


def intent(
    call_id: str, worst: int, *, limit: int | None = None, keys: Sequence[AccountKey] = (MONTH,)
) -> Intent:
    return Intent(
        call_id=call_id,
        at_us=AT_US,
        task_id="t",
        model="m",
        upstream="u",
        price_book="b",
        worst=worst,
        floor=worst,
        claims=tuple(Claim(key, limit) for key in keys),
        task_type="coding",
        purpose="task",
    )


def outcome(call_id: str, cost: int | None, *, reason: str = "ok") -> Outcome:
    basis = "uncertain" if cost is None else "reported"
    return Outcome(call_id=call_id, at_us=AT_US, cost=cost, basis=basis, accepted=True, reason=reason)


def open_database(path: Path, *, host_clock: Callable[[], float] = time.time) -> Database:
    return Database(f"sqlite:///{path}", host_clock=host_clock)


@asynccontextmanager
async def writing(
    database: Database,
    *,
    on_alert: Callable[[Alert, bool], None] | None = None,
    rules: tuple[AlertRule, ...] = (),
    lease_s: float = LONG_S,
) -> AsyncGenerator[LedgerWriter]:
    ledger = LedgerWriter(database, label="test", now_us=now_us, on_alert=on_alert, lease_s=lease_s)
    ledger.rules = rules
    await ledger.start()
    try:
        yield ledger
    finally:
        await ledger.aclose()


async def reserve(ledger: LedgerWriter, asked: Intent, *, wait_s: float = 0.0) -> Decision:
    return await ledger.reserve(asked, deadline=time.monotonic() + wait_s)


async def admitted(ledger: LedgerWriter, call_id: str, worst: int, *, limit: int | None = None) -> None:
    decision = await reserve(ledger, intent(call_id, worst, limit=limit))
    assert decision == Admitted(granted=worst)


async def flushed(ledger: LedgerWriter) -> bool:
    return await asyncio.to_thread(ledger.flush)


def balance(database: Database, key: AccountKey = MONTH) -> Balance:
    """The kept balance, after the proof that all kept sums are the fold of the rows and the chains hold."""
    with database.read() as connection:
        rows = list(store.read_rows(connection))
        kept = {
            AccountKey(row.scope, row.period): Balance(row.settled, row.held, row.uncertain)
            for row in connection.execute(sa.select(account))
        }
        rollups = dict(store.read_rollups(connection, first_day="2026-01-01", last_day="2026-12-31"))
    assert first_broken_link(rows) is None
    folded = fold(rows)
    # PostgreSQL locks an account that is there, so a refused call leaves an empty one.
    assert _moved(kept) == _moved(folded.balances())
    assert rollups == folded.rollups()
    return kept.get(key, Balance())


def _moved(balances: Mapping[AccountKey, Balance]) -> dict[AccountKey, Balance]:
    return {key: found for key, found in balances.items() if found != Balance()}


def kinds(database: Database, call_id: str) -> list[str]:
    with database.read() as connection:
        return [row.kind for row in store.read_rows(connection) if row.call_id == call_id]


def states(database: Database) -> list[str]:
    """The states of all epochs, oldest first."""
    with database.read() as connection:
        return list(connection.execute(sa.select(writer.c.state).order_by(writer.c.epoch)).scalars())


class Failing:
    """A database that fails on order: `commit` before or after the real one, or every statement."""

    def __init__(self, database: Database) -> None:
        self.away = False
        self.commits: list[str] = []
        """What happens at the next commits: `lost` (nothing written), `unsure` (written, but it raises)."""
        self._failed, self._failing = 0, threading.Condition()
        self._dialect = database.engine.dialect
        self._commit = database.engine.dialect.do_commit
        database.engine.dialect.do_commit = self._do_commit
        event.listen(database.engine, "do_execute", self._do_execute)

    def _do_commit(self, dbapi_connection: sa.PoolProxiedConnection) -> None:
        what = "lost" if self.away else self.commits.pop(0) if self.commits else ""
        if what != "lost":
            self._commit(dbapi_connection)
        if what:
            self._fail()

    def _do_execute(self, *_: object) -> None:
        if self.away:
            self._fail()

    async def failures(self, count: int) -> None:
        """Waits until the database has failed so many times."""
        await asyncio.to_thread(self._wait, count)

    def _wait(self, count: int) -> None:
        with self._failing:
            assert self._failing.wait_for(lambda: self._failed >= count, LONG_S)

    def _fail(self) -> None:
        with self._failing:
            self._failed += 1
            self._failing.notify_all()
        raise self._dialect.loaded_dbapi.OperationalError("away, as the test asked")
