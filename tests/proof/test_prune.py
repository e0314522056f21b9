"""Rows that are put away: what they came to still proves the rest, and the file proves them."""

import gzip
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.proof.book import (
    DAY_US,
    NEW_YEAR_US,
    Book,
    all_rows,
    change_row,
    intent,
    outcome,
    recompute,
    some_calls,
)
from tests.proof.test_verify import head_of, laws

from farthing.errors import FarthingError
from farthing.proof import archive
from farthing.proof.prune import Pruned, prune
from farthing.proof.read import read_kept, verified
from farthing.spend import store
from farthing.spend.batch import Seen
from farthing.spend.ledger import Row
from farthing.storage.database import Database, sqlite_url
from farthing.storage.tables import checkpoint, ledger

NOW = datetime(2027, 3, 1, tzinfo=UTC)
NEW_YEAR = date(2027, 1, 1)
OLD_US = NEW_YEAR_US - 5 * DAY_US


@pytest.fixture
def kept(database: Database) -> Database:
    """Old calls of two epochs, one of them open and one doubted at the turn of the year; and young ones."""
    first, second = Book(database), Book(database)
    some_calls(first, "a", at_us=OLD_US)
    first.write([intent("doubted", at_us=OLD_US, worst=7), intent("late", at_us=OLD_US)])
    first.write(events=[Seen("doubted", OLD_US, "gen-1")])
    first.write(events=[outcome("doubted", None, at_us=OLD_US)])
    some_calls(second, "b", at_us=OLD_US)
    some_calls(second, "young")
    first.write(events=[outcome("late", 33)])
    some_calls(first, "younger")
    return database


def put_away(opened: Database, path: Path, before: date = NEW_YEAR) -> Pruned:
    done = prune(opened, path, before=before, now=NOW)
    assert done is not None
    return done


def test_nothing_of_the_sums_changes_and_the_rest_still_verifies(kept: Database, tmp_path: Path) -> None:
    was, rows = verified(kept), len(all_rows(kept))
    done = put_away(kept, tmp_path / "2026.jsonl")
    assert (done.rows, done.left) == (22, 4)
    assert len(all_rows(kept)) == rows - 22 + 1  # the row that fixes the checkpoint
    now = verified(kept)
    assert now.findings == []
    assert (now.balances, now.rollups, now.rollups_by, now.total) == (
        was.balances,
        was.rollups,
        was.rollups_by,
        was.total,
    )
    assert now.open.keys() == was.open.keys() == {"doubted"}
    assert (now.rows, now.calls) == (was.rows + 1, was.calls)


def test_what_stayed_open_is_settled_later(kept: Database, tmp_path: Path) -> None:
    put_away(kept, tmp_path / "2026.jsonl")
    with kept.read() as connection:
        assert set(store.unsettled_calls(connection)) == {"doubted"}
    Book(kept).write(events=[outcome("doubted", 5)])
    found = verified(kept)
    assert found.findings == []
    assert found.open == {}


def test_year_after_year(kept: Database, tmp_path: Path) -> None:
    first, second = tmp_path / "2026.jsonl", tmp_path / "2027.jsonl.gz"
    book = Book(kept)
    some_calls(book, "x")
    head_of_old = head_of(kept)
    some_calls(book, "y")
    put_away(kept, first)
    Book(kept).write(events=[outcome("doubted", 5, at_us=NEW_YEAR_US + DAY_US)])
    head_between = head_of(kept)
    put_away(kept, second, before=date(2027, 2, 1))
    assert verified(kept, archives=[first, second]).findings == []
    for head in (head_of_old, head_between):
        assert verified(kept, archives=[first, second], exported=head).findings == []
    assert laws(verified(kept, exported=head_of_old)) == {"head"}
    assert laws(verified(kept, archives=[first])) == {"checkpoint"}
    assert laws(verified(kept, archives=[second, first])) == {"checkpoint"}
    assert prune(kept, tmp_path / "again.jsonl", before=date(2027, 2, 1), now=NOW) is None


def test_an_archive_that_was_changed_is_found(kept: Database, tmp_path: Path) -> None:
    path = tmp_path / "2026.jsonl.gz"
    put_away(kept, path)
    text = gzip.decompress(path.read_bytes())
    changed = text.replace(b',"settled","a0",null,', b',"settled","a0",null,1', 1)
    assert changed != text
    path.write_bytes(gzip.compress(changed))
    assert "chain" in laws(verified(kept, archives=[path]))
    path.write_bytes(gzip.compress(text[: text.rindex(b"\n", 0, -1) + 1]))
    assert "checkpoint" in laws(verified(kept, archives=[path]))
    path.write_bytes(b"something else")
    with pytest.raises(FarthingError, match="no file of ledger rows"):
        verified(kept, archives=[path])


