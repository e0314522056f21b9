"""What makes two tasks the same. The golden keys hold the canonical form: kept answers are found by it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from farthing.cache.key import PolicyMemo, key_of, policy_version, question_key
from farthing.config.load import load_config
from farthing.task import Message, Task, Tool, ToolCall

PLAIN = Task(description="What is 2 + 2?")
SEARCH = Tool(name="search", description="Searches.", parameters={"type": "object", "properties": {}})
READ = Tool(name="read", description="Reads.", parameters={"type": "object"})
TALK = Task(
    description="a name",
    messages=(
        Message(role="system", content="Be brief."),
        Message(role="user", content="Look it up: ☃"),
        Message(role="assistant", tool_calls=(ToolCall(id="call_x1", name="search", arguments='{"q":1}'),)),
        Message(role="tool", content="found", tool_call_id="call_x1"),
    ),
    tools=(SEARCH, READ),
    type="analysis",
    max_tokens=100,
    options={"temperature": 0.5, "seed": 7},
    key="acme",
)

GOLDEN: Mapping[str, tuple[Task, str]] = {
    "plain": (PLAIN, "e3f97a9e798dd36d79922e3785a2cf2ff022b9d03cbeddd07fe22bd22672e215"),
    "a conversation with tools": (TALK, "c0cde0f40c8d96bd99ab4a1a32f1d96c008e02ad6affcabd43f647e6ae5a8d11"),
}


def key(task: Task, *, policy: str = "p", arm: str = "") -> str:
    return key_of(task, policy=policy, arm=arm)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_key_stays_what_it_was(name: str) -> None:
    task, golden = GOLDEN[name]
    assert key(task) == golden


SAME: Mapping[str, Mapping[str, object]] = {
    "labels": {"tags": ("a",), "metadata": {"team": "b"}},
    "whose work it is": {"run_id": "r", "agent_id": "a", "role": "coder", "purpose": "tool_step"},
    "limits": {"max_cost_usd": Decimal(1), "limits": (("swarm:x", Decimal(1)),)},
    "when": {"timeout_s": 3.0, "priority": "high", "deadline": datetime(2026, 12, 1, tzinfo=UTC)},
    "the session": {"session_id": "s"},
    "the order of tools": {"tools": (READ, SEARCH)},
    "a name beside messages": {"description": "another name"},
}
OTHER: Mapping[str, Mapping[str, object]] = {
    "the tenant": {"key": "other"},
    "no tenant": {"key": None},
    "the type": {"type": "general"},
    "the complexity": {"complexity": "high"},
    "the model": {"model": "deepseek-v3"},
    "max_tokens": {"max_tokens": 101},
    "an option": {"options": {"temperature": 0.6, "seed": 7}},
    "a tool": {"tools": (SEARCH,)},
    "a tool's description": {"tools": (Tool(name="search", description="Finds.", parameters={}), READ)},
    "the choice of tools": {"tool_choice": "none"},
    "a format": {"response_format": {"type": "json_object"}},
    "the words": {"messages": (*TALK.messages[:-1], structs.replace(TALK.messages[-1], content="Found"))},
    "who says it": {"messages": (structs.replace(TALK.messages[0], role="user"), *TALK.messages[1:])},
    "the order of messages": {"messages": (TALK.messages[1], TALK.messages[0], *TALK.messages[2:])},
    "what is pinned": {"messages": (structs.replace(TALK.messages[0], pinned=True), *TALK.messages[1:])},
}


@pytest.mark.parametrize("changes", SAME.values(), ids=SAME)
def test_what_cannot_change_the_answer_is_not_in_the_key(changes: Mapping[str, object]) -> None:
    assert key(structs.replace(TALK, **changes)) == key(TALK)


@pytest.mark.parametrize("changes", OTHER.values(), ids=OTHER)
def test_what_can_change_the_answer_is_in_the_key(changes: Mapping[str, object]) -> None:
    assert key(structs.replace(TALK, **changes)) != key(TALK)


def test_policy_and_arm_are_in_the_key() -> None:
    assert len({key(PLAIN), key(PLAIN, policy="q"), key(PLAIN, arm="new")}) == 3


def test_ids_of_tool_calls_count_by_their_order() -> None:
    """A provider makes them up, and another run has others."""
    renamed = (
        *TALK.messages[:2],
        Message(role="assistant", tool_calls=(ToolCall(id="other", name="search", arguments='{"q":1}'),)),
        Message(role="tool", content="found", tool_call_id="other"),
    )
    assert key(structs.replace(TALK, messages=renamed)) == key(TALK)
    crossed = (*renamed[:3], structs.replace(renamed[3], tool_call_id="stranger"))
    assert key(structs.replace(TALK, messages=crossed)) != key(TALK)


def test_a_description_alone_is_the_same_as_its_one_message() -> None:
    said = Task(messages=(Message(role="user", content="What is 2 + 2?"),))
    assert key(said) == key(PLAIN)


@given(st.text(min_size=1).filter(str.strip), st.text(min_size=1).filter(str.strip))
def test_other_words_have_another_key(one: str, other: str) -> None:
    tasks = [Task(description=words) for words in (one, other)]
    if any(0xD800 <= ord(sign) <= 0xDFFF for sign in one + other):
        return
    assert (key(tasks[0]) == key(tasks[1])) == (one == other)


def test_questions_in_one_setting_share_a_key_that_their_words_are_not_in() -> None:
    asked = [question_key(Task(description=words), policy="p") for words in ("2 + 2?", "two and two?")]
    assert asked[0] == asked[1]
    assert asked[0] != question_key(Task(description="2 + 2?", max_tokens=5), policy="p")
    assert asked[0] != question_key(Task(description="2 + 2?", key="acme"), policy="p")


CHANGES = {
    "models.primary": ("deepseek-v3", True),
    "routing.qualityThreshold": (0.5, True),
    "provider.dataCollection": ("deny", True),
    "optimization.promptOptimization.enabled": (True, True),
    "optimization.maxOutputTokens": (2000, True),
    "upstream.baseUrl": ("https://example.org/api/v1", True),
    "budget.monthlyLimit": (7, False),
    "fallbackRules.maxRetries": (1, False),
    "optimization.caching.ttl": (7, False),
    "upstream.totalTimeout": (7, False),
}


@pytest.mark.parametrize(("setting", "value", "counts"), [(k, *v) for k, v in CHANGES.items()], ids=CHANGES)
def test_the_policy_is_what_decides_which_model_answers_what(
    setting: str, value: object, counts: bool
) -> None:
    plain, changed = load_config("balanced"), load_config("balanced", overrides={setting: value})
    assert (policy_version(plain) != policy_version(changed)) == counts


def test_a_policy_is_reckoned_once() -> None:
    memo, config = PolicyMemo(), load_config("balanced")
    assert memo.of(config) == memo.of(config) == policy_version(config)
    assert memo.of(load_config("budget")) != memo.of(config)


def test_other_rewrites_are_another_policy() -> None:
    config = load_config("balanced")
    assert len({PolicyMemo(digests).of(config) for digests in ((), ("a",), ("b",))}) == 3
