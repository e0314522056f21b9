"""The ledger's measurement measures what it says: every call it counts is a chained, settled row."""

import json
from pathlib import Path

import pytest
from tests.spend.chains import first_broken_link

from farthing.bench import ledger as bench
from farthing.spend import store
from farthing.spend.runs import fold
from farthing.storage.database import Database, sqlite_url


def test_a_small_round_is_measured_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "WHEEL", "no_such_wheel")
    path = tmp_path / "out" / "ledger.json"
    bench.main(calls=100, concurrency=8, repeats=2, json_path=path)
    written = json.loads(path.read_text())
    names = [figure["name"] for figure in written["figures"]]
    assert [name for name in names if "rows/s" in name] == ["SQLite, durable chained rows/s, 8 callers"]
    assert sum("admission" in name for name in names) == 3
    assert written["workload"] == {"calls": 100, "concurrency": 8, "repeats": 2}
    assert "no PostgreSQL" in capsys.readouterr().out


def test_every_call_it_counts_is_settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "WHEEL", "no_such_wheel")
    kept = sqlite_url(tmp_path / "kept.db")

    def url_of(_: Path) -> str:
        return kept

    monkeypatch.setattr(bench, "sqlite_url", url_of)
    bench.main(calls=100, concurrency=4, repeats=1)
    database = Database(sqlite_url(tmp_path / "kept.db"))
    with database.read() as connection:
        rows = list(store.read_rows(connection))
    database.close()
    assert first_broken_link(rows) is None
    assert all(call.cost == 21_480 for call in fold(rows).calls.values())
    assert len(fold(rows).calls) == 100 // 10 + 100 + 3 * 100
