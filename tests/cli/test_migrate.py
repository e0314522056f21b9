"""`farthing migrate`: what it detects from files, environment and ledgers, and what is marked by hand."""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Command

from farthing.simulator.process import SimulatorProcess
from farthing.spend.batch import RollupKey, RollupSums
from farthing.spend.ledger import SIMULATOR
from farthing.storage.database import Database, default_path, sqlite_url
from farthing.storage.tables import ledger, meta, rollup

SAMPLE = str(Path(__file__).parents[2] / "examples" / "samples" / "usage-anthropic.csv")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def items(farthing: Command) -> dict[str, dict[str, Any]]:
    return {line["id"]: line for line in farthing("migrate", "status", "--json").json["items"]}


def standing(farthing: Command, *names: str) -> list[str]:
    found = items(farthing)
    return [found[name]["standing"] for name in names]


def spend(url: str, *days: str, upstream: str = "openrouter.ai", settled: int = 1_000_000) -> None:
    """Puts roll-ups of ended calls into a ledger: one answered call a day, in nano-dollars."""
    database = Database(url)
    for day in days:
        key = RollupKey(day, upstream, "meta-llama/llama-3.3-70b-instruct", "coding", "", "task")
        sums = RollupSums(calls=1, settled=settled, baseline=20 * settled)
        with database.write() as connection:
            database.add_missing(connection, rollup, [{**key._asdict(), **sums._asdict()}])
    database.close()


def real_ledger() -> str:
    return sqlite_url(default_path(simulated=False, environ=os.environ))


def test_on_a_fresh_machine_nothing_is_done_and_nothing_is_made(farthing: Command) -> None:
    said = farthing("migrate", "status")
    assert (said.code, said.err) == (0, "")
    for words in ("Checklist, 0 of 10", "Week 4: optimization, 0 of 4", "next: farthing audit FILE…"):
        assert words in said.out
    assert not default_path(simulated=False, environ=os.environ).parent.exists()


def test_an_audit_is_remembered_with_its_baseline(farthing: Command) -> None:
    farthing("audit", SAMPLE)
    found = items(farthing)
    assert "usage-anthropic.csv, 28 days" in found["audit"]["why"]
    assert found["baseline"]["why"] == "$243.54 a month on today's models"
    told = farthing("migrate", "status", "--json").json
    assert (told["done"], told["of"], told["next"]) == (2, 10, "farthing init")
    assert told["audit"]["recommended"] == "balanced"


