"""The measurement of shared memory measures what it says, and sees what must not happen."""

import json
from pathlib import Path

import pytest

from farthing.bench import ledger, memory
from farthing.bench.remembering import NAMESPACE, Order, follow
from farthing.storage.database import Database, sqlite_url
from farthing.swarm.memory.shared import Memories


def test_a_small_round_is_measured_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ledger, "WHEEL", "no_such_wheel")
    path = tmp_path / "out" / "memory.json"
    met = memory.main(processes=2, tasks=4, increments=80, each=20, rounds=1, entries=20, json_path=path)
    assert met
    written = json.loads(path.read_text())
    figures = {figure["name"]: figure for figure in written["figures"]}
    assert figures["SQLite, updates lost of 80 increments"]["value"] == "0"
    assert figures["SQLite, claims held by two"]["value"] == "0"
    assert sum(name.endswith("/s") for name in figures) == 8
    assert written["workload"]["processes"] == 2
    assert "no PostgreSQL" in capsys.readouterr().out


async def test_two_holders_of_a_claim_are_seen(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "ledger.db"))
    memories = Memories(database)
    for name in range(8):
        (tmp_path / f"job {name}").touch()  # as if somebody else were at it
    order = Order(what="claim", count=4, tasks=1, seed=1, folder=str(tmp_path))
    done = await follow(memories.open(NAMESPACE), order)
    assert done.further > 0
    await memories.aclose()
    database.close()


def test_a_lost_update_is_missed() -> None:
    bench = memory._Bench.__new__(memory._Bench)  # pyright: ignore[reportPrivateUsage]
    bench._name = "SQLite"  # pyright: ignore[reportPrivateUsage]
    assert bench._nothing("updates lost", 1).met is False  # pyright: ignore[reportPrivateUsage]
