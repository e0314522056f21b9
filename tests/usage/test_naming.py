"""The names under which services write one model, and none that is only guessed."""

import pytest

from farthing.config.load import load_catalog
from farthing.usage.naming import known_as, nearest_model

CATALOG = load_catalog("2026-11-09")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("claude-3-5-sonnet-20241022", "anthropic/claude-3.5-sonnet"),
        ("claude-sonnet-4-20250514", "anthropic/claude-sonnet-4"),
        ("claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4.5"),
        ("claude-3-5-sonnet-latest", "anthropic/claude-3.5-sonnet"),
        ("Claude Sonnet 4.5", "anthropic/claude-sonnet-4.5"),
        ("Claude 3.5 Sonnet 2024-10-22", "anthropic/claude-3.5-sonnet"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "anthropic/claude-sonnet-4"),
        ("bedrock/us.anthropic.claude-3-5-sonnet-20241022-v2:0", "anthropic/claude-3.5-sonnet"),
        ("vertex_ai/claude-sonnet-4-5@20250929", "anthropic/claude-sonnet-4.5"),
        ("anthropic/claude-4.5-sonnet-20250929", "anthropic/claude-sonnet-4.5"),
        ("gpt-4o-2024-08-06", "openai/gpt-4o"),
        ("openai/gpt-4.1-2025-04-14", "openai/gpt-4.1"),
        ("azure/gpt-4o-mini", "openai/gpt-4o-mini"),
        ("GPT-4o Mini", "openai/gpt-4o-mini"),
        ("openrouter/deepseek/deepseek-chat", "deepseek/deepseek-chat"),
        ("deepseek-v3", "deepseek/deepseek-chat"),
        ("meta-llama/llama-3.3-70b-instruct:floor", "meta-llama/llama-3.3-70b-instruct:floor"),
    ],
)
def test_one_model_has_many_names(name: str, known: str) -> None:
    assert known_as(name, CATALOG) == known


@pytest.mark.parametrize(
    "name", ["claude-opus-4-1-20250805", "gpt-3.5-turbo-0125", "gpt-4o-preview", "o3-mini", "(none)", "", "4"]
)
def test_what_no_rule_leads_to_is_unknown(name: str) -> None:
    assert known_as(name, CATALOG) is None


def test_every_model_knows_itself() -> None:
    assert {known_as(model, CATALOG) for model in CATALOG.models} == set(CATALOG.models)


def test_an_unknown_name_has_a_nearest_one() -> None:
    assert nearest_model("claude-opus-4-1-20250805", CATALOG) == "anthropic/claude-opus-4"
    assert nearest_model("(none)", CATALOG) is None
