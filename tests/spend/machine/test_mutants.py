"""Each mutant is killed by the machine, with the same examples as without it, where it finds nothing."""

from pathlib import Path

import pytest
from tests.spend.machine.model import LawBrokenError
from tests.spend.machine.mutants import MUTANTS
from tests.spend.machine.run import BUDGET, run
from tests.spend.machine.stage import staged


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", MUTANTS)
def test_the_machine_kills_the_mutant(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with staged(f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path) as stage:
        MUTANTS[name](monkeypatch, stage)
        with pytest.raises(LawBrokenError):
            run(stage, **BUDGET)


@pytest.mark.timeout(300)
def test_it_finds_nothing_in_the_product_itself(tmp_path: Path) -> None:
    with staged(f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path) as stage:
        run(stage, **BUDGET)
        assert stage.counts["examples"] >= BUDGET["examples"]
