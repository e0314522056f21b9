"""`farthing recommend` on ledgers that the simulator's calls made."""

from decimal import Decimal
from pathlib import Path

import pytest
from tests.cli.conftest import Command

from farthing.simulator.process import SimulatorProcess
from farthing.spend.advice import LEAST
from farthing.testing import deployment_at


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A little more coding than is needed to say something, and too little of everything else."""
    folder = tmp_path_factory.mktemp("recommend")
    with (
        SimulatorProcess(book="snapshot") as simulator,
        deployment_at(simulator.base_url, folder, "premium") as deployment,
    ):
        for number in range(LEAST + 5):
            deployment.execute_task_sync(f"Write function {number}", type="coding", max_tokens=40)
        deployment.execute_task_sync("Compare two bridges", type="general", max_tokens=40)
    return f"sqlite:///{folder / 'ledger.db'}"


def test_what_a_simulated_ledger_recommends(farthing: Command, ledger: str) -> None:
    asked = ("recommend", "--profile", "premium", "--database", ledger)
    told = farthing(*asked, "--json").json
    assert (told["simulated"], told["calls"]) == (True, LEAST + 6)
    month = Decimal(told["spent_a_month"])
    best = told["catalogue"][0]
    assert best["lever"] == "model"
    assert list(best["change"]["models"]) == ["primary"]
    assert 0 < Decimal(best["saves_usd_a_month"]) <= month
    assert (best["confidence"], best["observations"]) == ("low", LEAST + 5)
    missing = {one["why"] for one in told["not_claimed"]}
    assert f"general at its slot secondary: not enough calls (1 of {LEAST})" in missing
    said = farthing(*asked)
    assert said.code == 0
    for words in (best["title"], "they do not add up", "Simulated:", "not enough calls (1 of 50)"):
        assert words in " ".join(said.out.split())


def test_without_a_ledger_nothing_is_claimed(farthing: Command, tmp_path: Path) -> None:
    told = farthing("recommend", "--database", f"sqlite:///{tmp_path / 'none.db'}", "--json")
    assert (told.code, told.json["settings"], told.json["catalogue"]) == (0, [], [])
    assert "nothing was spent yet" in told.err
    assert not (tmp_path / "none.db").exists()
