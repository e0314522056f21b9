"""`farthing ledger` as a person uses it: prove, export, reconcile, resolve, back up, restore, put away."""

import csv
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs
from tests.cli.conftest import Command
from tests.proof.book import Book, cut_tail, intent, outcome

from farthing.simulator.process import SimulatorProcess
from farthing.spend.ledger import Intent
from farthing.storage.database import Database, default_path, sqlite_url

DAY_US = 86_400_000_000


def now_us() -> int:
    return round(datetime.now(UTC).timestamp() * 1_000_000)


@pytest.fixture
def ledger(farthing: Command, simulator: SimulatorProcess) -> Path:
    """The ledger of two simulated tasks."""
    for text in ("Write a function", "What is the time?"):
        assert farthing("run", text).code == 0
    return default_path(simulated=True, environ=os.environ)


def asked(name: str, *, at_us: int | None = None) -> Intent:
    return structs.replace(
        intent(name, at_us=at_us or now_us(), worst=10**9), upstream="simulator", model="a/model"
    )


def doubt(path: Path, name: str, generation_id: str | None = None) -> None:
    """Adds an uncertain call."""
    database = Database(sqlite_url(path))
    try:
        book = Book(database, "simulated")
        book.write([asked(name)])
        book.write(events=[outcome(name, None, at_us=now_us(), generation_id=generation_id)])
        book.close()
    finally:
        database.close()


def test_a_ledger_verifies_and_its_head_finds_a_cut_tail(
    farthing: Command, ledger: Path, tmp_path: Path
) -> None:
    head = tmp_path / "kept" / "head.json"
    assert farthing("ledger", "export", "--simulated", "--head", str(head)).code == 0
    said = farthing("ledger", "verify", "--simulated", "--head", str(head), "--json")
    assert (said.code, said.json["holds"], said.json["calls"]) == (0, True, 2)
    assert "every row is as it must be" in farthing("ledger", "verify", "--simulated").out
    database = Database(sqlite_url(ledger))
    cut_tail(database, said.json["rows"])
    database.close()
    broken = farthing("ledger", "verify", "--simulated", "--head", str(head))
    assert broken.code == 1
    assert "its tail was cut" in broken.out
    assert {"head", "chain", "sums"} <= {
        one["law"]
        for one in farthing("ledger", "verify", "--simulated", "--head", str(head), "--json").json["findings"]
    }
    refused = farthing("ledger", "export", "--simulated")
    assert (refused.code, refused.out) == (1, "")
    assert "farthing ledger verify tells all of them" in refused.err


def test_an_auditor_verifies_exported_rows_without_the_ledger(
    farthing: Command, ledger: Path, tmp_path: Path
) -> None:
    head, rows, table = tmp_path / "head.json", tmp_path / "rows.jsonl.gz", tmp_path / "rows.csv"
    farthing("ledger", "export", "--simulated", "--head", str(head), "--rows", str(rows))
    farthing("ledger", "export", "--simulated", "--rows", str(table))
    ledger.unlink()
    said = farthing("ledger", "verify", "--rows", str(rows), "--head", str(head), "--json")
    assert (said.code, said.json["holds"], said.json["calls"]) == (0, True, 2)
    assert len(list(csv.DictReader(table.read_text().splitlines()))) == said.json["rows"]
    again = farthing("ledger", "export", "--simulated", "--rows", str(rows))
    assert again.code == 1
    assert "is there already" in again.err


def test_what_is_no_head_and_no_ledger_is_told(farthing: Command, ledger: Path, tmp_path: Path) -> None:
    none = farthing("ledger", "verify", "--database", sqlite_url(tmp_path / "none.db"))
    assert (none.code, "there is no ledger" in none.err) == (1, True)
    (tmp_path / "head.json").write_text("{}")
    wrong = farthing("ledger", "verify", "--simulated", "--head", str(tmp_path / "head.json"))
    assert (wrong.code, "is no exported head" in wrong.err) == (1, True)
    missing = farthing("ledger", "verify", "--simulated", "--head", str(tmp_path / "nowhere.json"))
    assert (missing.code, "cannot be read" in missing.err) == (1, True)
    assert not (tmp_path / "none.db").exists()


