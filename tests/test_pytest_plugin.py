"""The plugin as a user's test run meets it: found by itself, three lines for a test, nothing when unused."""

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

THREE_LINES = """
def test_it_answers(farthing_deployment):
    with farthing_deployment as deployment:
        assert deployment.execute_task_sync("What is a ledger?").output
"""

MORE = """
import pytest
from farthing import BudgetExceededError

def test_faults_and_what_was_received(farthing_simulator, farthing_deploy):
    fault = {"match": {"nth": 1}, "fault": {"kind": "server_error"}}
    farthing_simulator.call("POST", "/scenario", {"rules": [fault]})
    with farthing_deploy("premium") as deployment:
        result = deployment.execute_task_sync(type="coding", description="Sort a list.")
    assert [attempt.status for attempt in result.attempts] == ["failed", "accepted"]
    assert len(farthing_simulator.call("GET", "/requests")["requests"]) == 2

def test_the_next_test_gets_it_as_good_as_new(farthing_simulator, farthing_deploy):
    assert farthing_simulator.call("GET", "/requests")["requests"] == []
    with farthing_deploy(overrides={"budget.monthlyLimit": "0.0000001"}) as deployment:
        with pytest.raises(BudgetExceededError):
            deployment.execute_task_sync("Write a long story.")
"""

COUNT = """
import json, sys

def pytest_unconfigure(config):
    names = sorted(name for name in sys.modules if name.startswith("farthing."))
    with open("modules.json", "w") as file:
        json.dump(names, file)
"""


def run(folder: Path, *arguments: str) -> str:
    """A test run of its own in `folder`; it must pass."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments],
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


@pytest.mark.parametrize(("text", "passed"), [(THREE_LINES, "1 passed"), (MORE, "2 passed")])
def test_a_users_tests_pass(tmp_path: Path, text: str, passed: str) -> None:
    (tmp_path / "test_agents.py").write_text(text)
    assert passed in run(tmp_path)


def test_it_loads_nothing_of_farthing_until_a_fixture_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(COUNT)
    (tmp_path / "test_other.py").write_text("def test_other():\n    pass\n")
    run(tmp_path)
    assert json.loads((tmp_path / "modules.json").read_text()) == ["farthing.pytest_plugin"]


def test_the_guide_shows_the_three_lines() -> None:
    guide = Path(__file__).parents[1] / "docs" / "guides" / "testing.md"
    assert THREE_LINES.strip() in guide.read_text(encoding="utf-8")
