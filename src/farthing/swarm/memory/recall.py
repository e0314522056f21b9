"""Which entries words find, in which order, and the piece of text that shows it: the same on every database.

A word is letters and digits, without case and accents; nothing in a query is an operator. A query's word of
four letters or more finds the words that begin with it, too. The database's index proposes entries; the
order is decided here: who has more of the words, then who has them whole, then whose text is more about
them, then the newest.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from farthing.swarm.memory.entry import decoded, texts_in

LONGEST_WORD = 64
MOST_WORDS = 16
SNIPPET_CHARS = 160
_BEGINNING_FROM = 4
_WORD = re.compile(r"[^\W_]+")


class Score(NamedTuple):
    """How well an entry fits; the greater, the better. `words` are those of the query that it has."""

    found: int
    whole: int
    share: float
    words: tuple[str, ...]


def index_words(key: str, text: str) -> str:
    """What of an entry is indexed: the words of its key and of the texts in its JSON, in order."""
    found = folded(key)
    if '"' in text:  # else there is no text in it: a number, or a list of some
        for part in texts_in(decoded(text)):
            found += folded(part)
    return " ".join(found)


def folded(text: str) -> list[str]:
    """The words of a text, cut to 64 letters, without case and accents."""
    plain = text.casefold()
    if not plain.isascii():
        plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
        plain = plain.casefold()
    return [word[:LONGEST_WORD] for word in _WORD.findall(plain)]


def query_words(text: str) -> tuple[str, ...]:
    """The words of a query: the first sixteen different ones."""
    return tuple(dict.fromkeys(folded(text)))[:MOST_WORDS]


def finds_beginnings(word: str) -> bool:
    return len(word) >= _BEGINNING_FROM


def score(words: Sequence[str], indexed: str) -> Score:
    """How well the indexed words of an entry fit those of a query."""
    counts = Counter(indexed.split())
    times = {word: _times(word, counts) for word in words}
    found = tuple(word for word in words if times[word])
    whole = sum(1 for word in found if counts[word])
    return Score(len(found), whole, sum(times.values()) / max(1, counts.total()), found)


def snippet(words: Sequence[str], key: str, text: str, *, chars: int = SNIPPET_CHARS) -> str:
    """The stretch of an entry's text with the first of the words in it, and an ellipsis where it is cut."""
    whole = " ".join(" ".join(texts_in(decoded(text))).split()) or text
    start = next((match.start() for match in _WORD.finditer(whole) if _meant(match.group(), words)), None)
    if start is None:  # it is the key that has them
        whole, start = f"{key}: {whole}", 0
    begin = max(0, min(start - chars // 4, len(whole) - chars))
    while 0 < begin < start and whole[begin - 1] != " ":
        begin += 1
    piece = whole[begin : begin + chars]
    return f"{'…' if begin else ''}{piece}{'…' if begin + chars < len(whole) else ''}"


def _times(word: str, counts: Counter[str]) -> int:
    if not finds_beginnings(word):
        return counts[word]
    return sum(count for one, count in counts.items() if one.startswith(word))


def _meant(written: str, words: Sequence[str]) -> bool:
    return any(
        one == word or (finds_beginnings(word) and one.startswith(word))
        for one in folded(written)
        for word in words
    )
