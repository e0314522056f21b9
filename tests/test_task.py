"""A task and its messages: what is accepted, what is refused, and what they say of themselves."""

from collections.abc import Mapping
from decimal import Decimal
from typing import cast

import pytest

from farthing.errors import InvalidTaskError
from farthing.request import task_of
from farthing.task import Labels, Message, Task, ToolCall, Usage, labelled, message_from

PICTURE = {"type": "image_url", "image_url": {"url": "data:…"}}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "neither"),
        ({"description": " \n"}, "neither"),
        ({"description": "x", "type": "codng"}, "'coding'"),
        ({"description": "x", "complexity": "hihg"}, "'high'"),
        ({"description": "x", "max_tokens": 0}, "at least 1"),
        ({"description": "x", "max_cost_usd": Decimal(-1)}, "0 or more"),
        ({"description": "x", "session_id": ""}, "session_id is ''"),
        ({"description": "x", "session_id": "s" * 257}, "1 to 256"),
        ({"description": "x", "key": ""}, "key is ''"),
        ({"description": "x", "key": "a\x00b"}, "printable"),
        ({"description": "x", "key": "a" * 61}, "1 to 60"),
        ({"description": "x", "tags": "nightly"}, "tags is the text"),
        ({"description": "x", "tags": ["a", ""]}, "tags ''"),
        ({"description": "x", "tags": [f"t{n}" for n in range(17)]}, "at most 16"),
        ({"description": "x", "metadata": {"ticket": 7}}, "metadata 'ticket' is 7"),
        ({"description": "x", "metadata": {"ticket": "x" * 201}}, "1 to 200"),
    ],
)
def test_a_faulty_task_is_refused_with_the_reason(fields: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidTaskError, match=problem):
        task_of(None, fields)


def test_the_description_is_the_prompt_unless_there_are_messages() -> None:
    alone = Task(description="Explain it.")
    assert alone.conversation == (Message(role="user", content="Explain it."),)
    message = Message(role="user", content="Only this is sent.")
    beside = Task(description="A name", messages=(message,))
    assert (beside.conversation, beside.title) == ((message,), "A name")
    assert Task(messages=(Message(role="system", content="Be brief."), message)).title == "Only this is sent."


def test_a_limit_that_is_no_exact_amount_is_refused() -> None:
    with pytest.raises(InvalidTaskError, match="max_cost_usd is 1; give a Decimal"):
        Task(description="x", max_cost_usd=cast("Decimal", 1))


def test_a_title_is_one_short_line() -> None:
    assert Task(description="two\n  lines").title == "two lines"
    title = Task(description="word " * 100).title
    assert (len(title), title[-1]) == (80, "…")


def test_messages_in_the_chat_completions_shape() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q": 1}'}}
    assert message_from({"role": "assistant", "content": None, "tool_calls": [call]}) == Message(
        role="assistant", tool_calls=(ToolCall(id="c1", name="search", arguments='{"q": 1}'),)
    )
    assert message_from({"role": "developer", "content": "Be brief."}).role == "system"
    result = message_from({"role": "tool", "tool_call_id": "c1", "content": "found"})
    assert (result.tool_call_id, result.text) == ("c1", "found")


def test_the_text_of_a_message_leaves_pictures_out() -> None:
    parts = [{"type": "text", "text": "What"}, PICTURE, {"type": "text", "text": "is this?"}]
    assert message_from({"role": "user", "content": parts}).text == "What\nis this?"
    assert Message(role="assistant").text == ""


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ({"content": "x"}, r"messages\[3\] has no role"),
        ({"role": "usr", "content": "x"}, r"messages\[3\].role is 'usr'; nearest is 'user'"),
        ({"role": "user", "content": 5}, r"messages\[3\].content is int"),
    ],
)
def test_a_faulty_message_is_named_by_its_place(raw: Mapping[str, object], problem: str) -> None:
    with pytest.raises(InvalidTaskError, match=problem):
        message_from(raw, position=3)


def test_usage_adds_up() -> None:
    one = Usage(input_tokens=5, output_tokens=3, cached_tokens=1, cache_write_tokens=2, reasoning_tokens=1)
    both = one + one
    assert (both.total_tokens, both.cached_tokens, both.cache_write_tokens, both.reasoning_tokens) == (
        16,
        2,
        4,
        2,
    )


def test_faulty_labels_of_a_swarm_are_refused_before_it_works() -> None:
    with pytest.raises(InvalidTaskError, match="tags is the text"):
        Labels(tags="nightly")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidTaskError, match="key is ''"):
        Labels(key="")


def test_a_tasks_own_labels_win() -> None:
    own = Task(description="x", key="alice", tags=("a",), metadata={"ticket": "1"})
    both = labelled(own, Labels(key="bob", tags=("a", "b"), metadata={"ticket": "2", "team": "t"}))
    assert (both.key, both.tags) == ("alice", ("a", "b"))
    assert both.metadata == {"ticket": "1", "team": "t"}
