"""Copies of a ledger in use: one state, whole, and good to go on with."""

import threading
from pathlib import Path

import pytest
from tests.proof.book import Book, all_rows, intent, outcome, some_calls

from farthing.errors import FarthingError
from farthing.proof import duplicate
from farthing.proof.read import verified
from farthing.storage.database import Database, sqlite_url


def test_a_backup_is_the_ledger_and_verifies(database: Database, tmp_path: Path) -> None:
    some_calls(Book(database))
    parts: list[tuple[int, int]] = []

    def note(done: int, total: int) -> None:
        parts.append((done, total))

    duplicate.back_up(database, tmp_path / "copy.db", on_part=note)
    assert parts[-1][0] == parts[-1][1] > 0
    assert sorted(path.name for path in tmp_path.glob("*copy*")) == ["copy.db"]
    copy = Database(sqlite_url(tmp_path / "copy.db"))
    try:
        assert all_rows(copy) == all_rows(database)
        assert verified(copy).findings == []
    finally:
        copy.close()


def test_nothing_is_written_over(database: Database, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(FarthingError, match="is there already"):
        duplicate.back_up(database, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "mine"


def test_a_ledger_in_use_is_copied_in_one_state(database: Database, tmp_path: Path) -> None:
    """Another thread writes all the while; each copy verifies."""
    enough = threading.Event()
    wrote = threading.Event()

    def write() -> None:
        book, number = Book(database), 0
        while not enough.is_set():
            book.write([intent(f"c{number}")])
            book.write(events=[outcome(f"c{number}", 5)])
            number += 1
            wrote.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert wrote.wait(30)
        for number in range(3):
            path = tmp_path / f"{number}.db"
            duplicate.back_up(database, path)
            copy = Database(sqlite_url(path))
            try:
                assert verified(copy).findings == []
            finally:
                copy.close()
    finally:
        enough.set()
        thread.join()


def test_a_ledger_moves_to_an_empty_database_and_goes_on(database: Database, tmp_path: Path) -> None:
    source = Database(sqlite_url(tmp_path / "old.db"))
    try:
        some_calls(Book(source), "old")
        duplicate.restore(source, database)
        assert all_rows(database) == all_rows(source)
    finally:
        source.close()
    some_calls(Book(database), "new")
    assert verified(database).findings == []
    assert len(all_rows(database)) == 22


def test_two_ledgers_do_not_become_one(database: Database, tmp_path: Path) -> None:
    source = Database(sqlite_url(tmp_path / "old.db"))
    try:
        some_calls(Book(source))
        some_calls(Book(database))
        before = all_rows(database)
        with pytest.raises(FarthingError, match="has a ledger already"):
            duplicate.restore(source, database)
        assert all_rows(database) == before
    finally:
        source.close()
