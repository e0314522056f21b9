"""The ledger's SQL: what the hot path runs searches an index, and what PostgreSQL needs is said to it."""

import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from tests.spend.calls import MONTH, admitted, flushed, open_database, outcome, writing

from farthing.spend import store
from farthing.spend.alerts import Alert
from farthing.spend.budget import AccountKey, Balance
from farthing.storage.database import Database
from farthing.storage.tables import account, alert

SWARM = AccountKey("swarm:1", "total")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "ledger.db")
    yield opened
    opened.close()


def test_balances_are_those_of_the_accounts_asked_for(database: Database) -> None:
    others = [AccountKey(MONTH.scope, SWARM.period), AccountKey(SWARM.scope, MONTH.period)]
    with database.write() as connection:
        for number, key in enumerate([MONTH, SWARM, *others], start=1):
            connection.execute(account.insert(), {**key._asdict(), **Balance(number)._asdict()})
        absent = AccountKey("task:1", "total")
        found = store.load_balances(connection, database, [MONTH, SWARM, absent])
        assert found == {MONTH: Balance(1), SWARM: Balance(2), absent: Balance()}
        assert store.load_balances(connection, database, []) == {}


async def test_no_commit_scans_a_table(database: Database) -> None:
    """A scan costs the more the longer the ledger has been kept."""
    ran: list[str] = []
    with database.engine.connect() as connection:  # the one connection of the pool, which the writer gets
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    async with writing(database) as ledger:
        driver.set_trace_callback(ran.append)
        await admitted(ledger, "a", 10, limit=100)
        ledger.record(outcome("a", None))
        assert await flushed(ledger)
        ledger.record(outcome("a", 3))
        assert await flushed(ledger)
    searched = {text for text in ran if text.startswith(("SELECT", "UPDATE"))}
    assert {"account", "ledger", "rollup", "writer"} <= {
        name for name in ("account", "ledger", "rollup", "writer") for text in searched if name in text
    }
    with database.engine.connect() as connection:
        for statement in searched:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")
            scans = [line.detail for line in plan if line.detail.startswith("SCAN")]
            assert [scan for scan in scans if "subquery" not in scan and "CONSTANT" not in scan] == [], (
                statement
            )


def test_postgresql_locks_accounts_in_one_order() -> None:
    statement = str(store._LOCK_ACCOUNTS.compile(dialect=postgresql.dialect()))  # pyright: ignore[reportPrivateUsage]
    assert statement.endswith("FOR UPDATE")
    assert "ORDER BY account.scope, account.period" in statement


def test_an_alert_is_elected_once(database: Database) -> None:
    reached = Alert(MONTH, "warning", 100, 80)
    with database.write() as connection:
        elect = partial(store.elect, connection, database, epoch=1)
        assert elect([reached], at_us=1) == [reached]
        assert elect([reached._replace(committed=90)], at_us=2) == []
        assert elect([reached._replace(base=200)], at_us=3) != []
        assert elect([reached._replace(subject="call-1")], at_us=3) != []
        rows = connection.execute(sa.select(alert.c.base, alert.c.committed).order_by(alert.c.base))
        assert [tuple(row) for row in rows] == [(100, 80), (100, 80), (200, 80)]


def test_a_process_that_is_stopped_within_a_transaction_keeps_no_lock(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with database.write() as connection:
        store.load_balances(connection, database, [MONTH])
    with database.engine.connect() as stopped:
        database.bound_transactions(stopped, seconds=0.05)
        locks = stopped.begin()
        store.load_balances(stopped, database, [MONTH], known={MONTH})
        with database.write() as connection:  # waits until the server has given up on the other
            assert store.load_balances(connection, database, [MONTH]) == {MONTH: Balance()}
        with pytest.raises(DBAPIError):
            stopped.execute(sa.select(1))
        locks.close()
        stopped.invalidate()
    database.close()


def test_a_database_is_for_real_or_for_simulated_money(database: Database) -> None:
    with database.write() as connection:
        assert store.claim_upstream(connection, database, kind="simulated") == "simulated"
        assert store.claim_upstream(connection, database, kind="real") == "simulated"
