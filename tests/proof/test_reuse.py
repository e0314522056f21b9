"""Rows of reused answers: chained, summed up and put away as all others, and touching no account."""

from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest
from msgspec import structs
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
from tests.proof.test_verify import laws

from farthing.proof import archive
from farthing.proof.prune import prune
from farthing.proof.read import read_kept, verified
from farthing.spend import readings, store
from farthing.spend.batch import RollupByKey, RollupKey, RollupSums
from farthing.spend.ledger import Reuse, ReuseBody
from farthing.spend.runs import fold
from farthing.spend.savings import Savings
from farthing.spend.span import Span
from farthing.spend.spool import Spool
from farthing.spend.tally import Tally
from farthing.storage.database import Database

OLD_US = NEW_YEAR_US - 5 * DAY_US
BODY = ReuseBody(
    task_id="task_2",
    source="a0",
    how="exact",
    model="a/model",
    upstream="openrouter.ai",
    task_type="coding",
    purpose="task",
    saved=10,
    baseline=300,
    tags=("t1", "t2"),
    key="acme",
)


def reuse(name: str, *, at_us: int = NEW_YEAR_US) -> Reuse:
    return Reuse(call_id=name, at_us=at_us, run_id="run-1", body=BODY)


@pytest.fixture
def kept(database: Database) -> Database:
    book = Book(database)
    some_calls(book, "a", at_us=OLD_US)
    book.write(events=[reuse("r1", at_us=OLD_US)])
    book.write([intent("b")], [reuse("r2"), reuse("r3")])
    book.write(events=[outcome("b", 5)])
    return database


def the_reuse(database: Database) -> int:
    return next(seq for seq, row in all_rows(database) if row.kind == "reused")


def test_they_are_summed_up_and_touch_no_account(kept: Database) -> None:
    found = verified(kept)
    assert found.findings == []
    assert found.reuses == 3
    with kept.read() as connection:
        sums = read_kept(connection, None)
        rows = list(store.read_rows(connection))
        span = Span(first=date(2026, 12, 1), last=date(2027, 1, 31))
        tally = Tally()
        savings = Savings(lambda _book, _model: None)
        for one in readings.read_reuses(connection, span):
            tally.add_reuse(one)
            savings.add_reuse(one.body)
        for call, ended_us in readings.read_entries(connection, span):
            tally.add(call)
            savings.add(call, ended_us)
    key = RollupKey("2027-01-01", "openrouter.ai", "a/model", "coding", "", "task")
    assert sums.rollups[key] == RollupSums(calls=1, settled=5, computed=5, baseline=600, reused=2, saved=20)
    by = RollupByKey("2027-01-01", "openrouter.ai", "tag", "t2")
    assert sums.rollups_by[by] == RollupSums(baseline=600, reused=2, saved=20)
    folded = fold(rows)
    assert folded.rollups() == sums.rollups == tally.rollups
    assert folded.rollups_by() == sums.rollups_by == tally.rollups_by
    assert folded.total().settled == sum(total.settled for total in sums.rollups.values())
    report = sum(total.baseline - total.settled for total in sums.rollups.values())
    assert savings.total == report
    assert {line.lever: line.calls for line in savings.lines("x")}["reuse"] == 3


def test_a_price_put_on_one_is_found(kept: Database) -> None:
    change_row(kept, the_reuse(kept), nano=1)
    assert "chain" in laws(verified(kept))
    recompute(kept)
    assert laws(verified(kept)) == {"cost"}


def test_a_changed_saving_is_found_though_the_chain_holds(kept: Database) -> None:
    changed = msgspec.json.encode(structs.replace(BODY, saved=11)).decode()
    change_row(kept, the_reuse(kept), body=changed)
    recompute(kept)
    assert laws(verified(kept)) == {"sums"}


def test_old_ones_are_put_away_with_the_rest(kept: Database, tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl.gz"
    pruned = prune(kept, path, before=date(2027, 1, 1), now=datetime(2027, 3, 1, tzinfo=UTC))
    assert pruned is not None
    assert verified(kept).findings == []
    assert [row.call_id for _, row in all_rows(kept) if row.kind == "reused"] == ["r2", "r3"]
    seen: list[str] = []
    archive.replayed(path, on_row=lambda _seq, row: seen.append(row.kind))
    assert seen.count("reused") == 1


def test_one_that_was_spooled_comes_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.append([outcome("a", 3), reuse("r1")])
    with spool.claim() as events:
        assert list(events) == [outcome("a", 3), reuse("r1")]
