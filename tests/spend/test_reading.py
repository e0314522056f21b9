"""What a reader of the ledger sees, on both databases: one state, and it leaves no mark on its connection."""

import sqlalchemy as sa
from tests.spend.calls import MONTH

from farthing.spend import store
from farthing.storage.database import Database
from farthing.storage.tables import account, alert


def test_rows_are_read_without_a_mark_on_their_connection(database: Database) -> None:
    """A connection that keeps the reader's options asks PostgreSQL for a cursor on its next write."""
    with database.write() as connection:
        assert list(store.read_rows(connection)) == []
        connection.execute(alert.delete())


def test_a_reader_sees_one_state_whatever_is_written_meanwhile(database: Database) -> None:
    def money(connection: sa.Connection) -> int:
        return len(store.read_accounts(connection, scope="deployment"))

    with database.read() as reading:
        assert money(reading) == 0
        with database.write() as writing:
            writing.execute(account.insert(), {**MONTH._asdict(), "settled": 1, "held": 0, "uncertain": 0})
        assert money(reading) == 0
    with database.read() as reading:
        assert money(reading) == 1
