"""Whose answer was given, what was sent and what came back: each fault is counted, and nothing else."""

import pytest

from farthing.bench.saving.judge import Ended, judged
from farthing.bench.workloads import Expectation, Work
from farthing.task import Task

SCHEMA = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}


NOTHING = Expectation()


def work(answer: str, expects: Expectation = NOTHING) -> Work:
    return Work(unit=answer, answer=answer, task=Task(description=answer), expects=expects)


def asked(output: str, *, sent: str = "sent") -> Ended:
    return Ended(output=output, sent=sent, task_id="t", finish_reason="stop")


def reused(output: str) -> Ended:
    return Ended(output=output, task_id="t", finish_reason="stop", asked=False)


def test_an_answer_to_the_same_question_is_a_hit_and_not_false() -> None:
    found = judged([work("a"), work("a")], [asked("yes"), reused("yes")])
    assert (found.hits, found.false_hits, found.reasons) == (1, 0, ())


def test_an_answer_to_another_question_is_false() -> None:
    found = judged([work("a"), work("b"), work("b")], [asked("yes"), asked("no"), reused("yes")])
    assert (found.hits, found.false_hits) == (1, 1)
    assert found.reasons == ("b: given another's answer",)


def test_an_answer_that_no_model_gave_is_false() -> None:
    assert judged([work("a")], [reused("from nowhere")]).false_hits == 1


def test_a_hit_that_was_asked_anew_all_the_same_is_a_hit() -> None:
    """A recheck sends something, and its task still gets the earlier answer."""
    rechecked = Ended(output="yes", sent="again", task_id="t", cached=True)
    assert judged([work("a"), work("a")], [asked("yes"), rechecked]).hits == 1


@pytest.mark.parametrize(
    ("expects", "end", "passed"),
    [
        (Expectation(sent=("port 4711",)), asked("x", sent="it is port 4711."), 1),
        (Expectation(sent=("port 4711", "Ragna")), asked("x", sent="it is port 4711."), 0),
        (Expectation(schema=SCHEMA), asked('{"id": "7"}'), 1),
        (Expectation(schema=SCHEMA), asked('{"id": 7}'), 0),
        (Expectation(schema=SCHEMA), asked("no JSON"), 0),
        (Expectation(calls=True), Ended(calls=1, sent="s", task_id="t"), 1),
        (Expectation(calls=True), asked("words"), 0),
        (Expectation(sent=("port 4711",)), Ended(error="TaskFailedError: no"), 0),
    ],
)
def test_each_expectation_is_checked(expects: Expectation, end: Ended, passed: int) -> None:
    found = judged([work("a", expects)], [end])
    assert (found.checked, found.passed) == (1, passed)
    assert bool(found.reasons) == (not passed)


def test_a_task_of_a_batch_is_no_hit_and_what_was_sent_is_not_looked_at() -> None:
    batched = Ended(output="yes", task_id="t", finish_reason="stop")
    found = judged([work("a", Expectation(sent=("7",)))], [batched])
    assert (found.hits, found.checked) == (0, 0)


def test_what_was_sent_for_a_hit_cannot_be_checked() -> None:
    found = judged([work("a", Expectation(sent=("7",)))] * 2, [asked("x", sent="7"), reused("x")])
    assert found.checked == 1


def test_cut_answers_and_failures_are_counted() -> None:
    cut = Ended(output="half", sent="s", task_id="t", finish_reason="length")
    found = judged([work("a"), work("b")], [cut, Ended(error="TaskFailedError: no")])
    assert (found.cut, found.failed, found.hits) == (1, 1, 0)