def test_uncertain_calls_are_settled_by_their_ids_and_drift_is_told(
    farthing: Command, ledger: Path, simulator: SimulatorProcess
) -> None:
    bill = simulator.call("GET", "/bill")
    rows: list[dict[str, str]] = bill["rows"]  # pyright: ignore[reportAssignmentType]  (JSON)
    doubt(ledger, "c-with-id", rows[0]["id"])
    doubt(ledger, "c-without")
    said = farthing("ledger", "reconcile", "--simulated", "--all", "--json")
    assert said.code == 0
    assert [one["call_id"] for one in said.json["settled"]] == ["c-with-id"]
    assert Decimal(said.json["settled"][0]["billed"]) == Decimal(rows[0]["cost"])
    assert [one["call_id"] for one in said.json["without_id"]] == ["c-without"]
    assert (said.json["drift"]["calls"], said.json["drift"]["rows"]) == (3, [])
    people = farthing("ledger", "reconcile", "--simulated", "--all", "--activity")
    assert people.code == 0
    for words in (
        "without an id",
        "farthing ledger resolve",
        "the account's activity",
        "simulated: no real money",
    ):
        assert words in people.out
    assert farthing("ledger", "verify", "--simulated").code == 0


def test_a_bill_that_differs_ends_with_1(
    farthing: Command, ledger: Path, simulator: SimulatorProcess
) -> None:
    rows: list[dict[str, str]] = simulator.call("GET", "/bill")["rows"]  # pyright: ignore[reportAssignmentType]
    database = Database(sqlite_url(ledger))
    book = Book(database, "simulated")
    book.write([asked("c-wrong")])
    book.write(events=[outcome("c-wrong", 5, at_us=now_us(), generation_id=rows[0]["id"])])
    book.close()
    database.close()
    said = farthing("ledger", "reconcile", "--simulated", "--all")
    assert said.code == 1
    assert "bills that differ" in said.out
    assert "c-wrong" in said.out


def test_the_activity_of_a_real_account_needs_its_key_and_settling_days_needs_the_activity(
    farthing: Command, ledger: Path
) -> None:
    assert farthing("ledger", "reconcile", "--settle-days").code == 2
    said = farthing("ledger", "reconcile", "--simulated", "--since", "yesterday")
    assert (said.code, "is no day" in said.err) == (2, True)


def test_days_settle_what_they_leave(farthing: Command, ledger: Path, simulator: SimulatorProcess) -> None:
    """A row of the bill has no call: the uncertain call of its model and day is what is left."""
    rows: list[dict[str, str]] = simulator.call("GET", "/bill")["rows"]  # pyright: ignore[reportAssignmentType]
    for path in ledger.parent.glob(f"{ledger.name}*"):
        path.unlink()
    database = Database(sqlite_url(ledger))
    book = Book(database, "simulated")
    for at, row in enumerate(rows):
        book.write([structs.replace(asked(f"c{at}"), model=row["model"])])
        book.write(events=[outcome(f"c{at}", None, at_us=now_us())])
    book.close()
    database.close()
    said = farthing("ledger", "reconcile", "--simulated", "--activity", "--settle-days", "--json")
    assert said.code == 0
    assert sorted(said.json["settled_by_day"]) == [f"c{at}" for at in range(len(rows))]
    proof = farthing("ledger", "verify", "--simulated", "--json").json
    assert (proof["holds"], proof["uncertain"]) == (True, "0")
    total = simulator.call("GET", "/bill")["total"]
    assert abs(Decimal(proof["settled"]) - Decimal(str(total))) < Decimal("1e-8")  # rounded row by row


