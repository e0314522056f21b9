"""Reports from a ledger: month and run, as tables, JSON and CSV, and never a mix of real and simulated."""

import csv
import io
from decimal import Decimal
from pathlib import Path

from tests.cli.conftest import Command

from farthing.simulator.process import SimulatorProcess


def test_without_a_ledger_the_month_is_zero_and_none_is_made(farthing: Command, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'none.db'}"
    said = farthing("report", "--json", "--database", url)
    assert (said.code, said.json["total_spend"], said.json["simulated"]) == (0, "0", False)
    assert "no ledger" in said.err
    assert list(tmp_path.iterdir()) == []


def test_the_month_is_what_its_runs_cost(farthing: Command, simulator: SimulatorProcess) -> None:
    runs = [
        farthing("run", text, "--json").json["run_id"] for text in ("Write a function", "What is the time?")
    ]
    month = farthing("report", "--simulated", "--json").json
    costs = [Decimal(farthing("report", "--run", run, "--json").json["total_spend"]) for run in runs]
    assert Decimal(month["total_spend"]) == sum(costs) > 0
    assert (month["calls"], month["simulated"], month["cost_basis"]) == (2, True, "reported")
    assert {*month["by_task_type"]} == {"coding", "simple"}
    assert sum(Decimal(line["cost"]) for line in month["by_model"].values()) == Decimal(month["total_spend"])
    assert farthing("report", "--json").json["calls"] == 0  # the real ledger has none of it


def test_csv_has_the_groups_of_a_month_and_the_attempts_of_a_run(
    farthing: Command, simulator: SimulatorProcess
) -> None:
    run = farthing("run", "Write a function", "--json").json
    month = list(csv.DictReader(io.StringIO(farthing("report", "--simulated", "--csv").out)))
    assert [row["group"] for row in month] == ["total", "model", "task_type", "role", "purpose"]
    assert {row["settled_usd"] for row in month} == {run["cost"]}
    attempts = list(csv.DictReader(io.StringIO(farthing("report", "--run", run["run_id"], "--csv").out)))
    assert [(row["model"], row["status"], row["simulated"]) for row in attempts] == [
        (run["model"], "accepted", "True")
    ]


def test_for_people_settled_held_and_uncertain_are_apart(
    farthing: Command, simulator: SimulatorProcess
) -> None:
    run = farthing("run", "Write a function", "--json").json["run_id"]
    for arguments in (["--run", run], ["--simulated"]):
        said = farthing("report", *arguments)
        assert said.code == 0
        for word in ("settled", "held", "uncertain", "baseline", "saved", "Simulated:"):
            assert word in said.out


def test_an_unknown_run_is_told(farthing: Command) -> None:
    said = farthing("report", "--run", "run-none")
    assert said.code == 1
    assert "run-none" in said.err


def test_two_forms_at_once_are_refused(farthing: Command) -> None:
    assert farthing("report", "--json", "--csv").code == 2