def test_key_and_configuration_are_detected_and_the_key_is_never_shown(
    farthing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-very-secret")
    assert standing(farthing, "account", "environment", "configuration") == ["detected", "open", "open"]
    Path(".env").write_text("DEPLOYMENT_CONFIG=balanced\nMONTHLY_BUDGET=50\n")
    found = items(farthing)
    assert found["environment"]["why"] == "set: OPENROUTER_API_KEY, DEPLOYMENT_CONFIG, MONTHLY_BUDGET"
    assert found["configuration"]["why"] == "DEPLOYMENT_CONFIG names balanced, and it is valid"
    assert found["monitoring"]["why"] == "alerts at 80 % and 95 % of $50.00 a month"
    said = farthing("migrate", "status")
    assert "very-secret" not in said.out + said.err


def test_alerts_that_are_silenced_are_no_monitoring(
    farthing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYMENT_CONFIG", "balanced")
    monkeypatch.setenv("ENABLE_COST_TRACKING", "false")
    assert standing(farthing, "configuration", "monitoring") == ["detected", "open"]


def test_a_wrong_configuration_is_not_chosen_and_said(
    farthing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYMENT_CONFIG", "balancd")
    spend(real_ledger(), "2026-11-01")
    assert standing(farthing, "configuration", "deploy") == ["open", "detected"]
    said = farthing("migrate", "status")
    assert said.code == 0
    assert "there is no profile 'balancd'" in said.out


def test_simulated_runs_validate_and_are_no_production(
    farthing: Command, simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYMENT_CONFIG", "budget")
    assert farthing("run", "Write a function").code == 0
    told = farthing("migrate", "status", "--json").json
    assert told["simulated_calls"] >= 1
    assert told["real"]["answered"] == 0
    assert standing(farthing, "validation", "suite", "deploy", "budget", "measure") == [
        *("detected", "detected"),
        *("open", "open", "open"),
    ]


def test_simulated_rows_in_a_ledger_that_a_url_names_are_simulated_all_the_same(
    farthing: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'named.db'}"
    monkeypatch.setenv("FARTHING_DATABASE_URL", url)
    spend(url, *(f"2026-11-{day:02d}" for day in range(1, 10)), upstream=SIMULATOR)
    assert standing(farthing, "validation", "deploy", "observe") == ["detected", "open", "open"]


@pytest.mark.parametrize(("days", "expected"), [(6, "open"), (7, "detected")])
def test_seven_days_of_real_spend_are_a_week(farthing: Command, days: int, expected: str) -> None:
    spend(real_ledger(), *(f"2026-11-{2 * day:02d}" for day in range(1, days + 1)))
    found = items(farthing)
    assert found["deploy"]["why"] == f"{days} real calls were answered since 2026-11-02, for $0.00{days}00"
    assert found["measure"]["why"].startswith("the ledger shows 95.0 % saved")
    assert found["observe"]["standing"] == expected


def test_a_profile_stays_deployed_when_the_next_one_is(
    farthing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    spend(real_ledger(), "2026-11-02")
    monkeypatch.setenv("DEPLOYMENT_CONFIG", "budget")
    assert standing(farthing, "budget", "balanced") == ["detected", "open"]
    monkeypatch.setenv("DEPLOYMENT_CONFIG", "balanced")
    assert standing(farthing, "budget", "balanced") == ["detected", "detected"]


@pytest.mark.parametrize(("kind", "expected"), [("real", "detected"), ("simulated", "open")])
def test_a_comparison_in_the_real_ledger_counts(farthing: Command, kind: str, expected: str) -> None:
    database = Database(real_ledger())
    row = {"epoch": 1, "call_id": "c", "at_us": 1, "nano": 1, "body": "{}", "hash": ""}
    with database.write() as connection:
        connection.execute(meta.insert(), [{"key": "money", "value": kind}])
        connection.execute(ledger.insert(), [{**row, "kind": "settled", "run_id": "cmp_1f2e-1"}])
        connection.execute(
            ledger.insert(), [{**row, "kind": "settled", "call_id": "d", "run_id": "run_1f2e-2"}]
        )
    database.close()
    assert standing(farthing, "compare") == [expected]


def test_days_that_cost_nothing_are_no_spend(farthing: Command) -> None:
    spend(real_ledger(), *(f"2026-11-{day:02d}" for day in range(1, 10)), settled=0)
    assert standing(farthing, "deploy", "observe") == ["detected", "open"]


def test_a_ledger_that_does_not_answer_is_said(
    farthing: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database" * 1000)
    monkeypatch.setenv("FARTHING_DATABASE_URL", f"sqlite:///{broken}")
    said = farthing("migrate", "status")
    assert said.code == 0
    assert "does not answer" in said.out


def test_items_are_marked_and_taken_back(farthing: Command) -> None:
    assert farthing("migrate", "done", "compare", "--note", "two were worse").code == 0
    assert farthing("migrate", "done", "tenth").code == 0
    found = items(farthing)
    assert found["compare"]["why"].endswith(": two were worse")
    assert found["tenth"]["standing"] == "marked"
    assert farthing("migrate", "undo", "tenth").code == 0
    assert standing(farthing, "compare", "tenth") == ["marked", "open"]


def test_what_is_no_item_is_told(farthing: Command) -> None:
    said = farthing("migrate", "done", "comparre")
    assert said.code == 1
    assert "did you mean compare?" in said.err
    assert farthing("migrate", "undo", "tenth").code == 1


def test_a_key_is_not_kept_in_a_note(farthing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-very-secret")
    said = farthing("migrate", "done", "adjust", "--note", "with sk-or-v1-very-secret")
    assert said.code == 1
    assert "very-secret" not in said.err
    assert standing(farthing, "adjust") == ["open"]


def test_a_damaged_file_is_an_error_with_the_way_out(farthing: Command) -> None:
    place = default_path(simulated=False, environ=os.environ).with_name("migration.json")
    place.parent.mkdir(parents=True)
    place.write_text("{")
    said = farthing("migrate", "status")
    assert said.code == 1
    assert "move it away" in said.err
