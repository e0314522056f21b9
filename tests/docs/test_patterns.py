"""The page on deployment patterns says of profiles and failures what the code holds."""

import re
from decimal import Decimal

import pytest
from tests.docs.blocks import ROOT

from farthing.config.load import load_config
from farthing.config.schema import FallbackRules
from farthing.routing.reactions import Action, reaction_to
from farthing.upstream.failure import FailureKind

PAGE = (ROOT / "docs" / "03-deployment-patterns.md").read_text(encoding="utf-8")
NAMES = ["budget", "balanced", "premium", "production"]
LABELS = {
    "deepseek/deepseek-chat": "DeepSeek V3",
    "thudm/glm-4-9b:free": "GLM-4 9B",
    "meta-llama/llama-3.3-70b-instruct": "Llama 3.3 70B",
    "qwen/qwen-2.5-coder-32b-instruct": "Qwen 2.5 Coder",
    "mistralai/mistral-small-3.1-24b-instruct": "Mistral Small",
}
KINDS = {str(kind): reaction_to(kind).action for kind in FailureKind}


def row_of(first: str) -> str:
    """The table row whose first cell begins with this text."""
    return next(line for line in PAGE.splitlines() if line.startswith(f"| {first}"))


@pytest.mark.parametrize("name", NAMES)
def test_a_profiles_models_and_limits_are_its_own(name: str) -> None:
    config, row = load_config(name, environ={}), row_of(f"`{name}`")
    budget = config.budget
    limits = {
        "a month": budget.monthly_limit,
        "a day": budget.daily_limit,
        "a swarm": budget.swarm_limit,
        "an agent": budget.agent_limit,
        "a task": budget.task_limit,
    }
    told = {word: Decimal(amount) for amount, word in re.findall(r"\$([\d.]+) (an? \w+)", row)}
    assert told == {word: limit for word, limit in limits.items() if limit is not None}
    shown = row if name != "production" else row_of("`balanced`")
    models = {entry.model for entry in config.models.by_slot().values()}
    assert {label for label in LABELS.values() if label in shown} == {LABELS[model] for model in models}


def test_production_is_as_strict_as_the_page_says() -> None:
    config = load_config("production", environ={})
    assert (config.provider.data_collection, config.routing.quality_threshold) == ("deny", 0.85)
    assert "providers that keep data are refused, a model needs a score of 0.85" in row_of("`production`")


@pytest.mark.parametrize(
    ("first", "action"),
    [
        ("`rate_limited`", "retry"),
        ("`cut`", "next_provider"),
        ("`in_flight_budget`", "wait"),
        ("`not_found`", "next_candidate"),
        ("`context_length`", "compress"),
        ("`credits`", "refuse"),
    ],
)
def test_each_failure_stands_where_it_is_handled(first: str, action: Action) -> None:
    told = set(re.findall(r"`(\w+)`", row_of(first).split("|")[1]))
    assert told == {kind for kind, one in KINDS.items() if one == action}


def test_the_settings_it_names_are_there() -> None:
    named = set(re.findall(r"`(on[A-Z]\w+)`", PAGE))
    switches = {str(field.alias) for name, field in FallbackRules.model_fields.items() if name[:3] == "on_"}
    assert named == switches
