"""The figures that the semantic cache promises, with the real model, on pairs settled before it was tuned.

The false-hit rate is the share of adversarial pairs that would be answered from each other. The hit rate on
paraphrases is printed by `python -m tests.cache.pairs`; here it only must not sink unseen.
"""

from collections import Counter
from collections.abc import Sequence

import pytest
from tests.cache.pairs import pairs
from tests.cache.pairs.table import Outcome, of_part, outcomes, share
from tests.docs.blocks import ROOT

MOST_FALSE = 0.005


@pytest.fixture(scope="module")
def found() -> Sequence[Outcome]:
    return outcomes(pairs())


@pytest.mark.parametrize("part", ["all", "held-out", "tuning"])
def test_hardly_a_question_gets_another_ones_answer(found: Sequence[Outcome], part: str) -> None:
    rows = of_part(found, part, same=False)
    wrong, total = share(rows)
    assert wrong / total <= MOST_FALSE, [row.pair for row in rows if row.hit]


@pytest.mark.parametrize(("part", "least"), [("tuning", 0.58), ("held-out", 0.52)])
def test_the_same_question_in_other_words_is_often_recognised(
    found: Sequence[Outcome], part: str, least: float
) -> None:
    hits, total = share(of_part(found, part, same=True))
    assert hits / total >= least


def test_there_are_enough_pairs_of_enough_kinds(found: Sequence[Outcome]) -> None:
    adversarial = [row for row in found if not row.pair.same]
    assert len(found) >= 600
    assert len(adversarial) >= len(found) / 2
    assert len({row.pair.kind for row in adversarial}) >= 18
    assert all(len(of_part(found, part, same=False)) >= 180 for part in ("tuning", "held-out"))


def test_the_guide_says_these_figures(found: Sequence[Outcome]) -> None:
    guide = (ROOT / "docs" / "guides" / "semantic-cache.md").read_text(encoding="utf-8")
    rows = (
        ("False hits", False, ("tuning", "held-out", "attacks", "all")),
        ("Recognised", True, ("tuning", "held-out")),
    )
    for label, same, parts in rows:
        (row,) = (line for line in guide.splitlines() if line.startswith(f"| {label}"))
        counts = [share(of_part(found, part, same=same)) for part in parts]
        assert [f"{hit} of {total}" for hit, total in counts] == [
            cell.split(" (")[0] for cell in row.split(" | ")[1:]
        ][: len(parts)]


def test_no_pair_stands_twice(found: Sequence[Outcome]) -> None:
    counts = Counter(frozenset((row.pair.a, row.pair.b)) for row in found)
    assert [pair for pair, count in counts.items() if count > 1] == []
