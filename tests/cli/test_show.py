"""`farthing show`: one call whole, found by the beginning of its id; a task with all its attempts."""

import os
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from tests.cli.conftest import Command

from farthing.simulator.process import SimulatorProcess
from farthing.storage.database import default_path


def ran(farthing: Command, *more: str) -> dict[str, Any]:
    run = farthing("run", "Write a function", "--json", *more).json["run_id"]
    task: dict[str, Any] = farthing("report", "--run", run, "--json").json["tasks"][0]
    return task


def test_a_call_is_told_with_its_price_bill_and_rows(farthing: Command, simulator: SimulatorProcess) -> None:
    task = ran(farthing, "--key", "alice", "--tag", "web")
    call = task["attempts"][-1]
    (found,) = farthing("show", call["call_id"], "--json").json["calls"]
    assert Decimal(found["cost"]) == Decimal(call["cost"]) > 0
    assert Decimal(found["literal"]) == Decimal(found["cost"])
    charges = found["reckoning"]["charges"]
    assert sum(Decimal(one["cost"]) for one in charges) == Decimal(found["reckoning"]["computed"])
    assert all(Decimal(one["rate"]) * one["tokens"] == Decimal(one["cost"]) for one in charges)
    assert found["chain_holds"] is True
    assert found["rows"][0]["kind"] == "intent"
    assert (found["intent"]["key"], found["intent"]["tags"]) == ("alice", ["web"])
    assert found["limits"] == [
        {"scope": "deployment", "period": found["limits"][0]["period"], "limit": "200.000000000"}
    ]
    said = farthing("show", call["call_id"]).out
    for word in (call["model"], call["generation_id"], "worst case", "bill", "hash", "alice", "Simulated:"):
        assert word in said


def test_the_beginning_of_an_id_will_do(farthing: Command, simulator: SimulatorProcess) -> None:
    call = ran(farthing)["attempts"][-1]["call_id"]
    assert farthing("show", call[:12], "--json").json["calls"][0]["call_id"] == call
    ran(farthing)
    said = farthing("show", "call_")
    assert (said.code, "several calls" in said.err) == (1, True)
    said = farthing("show", call[:-3] + "zzz")
    assert (said.code, call in said.err) == (1, True)


def test_a_task_is_all_its_attempts(farthing: Command, simulator: SimulatorProcess) -> None:
    simulator.call("POST", "/scenario", {"rules": [{"fault": "rate_limit", "times": 1}]})
    task = ran(farthing)
    assert [one["status"] for one in task["attempts"]] == ["failed", "accepted"]
    found = farthing("show", task["task_id"], "--json").json
    assert [one["call_id"] for one in found["calls"]] == [one["call_id"] for one in task["attempts"]]
    assert "no ledger" in farthing("show", "task_none").err


def test_a_changed_row_is_seen(farthing: Command, simulator: SimulatorProcess) -> None:
    call = ran(farthing)["attempts"][-1]["call_id"]
    engine = sa.create_engine(f"sqlite:///{default_path(simulated=True, environ=os.environ)}")
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE ledger SET nano = 1 WHERE kind = 'settled' AND call_id = :call"), {"call": call}
        )
    engine.dispose()
    assert farthing("show", call, "--json").json["calls"][0]["chain_holds"] is False
    assert "BROKEN" in farthing("show", call).out


@pytest.mark.parametrize("wanted", ["call_none", "%", "task_%"])
def test_what_no_ledger_has_is_told(farthing: Command, wanted: str) -> None:
    said = farthing("show", wanted)
    assert (said.code, said.out) == (1, "")