def test_a_call_is_resolved_by_hand_once(farthing: Command, ledger: Path) -> None:
    doubt(ledger, "c-first")
    doubt(ledger, "c-second")
    for arguments, words in (
        (["c-", "--cost", "0.1", "--yes"], "2 unsettled calls begin with"),
        (["c-frist", "--cost", "0.1", "--yes"], "the nearest is c-first"),
    ):
        said = farthing("ledger", "resolve", *arguments, "--simulated")
        assert (said.code, words in said.err) == (1, True), said.err
    assert farthing("ledger", "resolve", "c-first", "--simulated", "--yes").code == 2
    said = farthing(
        "ledger",
        "resolve",
        "c-first",
        "--cost",
        "0.25",
        "--note",
        "the invoice",
        "--simulated",
        "--yes",
        "--json",
    )
    assert (said.code, said.json) == (0, {"call_id": "c-first", "held": "1.000000000", "settled": "0.25"})
    shown = farthing("show", "c-first", "--database", sqlite_url(ledger))
    assert "resolved by hand: the invoice" in shown.out
    assert farthing("ledger", "resolve", "c-first", "--never-billed", "--simulated", "--yes").code == 1
    assert farthing("ledger", "resolve", "c-second", "--never-billed", "--simulated", stdin="n\n").code != 0
    assert farthing("ledger", "resolve", "c-second", "--never-billed", "--simulated", stdin="y\n").code == 0
    proof = farthing("ledger", "verify", "--simulated", "--json").json
    assert (proof["holds"], proof["uncertain"]) == (True, "0")


def test_a_backup_goes_back_into_an_empty_database_only(
    farthing: Command, ledger: Path, tmp_path: Path
) -> None:
    copy, again = tmp_path / "copy.db", sqlite_url(tmp_path / "again.db")
    said = farthing("ledger", "backup", "--simulated", str(copy))
    assert (said.code, "every row is as it must be" in said.err) == (0, True)
    assert farthing("ledger", "backup", "--simulated", str(copy)).code == 1
    assert farthing("ledger", "restore", str(copy), "--database", again).code == 0
    was, now = (
        farthing("ledger", "verify", "--database", url, "--json").json for url in (sqlite_url(ledger), again)
    )
    assert was == now
    assert "has a ledger already" in farthing("ledger", "restore", str(copy), "--database", again).err
    none = farthing("ledger", "restore", str(tmp_path / "none.db"), "--database", again)
    assert (none.code, "there is no backup" in none.err) == (1, True)


def test_old_rows_are_put_away_and_proved_by_their_file(
    farthing: Command, ledger: Path, tmp_path: Path
) -> None:
    for path in ledger.parent.glob(f"{ledger.name}*"):
        path.unlink()
    then = now_us() - 40 * DAY_US
    database = Database(sqlite_url(ledger))
    book = Book(database, "simulated")
    for at_us, name in ((then, "old"), (now_us(), "young")):
        book.write([asked(name, at_us=at_us)])
        book.write(events=[outcome(name, 5, at_us=at_us)])
    book.close()
    database.close()
    before = (datetime.now(UTC) - timedelta(days=10)).date().isoformat()
    file = str(tmp_path / "old.jsonl.gz")
    assert farthing("ledger", "prune", file, "--before", before, "--simulated", stdin="n\n").code != 0
    said = farthing("ledger", "prune", file, "--before", before, "--simulated", "--yes")
    assert (said.code, "2 rows put away" in said.err) == (0, True)
    proof = farthing("ledger", "verify", "--simulated", "--archive", file, "--json").json
    assert (proof["holds"], proof["calls"], proof["rows"]) == (True, 2, 5)
    assert farthing("ledger", "prune", file, "--before", "soon", "--simulated").code == 2
    report = farthing("report", "--simulated", "--since", before, "--json").json
    assert report["calls"] == 1
