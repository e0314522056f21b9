"""A newcomer's first day: install, init, estimate, demo, run, report, a process each; their figures agree."""

import json
import shlex
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.cli.spawned import environment
from tests.wheel import built, installed

from farthing.simulator.process import SimulatorProcess

PROMPTS = ("Write a function that merges two sorted lists", "Explain TCP slow start in three sentences")
ANSWERS = (
    *("--workload", "coding=.5,general=.5", "--volume", "10M/2M", "--criticality", "production"),
    *("--budget", "40", "--compliance", "no-training", "--today", "anthropic/claude-3.5-sonnet"),
)


@pytest.fixture
def simulator() -> Any:
    with SimulatorProcess(seed=11, time_scale=0.0) as process:
        process.call("POST", "/scenario", {"overrun_rate": 0.0, "missing_cost_rate": 0.0})
        yield process


class Newcomer:
    """Somebody with the package installed, and nothing else."""

    def __init__(self, program: Path, home: Path) -> None:
        self._program, self._home = program, home

    def said(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(  # noqa: S603 - our own program
            [str(self._program), *arguments],
            cwd=self._home,
            env=environment(self._home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    def told(self, *arguments: str) -> Any:
        return json.loads(self.said(*arguments, "--json"))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`farthing`, installed from its wheel into an environment of its own."""
    wheel = built(tmp_path_factory.mktemp("wheel"))
    return installed(wheel, tmp_path_factory.mktemp("environment")) / "bin" / "farthing"


def spent(told: Any) -> Decimal:
    return Decimal(told["total_spend"]) + Decimal(told["uncertain"])


def point_at(simulator: SimulatorProcess, home: Path) -> None:
    """What the template says to do: the line's mark is removed and the address filled in."""
    lines = (home / ".env").read_text().splitlines()
    (at,) = (n for n, line in enumerate(lines) if line.startswith("# OPENROUTER_BASE_URL="))
    lines[at] = f"OPENROUTER_BASE_URL={simulator.base_url}"
    (home / ".env").write_text("\n".join(lines) + "\n")


def test_the_first_day(tmp_path: Path, program: Path, simulator: SimulatorProcess) -> None:
    newcomer = Newcomer(program, tmp_path)
    first = newcomer.told("init", *ANSWERS)
    written = {name: (tmp_path / name).read_bytes() for name in first["written"]}
    assert first["profile"] == "production"

    # The estimate that init repeats is the one that it made.
    again = next(step["command"] for step in first["next"] if step["command"].startswith("farthing estimate"))
    month = newcomer.told(*shlex.split(again)[1:])
    assert month["total"] == first["estimate"]["total"]
    assert Decimal(month["baseline"]) == 60
    assert sum(Decimal(part["cost"]) for part in month["breakdown"]) == Decimal(month["total"])

    # The demo needs nothing of what was written, and its report says the same.
    demo = newcomer.told("demo", "--time-scale", "0")
    assert spent(newcomer.told("report", "--run", demo["run_id"])) == spent(demo)

    # Calls take the configuration that .env names, which says how providers may treat what is sent.
    point_at(simulator, tmp_path)
    assert newcomer.told("deploy", "farthing.json", "--check")["ready"]
    runs = [newcomer.told("run", prompt) for prompt in PROMPTS]
    billed = [Decimal(run["cost"]) for run in runs]
    assert all(run["simulated"] and run["cost_basis"] == "reported" for run in runs)
    assert sum(billed) == Decimal(str(simulator.call("GET", "/bill")["total"]))

    # The month is the demo and the runs, under the limit that was answered, against the model of today.
    report = newcomer.told("report", "--simulated")
    assert spent(report) == spent(demo) + sum(billed)
    assert Decimal(report["limit"]) == 40
    assert Decimal(report["remaining"]) == 40 - spent(report)
    baselines = [Decimal(told["baseline_cost"]) for told in (demo, *runs)]
    assert Decimal(report["baseline_cost"]) == sum(baselines)
    assert report["calls"] == demo["calls"] + sum(len(run["attempts"]) for run in runs)
    assert newcomer.told("report")["calls"] == 0  # no real money was spent

    # Another init changes nothing of all this.
    assert "is there already" in newcomer.said("init", *ANSWERS, code=1)
    kept = {name: (tmp_path / name).read_bytes() for name in written if name != ".env"}
    assert kept == {name: text for name, text in written.items() if name != ".env"}
