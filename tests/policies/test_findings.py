"""What is said on paper: one line for each rule that can never act, and none for those that can."""

from collections.abc import Mapping

import pytest
from tests.policies.made import LOCAL, RICH, found, made, made_of

from farthing.config.packaged import profile_names
from farthing.policies.findings import findings_of

Settings = Mapping[str, object]
ONE: dict[str, object] = {"models.secondary": None, "models.fallback": None, "routing.taskTypeMapping": {}}
QWEN, LLAMA = "qwen/qwen-2.5-coder-32b-instruct", "meta-llama/llama-3.3-70b-instruct"

FINDINGS: list[tuple[str, str, Settings]] = [
    # Models and routing.
    ("models.secondary", "its price is unknown", {"models.secondary": "nobody/unheard-of"}),
    ("models.fallback", "is meta-llama", {"models.fallback": LLAMA, "routing.taskTypeMapping": {}}),
    (
        "models.fallback",
        "refuses the successor",
        {"models.fallback": {"model": "thudm/glm-4-9b:free", "successor": False}},
    ),
    (
        "models.secondary",
        "not free",
        {"environment": "development", "models.primary": "google/gemma-4-26b-a4b-it:free"},
    ),
    ("models.primary", "quality threshold", {"routing.qualityThreshold": 1.0}),
    ("models", "no model can take", {"routing.qualityThreshold": 1.0}),
    ("models.primary", "maxCostPerRequest", {"routing.maxCostPerRequest": "0.0000001"}),
    ("models.fallback", "it writes at most", {"optimization.maxOutputTokens": 20_000}),
    (
        "routing.taskTypeMapping.general",
        "left out",
        {"routing.taskTypeMapping": {"general": "secondary"}, "routing.qualityThreshold": 0.85},
    ),
    ("routing.taskTypeMapping", "never looked at", {"routing.strategy": "cheapest_good_enough"}),
    (
        "routing.taskTypeMapping.general",
        "every complexity",
        {"routing.complexityMapping": {"low": "primary", "medium": "primary", "high": "fallback"}},
    ),
    # Trouble.
    ("fallbackRules", "only candidate of every task", ONE),
    (
        "fallbackRules.onError",
        "only candidate",
        ONE
        | {
            "fallbackRules.onRateLimit": False,
            "fallbackRules.onTimeout": False,
            "fallbackRules.onInvalidOutput": False,
        },
    ),
    ("fallbackRules.maxRetries", "never act", {"fallbackRules.maxRetries": 0}),
    ("fallbackRules.retryBudget", "never be spent", {"fallbackRules.retryBudget": 5}),
    ("fallbackRules.retryDelay", "not below upstream.totalTimeout", {"fallbackRules.retryDelay": 400_000}),
    (
        "fallbackRules.onBrokenStream",
        "upstream.stream false",
        {"fallbackRules.onBrokenStream": "continue", "upstream.stream": False},
    ),
    (
        "fallbackRules.onBrokenStream",
        "maxRetries 0",
        {"fallbackRules.onBrokenStream": "continue", "fallbackRules.maxRetries": 0},
    ),
    (
        "upstream.firstTokenTimeout",
        "never looked at",
        {"upstream.firstTokenTimeout": 10, "upstream.stream": False},
    ),
    ("upstream.firstTokenTimeout", "the task ends first", {"upstream.totalTimeout": 30}),
    ("hedging.enabled", "an exchange that is left", {"hedging.enabled": True, "upstream.stream": False}),
    ("hedging.enabled", "has no latency target", {"hedging.enabled": True, "latencyTargets": {}}),
    ("provider.only", "nobody may serve", {"provider.only": ["A"], "provider.ignore": ["A"]}),
    ("provider.only", "never serves", {"provider.only": ["A", "B"], "provider.ignore": ["A"]}),
    ("provider.maxPrice.prompt", "every model's rate", {"provider.maxPrice.prompt": "0.0001"}),
    ("provider.maxPrice.completion", "is dearer", {"provider.maxPrice.completion": "0.9"}),
    # Money.
    ("budget.dailyLimit", "a day lies in one month", {"budget.dailyLimit": 200}),
    ("budget.weeklyLimit", "seven days", {"budget.weeklyLimit": 100, "budget.dailyLimit": 10}),
    ("budget.monthlyLimit", "31 days", {"budget.dailyLimit": 5}),
    ("budget.monthlyLimit", "all time", {"budget.totalLimit": 100}),
    ("budget.agentLimit", "its swarm's too", {"budget.agentLimit": 5, "budget.swarmLimit": 5}),
    ("budget.swarmLimit", "within a month", {"budget.swarmLimit": 500}),
    (
        "budget.limits.0",
        "never reached",
        {"budget.limits": [{"scope": "deployment", "period": "month", "amount": 300}]},
    ),
    (
        "budget.limits.1",
        "never reached",
        {
            "budget.limits": [
                {"scope": "key", "period": "day", "amount": 3},
                {"scope": "key", "period": "day", "amount": 4, "kind": "soft"},
            ]
        },
    ),
    ("budget.monthlyLimit", "every call to", {"budget.monthlyLimit": 0}),
    ("budget.taskLimit", "longest task", {"budget.taskLimit": 50}),
    ("optimization.minOutputTokens", "never clamped", {"optimization.minOutputTokens": 1024}),
    (
        "budget.unknownPriceCeiling",
        "above a limit",
        {"budget.unknownPriceCeiling": 1, "budget.taskLimit": "0.05"},
    ),
    # Alerts.
    ("alerts", "shares of nothing", {"budget.monthlyLimit": None}),
    ("alerts.monthlyBudget", "has no shares", {"alerts.monthlyBudget": 0}),
    ("alerts.criticalThreshold", "the limits end the month", {"alerts.monthlyBudget": 220}),
    ("alerts.thresholds.150 %", "the limits end the month", {"alerts.thresholds": ["1.5"]}),
    ("alerts.criticalThreshold", "last nano-dollar", {"alerts.criticalThreshold": 1.0}),
    ("alerts.scopes.swarm", "no limit of its own", {"alerts.scopes": ["swarm"]}),
    ("alerts.webhookSecret", "signs nothing", {"alerts.webhookSecret": "s"}),
    (
        "alerts.webhooks",
        "overruns only",
        {
            "alerts.webhooks": ["https://h.example.com/"],
            "budget.monthlyLimit": None,
            "alerts.runaway.enabled": False,
            "alerts.warningThreshold": 0.8,
        },
    ),
    (
        "alerts",
        "costTracking is false",
        {"alerts.webhooks": ["https://h.example.com/"], "monitoring.costTracking": False},
    ),
    (
        "alerts.criticalConcurrency",
        "never acts",
        {"alerts.criticalConcurrency": 3, "budget.monthlyLimit": None},
    ),
    (
        "alerts.criticalConcurrency",
        "lowers nothing",
        {"alerts.criticalConcurrency": 9, "scaling.maxConcurrency": 8},
    ),
    ("alerts.runaway", "ends spending before", {"alerts.runaway.minimum": 500}),
    # Rates, targets, names.
    (
        "limits.perKey.requestsPerMinute",
        "can never bind",
        {"limits.perKey.requestsPerMinute": 50, "limits.requestsPerMinute": 50},
    ),
    ("limits.freeRequestsPerMinute", "no slot has", {"limits.freeRequestsPerMinute": 10}),
    ("limits.models.gpt-9", "in no slot", {"limits.models": {"gpt-9": {"requestsPerMinute": 1}}}),
    ("limits.models.deepseek-v3", "limits nothing", {"limits.models": {"deepseek-v3": {}}}),
    (
        "limits.models.deepseek-v3.requestsPerMinute",
        "comes first",
        {"limits.models": {"deepseek-v3": {"requestsPerMinute": 60}}, "limits.requestsPerMinute": 60},
    ),
    (
        "limits.models.deepseek-v3.requestsPerMinute",
        "of all keys",
        {"limits.models": {"deepseek-v3": {"requestsPerMinute": 60}}, "limits.perKey.requestsPerMinute": 60},
    ),
    ("limits.whenFull", "null lets everybody wait", {"limits.queueSize": None, "limits.whenFull": "refuse"}),
    ("limits.queueSize", "nothing makes a task wait", {"limits.queueSize": 5, "budget.monthlyLimit": None}),
    ("scaling.targetConcurrentAgents", "never be shown", {"scaling.maxConcurrency": 10}),
    (
        "scaling.maxConcurrency",
        "never reached",
        {"scaling.maxConcurrency": 30, "upstream.connectionLimit": 20},
    ),
    (
        "latencyTargets.gpt-9",
        "the model of no slot",
        {"latencyTargets": {"gpt-9": {"firstToken": 1, "average": 2, "p95": 3, "p99": 4}}},
    ),
    (f"latencyTargets.{LLAMA}.firstToken", "is broken off", {"upstream.firstTokenTimeout": 0.1}),
    ("upstreams.local", "no slot names a model", {"upstreams": {"local": LOCAL}}),
    ("quality.enabled", "does not act on it", {"quality.enabled": True}),
    ("alerts.runaway", "enabled is false", {"alerts.runaway": {"enabled": False, "factor": 5}}),
    ("monitoring.telemetry", "enabled is false", {"monitoring.telemetry.endpoint": "http://localhost:4318"}),
    ("baseline.model", "nothing to be measured", {"baseline.model": "gpt-9-mega"}),
]

