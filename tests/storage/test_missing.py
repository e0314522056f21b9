"""Who was first is told by how many rows were inserted: elections and flights are decided by it."""

from farthing.storage.database import Database
from farthing.storage.tables import meta


def test_rows_that_were_missing_are_counted(database: Database) -> None:
    rows = [{"key": key, "value": "v"} for key in ("a", "b")]
    with database.write() as connection:
        assert database.add_missing(connection, meta, rows) == 2
        assert database.add_missing(connection, meta, [*rows, {"key": "c", "value": "v"}]) == 1
        assert database.add_missing(connection, meta, rows) == 0
