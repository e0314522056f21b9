"""Summaries: which turns, and what of a poor summary is mended or refused."""

from dataclasses import dataclass

import pytest

from farthing.prompt.summarize import LEAST_TOKENS, Plan, plan_of, summarised
from farthing.prompt.tokens import estimate_conversation
from farthing.task import Message, ToolCall

CHATTER = "We went through the list once more and nobody had anything to add to what was there. " * 60


def talk(*, pinned: bool = False) -> list[Message]:
    call = ToolCall(id="c", name="read", arguments='{"path":"notes"}')
    return [
        Message(role="system", content="Be brief."),
        Message(role="user", content="Help me with the move."),
        *[Message(role="assistant", content=CHATTER) for _ in range(4)],
        Message(role="assistant", content=None, tool_calls=(call,)),
        Message(role="tool", tool_call_id="c", content="old notes"),
        Message(role="user", content="The lease ends on 2031-04-17, by the way.", pinned=pinned),
        Message(role="assistant", content="Noted."),
    ]


def planned() -> Plan:
    plan = plan_of(talk())
    assert plan is not None
    return plan


def test_the_beginning_stays_and_the_rest_is_told() -> None:
    plan = planned()
    assert [one.role for one in plan.stay] == ["system", "user"]
    assert "2031-04-17" in plan.prompt
    assert 'calls read {"path":"notes"}' in plan.prompt
    assert plan.input_tokens >= LEAST_TOKENS
    assert plan.max_tokens < plan.input_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    messages: list[Message]
    why: str


@pytest.mark.parametrize(
    "case",
    [
        Case(messages=talk(pinned=True), why="a pinned message in its midst"),
        Case(messages=talk()[:2], why="nothing to summarise"),
        Case(messages=talk()[:3], why="too short"),
        Case(messages=talk()[2:], why="nothing says what all is about"),
    ],
    ids=lambda case: case.why,
)
def test_what_is_not_summarised(case: Case) -> None:
    assert plan_of(case.messages) is None


def test_what_a_summary_lost_is_added_word_for_word() -> None:
    made = summarised(planned(), "They talked about a list.")
    assert made is not None
    assert made[-1].role == "assistant"
    assert "The lease ends on 2031-04-17" in made[-1].text
    assert "anything to add" not in made[-1].text
    assert estimate_conversation(made) < estimate_conversation(talk())
    whole = summarised(planned(), "The lease ends 2031-04-17.")
    assert whole is not None
    assert whole[-1].text.count("2031-04-17") == 1


@pytest.mark.parametrize("text", ["", "  \n", CHATTER * 4])
def test_an_empty_or_long_summary_is_not_used(text: str) -> None:
    assert summarised(planned(), text) is None