def test_a_changed_checkpoint_is_found(kept: Database, tmp_path: Path) -> None:
    put_away(kept, tmp_path / "2026.jsonl")
    with kept.write() as connection:
        (body,) = connection.execute(checkpoint.select()).one()[2:3]
        less = body.replace('"total":[172,', '"total":[171,')
        assert less != body
        connection.execute(checkpoint.update().values(body=less))
    assert "checkpoint" in laws(verified(kept))


def test_a_row_that_the_checkpoint_left_cannot_change(kept: Database, tmp_path: Path) -> None:
    put_away(kept, tmp_path / "2026.jsonl")
    seq, row = all_rows(kept)[0]
    assert row.call_id == "doubted"
    change_row(kept, seq, body=row.body.replace("a/model", "b/model"))
    assert "checkpoint" in laws(verified(kept))


def test_a_ledger_with_a_finding_is_left_as_it_is(kept: Database, tmp_path: Path) -> None:
    seq, row = all_rows(kept)[-1]
    change_row(kept, seq, nano=row.nano + 1)
    recompute(kept)
    before = all_rows(kept)
    with pytest.raises(FarthingError, match="nothing was put away"):
        put_away(kept, tmp_path / "2026.jsonl")
    assert all_rows(kept) == before
    assert list(tmp_path.glob("*.jsonl*")) == []


def test_nothing_is_written_over_and_no_day_to_come_is_put_away(kept: Database, tmp_path: Path) -> None:
    (tmp_path / "2026.jsonl").write_text("mine")
    with pytest.raises(FarthingError, match="is there already"):
        put_away(kept, tmp_path / "2026.jsonl")
    for day in (date(2027, 3, 2), date(2027, 3, 1)):  # to come, and begun just now
        with pytest.raises(FarthingError, match="has not begun an hour ago"):
            put_away(kept, tmp_path / "other.jsonl", before=day)
    assert (tmp_path / "2026.jsonl").read_text() == "mine"


def test_rows_that_vanish_meanwhile_stop_it(kept: Database, tmp_path: Path) -> None:
    """Between the reading and the deleting another hand takes a row away."""
    before = all_rows(kept)

    def lose(seq: int, _row: Row) -> None:
        if seq == before[-1][0]:
            with kept.write() as connection:
                connection.execute(ledger.delete().where(ledger.c.seq == before[0][0]))

    with pytest.raises(FarthingError, match="rows have changed meanwhile"):
        prune(kept, tmp_path / "2026.jsonl", before=NEW_YEAR, now=NOW, on_row=lose)
    assert all_rows(kept) == before[1:]
    assert not (tmp_path / "2026.jsonl").exists()


def test_an_archive_replays_alone(kept: Database, tmp_path: Path) -> None:
    done = put_away(kept, tmp_path / "2026.jsonl")
    alone = archive.replayed(done.path)
    assert alone.replay.findings == []
    assert alone.start is None
    assert alone.replay.heads == done.checkpoint.heads


@given(
    days=st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from(["open", "doubt", "settle", "late"])), max_size=12
    ),
    cuts=st.lists(st.integers(0, 7), min_size=1, max_size=3),
)
@settings(max_examples=40, deadline=None)
def test_any_history_cut_anywhere_verifies(
    days: list[tuple[int, str]], cuts: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("pruned")
    opened = Database(sqlite_url(folder / "ledger.db"))
    try:
        books = [Book(opened), Book(opened)]
        for number, (day, end) in enumerate(sorted(days)):
            at_us, name, book = OLD_US + day * DAY_US, f"c{number}", books[number % 2]
            book.write([intent(name, at_us=at_us)])
            if end in ("doubt", "late"):
                book.write(events=[outcome(name, None, at_us=at_us)])
            if end in ("settle", "late"):
                book.write(events=[outcome(name, 9, at_us=at_us + DAY_US)])
        with opened.read() as connection:
            was = read_kept(connection, None)
        files: list[Path] = []
        for number, cut in enumerate(sorted(cuts)):
            path = folder / f"{number}.jsonl"
            before = datetime.fromtimestamp(OLD_US / 1e6 + cut * 86_400, UTC).date()
            if prune(opened, path, before=before, now=NOW) is not None:
                files.append(path)
            assert verified(opened, archives=files).findings == []
        with opened.read() as connection:
            now = read_kept(connection, None)
        assert (now.accounts, now.rollups, now.rollups_by) == (was.accounts, was.rollups, was.rollups_by)
    finally:
        opened.close()
