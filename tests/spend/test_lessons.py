"""What is learned of the ledger: folded once, by whoever comes first, from where it stopped."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date

import pytest
import sqlalchemy as sa

from farthing.routing.experience import Record, Subject
from farthing.spend import lessons
from farthing.spend.budget import AccountKey, Claim
from farthing.spend.epoch import Epoch
from farthing.spend.ledger import Intent, Outcome
from farthing.spend.lessons import catch_up, read_experience
from farthing.spend.waiting import Request
from farthing.storage.database import Database
from farthing.storage.tables import experience
from farthing.task import Usage

TODAY = date(2026, 11, 28)
NOW_US = 1_795_867_200_000_000  # 2026-11-28 12:00
DAY_US = 86_400_000_000
MONTH = Claim(AccountKey("deployment", "month:2026-11"), None)


class Books:
    """Writes calls as a deployment does."""

    def __init__(self, database: Database) -> None:
        self._epoch = Epoch(database, label="test", now_us=lambda: NOW_US, lease_s=30.0)
        self._epoch.open()
        self._calls = 0

    def write(self, count: int, *, model: str = "a/model", at_us: int = NOW_US) -> None:
        outcomes: list[Outcome] = []
        for _ in range(count):
            self._calls += 1
            call_id = f"call_{self._calls}"
            self._epoch.commit([request(call_id, model, at_us)], [], ())
            outcomes.append(outcome(call_id, at_us))
        self._epoch.commit([], outcomes, ())

    def close(self) -> None:
        self._epoch.close()
        self._epoch.disconnect()


def request(call_id: str, model: str, at_us: int) -> Request:
    intent = Intent(
        call_id=call_id,
        at_us=at_us,
        task_id="task_1",
        model=model,
        upstream="simulator",
        price_book="book",
        worst=10_000,
        floor=10_000,
        claims=(MONTH,),
        task_type="general",
        purpose="task",
    )
    return Request(intent, Unasked(), 0.0, 0.0)  # pyright: ignore[reportArgumentType] - nobody waits for it


class Unasked:
    """The answer of a request that nobody waits for."""


def outcome(call_id: str, at_us: int) -> Outcome:
    return Outcome(
        call_id=call_id,
        at_us=at_us,
        cost=1_000,
        basis="reported",
        accepted=True,
        reason="ok",
        usage=Usage(input_tokens=50, output_tokens=20),
        finish="stop",
        limit="default",
    )


def known(database: Database, model: str = "a/model") -> Record:
    return read_experience(database, today=TODAY).record("general", model)


def test_rows_are_folded_once_and_new_ones_added(database: Database) -> None:
    books = Books(database)
    assert not catch_up(database, today=TODAY)
    books.write(3)
    catch_up(database, today=TODAY)
    catch_up(database, today=TODAY)
    assert known(database).attempts == 3
    books.write(2)
    books.write(1, model="another/model")
    catch_up(database, today=TODAY)
    assert (known(database).attempts, known(database).cost) == (5, 5_000)
    assert known(database).lengths.whole.count == 5
    assert known(database, "another/model").attempts == 1
    books.close()


class Slow(Database):
    """A process that another overtakes whenever it is about to write."""

    @contextmanager
    def write(self) -> Generator[sa.Connection]:
        other = Database(self.url.render_as_string(hide_password=False))
        catch_up(other, today=TODAY)
        other.close()
        with super().write() as connection:
            yield connection


def test_two_processes_at_once_fold_each_row_once(database: Database, url: str) -> None:
    books = Books(database)
    for expected in (4, 8):  # the first fold of a ledger, and one that goes on
        books.write(4)
        slow = Slow(url)
        catch_up(slow, today=TODAY)
        slow.close()
        assert known(database).attempts == expected
    books.close()


def test_a_long_ledger_is_folded_in_parts_and_not_from_its_beginning(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lessons, "CHUNK", 4)
    monkeypatch.setattr(lessons, "BACKLOG", 10)
    books = Books(database)
    books.write(20)  # forty rows, the settlements last
    assert catch_up(database, today=TODAY, chunks=2)
    assert known(database).attempts == 8
    assert not catch_up(database, today=TODAY, chunks=9)
    assert known(database).attempts == 10
    books.close()


def test_what_is_older_than_the_window_is_forgotten(database: Database) -> None:
    books = Books(database)
    books.write(2, at_us=NOW_US - 40 * DAY_US)
    books.write(3, at_us=NOW_US - 29 * DAY_US)
    catch_up(database, today=TODAY)
    assert known(database).attempts == 3
    later = date(2026, 12, 24)
    books.write(1, at_us=NOW_US + 26 * DAY_US)
    catch_up(database, today=later)
    with database.read() as connection:
        assert connection.execute(sa.select(experience.c.day)).scalars().all() == ["2026-12-24"]
    books.close()


def test_a_table_that_was_emptied_grows_anew(database: Database) -> None:
    books = Books(database)
    books.write(2)
    catch_up(database, today=TODAY)
    with database.write() as connection:
        connection.execute(experience.delete())
    books.write(1)
    catch_up(database, today=TODAY)
    assert read_experience(database, today=TODAY).records.keys() == {Subject("general", "a/model")}
    assert known(database).attempts == 1
    books.close()
