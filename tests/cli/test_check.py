"""`farthing check` end to end: packaged profiles, rules that cannot fire, bad usage, and never a key."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Command
from tests.cli.spawned import ended, spawn

from farthing.config.packaged import profile_names

KEY = "sk-or-v1-not-to-be-seen"
DEAD = {
    "name": "dead",
    "models": {"primary": "meta-llama/llama-3.3-70b-instruct", "secondary": "nobody/unheard-of"},
    "routing": {"taskTypeMapping": {"coding": "secondary"}},
    "fallbackRules": {"maxRetries": 2, "retryBudget": 4, "onBrokenStream": "continue"},
    "upstream": {"stream": False},
    "optimization": {"caching": {"enabled": True}, "minOutputTokens": 1024},
    "budget": {"monthlyLimit": 10, "dailyLimit": 10},
    "alerts": {"webhookSecret": "s", "monthlyBudget": 100, "scopes": ["key"]},
    "latencyTargets": {"deepseek-v3": {"firstToken": 1, "average": 2, "p95": 3, "p99": 4}},
}


@pytest.mark.parametrize("profile", profile_names())
def test_on_paper_the_packaged_profiles_are_sound(farthing: Command, profile: str) -> None:
    said = farthing("check", profile, "--json")
    told = said.json
    assert (said.code, said.err) == (0, "")
    assert (told["ok"], told["faults"], told["drilled"], told["simulated"]) == (True, 0, False, True)
    assert "policies" not in told


def test_every_policy_of_a_packaged_profile_fires(tmp_path: Path) -> None:
    """In a process of its own, with a key and settings that must not reach the drills."""
    (tmp_path / ".env").write_text(f"OPENROUTER_API_KEY={KEY}\n")
    more = {"OPENROUTER_API_KEY": KEY, "OPENROUTER_BASE_URL": "https://openrouter.invalid/api/v1"}
    code, out, err = ended(spawn("check", "production", "--policies", "--json", home=tmp_path, **more))
    assert code == 0, out + err
    assert KEY not in out + err
    told = json.loads(out)
    rows: list[dict[str, Any]] = told["policies"]
    assert {row["verdict"] for row in rows} == {"fires", "not configured"}
    assert told["verdicts"]["fires"] > 30
    assert all(row["saw"] and row["provoked"] for row in rows if row["verdict"] == "fires")
    assert {"upstream.baseUrl", "alerts.webhooks", "the clock", "API keys"} <= {
        one["setting"] for one in told["changed"]
    }
    assert "fallback on a rate limit: fires" in err
    assert not list(tmp_path.rglob("*.db"))


def test_rules_that_cannot_fire_are_told_and_leave_with_1(farthing: Command, tmp_path: Path) -> None:
    path = tmp_path / "dead.json"
    path.write_text(json.dumps(DEAD))
    said = farthing("check", str(path), "--policies", "--json")
    assert said.code == 1
    told = said.json
    findings = {one["setting"] for one in told["findings"] if one["level"] == "finding"}
    assert findings >= {
        "models.secondary",
        "fallbackRules",
        "fallbackRules.retryBudget",
        "fallbackRules.onBrokenStream",
        "optimization.minOutputTokens",
        "budget.dailyLimit",
        "alerts.webhookSecret",
        "alerts.criticalThreshold",
        "alerts.scopes.key",
        "latencyTargets.deepseek-v3",
    }
    verdicts = {(row["policy"], row["verdict"]) for row in told["policies"]}
    assert {
        ("coding tasks", "does not fire"),
        ("fallback on a rate limit", "cannot fire"),
        ("a stream that breaks", "cannot fire"),
        ("retry budget of all tasks", "cannot fire"),
        ("alert critical: deployment, month", "does not fire"),
        ("clamping to what is left", "cannot fire"),
        ("attempts after the first", "fires"),
    } <= verdicts
    assert all(row["why"] and row["remedy"] for row in told["policies"] if row["verdict"] == "does not fire")


def test_the_table_names_setting_reason_and_remedy(farthing: Command, tmp_path: Path) -> None:
    path = tmp_path / "dead.json"
    path.write_text(json.dumps({"extends": "balanced", "fallbackRules": {"maxRetries": 0}}))
    said = farthing("check", str(path))
    assert said.code == 1
    assert "fallbackRules.maxRetries" in said.out
    assert "set it to 1 or more" in said.out
    assert "Nothing was sent" in said.out


def test_a_drilled_table_says_what_was_changed_and_that_it_is_simulated(farthing: Command) -> None:
    said = farthing("check", "budget", "--policies")
    assert said.code == 0
    for words in ("Provoked", "Not configured", "What was changed", "virtual", "Simulated:", "policies fire"):
        assert words in said.out
    assert "runaway" not in said.err.replace("alert runaway: fires", "")  # the alerts of drills are no news


def test_the_environment_chooses_and_its_key_is_dropped(
    farthing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYMENT_CONFIG", "premium")
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    said = farthing("check", "--json")
    assert said.json["config"] == "premium"
    assert "OPENROUTER_API_KEY" not in os.environ
    assert farthing("check", "--book", "tutorial", "--json").json["price_book"] == "2025-10-07/tutorial"


def test_several_keys_of_which_one_is_not_set(
    farthing: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_A", KEY)
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"extends": "balanced", "upstream": {"apiKeyEnv": ["KEY_A", "KEY_B"]}}))
    said = farthing("check", str(path), "--json")
    assert any("KEY_B is not set here" in one["why"] for one in said.json["findings"])
    assert "KEY_A" not in os.environ
    assert said.code == 0


@pytest.mark.parametrize("arguments", [("blanced",), ("nowhere.json",), ("balanced", "--book", "none")])
def test_bad_usage_leaves_with_2(farthing: Command, arguments: tuple[str, ...]) -> None:
    assert farthing("check", *arguments).code == 2
