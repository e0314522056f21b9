"""Which accounts a configuration watches, and at which shares."""

from decimal import Decimal

import pytest

from farthing.config.load import load_config
from farthing.config.schema import DeploymentConfig
from farthing.errors import ConfigError
from farthing.spend.thresholds import alert_rules, runaway_rule

USD = 10**9
MODELS = {"models": {"primary": "a/model"}}


def config(**sections: object) -> DeploymentConfig:
    return DeploymentConfig.model_validate({**MODELS, **sections})


def rules(found: DeploymentConfig) -> list[tuple[str, str, int]]:
    return [(rule.scope, rule.period, rule.base_nano) for rule in alert_rules(found)]


def test_the_month_has_warning_critical_and_any_further_thresholds() -> None:
    found = config(budget={"monthlyLimit": 10}, alerts={"thresholds": ["0.5", "1.2"]})
    (rule,) = alert_rules(found)
    assert rule.steps == (
        (5 * USD, "50 %"),
        (8 * USD, "warning"),
        (95 * USD // 10, "critical"),
        (12 * USD, "120 %"),
    )


def test_scopes_watch_their_own_limits() -> None:
    found = config(
        budget={
            "monthlyLimit": 10,
            "dailyLimit": 1,
            "swarmLimit": 2,
            "taskLimit": 1,
            "limits": [
                {"scope": "key", "period": "day", "amount": 3},
                {"scope": "key:alice", "period": "month", "amount": 4},
                {"scope": "agent", "period": "total", "amount": 5},
            ],
        },
        alerts={"scopes": ["deployment", "key", "key:alice", "swarm"], "monthlyBudget": 8},
    )
    assert rules(found) == [
        ("deployment", "month", 8 * USD),
        ("deployment", "month", 10 * USD),
        ("deployment", "day", USD),
        ("swarm:", "total", 2 * USD),
        ("key:", "day", 3 * USD),
        ("key:alice", "month", 4 * USD),
    ]


def test_without_tracking_or_an_amount_there_is_nothing_to_watch() -> None:
    assert alert_rules(config(monitoring={"costTracking": False}, budget={"monthlyLimit": 10})) == ()
    assert runaway_rule(config(monitoring={"costTracking": False})) is None
    assert runaway_rule(config(alerts={"runaway": {"enabled": False}})) is None
    rule = runaway_rule(config(budget={"monthlyLimit": 30}))
    assert rule is not None
    assert (rule.factor, rule.window_minutes, rule.minimum_nano, rule.planned_nano) == (10, 60, USD, 30 * USD)
    assert alert_rules(config(budget={"monthlyLimit": None})) == ()


@pytest.mark.parametrize(
    ("alerts", "words"),
    [
        ({"scopes": ["swrm"]}, "did you mean 'swarm'"),
        ({"thresholds": [0]}, "alerts.thresholds[0]"),
        ({"runaway": {"factor": 1}}, "alerts.runaway.factor"),
        ({"webhooks": ["ftp://example.com/SECRET"]}, "is not an http(s) URL"),
        ({"apprise": ["SECRET"]}, "is not an Apprise URL"),
        ({"webhookSecret": ""}, "alerts.webhookSecret"),
    ],
)
def test_a_wrong_alert_is_told_and_no_secret_with_it(alerts: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config({**MODELS, "alerts": alerts}, environ={})
    assert words in str(refused.value)
    assert "SECRET" not in str(refused.value)


def test_an_address_is_shown_by_its_host_only() -> None:
    found = config(
        alerts={
            "webhooks": ["https://hooks.example.com/services/SECRET?token=SECRET"],
            "apprise": ["mailto://user:SECRET@example.com"],
            "webhookSecret": "SECRET",
        }
    )
    shown = found.model_dump_json()
    assert "SECRET" not in shown
    assert "SECRET" not in repr(found)
    assert "https://hooks.example.com/***" in shown
    assert found.alerts.thresholds == ()
    assert Decimal(str(found.alerts.warning_threshold)) == Decimal("0.8")
