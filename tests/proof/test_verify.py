"""Every forgery is found: by the laws and the chain where it is clumsy, else by an exported head."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from msgspec import structs
from tests.proof.book import (
    MONTH,
    NEW_YEAR_US,
    Book,
    all_rows,
    change_row,
    cut_tail,
    intent,
    outcome,
    recompute,
    some_calls,
)
from tests.spend.made import made_calls, planned

from farthing.proof import heads
from farthing.proof.heads import ExportedHead, exported_head
from farthing.proof.read import verified
from farthing.proof.replay import Replay
from farthing.spend.batch import Seen
from farthing.spend.ledger import Intent, Outcome, genesis
from farthing.storage.database import Database
from farthing.storage.tables import account, ledger, meta, rollup, rollup_by, writer

AT = datetime(2027, 1, 2, tzinfo=UTC)


def laws(found: Replay) -> set[str]:
    return {finding.law for finding in found.findings}


def head_of(opened: Database) -> ExportedHead:
    """Exported and read back."""
    found = verified(opened)
    assert not found.findings
    return heads.decode(heads.encode(exported_head(found, at=AT)), source="head.json")


@pytest.fixture
def kept(database: Database) -> Database:
    """Two epochs, one of them live, with settled, late, open and doubted calls."""
    first, second = Book(database), Book(database)
    some_calls(first, "a")
    some_calls(second, "b")
    first.close()
    second.write([intent("open"), intent("doubted", worst=7)])
    second.write(events=[Seen("doubted", NEW_YEAR_US, "gen-1")])
    second.write(events=[outcome("doubted", None)])
    return database


def test_a_ledger_as_it_was_written_has_no_finding(kept: Database) -> None:
    found = verified(kept, exported=head_of(kept))
    assert found.findings == []
    assert found.calls == 12
    assert found.total == (2 * (10 + 11 + 12 + 13 + 40), 100, 7)
    assert found.balances[MONTH] == found.total
    assert set(found.open) == {"open", "doubted"}


# Against an exported head.


def test_a_cut_tail_is_found(kept: Database) -> None:
    head = head_of(kept)
    last = all_rows(kept)[-1][0]
    cut_tail(kept, last)
    recompute(kept)
    again = verified(kept, exported=head)
    assert "head" in laws(again)
    assert any("its tail was cut" in finding.text for finding in again.findings)


def test_a_whole_epoch_that_is_gone_is_found(kept: Database) -> None:
    head = head_of(kept)
    with kept.write() as connection:
        for table in (ledger, writer, account, rollup, rollup_by):
            connection.execute(table.delete())
    again = verified(kept, exported=head)
    assert laws(again) == {"head"}
    assert len(again.findings) == 2


def test_a_changed_row_is_found_without_and_with_a_head(kept: Database) -> None:
    head = head_of(kept)
    seq, row = next((seq, row) for seq, row in all_rows(kept) if row.kind == "settled")
    change_row(kept, seq, nano=row.nano - 1)
    without = verified(kept)
    assert [finding.seq for finding in without.findings if finding.law == "chain"] == [seq]
    assert {"chain", "sums"} <= laws(without)
    assert laws(verified(kept, exported=head)) >= {"chain", "sums"}


def test_a_recomputed_chain_is_found_by_the_head_alone(kept: Database) -> None:
    head = head_of(kept)
    seq, row = next((seq, row) for seq, row in all_rows(kept) if row.kind == "settled")
    change_row(kept, seq, nano=row.nano - 1)
    recompute(kept)
    with kept.write() as connection:  # the forger corrects all sums, too
        connection.execute(account.update().values(settled=account.c.settled - 1))
        for table in (rollup, rollup_by):
            less = {"settled": table.c.settled - 1, "computed": table.c.computed - 1}
            connection.execute(table.update().values(less))
    assert verified(kept).findings == []
    (finding,) = verified(kept, exported=head).findings
    assert finding.law == "head"
    assert "rewritten" in finding.text


def test_rows_that_came_since_the_export_are_no_finding(kept: Database) -> None:
    head = head_of(kept)
    some_calls(Book(kept), "later")
    assert verified(kept, exported=head).findings == []


# By the laws.


def test_kept_sums_that_are_not_the_rows_are_found(kept: Database) -> None:
    for table in (account, rollup, rollup_by):
        with kept.write() as connection:
            connection.execute(table.update().values(settled=table.c.settled + 1))
        found = verified(kept)
        assert laws(found) == {"sums"}, table.name
        with kept.write() as connection:
            connection.execute(table.update().values(settled=table.c.settled - 1))


def test_an_admission_above_its_limit_is_found(kept: Database) -> None:
    seq, row = all_rows(kept)[0]
    change_row(kept, seq, body=row.body.replace("10000", "99"))
    recompute(kept)
    (finding,) = verified(kept).findings
    assert (finding.law, finding.seq, finding.call_id) == ("limit", seq, row.call_id)
    assert "$0.000000100 was admitted" in finding.text


@pytest.mark.parametrize(
    ("kind", "values", "law"),
    [
        ("settled", {"nano": -5}, "cost"),
        ("uncertain", {"nano": 99}, "cost"),
        ("seen", {"nano": 1}, "cost"),
        ("settled", {"kind": "uncertain"}, "cost"),
        ("intent", {"body": "{}"}, "row"),
        ("settled", {"call_id": "another"}, "order"),
    ],
)
def test_rows_that_no_ledger_writes_are_found(
    kept: Database, kind: str, values: dict[str, object], law: str
) -> None:
    seq = next(seq for seq, row in all_rows(kept) if row.kind == kind)
    change_row(kept, seq, **values)
    recompute(kept)
    assert law in laws(verified(kept))


def test_a_literal_that_is_not_the_amount_is_found(database: Database) -> None:
    book = Book(database)
    book.write([intent("c")])
    told = structs.replace(outcome("c", 30), basis="reported", literal="0.00000002 + 0.00000001")
    book.write(events=[told])
    assert verified(database).findings == []
    seq, row = all_rows(database)[-1]
    change_row(database, seq, body=row.body.replace("0.00000002", "0.00000003"))
    recompute(database)
    assert laws(verified(database)) == {"cost"}


def test_a_hold_of_an_ended_epoch_is_found(kept: Database) -> None:
    with kept.write() as connection:
        connection.execute(writer.update().values(state="expired"))
    (finding,) = verified(kept).findings
    assert (finding.law, finding.call_id) == ("order", "open")


def test_simulated_money_among_real_is_found(kept: Database) -> None:
    with kept.write() as connection:
        connection.execute(meta.update().values(value="simulated"))
    (finding,) = verified(kept).findings
    assert "simulated" in finding.text


def test_a_head_of_nothing_of_ours_is_refused(tmp_path: Path) -> None:
    for text in (
        b"",
        b"{}",
        b'{"format":"x","at":"2027-01-01T00:00:00Z","rows":0,"settled":0,"uncertain":0,"epochs":{}}',
    ):
        with pytest.raises(Exception, match="no exported head"):
            heads.decode(text, source="head.json")


@given(calls=made_calls())
@settings(max_examples=100, deadline=None)
def test_what_the_ledger_decides_always_verifies(calls: list[tuple[Intent, tuple[Outcome, ...]]]) -> None:
    plan = planned(calls, epoch=1, head=genesis(1))
    found = Replay()
    for seq, row in enumerate(plan.rows, start=1):
        found.take(seq, row)
    assert found.findings == []
    assert found.balances == {key: balance for key, balance in plan.balances.items() if key in found.balances}
    assert {k: v for k, v in found.rollups.items() if any(v)} == {
        k: v for k, v in plan.rollups.items() if any(v)
    }
    assert {k: v for k, v in found.rollups_by.items() if any(v)} == {
        k: v for k, v in plan.rollups_by.items() if any(v)
    }
    assert found.heads.get(1, (0, genesis(1)))[1] == plan.head
