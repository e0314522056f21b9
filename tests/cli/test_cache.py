"""`farthing cache`, `show` and `report` on answers that were given again."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Command

from farthing.simulator.process import SimulatorProcess

ON = '{"extends": "balanced", "optimization": {"caching": {"enabled": true}}}'


def asked(farthing: Command, *more: str) -> dict[str, Any]:
    return farthing("run", "What is a ledger?", "--config", "cached.json", "--json", *more).json


def test_an_answer_is_given_again_shown_and_forgotten(
    farthing: Command, simulator: SimulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cached.json").write_text(ON)
    first, again = asked(farthing), asked(farthing)
    assert (first["cached"], again["cached"], again["output"]) == (False, True, first["output"])
    assert (Decimal(again["cost"]), again["reused"]["how"]) == (0, "exact")
    report = farthing("report", "--simulated", "--json").json
    assert (report["reused"], report["saved_by_reuse"]) == (1, first["cost"])
    levers = {one["lever"]: one["saved"] for one in report["details"]["levers"]}
    assert levers["reuse"] == first["cost"]
    assert "1 answer given again at $0" in farthing("report", "--simulated").out
    (task,) = farthing("report", "--run", again["run_id"], "--json").json["tasks"]
    assert task["attempts"][0]["status"] == "reused"
    shown = farthing("show", again["task_id"])
    assert f"was given the answer of {again['reused']['call_id']}" in shown.err
    assert again["reused"]["call_id"] in shown.out
    (kept,) = farthing("cache", "show", "--simulated", "--json").json
    assert (kept["answers"], kept["key"]) == (1, None)
    assert "1" in farthing("cache", "show", "--simulated").out
    assert farthing("cache", "clear", "--simulated").code == 1
    wrong = farthing("cache", "clear", "--simulated", "--yes", "--task-type", "codnig")
    assert (wrong.code, "the nearest is coding" in wrong.err) == (1, True)
    assert "1 answer forgotten" in farthing("cache", "clear", "--simulated", "--yes").err
    assert farthing("cache", "show", "--simulated", "--json").json == []
    assert "no answer is kept" in farthing("cache", "show", "--simulated").err
    assert not asked(farthing)["cached"]
