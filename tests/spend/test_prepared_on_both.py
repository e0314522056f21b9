"""The group commit's statements on both databases: many rows at once, in order; many changes at once."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from farthing.storage.database import Database
from farthing.storage.prepared import Prepared, PreparedInsert
from farthing.storage.tables import ledger

COLUMNS = ("epoch", "kind", "call_id", "run_id", "at_us", "nano", "body", "hash")
INSERT = PreparedInsert(ledger, COLUMNS)
CHANGE = Prepared(
    ledger.update().where(ledger.c.call_id == sa.bindparam("c")).values(nano=sa.bindparam("n")), ("c", "n")
)
ODD = '{"reason":"tab\\t, quote \\", backslash \\\\, ünïcode ☃, \\\\N, %s, \\n"}'


def row(number: int) -> tuple[object, ...]:
    run_id = None if number % 2 else "run-1"
    return (1, "intent", f"call-{number}", run_id, 1_795_000_000_000_000 + number, number, ODD, "0" * 64)


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 64, 149])
def test_rows_come_back_as_they_were_and_in_their_order(database: Database, count: int) -> None:
    rows = [row(number) for number in range(count)]
    with database.write() as connection:
        INSERT.run(connection, rows)
        query = sa.select(*(ledger.c[name] for name in COLUMNS)).order_by(ledger.c.seq)
        assert [tuple(found) for found in connection.execute(query)] == rows


@pytest.mark.parametrize("count", [0, 1, 3])
def test_each_change_reaches_its_row(database: Database, count: int) -> None:
    with database.write() as connection:
        INSERT.run(connection, [row(number) for number in range(5)])
        CHANGE.run_each(connection, [(f"call-{number}", 100 + number) for number in range(count)])
        found = connection.execute(sa.select(ledger.c.nano).order_by(ledger.c.seq)).scalars()
        assert list(found) == [100 + n if n < count else n for n in range(5)]


def test_a_refused_row_among_many_is_an_error_of_sqlalchemys_and_shows_no_value(database: Database) -> None:
    rows = [*(row(number) for number in range(20)), row(3)]
    with pytest.raises(IntegrityError) as refused, database.write() as connection:
        INSERT.run(connection, rows)
    assert "call-3" not in str(refused.value).partition("DETAIL")[0]
