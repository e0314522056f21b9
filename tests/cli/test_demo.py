"""The demo as a newcomer sees it: a process of its own, no key, faults survived, figures that agree."""

import json
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Command
from tests.cli.spawned import ended, on_terminal, spawn

KEY = "sk-or-v1-not-to-be-seen"


def ran(*arguments: str, home: Path, **more: str) -> Any:
    code, out, err = ended(spawn("demo", "--json", "--time-scale", "0", *arguments, home=home, **more))
    assert code == 0, err
    return json.loads(out)


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Three demos side by side on one ledger: two seeds, and one without faults."""
    home = tmp_path_factory.mktemp("demo")
    (home / ".env").write_text(f"OPENROUTER_API_KEY={KEY}\nFARTHING_ENV=development\nMONTHLY_BUDGET=0\n")
    fixed = ("demo", "--json", "--time-scale", "0")
    started = {
        "one": spawn(*fixed, home=home),
        "two": spawn(*fixed, "--seed", "2", "--goal", "Plan [a] garden", home=home, OPENROUTER_API_KEY=KEY),
        "healthy": spawn(*fixed, "--faults", "none", "--out", "runs", home=home),
    }
    told: dict[str, Any] = {}
    for name, process in started.items():
        code, out, err = ended(process)
        assert code == 0, err
        assert KEY not in out + err
        told[name] = json.loads(out)
    return home, told


def test_eight_agents_and_a_synthesis_each_with_its_model_and_reason(
    demos: tuple[Path, dict[str, Any]],
) -> None:
    told = demos[1]["one"]
    roles = sorted(task["role"] for task in told["tasks"])
    assert roles == ["coder"] * 3 + ["researcher"] * 3 + ["reviewer"] * 2 + ["synthesis"]
    assert [task["agent"] for task in told["tasks"] if not (task["model"] and task["reason"])] == []
    assert told["simulated"] is True
    assert told["output"].startswith("[simulated]")


def test_a_429_and_a_cut_stream_are_survived_and_named(demos: tuple[Path, dict[str, Any]]) -> None:
    told = demos[1]["one"]
    met = [entry["met"].split()[0] for entry in told["survived"]]
    assert sorted(met) == ["cut", "rate_limited"]
    assert (told["failed"], told["failed_calls"]) == (0, 2)
    assert all(entry["then"] for entry in told["survived"])


def test_costs_are_exact_text_and_agree_with_each_other(demos: tuple[Path, dict[str, Any]]) -> None:
    told = demos[1]["one"]
    spent, baseline = Decimal(told["total_spend"]), Decimal(told["baseline_cost"])
    assert 0 < spent < baseline
    assert Decimal(told["savings"]) == baseline - spent - Decimal(told["uncertain"])
    assert sum(Decimal(task["cost"]) for task in told["tasks"]) == spent + Decimal(told["uncertain"])
    assert told["held"] == "0"
    assert Decimal(told["for_real"]["expected_cost"]) > 0
    assert told["for_real"]["command"].startswith("farthing swarm run")


def test_the_report_says_the_same(demos: tuple[Path, dict[str, Any]]) -> None:
    home, demo = demos
    for told in demo.values():
        code, out, err = ended(spawn("report", "--run", told["run_id"], "--json", home=home))
        assert code == 0, err
        report = json.loads(out)
        assert report == {key: told[key] for key in report}


def test_another_seed_has_other_figures(demos: tuple[Path, dict[str, Any]]) -> None:
    one, two = demos[1]["one"], demos[1]["two"]
    assert one["total_spend"] != two["total_spend"]
    assert two["goal"] == "Plan [a] garden"


def test_without_faults_nothing_fails_and_the_run_is_kept(demos: tuple[Path, dict[str, Any]]) -> None:
    home, told = demos[0], demos[1]["healthy"]
    assert (told["survived"], told["failed_calls"], told["calls"]) == ([], 0, 9)
    kept = json.loads((home / told["folder"] / "run.json").read_text())
    assert (kept["run_id"], kept["simulated"]) == (told["run_id"], True)


def test_for_people_it_shows_models_reasons_faults_savings_and_how_to_do_it(tmp_path: Path) -> None:
    code, out, err = ended(spawn("demo", "--time-scale", "0", home=tmp_path))
    assert (code, err) == (0, "")
    for words in (
        "qwen-2.5-coder-32b-instruct",
        "coding maps to secondary",
        "survived: rate_limited 429",
        "survived: a cut stream",
        "baseline",
        "% net",
        "Simulated: a simulator on this machine answered",
        "For real, about $",
        "farthing report --run run-",
    ):
        assert words in out
    assert "\x1b[" not in out


def test_on_a_terminal_the_table_is_live(tmp_path: Path) -> None:
    code, out = on_terminal("demo", "--time-scale", "0.2", home=tmp_path)
    assert code == 0
    assert "\x1b[?25l" in out  # the cursor is hidden while the table lives
    assert out.count("researcher-1") > 2
    assert "so far · simulated" in out


def test_ctrl_c_stops_cleanly_and_tells_what_was_spent(tmp_path: Path) -> None:
    process = spawn("demo", "--time-scale", "60", home=tmp_path)
    assert process.stdout is not None
    seen = ""
    while "stage 1" not in seen:
        seen = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    code, out, err = ended(process)
    assert code == 130
    assert "stopped before the end: cancelled" in err
    assert "Traceback" not in err
    assert "settled" in out or "nothing was spent" in out


def test_live_needs_a_key(farthing: Command) -> None:
    said = farthing("demo", "--live")
    assert said.code == 3
    assert "OPENROUTER_API_KEY" in said.err


def test_live_needs_a_terminal_to_ask_on(farthing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    said = farthing("demo", "--live")
    assert said.code == 1
    assert "--yes" in said.err
    assert KEY not in said.out + said.err


def test_live_refuses_the_simulators_options(farthing: Command) -> None:
    assert farthing("demo", "--live", "--seed", "3").code == 2


def test_a_wrong_scenario_is_told_with_its_faults(farthing: Command, tmp_path: Path) -> None:
    scenario = tmp_path / "faults.json"
    scenario.write_text('{"rules": [{"fault": "rate_limt"}]}')
    said = farthing("demo", "--faults", str(scenario))
    assert said.code == 2
    assert "rate_limit" in said.err
