"""The SQL of kept texts, on SQLite and on a real PostgreSQL."""

from farthing.content.store import Kept, delete_older, keep, read_content
from farthing.storage.database import Database

DAY = 86_400_000_000


def entry(number: int, at_us: int = 0) -> Kept:
    return Kept(f"call-{number}", at_us, f"prompt {number} é 🎈", f"answer {number}")


def test_what_is_kept_is_read_again(database: Database) -> None:
    with database.write() as connection:
        keep(connection, database, [entry(1), entry(2)])
    with database.read() as connection:
        assert read_content(connection, "call-2") == entry(2)
        assert read_content(connection, "call-3") is None


def test_the_first_of_a_call_stays(database: Database) -> None:
    with database.write() as connection:
        keep(connection, database, [entry(1)])
        keep(connection, database, [entry(1)._replace(prompt="another"), entry(2)])
    with database.read() as connection:
        assert read_content(connection, "call-1") == entry(1)
        assert read_content(connection, "call-2") == entry(2)


def test_only_what_is_older_is_deleted(database: Database) -> None:
    with database.write() as connection:
        keep(connection, database, [entry(number, number * DAY) for number in range(4)])
        assert delete_older(connection, before_us=2 * DAY) == 2
    with database.read() as connection:
        left = [number for number in range(4) if read_content(connection, f"call-{number}")]
    assert left == [2, 3]