NOTES: list[tuple[str, str, Settings]] = [
    ("models.fallback", "stands in since", {"models.fallback": "thudm/glm-4-9b:free"}),
    (
        "models.secondary",
        "price and score are unknown",
        {"models.secondary": "nobody/new", "budget.unknownPriceCeiling": "0.01"},
    ),
    (
        "models.fallback",
        "ends a task before that",
        {"fallbackRules.maxRetries": 1, "routing.taskTypeMapping": {}},
    ),
    (
        "routing.complexityMapping.low",
        "changes nothing",
        {
            "routing.complexityMapping": {"low": "primary"},
            "routing.taskTypeMapping": {"coding": "secondary", "general": "primary", "simple": "primary"},
        },
    ),
    ("routing.qualityThreshold", "excludes nobody", {"routing.qualityThreshold": 0.5}),
    ("routing.maxCostPerRequest", "excludes nobody", {"routing.maxCostPerRequest": 5}),
    ("allowPaid", "changes nothing in production", {"allowPaid": True}),
    ("budget.monthlyLimit", "not in force", {"environment": "development"}),
    ("models", "has tools of its own", ONE | {"models.primary": QWEN}),
    (
        "fallbackRules",
        "all rules are false",
        {
            f"fallbackRules.{rule}": False
            for rule in ("onRateLimit", "onError", "onTimeout", "onInvalidOutput")
        },
    ),
    ("fallbackRules.retryBudget", "after the first ten", {"fallbackRules.retryBudget": 0}),
    ("fallbackRules.onTimeout", "only when upstream itself", {"upstream.stream": False}),
    ("provider.maxPrice.prompt", "excludes nobody", {"provider.maxPrice.prompt": 100}),
    ("budget.taskLimit", "outside of swarms only", {"budget.taskLimit": "0.05", "budget.agentLimit": "0.04"}),
    ("alerts.thresholds.80 %", "told twice", {"alerts.thresholds": ["0.8"]}),
    ("alerts", "log and to callbacks", {}),
    ("alerts.runaway", "after seven days", {"budget.monthlyLimit": None}),
    ("limits.tokensPerMinute", "one after the other", {"limits.tokensPerMinute": 500}),
    ("content.redact", "cuts nothing out", {"content.redact": ["email"]}),
    ("swarm.maxSeconds", "is shorter", {"swarm.maxSeconds": 5}),
]


