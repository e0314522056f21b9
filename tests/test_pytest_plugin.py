"""The plugin as a user's test run meets it: found by itself, three lines for a test, nothing when unused."""

import json
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

GUIDE = (Path(__file__).parents[1] / "docs" / "guides" / "testing.md").read_text(encoding="utf-8")
SHOWN: list[str] = re.findall(r"^```text\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)

COUNT = """
import json, sys

def pytest_unconfigure(config):
    names = sorted(name for name in sys.modules if name.startswith("farthing"))
    with open("modules.json", "w") as file:
        json.dump(names, file)
"""

RESET = """
import pytest

@pytest.mark.farthing_fault("server_error", nth=1)
def test_one_leaves_something(farthing_deployment):
    with farthing_deployment as deployment:
        assert len(deployment.execute_task_sync("What is a ledger?").attempts) == 2

def test_two_finds_nothing_of_it(farthing_simulator, farthing_deployment):
    assert farthing_simulator.call("GET", "/requests")["requests"] == []
    with farthing_deployment as deployment:
        assert len(deployment.execute_task_sync("What is a ledger?").attempts) == 1
"""

MARKED = """
import pytest

@pytest.mark.farthing_fault("server_error", nth=1)
@pytest.mark.farthing_fault("cut_before_first", nth=2)
def test_marks_add_up_and_a_call_adds_another(farthing_fault, farthing_deployment):
    farthing_fault("overloaded", nth=3)
    with farthing_deployment as deployment:
        result = deployment.execute_task_sync("What is a ledger?")
    assert [attempt.status for attempt in result.attempts] == ["failed"] * 3 + ["accepted"]

def test_a_slip_is_named(farthing_fault):
    with pytest.raises(RuntimeError, match="rate_limit"):
        farthing_fault("rate_limt")
    with pytest.raises(RuntimeError, match="retry_after"):
        farthing_fault("rate_limit", retry_aftr=2)
"""

OWN_FILE = """
from pathlib import Path

def test_a_file_of_the_project(farthing_deploy):
    for source in ("team.json", Path("team.json")):
        with farthing_deploy(source) as deployment:
            assert str(deployment.config.budget.monthly_limit) == "7"
            assert deployment.config.environment == "production"
            assert deployment.execute_task_sync("What is a ledger?").metrics.cost > 0
"""
DOTENV = "FARTHING_ENV=development\nMONTHLY_BUDGET=0\nOPENROUTER_BASE_URL=http://127.0.0.1:9/api/v1\n"


def run(folder: Path, *arguments: str) -> str:
    """A test run of its own in `folder`, strict and without the plugins of this project; it must pass."""
    strict = (
        "--strict-markers",
        "-W",
        "error",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        "-p",
        "no:asyncio",
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "pytest", "-q", *strict, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_pytest_finds_it() -> None:
    (found,) = entry_points(group="pytest11", name="farthing")
    assert found.value == "farthing.pytest_plugin"


def test_the_guide_begins_with_three_lines() -> None:
    assert len(SHOWN[0].splitlines()) == 3
    assert SHOWN[0].startswith("def test_it_answers(farthing_deployment):")


def test_a_users_tests_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guide's, and those about faults and a file of the project, in one run; each has to pass."""
    texts = [*SHOWN, RESET, MARKED, OWN_FILE]
    for number, text in enumerate(texts):
        (tmp_path / f"test_agents_{number}.py").write_text(text)
    (tmp_path / ".env").write_text(DOTENV)
    (tmp_path / "team.json").write_text('{"extends": "balanced", "budget": {"monthlyLimit": 7}}')
    monkeypatch.setenv("MONTHLY_BUDGET", "0")
    monkeypatch.setenv("FARTHING_ENV", "development")
    assert f"{sum(text.count('def test_') for text in texts)} passed" in run(tmp_path)


def test_it_loads_nothing_of_farthing_until_a_fixture_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(COUNT)
    (tmp_path / "test_other.py").write_text("def test_other():\n    pass\n")
    run(tmp_path, "--collect-only")
    assert json.loads((tmp_path / "modules.json").read_text()) == ["farthing", "farthing.pytest_plugin"]
