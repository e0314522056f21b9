"""How near pieces of a conversation are to a question in meaning: which are worth embedding, and the score.

Pure: vectors are given. Embedding takes milliseconds a piece, so only those are looked at whose place is not
plain from their words: around the last piece that fits. What is far before it stays in, the rest stays out.
"""

from collections import OrderedDict
from collections.abc import Sequence
from math import sqrt
from operator import mul

Vector = Sequence[float]
"""Of length 1."""

LOOKED_AT = 400
"""Pieces around the last one that fits: fewer were measured to change nothing (`docs/guides/context.md`)."""
_BEFORE = 0.25
_LEAST_WORDS = 4
_MOST_CHARACTERS = 600
_LEAST_COSINE = 0.2
_MOST_KNOWN = 8192


class Nearness:
    """Vectors of questions and pieces, the latest of them. A piece without one is as far as can be."""

    def __init__(self) -> None:
        self._vectors: OrderedDict[str, Vector] = OrderedDict()
        self._wanted: dict[str, None] = {}

    def scores(self, question: str, texts: Sequence[str], fitting: int) -> Sequence[float]:
        """Of pieces in the order of their worth, of which so many fit: 0–1 each; notes missing vectors."""
        first = max(0, fitting - int(LOOKED_AT * _BEFORE))
        asked = self._vector(question)
        return [
            1.0 if at < first else self._near(asked, text) if at < first + LOOKED_AT else 0.0
            for at, text in enumerate(texts)
        ]

    def wanted(self) -> Sequence[str]:
        """What vectors were missing of since the last look, the question first."""
        wanted, self._wanted = list(self._wanted), {}
        return wanted

    def learn(self, text: str, vector: Vector) -> None:
        """`text` as `wanted` gave it."""
        self._vectors[text] = vector
        if len(self._vectors) > _MOST_KNOWN:
            self._vectors.popitem(last=False)

    def _near(self, asked: Vector | None, text: str) -> float:
        if len(text.split(maxsplit=_LEAST_WORDS)) < _LEAST_WORDS:
            return 0.0
        vector = self._vector(text)
        return 0.0 if vector is None or asked is None else likeness(asked, vector)

    def _vector(self, text: str) -> Vector | None:
        key = text[:_MOST_CHARACTERS]
        vector = self._vectors.get(key)
        if vector is not None:
            self._vectors.move_to_end(key)
        elif len(self._wanted) <= LOOKED_AT:
            self._wanted.setdefault(key)
        return vector


def likeness(one: Vector, other: Vector) -> float:
    """A cosine as a score, 0–1: what is under 0.2 is no likeness, and little is worth much."""
    cosine = sum(map(mul, one, other))
    return sqrt(min(1.0, max(0.0, (cosine - _LEAST_COSINE) / (1 - _LEAST_COSINE))))
