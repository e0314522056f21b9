"""Both sides of one's own prompts: nothing paid twice, nothing over the budget."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import received
from tests.cli.spawned import ended, environment, spawn

from farthing.cli.work.compare_page import page_of
from farthing.cli.work.sides import wilson
from farthing.cli.work.trials import Result
from farthing.quality.expectations import Verdict
from farthing.simulator.process import SimulatorProcess

SAMPLE = Path(__file__).parents[2] / "examples" / "samples" / "prompts.jsonl"
QUIET = {"overrun_rate": 0, "missing_cost_rate": 0}


@pytest.fixture(scope="module")
def process() -> Iterator[SimulatorProcess]:
    with SimulatorProcess(seed=5) as simulator:
        yield simulator


@pytest.fixture
def simulator(process: SimulatorProcess) -> SimulatorProcess:
    process.call("POST", "/reset")
    process.call("POST", "/scenario", QUIET)
    return process


def compared(home: Path, simulator: SimulatorProcess, *arguments: str) -> tuple[int, str, str]:
    where = {"OPENROUTER_BASE_URL": simulator.base_url}
    return ended(spawn("compare", *arguments, "--profile", "balanced", home=home, **where))


def written(folder: Path, count: int) -> Path:
    path = folder / "prompts.jsonl"
    path.write_text(
        "".join(json.dumps(f"Explain the number {n} in a sentence.") + "\n" for n in range(count))
    )
    return path


def test_the_sample_on_both_sides(tmp_path: Path, simulator: SimulatorProcess) -> None:
    code, out, err = compared(tmp_path, simulator, str(SAMPLE), "--yes", "--json", "--html", "page.html")
    told: dict[str, Any] = json.loads(out)
    assert code == 2  # two lines are bad
    assert "line 5 is skipped: check has 'regexp'; nearest is 'regex'" in err
    assert "line 6 is skipped: is not JSON" in err
    assert told["simulated"] is True
    ours, theirs = told["sides"]["profile"], told["sides"]["baseline"]
    assert 0 < Decimal(ours["cost"]) < Decimal(theirs["cost"])
    assert Decimal(told["savings_percent"]) > 90
    verdicts = {(one["line"], one["side"]): one["verdicts"] for one in told["results"]}
    assert [verdict["passed"] for verdict in verdicts[2, "profile"]] == [True]
    models = {one["model"] for one in told["results"] if one["side"] == "baseline"}
    assert models == {"anthropic/claude-3.5-sonnet"}
    page = (tmp_path / "page.html").read_text()
    assert "<script" not in page
    assert "Simulated" in page


def test_what_is_there_is_not_paid_again(tmp_path: Path, simulator: SimulatorProcess) -> None:
    path = written(tmp_path, 6)
    assert compared(tmp_path, simulator, str(path), "--yes", "--limit", "2")[0] == 0
    assert len(received(simulator)) == 4
    _, out, err = compared(tmp_path, simulator, str(path), "--yes", "--json")
    assert "4 of 12 are there already" in err
    assert len(received(simulator)) == 12
    assert json.loads(out)["compared"] == 6
    assert compared(tmp_path, simulator, str(path), "--json")[0] == 0  # nothing left: nothing is asked
    assert len(received(simulator)) == 12


def test_after_a_kill_it_goes_on(tmp_path: Path, simulator: SimulatorProcess) -> None:
    path = written(tmp_path, 30)
    command = ("compare", str(path), "--profile", "balanced", "--yes", "--out", "kept", "--concurrency", "2")
    killed = spawn(*command, home=tmp_path, OPENROUTER_BASE_URL=simulator.base_url)
    results = tmp_path / "kept" / "results.jsonl"
    deadline = time.monotonic() + 60
    while not (results.exists() and results.read_bytes().count(b"\n") >= 5):
        assert time.monotonic() < deadline
        assert killed.poll() is None
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    there = results.read_bytes().count(b"\n")
    code, out, _ = compared(tmp_path, simulator, str(path), "--yes", "--json", "--out", "kept")
    assert (code, json.loads(out)["compared"]) == (0, 30)
    assert len(received(simulator)) <= 60 + 2  # at most what was in flight is asked again
    assert results.read_bytes().count(b"\n") >= 60 >= there


def test_a_budget_ends_it_and_holds(tmp_path: Path, simulator: SimulatorProcess) -> None:
    path = written(tmp_path, 30)
    code, _, err = compared(tmp_path, simulator, str(path), "--yes", "--budget", "0.02")
    assert code == 4
    assert "the budget ended it" in err
    bill = simulator.call("GET", "/bill")
    assert Decimal(str(bill["total"])) <= Decimal("0.02")
    assert len(received(simulator)) > 0


def test_it_asks_before_it_spends(tmp_path: Path, simulator: SimulatorProcess) -> None:
    code, _, err = compared(tmp_path, simulator, str(written(tmp_path, 2)))
    assert code != 0
    assert "4 calls, expected to cost $" in err
    assert "--yes" in err
    assert received(simulator) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "no prompt"), ('{"prompt": "a", "model": "b"}\n', "names a model"), ("[1]\n", "neither a prompt")],
)
def test_a_file_without_prompts_is_told(
    tmp_path: Path, simulator: SimulatorProcess, content: str, words: str
) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text(content)
    code, _, err = compared(tmp_path, simulator, str(path), "--yes")
    assert code == 2
    assert words in err


def test_a_page_shows_what_a_model_wrote_and_does_not_run_it() -> None:
    evil = "<script>alert(1)</script>"
    results = [
        Result(
            key=side,
            line=1,
            side=side,
            title=evil,
            model=evil,
            answer=evil,
            cost=Decimal("0.1"),
            latency_ms=1.0,
            input_tokens=1,
            output_tokens=1,
            verdicts=(Verdict(kind="regex", passed=False, reason=evil),),
        )
        for side in ("profile", "baseline")
    ]
    page = page_of(results, evil, evil)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 8


def test_the_interval_is_wilsons() -> None:
    low, high = wilson(9, 10)
    assert (round(low, 3), round(high, 3)) == (0.596, 0.982)
    assert wilson(0, 5)[0] == 0.0
    assert wilson(5, 5)[1] == 1.0


def test_an_interrupt_leaves_what_is_done(tmp_path: Path, simulator: SimulatorProcess) -> None:
    path = written(tmp_path, 3000)  # more than are answered before the signal comes
    where = {"OPENROUTER_BASE_URL": simulator.base_url}
    command = [
        sys.executable,
        "-m",
        "farthing",
        "compare",
        str(path),
        "-p",
        "balanced",
        "--yes",
        "--out",
        "kept",
    ]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [*command, "--out", "kept"],
        cwd=tmp_path,
        env=environment(tmp_path, **where),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    results = tmp_path / "kept" / "results.jsonl"
    deadline = time.monotonic() + 60
    while not (results.exists() and results.read_bytes().count(b"\n") >= 3):
        assert time.monotonic() < deadline
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert results.read_bytes().endswith(b"\n")
