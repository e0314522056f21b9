"""Which pieces are worth a look at their meaning, and what the look says."""

from math import sqrt

import pytest

from farthing.prompt.nearness import LOOKED_AT, Nearness, likeness

EAST, NORTH = (1.0, 0.0), (0.0, 1.0)
TEXTS = [f"piece number {at} of them" for at in range(2 * LOOKED_AT)]


def test_what_surely_fits_is_not_looked_at_nor_what_surely_does_not() -> None:
    nearness = Nearness()
    scores = nearness.scores("what?", TEXTS, 300)
    first = 300 - LOOKED_AT // 4
    assert scores[:first] == [1.0] * first
    assert set(scores[first:]) == {0.0}
    assert nearness.wanted() == ["what?", *TEXTS[first : first + LOOKED_AT]]


def test_what_was_learned_counts_and_is_not_wanted_again() -> None:
    nearness = Nearness()
    nearness.scores("what?", TEXTS[:3], 1)
    for text, vector in zip(nearness.wanted(), (EAST, NORTH, EAST, NORTH), strict=True):
        nearness.learn(text, vector)
    assert nearness.scores("what?", TEXTS[:3], 1) == [0.0, 1.0, 0.0]
    assert nearness.wanted() == []


def test_a_few_words_say_too_little() -> None:
    nearness = Nearness()
    assert nearness.scores("what?", ["yes", "I see now"], 0) == [0.0, 0.0]
    assert nearness.wanted() == ["what?"]


@pytest.mark.parametrize(("cosine", "score"), [(-1.0, 0.0), (0.2, 0.0), (0.4, 0.5), (1.0, 1.0)])
def test_a_cosine_as_a_score(cosine: float, score: float) -> None:
    other = (cosine, sqrt(1 - cosine**2))
    assert likeness(EAST, other) == pytest.approx(score, abs=1e-6)
