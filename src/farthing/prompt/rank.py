"""Which pieces of text have to do with a question: BM25, the question widened by words of the conversation.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009); widening after
Lavrenko and Croft's relevance models: words of the best pieces join the question at a lower weight. Pure.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from heapq import nlargest
from math import log

_K1 = 1.2
_B = 0.6
_WIDENING_PIECES = 4
_WIDENING_TERMS = 8
_WIDENING_WEIGHT = 0.3

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_STOP = frozenset(
    [
        "a",
        "about",
        "after",
        "again",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "being",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "done",
        "down",
        "for",
        "from",
        "further",
        "get",
        "got",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "here",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "let",
        "ll",
        "like",
        "may",
        "me",
        "more",
        "most",
        "much",
        "must",
        "my",
        "no",
        "nor",
        "not",
        "now",
        "of",
        "off",
        "on",
        "once",
        "one",
        "only",
        "or",
        "other",
        "our",
        "out",
        "over",
        "own",
        "please",
        "re",
        "same",
        "shall",
        "she",
        "should",
        "so",
        "some",
        "such",
        "t",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "to",
        "too",
        "under",
        "until",
        "up",
        "us",
        "ve",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)
_SUFFIXES = (
    "ations",
    "ation",
    "ingly",
    "ments",
    "ment",
    "ings",
    "ing",
    "edly",
    "ies",
    "ied",
    "ers",
    "est",
    "ed",
    "er",
    "es",
    "ly",
    "s",
)


def terms_of(text: str) -> list[str]:
    """The stems of the words that say something."""
    return [stem(word) for word in words_of(text)]


def words_of(text: str) -> list[str]:
    """The words that say something, in lower case; names in camel or snake case are taken apart."""
    words = _WORD.findall(_CAMEL.sub(" ", text).lower())
    return [word for word in words if word not in _STOP]


def stem(word: str) -> str:
    """A word without its usual ending: enough for `cached`, `caches` and `caching` to meet."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)]
            break
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


class Index:
    """Pieces, ready to be asked. `terms` are those of `terms_of`, piece by piece."""

    def __init__(self, terms: Sequence[Sequence[str]]) -> None:
        self._counts = [Counter(piece) for piece in terms]
        self._lengths = [len(piece) for piece in terms]
        self._mean = sum(self._lengths) / len(terms) if any(self._lengths) else 1.0
        self._holders: dict[str, list[int]] = {}
        for place, counts in enumerate(self._counts):
            for term in counts:
                self._holders.setdefault(term, []).append(place)

    def rarity(self, term: str) -> float:
        """The term's inverse document frequency."""
        holders = len(self._holders.get(term, ()))
        return log(1 + (len(self._counts) - holders + 0.5) / (holders + 0.5))

    def scores(self, question: str) -> dict[int, float]:
        """The relevance of the pieces to a question, the best is 1; those that are not named have none."""
        query = dict.fromkeys(terms_of(question), 1.0)
        first = self.matches(query)
        if not first:
            return {}
        scores = self.matches(self._widened(query, first))
        best = max(scores.values())
        return {place: score / best for place, score in scores.items()}

    def matches(self, query: Mapping[str, float]) -> dict[int, float]:
        """The BM25 scores of the pieces that have any of these terms; each term counts by its weight."""
        scores: dict[int, float] = {}
        for term, weight in query.items():
            rarity = self.rarity(term) * weight
            for place in self._holders.get(term, ()):
                count = self._counts[place][term]
                norm = _K1 * (1 - _B + _B * self._lengths[place] / self._mean)
                scores[place] = scores.get(place, 0.0) + rarity * count * (_K1 + 1) / (count + norm)
        return scores

    def _widened(self, query: Mapping[str, float], first: Mapping[int, float]) -> Mapping[str, float]:
        best = nlargest(_WIDENING_PIECES, first, key=lambda place: (first[place], -place))
        found: dict[str, float] = {}
        for place in best:
            for term in self._counts[place]:
                if term not in query:
                    found[term] = found.get(term, 0.0) + first[place] * self.rarity(term)
        joining = nlargest(_WIDENING_TERMS, found, key=lambda term: (found[term], term))
        return {**query, **dict.fromkeys(joining, _WIDENING_WEIGHT)}