@pytest.mark.parametrize(("setting", "words", "settings"), FINDINGS, ids=lambda value: str(value)[:60])
def test_a_rule_that_can_never_act_is_found(setting: str, words: str, settings: Settings) -> None:
    told = {(one.setting, one.level) for one in found(made_of("balanced", settings)) if words in one.why}
    assert (setting, "finding") in told
    assert not [one for one in found(made()) if one.setting == setting and words in one.why]


@pytest.mark.parametrize(("setting", "words", "settings"), NOTES, ids=lambda value: str(value)[:60])
def test_what_acts_otherwise_is_a_note(setting: str, words: str, settings: Settings) -> None:
    told = {(one.setting, one.level) for one in found(made_of("balanced", settings)) if words in one.why}
    assert (setting, "note") in told


@pytest.mark.parametrize("profile", profile_names())
def test_the_packaged_profiles_have_no_rule_that_can_never_act(profile: str) -> None:
    setup = made(profile)
    assert [one for one in found(setup) if one.level == "finding"] == []
    assert all(one.remedy and one.why for one in found(setup))


def test_a_configuration_with_everything_has_nothing_that_cannot_act() -> None:
    assert [one.setting for one in found(made_of("balanced", RICH)) if one.level == "finding"] == []


def test_a_successor_without_a_latency_target_is_told_its_name() -> None:
    target = {"firstToken": 1, "average": 2, "p95": 3, "p99": 4}
    setup = made("budget", latencyTargets={"thudm/glm-4-9b:free": target})
    (one,) = [one for one in found(setup) if one.setting == "latencyTargets.thudm/glm-4-9b:free"]
    assert one.level == "finding"
    assert one.remedy == "name google/gemma-4-26b-a4b-it:free"


def test_findings_come_before_notes_and_unset_keys_are_told() -> None:
    told = findings_of(made(fallbackRules__maxRetries=0), unset_keys=["OPENROUTER_API_KEY_2"])
    levels = [one.level for one in told]
    assert levels == sorted(levels)
    assert any("OPENROUTER_API_KEY_2 is not set here" in one.why for one in told)
