"""Configurations to check, made of a profile and a few settings; a rich one that has every policy."""

from collections.abc import Mapping
from datetime import UTC, datetime

from farthing.config.load import inert_settings, load_catalog, load_config
from farthing.policies.finding import Finding
from farthing.policies.findings import findings_of
from farthing.policies.setup import Setup, setup_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LOCAL: Mapping[str, object] = {
    "baseUrl": "http://127.0.0.1:8000/v1",
    "models": {
        "llama3.1:8b": {
            "prompt": 0,
            "completion": 0,
            "contextTokens": 32768,
            "quality": 0.9,
            "tools": False,
            "structured": False,
        }
    },
}
RICH: Mapping[str, object] = {
    "models.tertiary": "local:llama3.1:8b",
    "upstreams": {"local": LOCAL},
    "hedging": {"enabled": True, "after": 800},
    "upstream.apiKeyEnv": ["OPENROUTER_API_KEY", "OPENROUTER_API_KEY_2"],
    "routing.complexityMapping": {"low": "fallback"},
    "routing.qualityThreshold": 0.87,
    "routing.maxCostPerRequest": 0.03,
    "optimization.promptOptimization.contextCompression": True,
    "budget.weeklyLimit": 90,
    "budget.dailyLimit": 20,
    "budget.swarmLimit": 5,
    "budget.agentLimit": 1,
    "budget.taskLimit": 0.01,
    "budget.unknownPriceCeiling": 0.005,
    "budget.mediaPartTokens": 2000,
    "budget.limits": [
        {"scope": "key", "period": "day", "amount": 3},
        {"scope": "key:alice", "period": "month", "amount": 2, "kind": "soft"},
    ],
    "alerts.thresholds": [0.5],
    "alerts.scopes": ["key", "task"],
    "alerts.webhooks": ["https://hooks.example.com/x"],
    "scaling.maxConcurrency": 4,
    "scaling.targetConcurrentAgents": 4,
    "scaling.targetRequestsPerMinute": 40,
    "limits.requestsPerMinute": 40,
    "limits.tokensPerMinute": 100_000,
    "limits.perKey": {"requestsPerMinute": 15, "tokensPerMinute": 40_000},
    "limits.models": {"deepseek-v3": {"requestsPerMinute": 10}},
    "limits.queueSize": 50,
    "limits.whenFull": "refuse",
}


def made(profile: str = "balanced", **settings: object) -> Setup:
    """A profile with settings, `__` for a dot, by the snapshot's prices, on a day after it."""
    return made_of(profile, {name.replace("__", "."): value for name, value in settings.items()})


def made_of(profile: str, settings: Mapping[str, object]) -> Setup:
    config = load_config(profile, environ={}, overrides=settings)
    return setup_of(config, load_catalog("snapshot"), now=NOW)


def found(setup: Setup) -> tuple[Finding, ...]:
    """Everything that is said on paper."""
    return findings_of(setup, inert_settings(setup.config))
