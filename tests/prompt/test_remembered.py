"""The frozen conversations, and the promise: 98 % of the facts at 40 % of the tokens, held-out ones too."""

from hashlib import sha256

import msgspec
import pytest
from tests.prompt.conversations import FACTS, HELD_OUT, TUNING, TURNS, conversation, kept
from tests.prompt.planted import KINDS
from tests.prompt.remembered import before_the_question, in_steps, measure_once, measure_questions

from farthing.prompt.rank import terms_of

DIGEST = "69303b8100a94a0e"


def test_the_conversations_are_those_that_were_frozen() -> None:
    """Who changes them measures something else: tune the compressor on even seeds, never these."""
    told = msgspec.json.encode([conversation(seed) for seed in (0, 1)])
    assert sha256(told).hexdigest()[:16] == DIGEST


@pytest.mark.parametrize("seed", [0, 1])
def test_a_conversation_has_its_turns_and_its_facts(seed: int) -> None:
    talk = conversation(seed)
    assert sum(one.role == "user" for one in talk.messages) == TURNS
    assert len(talk.facts) == FACTS
    assert len({fact.value for fact in talk.facts}) == FACTS
    assert all(kept(fact, talk.messages) for fact in talk.facts)
    assert {fact.where for fact in talk.facts} == {"user", "assistant", "document", "file"}
    assert len({fact.kind for fact in talk.facts}) == len(KINDS)


@pytest.mark.parametrize("seed", [*TUNING[:2], *HELD_OUT[:2]])
def test_questions_are_in_other_words(seed: int) -> None:
    for fact in conversation(seed).facts:
        told, question = set(terms_of(fact.told)), set(terms_of(fact.question))
        assert len(told & question) <= 1, fact
        assert fact.value.lower() not in fact.question.lower()


def test_no_template_is_both_tuned_on_and_held_out() -> None:
    for kind in KINDS.values():
        for one, other in zip(kind.tuning, kind.held_out, strict=True):
            assert not set(one) & set(other)


@pytest.mark.parametrize("seed", [*TUNING[:5], *HELD_OUT[:5]])
def test_facts_are_kept_at_two_fifths_of_the_tokens(seed: int) -> None:
    talk = conversation(seed)
    once = measure_once([talk], before_the_question)
    assert once.largest_share <= 0.4
    assert once.kept_percent >= 98, once.lost
    asked = measure_questions([talk], each=2)
    assert asked.largest_share <= 0.4
    assert not asked.lost


@pytest.mark.parametrize("seed", [TUNING[5], HELD_OUT[5]])
def test_steps_keep_them_as_well(seed: int) -> None:
    steps = measure_once([conversation(seed)], in_steps)
    assert steps.kept_percent >= 98, steps.lost
    assert steps.largest_share <= 0.4


@pytest.mark.parametrize("seed", [TUNING[5], HELD_OUT[5]])
def test_rare_words_in_the_chatter_do_not_mislead(seed: int) -> None:
    once = measure_once([conversation(seed, rare_words=True)], before_the_question)
    assert once.kept_percent >= 98, once.lost
