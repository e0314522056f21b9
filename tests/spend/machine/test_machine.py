"""The state machine on a SQLite file and on a PostgreSQL; `make nightly` plays 3,200 examples on each."""

from pathlib import Path

import pytest
from tests.spend.machine.run import run
from tests.spend.machine.stage import staged


@pytest.mark.timeout(600)
def test_the_laws_hold_on_sqlite(tmp_path: Path) -> None:
    with staged(f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path) as stage:
        run(stage, examples=60, steps=30, from_seed=None)
        assert stage.counts["examples"] >= 60
        assert stage.counts["calls admitted"] > 60


@pytest.mark.timeout(600)
def test_the_laws_hold_on_postgresql(postgresql_url: str, tmp_path: Path) -> None:
    with staged(postgresql_url, tmp_path) as stage:
        run(stage, examples=25, steps=25, from_seed=None)
        assert stage.counts["examples"] >= 25
        assert stage.counts["calls admitted"] > 25
