"""Circles that are noticed, and work that only looks like one."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.swarm.repeats import (
    CYCLES,
    SAME_ROUNDS,
    Happened,
    Round,
    TroubleKind,
    faults_of,
    noticed,
    round_of,
)


def happened(word: str) -> Happened:
    """`a` is a call with result `a`; `a1`, `a2` the same call with other results; `x!` a faulty call."""
    return Happened(word[0], "{}", word[1:], word.endswith("!"))


def rounds(*words: str, text: str = "") -> list[Round]:
    return [round_of([happened(one) for one in word.split("+")], text=text) for word in words]


CASES: list[tuple[Sequence[str], TroubleKind | None]] = [
    (["a", "a"], None),
    (["a", "a", "a"], "repeated"),
    (["b", "a", "a", "a"], "repeated"),
    (["a", "a", "b", "a"], None),
    (["a1", "a2", "a3", "a4"], None),  # polling: the result changes
    (["a1", "a1", "a2"], None),
    (["a+b", "b+a", "a+b"], "repeated"),  # the order within an answer means nothing
    (["a+b1", "a+b2", "a+b3"], None),  # something comes forward
    (["a", "b", "a"], None),
    (["a", "b", "a", "b"], "ping_pong"),
    (["a1", "b1", "a2", "b2"], None),
    (["a", "b", "c", "a", "b", "c"], "ping_pong"),
    (["a", "b", "c", "a", "b", "d"], None),
    (["a!"], None),
    (["a!", "a0!"], "faulty"),
    (["a!", "a", "a!"], None),
    (["a!", "b", "a0!"], "faulty"),
]


@pytest.mark.parametrize(("words", "kind"), CASES)
def test_circles(words: Sequence[str], kind: TroubleKind | None) -> None:
    found = noticed(rounds(*words))
    assert (found and found.kind) == kind


def test_the_same_words_over_the_same_results_are_a_circle_whatever_was_tried() -> None:
    tried = [round_of([Happened("find", f'{{"n":{n}}}', "nothing")], text="I  look again.") for n in range(3)]
    found = noticed(tried)
    assert found is not None
    assert (found.kind, "said the same three times" in found.text) == ("same_text", True)
    other = [*tried[:2], round_of([Happened("find", '{"n":9}', "found it")], text="I look again.")]
    assert noticed(other) is None
    assert noticed([Round(calls=one.calls) for one in tried]) is None


def test_the_note_says_what_was_called_and_how_often() -> None:
    found = noticed(rounds("a", "a", "a"))
    assert found is not None
    assert found.text.startswith("You have called a three times with the same arguments and result;")


def test_faults_count_from_the_last_good_call() -> None:
    history = rounds("a!", "a", "a!", "b", "a1!")
    assert (faults_of(history, "a"), faults_of(history, "b"), faults_of([], "a")) == (2, 0, 0)


WORDS = st.lists(st.sampled_from(["a", "b", "c", "a+b"]), max_size=10)


@given(before=WORDS, word=st.sampled_from(["a", "b+c"]))
def test_three_equal_rounds_are_noticed_whatever_came_before(before: list[str], word: str) -> None:
    assert noticed(rounds(*before, *[word] * SAME_ROUNDS)) is not None


@given(before=WORDS, cycle=st.permutations(["a", "b", "c"]), length=st.integers(2, 3))
def test_cycles_are_noticed_whatever_came_before(before: list[str], cycle: list[str], length: int) -> None:
    assert noticed(rounds(*before, *cycle[:length] * CYCLES)) is not None


@given(calls=st.lists(st.sampled_from(["a", "b"]), max_size=12))
def test_results_that_change_are_never_a_circle(calls: list[str]) -> None:
    assert noticed(rounds(*(f"{call}{number}" for number, call in enumerate(calls)))) is None
