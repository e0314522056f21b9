"""What a model is told of many tools: few, in an order that stays, and always those it uses."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.swarm.offering import (
    MOST_FOUND,
    SEARCH,
    SEARCH_DESCRIPTION,
    SEARCH_PARAMETERS,
    Offering,
    found_names,
    found_text,
    is_wide,
    most_told,
    opening_names,
    topic_of,
)
from farthing.task import Message, Task, Tool, ToolCall

NAMES = [f"tool_{number}" for number in range(60)]
TOOLS = {name: Tool(name=name, description="", parameters={"type": "object"}, run=print) for name in NAMES}
SEARCHER = Tool(name=SEARCH, description=SEARCH_DESCRIPTION, parameters=SEARCH_PARAMETERS, run=print)
START = (Message(role="user", content="go"),)


def offering(offered: int = 4) -> Offering:
    return Offering(
        tools=TOOLS,
        search=SEARCHER,
        opening=tuple(NAMES[:offered]),
        begun=len(START),
        most=most_told(offered),
    )


def calls(*names: str) -> Message:
    made = tuple(ToolCall(id=f"c{at}", name=name, arguments="{}") for at, name in enumerate(names))
    return Message(role="assistant", content=None, tool_calls=made)


def search(*found: str) -> tuple[Message, Message]:
    text = found_text([TOOLS[name] for name in found])
    return calls(SEARCH), Message(role="tool", content=text, tool_call_id="c0", name=SEARCH)


def test_it_begins_with_the_search_and_the_opening() -> None:
    assert [tool.name for tool in offering().told(START)] == [SEARCH, *NAMES[:4]]


def test_what_a_search_found_is_told_from_then_on_behind_the_others() -> None:
    conversation = (*START, *search("tool_9", "tool_1", "tool_8"))
    assert offering().names(conversation) == (*NAMES[:4], "tool_9", "tool_8")
    assert offering().names((*conversation, calls("tool_2"))) == (*NAMES[:4], "tool_9", "tool_8")


def test_what_was_called_without_being_told_is_told_from_then_on() -> None:
    assert offering().names((*START, calls("tool_30", "no_such_tool"))) == (*NAMES[:4], "tool_30")


def test_a_text_that_only_looks_like_a_search_changes_nothing() -> None:
    text = found_text([TOOLS["tool_9"]])
    foreign = Message(role="tool", content=text, tool_call_id="c0", name="tool_1")
    said = Message(role="user", content=text)
    assert offering().names((*START, calls("tool_1"), foreign, said)) == tuple(NAMES[:4])


def test_beyond_the_bound_the_oldest_unused_go_a_third_at_once_and_that_is_said() -> None:
    told = offering()
    assert told.most == 14
    full = (*START, calls("tool_0"), *search(*NAMES[4:14]))
    assert len(told.names(full)) == 14
    assert told.dropped(full, ["tool_20"]) == ("tool_1", "tool_2", "tool_3", "tool_4", "tool_5")
    after = (*full, *search("tool_20"))
    assert told.names(after) == ("tool_0", *NAMES[6:14], "tool_20")
    assert told.dropped(after, ["tool_21"]) == ()
    said = json.loads(found_text([TOOLS["tool_20"]], ["tool_1", "tool_2"]))
    assert said["note"].endswith("No longer told, but still there: tool_1, tool_2.")


happenings = st.lists(
    st.one_of(
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map(lambda names: (calls(*names),)),
        st.lists(st.sampled_from(NAMES), max_size=MOST_FOUND, unique=True).map(lambda names: search(*names)),
    ),
    max_size=12,
)


@given(happenings, st.integers(min_value=1, max_value=12))
def test_laws(happened: Sequence[Sequence[Message]], offered: int) -> None:
    told = offering(offered)
    conversation: tuple[Message, ...] = START
    before = told.names(conversation)
    used: dict[str, None] = {}
    too_many = False
    for messages in happened:
        conversation = (*conversation, *messages)
        now = told.names(conversation)
        assert now == told.names(tuple(conversation))  # the same of the same
        assert len(now) == len(frozenset(now)) <= told.most
        used.update(dict.fromkeys(call.name for call in messages[0].tool_calls if call.name in TOOLS))
        newest = found_names(messages[-1].text)
        too_many = too_many or len({*used, *newest}) > told.most
        assert frozenset(used) <= frozenset(now) or too_many
        assert frozenset(newest) <= frozenset(now)
        if len({*before, *newest, *used}) <= told.most:
            assert now[: len(before)] == before  # nothing dropped, nothing moved
        else:
            kept = [name for name in before if name in now]
            assert list(now[: len(kept)]) == kept  # what stays, stays in its order
        before = now


@given(happenings)
def test_what_is_said_to_be_dropped_is_what_is(happened: Sequence[Sequence[Message]]) -> None:
    told = offering()
    conversation: tuple[Message, ...] = START
    for messages in happened:
        newest = found_names(messages[-1].text)
        if newest:
            asked = (*conversation, messages[0])
            gone = told.dropped(asked, newest)
            after = told.names((*asked, messages[-1]))
            assert gone == tuple(name for name in told.names(asked) if name not in after)
        conversation = (*conversation, *messages)


def test_few_tools_or_one_that_the_caller_runs_are_all_told() -> None:
    many = list(TOOLS.values())
    assert is_wide(many, 8)
    assert not is_wide(many[:8], 8)
    bare = Tool(name="order", description="", parameters={"type": "object"})
    assert not is_wide([*many, bare], 8)


@pytest.mark.parametrize("offered", [1, 8, 40, 128])
def test_no_provider_is_told_more_than_it_takes(offered: int) -> None:
    assert min(offered, 127) <= most_told(offered) <= 127


def test_the_topic_is_the_work_the_question_and_in_passing_what_came_since() -> None:
    task = Task(
        description="coder: all of it of a website",
        messages=(
            Message(role="system", content="You are a coder."),
            Message(role="user", content="an old question"),
            Message(role="user", content="Write it."),
            Message(role="assistant", content="I looked."),
            Message(role="tool", content="404", tool_call_id="a", name="fetch"),
        ),
    )
    assert topic_of(task) == {
        "coder: all of it of a website": 1.0,
        "404": 0.3,
        "I looked.": 0.3,
        "Write it.": 0.6,
    }
    assert topic_of(Task(messages=(Message(role="user", content="Write it."),))) == {"Write it.": 1.0}


def test_of_a_long_text_the_beginning_and_the_end_are_read() -> None:
    (text,) = topic_of(Task(description="a" * 5_000 + "z" * 5_000))
    assert text == f"{'a' * 1_500} {'z' * 500}"


def test_a_tool_that_must_be_called_and_those_used_before_come_first() -> None:
    task = Task(
        messages=(*START, calls("tool_7", "gone"), calls("tool_8")),
        tools=tuple(TOOLS.values()),
        tool_choice={"type": "function", "function": {"name": "tool_40"}},
    )
    assert opening_names(task, NAMES[:8], offered=5) == ("tool_40", "tool_8", "tool_7", "tool_0", "tool_1")


def test_a_search_tells_what_a_model_needs_to_call() -> None:
    sent = Tool(
        name="send",
        description="Send it.\n  At once. " + "And more. " * 50,
        parameters={
            "type": "object",
            "properties": {"to": {"type": "string"}, "copies": {"type": "integer"}, "odd": True},
            "required": ["to"],
        },
    )
    (found,) = json.loads(found_text([sent]))["tools"]
    assert found["parameters"] == "to: string, copies?: integer, odd?"
    assert found["description"].startswith("Send it. At once. And more.")
    assert len(found["description"]) == 160
    assert found_names(found_text([sent])) == ["send"]
    assert found_names("error: it took too long") == found_names("[]") == found_names('{"tools": 3}') == []
    assert json.loads(found_text([]))["note"].startswith("No tool fits")
