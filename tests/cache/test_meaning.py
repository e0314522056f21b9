"""Which tasks may be compared by their question, and which earlier questions are found."""

from typing import cast

import pytest

from farthing.cache.meaning import MOST_CHARACTERS, MeaningIndex, cosine, question_in
from farthing.cache.reading import read
from farthing.task import Message, Task

QUESTION = "What is the capital of France?"
SAME = "What's the capital of France?"


def test_a_question_is_the_last_message_or_the_description() -> None:
    system = Message(role="system", content="Be brief.")
    task = Task(messages=(system, Message(role="user", content=QUESTION)), options={"seed": 1}, key="acme")
    assert question_in(task, "general") == QUESTION
    assert question_in(Task(description=QUESTION), "general") == QUESTION


@pytest.mark.parametrize(
    "task",
    [
        Task(description="x" * (MOST_CHARACTERS + 1)),
        Task(description=QUESTION, cache=False),
        Task(description=QUESTION, purpose="judge"),
        Task(messages=(Message(role="user", content=QUESTION), Message(role="tool", content="Paris"))),
        Task(messages=(Message(role="user", content=({"type": "text", "text": QUESTION},)),)),
    ],
)
def test_some_tasks_hold_no_question_to_compare(task: Task) -> None:
    assert question_in(task, "general") is None


def test_code_is_never_compared() -> None:
    task = Task(description=QUESTION)
    assert question_in(task, "coding") is None
    assert question_in(task, "general") is not None


def filled(most: int = 3, *questions: tuple[str, str]) -> MeaningIndex:
    index = MeaningIndex()
    for key, question in questions:
        index.remember("frame", key, read(question), most=most)
    return index


def keys(index: MeaningIndex, question: str, frame: str = "frame") -> list[str]:
    return [known.key for known in index.near(frame, read(question)).known]


def test_the_same_question_is_found_in_its_frame_only() -> None:
    index = filled(3, ("a", QUESTION), ("b", "What is the capital of Peru?"))
    assert keys(index, SAME) == ["a"]
    assert keys(index, SAME, "another frame") == []


def test_a_refusal_names_the_guard() -> None:
    index = filled(3, ("a", "What is the capital of France?"))
    assert index.near("frame", read("What was the capital of France?")).refused == "tense"
    assert index.near("frame", read("What is the capital of Spain?")).refused == "words"
    assert index.near("frame", read("What is the capital of France now?")).refused == "now"


def test_the_oldest_goes_and_the_newest_comes_first() -> None:
    index = filled(2, ("a", QUESTION), ("b", SAME), ("c", QUESTION))
    assert keys(index, QUESTION) == ["c", "b"]
    assert len(index) == 2
    index.forget("b")
    index.forget("never there")
    assert keys(index, QUESTION) == ["c"]
    index.remember("frame", "c", read("What is the capital of Peru?"), most=2)
    assert keys(index, QUESTION) == []
    index.clear()
    assert len(index) == 0


def test_a_question_that_may_not_be_compared_is_not_kept() -> None:
    index = filled(3, ("a", "What is the weather today?"))
    assert len(index) == 0


def test_the_cosine_of_vectors_of_length_one() -> None:
    assert cosine((1.0, 0.0), (1.0, 0.0)) == 1.0
    assert cosine((1.0, 0.0), (0.0, 1.0)) == 0.0
    with pytest.raises(ValueError, match="longer"):
        cosine((1.0,), cast("tuple[float, ...]", (1.0, 0.0)))
