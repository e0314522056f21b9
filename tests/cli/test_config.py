"""What is in force and where it comes from; what is wrong with a file."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Command

from farthing.config.json_schema import deployment_json_schema


def test_show_is_the_effective_configuration(farthing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTHLY_BUDGET", "7")
    told = farthing("config", "show", "--profile", "production", "--json").json
    assert (told["budget"]["monthlyLimit"], told["budget"]["dailyLimit"]) == ("7", "20")


def test_show_says_where_each_setting_comes_from(
    farthing: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MONTHLY_BUDGET", "7")
    (tmp_path / "team.json").write_text('{"extends": "premium", "scaling": {"maxConcurrency": 3}}')
    monkeypatch.chdir(tmp_path)
    said = farthing("config", "show", "--config", "team.json").out
    rows = {line.split()[0]: line.split() for line in said.splitlines() if line.strip()}
    assert rows["budget.monthlyLimit"][1:] == ["7", "MONTHLY_BUDGET"]
    assert rows["scaling.maxConcurrency"][1:] == ["3", "team.json"]
    assert rows["models.primary.model"][-2:] == ["profile", "premium"]
    assert rows["upstream.stream"][1:] == ["true", "default"]


def test_show_never_shows_a_secret(farthing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-secret")
    monkeypatch.setenv("FARTHING_DATABASE_URL", "postgresql://me:hunter2@host/ledger")
    for form in ([], ["--json"]):
        said = farthing("config", "show", *form)
        assert said.code == 0
        assert "hunter2" not in said.out
        assert "secret" not in said.out
        assert "postgresql://me:***@host/ledger" in said.out


def test_validate_tells_every_fault_of_every_file(farthing: Command, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"extends": "balanced"}')
    bad.write_text('{"models": {"primry": "x"}, "budget": {"monthlyLimit": -1}}')
    said = farthing("config", "validate", str(good), str(bad))
    assert said.code == 2
    assert f"{good}: valid" in said.out
    for words in ("models.primry", "did you mean 'primary'", "budget.monthlyLimit"):
        assert words in said.err
    told = farthing("config", "validate", str(good), str(bad), "--json").json
    assert [entry["valid"] for entry in told] == [True, False]


def test_schema_is_the_schema(farthing: Command) -> None:
    assert json.loads(farthing("config", "schema").out) == deployment_json_schema()
