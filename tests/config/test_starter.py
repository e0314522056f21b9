"""The first files' texts: every variable, never a key, every line end kept."""

import os
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.config import starter
from farthing.config.environment import API_KEY, Environment, api_key, read_environment
from farthing.config.load import load_config


def test_the_template_has_every_variable_that_farthing_reads() -> None:
    known = {API_KEY, *(str(field.alias) for field in Environment.model_fields.values())}
    assert {variable.name for variable in starter.VARIABLES} == known
    assert starter.missing_names(starter.dotenv_text("farthing.json")) == ()


def test_the_template_sets_the_configuration_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(starter.dotenv_text("team.json"))
    monkeypatch.chdir(tmp_path)
    said = {name: value for name, value in read_environment({}).model_dump(by_alias=True).items() if value}
    assert said == {"DEPLOYMENT_CONFIG": "team.json"}
    assert api_key({}) is None


def test_the_template_with_all_its_marks_removed_is_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        line.removeprefix("# ") if any(f"# {v.name}=" in line for v in starter.VARIABLES) else line
        for line in starter.dotenv_text("premium").splitlines()
    ]
    (tmp_path / ".env").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    config = load_config(environ={})
    assert (config.name, config.budget.monthly_limit, config.monitoring.cost_tracking) == (
        "premium",
        200,
        True,
    )


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", 7),
        ("OPENROUTER_API_KEY=sk-or-x\n", 6),
        ("export OPENROUTER_API_KEY=x\n  # MONTHLY_BUDGET = 3\r\nFARTHING_ENV=\n", 4),
        ("MY_OPENROUTER_API_KEY=x\n", 7),
    ],
)
def test_names_that_a_dotenv_does_not_mention(text: str, missing: int) -> None:
    assert len(starter.missing_names(text)) == missing


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, ".env\n"),
        ("", ".env\n"),
        ("*.pyc\n", "*.pyc\n.env\n"),
        ("*.pyc", "*.pyc\n.env\n"),
        ("*.pyc\r\nbuild\r\n", "*.pyc\r\nbuild\r\n.env\r\n"),
        ("*.pyc\r\nbuild", "*.pyc\r\nbuild\r\n.env\r\n"),
        (".envrc\n", ".envrc\n.env\n"),
        ("#.env\n", "#.env\n.env\n"),
        (".env\n!.env\n", ".env\n!.env\n.env\n"),
        (".env/\n", ".env/\n.env\n"),
    ],
)
def test_dotenv_is_added_with_the_line_ends_that_are_there(before: str | None, after: str) -> None:
    assert starter.with_dotenv_ignored(before) == after


@pytest.mark.parametrize("text", [".env\n", "/.env\n", ".env*\n", "*.env", "**/.env\r\n", "!.env\n.env\n"])
def test_what_ignores_dotenv_already_stays(text: str) -> None:
    assert starter.with_dotenv_ignored(text) is None


_PATTERNS = st.sampled_from(
    ["*.pyc", ".env", "!.env", "/.env", "*.env", "#x", "", ".env*", ".e?v", ".envrc", "**/.env"]
)


@given(lines=st.lists(_PATTERNS, max_size=5), end=st.sampled_from(["\n", "\r\n"]), last=st.booleans())
def test_after_it_was_added_once_nothing_is_to_be_added(lines: list[str], end: str, last: bool) -> None:
    before = end.join(lines) + (end if last else "")
    after = starter.with_dotenv_ignored(before)
    if after is not None:
        assert after.startswith(before)
        assert starter.with_dotenv_ignored(after) is None


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git to ask")
def test_git_agrees(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*arguments: str) -> int:
        return subprocess.run(["git", *arguments], cwd=tmp_path, env=environ, check=False).returncode  # noqa: S603, S607 - in a folder of its own

    assert git("init", "-q") == 0
    for text in ("*.pyc", ".env\n!.env\n", "", "/.env\n", ".env/\n", "*.env\n"):
        (tmp_path / ".gitignore").write_text(text)
        assert (starter.with_dotenv_ignored(text) is None) == (git("check-ignore", "-q", ".env") == 0), text


def test_money_in_a_file_has_all_its_digits() -> None:
    text = starter.config_text({"budget": {"monthlyLimit": Decimal("0.10"), "dailyLimit": Decimal("2E+2")}})
    assert '"monthlyLimit": 0.1,' in text
    assert '"dailyLimit": 200\n' in text
    assert text.endswith("}\n")
