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


def test_what_shorter_prompts_saved_stands_beside_the_levers(
    farthing: Command, simulator: SimulatorProcess, tmp_path: Path
) -> None:
    config = tmp_path / "farthing.json"
    config.write_text('{"extends": "balanced", "optimization": {"promptOptimization": {"enabled": true}}}')
    farthing("run", "Please sort these in order to find the largest.", "--config", str(config))
    farthing("run", "Sort these.", "--config", str(config))
    told = farthing("report", "--simulated", "--json").json
    assert (told["shortened"]["calls"], told["shortened"]["tokens"]) == (1, 3)
    assert Decimal(told["shortened"]["saved"]) > 0
    shown = farthing("report", "--simulated").out
    assert "Beside these: prompts shortened by some 3 tokens in 1 call, about $" in shown


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


def labelled_runs(farthing: Command) -> None:
    for text, key, tag in (
        ("Write a function", "alice", "web"),
        ("What is the time?", "bob", "web"),
        ("Write a function", "alice", "batch"),
    ):
        assert farthing("run", text, "--key", key, "--tag", tag, "--json").code == 0


def test_groups_and_filters_add_up_to_the_month(farthing: Command, simulator: SimulatorProcess) -> None:
    labelled_runs(farthing)
    month = farthing("report", "--simulated", "--json").json
    total = Decimal(month["total_spend"])
    for by in ("day", "model", "task-type", "role", "agent", "swarm", "key", "purpose"):
        group = farthing("report", "--simulated", "--json", "--by", by).json["group"]
        assert sum(Decimal(line["cost"]) for line in group.values()) == total > 0, by
    assert {*farthing("report", "--simulated", "--json", "--by", "tag").json["group"]} == {"web", "batch"}
    parts = [
        Decimal(farthing("report", "--simulated", "--json", "--key", key).json["total_spend"])
        for key in ("alice", "bob", "nobody")
    ]
    assert sum(parts) == total
    assert parts[2] == 0
    both = farthing("report", "--simulated", "--json", "--key", "alice", "--tag", "web").json
    assert (both["calls"], both["limit"], both["scope"]) == (1, None, "key alice, tag web")


def test_the_levers_of_a_month_add_up_to_its_savings(farthing: Command, simulator: SimulatorProcess) -> None:
    simulator.call("POST", "/scenario", {"rules": [{"match": {"every": 2}, "fault": "cut"}]})
    for _ in range(4):
        farthing("run", "Write a function", "--json")
    month = farthing("report", "--simulated", "--json").json
    levers = month["details"]["levers"]
    assert sum(Decimal(lever["saved"]) for lever in levers) == Decimal(month["savings"])
    assert {"routing", "failed"} <= {lever["lever"] for lever in levers}
    assert all(lever["against"] for lever in levers)
    spent = sum(Decimal(part["cost"]) for part in month["spent_on"].values())
    assert spent == Decimal(month["total_spend"]) + Decimal(month["uncertain"])
    assert {level["verdict"] for level in month["details"]["targets"]} <= {"met", "missed", "not shown"}
    assert farthing("report", "--simulated", "--json", "--no-details").json["details"] is None


def test_the_forecast_is_never_below_what_is_spent(farthing: Command, simulator: SimulatorProcess) -> None:
    labelled_runs(farthing)
    month = farthing("report", "--simulated", "--json").json
    found = month["forecast"]
    assert Decimal(found["spent"]) == Decimal(month["total_spend"]) <= Decimal(found["low"])
    assert Decimal(found["low"]) <= Decimal(found["expected"])
    assert "forecast" in farthing("report", "--simulated").out
    assert "forecast" not in farthing("report", "--simulated", "--last", "3d").out


def test_other_days_are_their_own(farthing: Command, simulator: SimulatorProcess) -> None:
    labelled_runs(farthing)
    assert farthing("report", "--simulated", "--json", "--last", "1d").json["calls"] == 3
    past = farthing("report", "--simulated", "--json", "--since", "2020-01-01", "--until", "2020-01-31").json
    assert (past["calls"], past["period"]) == (0, "2020-01-01 to 2020-01-31")
    days = farthing("report", "--simulated", "--by", "day", "--last", "3d").out
    assert "█" in days
    assert "··" in days


def test_repricing_by_the_books_own_prices_and_by_others(
    farthing: Command, simulator: SimulatorProcess
) -> None:
    labelled_runs(farthing)
    month = farthing("report", "--simulated", "--json").json
    for book in ("tutorial", "current", "2025-10-07"):
        found = farthing("report", "--simulated", "--json", "--reprice", book).json
        compared = Decimal(found["total"]["cost"])
        left = sum(Decimal(one["cost"]) for one in found["left_out"])
        assert compared + left == Decimal(month["total_spend"])
        difference = Decimal(found["total"]["repriced"]) - compared
        assert Decimal(found["total"]["difference"]) == difference
    rows = list(
        csv.DictReader(io.StringIO(farthing("report", "--simulated", "--csv", "--reprice", "tutorial").out))
    )
    assert rows[-1]["model"] == "all"
    said = farthing("report", "--simulated", "--reprice", "tutorail")
    assert (said.code, "tutorial" in said.err) == (2, True)


def test_charges_for_finance_tools_are_what_was_settled(
    farthing: Command, simulator: SimulatorProcess, tmp_path: Path
) -> None:
    labelled_runs(farthing)
    month = farthing("report", "--simulated", "--json").json
    path = tmp_path / "charges.csv"
    said = farthing("report", "--simulated", "--json", "--focus", str(path))
    assert said.json["calls"] == 3
    assert "FOCUS 1.2" in said.err
    with path.open(newline="") as file:
        charges = list(csv.DictReader(file))
    assert sum(Decimal(one["BilledCost"]) for one in charges) == Decimal(month["total_spend"])
    assert {one["SubAccountId"] for one in charges} == {"alice", "bob"}
    assert {one["x_Simulated"] for one in charges} == {"true"}
    assert [path.name for path in tmp_path.iterdir()] == ["charges.csv"]
    assert farthing("report", "--simulated", "--focus", str(tmp_path / "no" / "x.csv")).code == 1


def test_the_plot_is_drawn(farthing: Command, simulator: SimulatorProcess, tmp_path: Path) -> None:
    labelled_runs(farthing)
    for name, begins in (("days.png", b"\x89PNG"), ("days.svg", b"<?xml")):
        assert farthing("report", "--simulated", "--plot", str(tmp_path / name)).code == 0
        assert (tmp_path / name).read_bytes().startswith(begins)
    assert farthing("report", "--simulated", "--plot", str(tmp_path / "days.txt")).code == 1


def test_what_does_not_go_together_is_refused(farthing: Command) -> None:
    assert farthing("report", "--run", "run-1", "--by", "day").code == 2
    assert farthing("report", "--last", "3d", "--since", "2026-01-01").code == 2
    assert farthing("report", "--by", "colour").code == 2
