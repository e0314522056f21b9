"""Who is asked to be concise, in which words, and who is left alone."""

import pytest

from farthing.prompt.concise import INSTRUCTIONS, told_concisely
from farthing.task import TASK_TYPES, Message, Task, Tool

ASKED = Task(description="What is the use of a ledger?")
TOOL = Tool(name="search", description="", parameters={"type": "object"})


def test_the_words_are_the_end_of_the_system_message() -> None:
    system = Message(role="system", content="You are a clerk.")
    task = Task(messages=(system, *ASKED.conversation))
    told = told_concisely(task, "general")
    assert told.messages[0].content == f"You are a clerk.\n\n{INSTRUCTIONS['general']}"
    assert told.messages[1:] == task.messages[1:]
    alone = told_concisely(ASKED, "simple")
    assert [message.role for message in alone.conversation] == ["system", "user"]
    assert alone.conversation[0].content == INSTRUCTIONS["simple"]


def test_within_a_conversation_they_do_not_change_with_the_type() -> None:
    turns = (*ASKED.conversation, Message(role="assistant", content="It keeps count."))
    task = Task(messages=(*turns, Message(role="user", content="And what does it cost?")))
    told = {told_concisely(task, kind).messages[0].text for kind in TASK_TYPES if kind in INSTRUCTIONS}
    assert told == {INSTRUCTIONS["general"]}


@pytest.mark.parametrize(
    "words",
    [
        "Explain the ledger in detail.",
        "Explain the ledger in at least 500 words.",
        "What is the plan? Go through it step by step.",
        "Explain the ledger in three short sentences.",
        "Write a 2-page summary of the plan.",
        "What are the names? Give them as a table.",
        "What are the fields? Answer as JSON.",
        "Write an essay about the sea.",
        "Please translate this text: the cat sat.",
        "Give a comprehensive overview of the market.",
        "What is the answer? Be brief.",
        "Explain the idea in a paragraph.",
        "Show all the work.",
    ],
)
def test_a_stated_length_or_form_is_left_to_stand_alone(words: str) -> None:
    task = Task(description=words)
    assert told_concisely(task, "general") is task
    assert told_concisely(
        Task(messages=(Message(role="system", content=words), *ASKED.conversation)), "general"
    )
    by_system = Task(messages=(Message(role="system", content=words), *ASKED.conversation))
    assert told_concisely(by_system, "general") is by_system


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(Task(description="Was ist ein Hauptbuch?"), id="another language"),
        pytest.param(Task(description="什么是账本?"), id="another script"),
        pytest.param(Task(description="What is it?", tools=(TOOL,)), id="tools"),
        pytest.param(Task(description="What is it?", response_format={"type": "json_object"}), id="schema"),
        pytest.param(Task(description="What is it?", max_tokens=900), id="a limit of its own"),
        pytest.param(Task(description="What is it?", purpose="judge"), id="a judge"),
    ],
)
def test_others_are_left_alone(task: Task) -> None:
    assert told_concisely(task, "general") is task


def test_structured_work_has_no_instruction() -> None:
    assert told_concisely(ASKED, "structured") is ASKED


@pytest.mark.parametrize("words", ["How does the table lock work?", "Why is the list of users empty?"])
def test_words_that_only_look_like_a_form_are_none(words: str) -> None:
    assert told_concisely(Task(description=words), "general").conversation[0].role == "system"
