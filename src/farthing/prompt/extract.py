"""The sentences and lines that are kept when not all can be. Pure; of which messages is `compress.py`'s.

A piece is worth what it states (`facts.py`), weighted by who says it, and what it has to do with the question
(`rank.py`; by embeddings too, where they are given). Kept pieces stay in their order, gaps are marked.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from heapq import nlargest
from itertools import accumulate
from typing import NamedTuple

import msgspec
from msgspec import structs

from farthing.prompt.facts import density
from farthing.prompt.rank import Index, terms_of
from farthing.prompt.superseded import MARK
from farthing.prompt.tokens import estimate_tokens
from farthing.prompt.turns import arguments_of, pieces_of, with_arguments
from farthing.task import Message

GAP = "[…] "
"""What stands where pieces were left out."""

Scores = Callable[[str, Sequence[str], int], Sequence[float]]
"""How near pieces are to a question, 0–1 each; given in the order of their worth, with how many fit."""

_ROLE_WEIGHT: Mapping[str, float] = {"user": 1.6, "assistant": 1.0, "tool": 0.55, "system": 1.0}
_USER_BONUS = 0.5
_PLAIN: Mapping[str, float] = {"user": 0.06, "assistant": 0.02}
"""For each word that says something, at most five of them: what is plain prose and yet may matter."""
_RELEVANCE = 2.5
_RECENT_RELEVANCE = 0.4
_COMMON_SHAPE = 0.25
"""A line that looks like most others of its output says less than one that stands out."""
_SHAPES_TO_BE_COMMON = 4
_RARITY = 0.15
"""For each unit of how rare the words of a plain sentence are in this conversation."""
_RARE_TERMS = 4
_LEAST_ARGUMENT = 160
_GAP_TOKENS = 3
_CONTENT = -1

_LETTERS = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")


class Extracted(NamedTuple):
    """Messages by their places, with what is left of them; `empty` are those of which nothing is."""

    messages: Mapping[int, Message]
    empty: frozenset[int]


class _Source(NamedTuple):
    """A text in pieces: a message's content, or the longest argument of its call `slot`."""

    message: int
    slot: int
    name: str
    role: str
    pieces: list[str]


class _Piece(NamedTuple):
    source: int
    place: int
    text: str
    tokens: int
    value: float


class Weighed(NamedTuple):
    """Texts in pieces, the pieces in the order of their worth."""

    sources: list[_Source]
    pieces: list[_Piece]


def weigh(messages: Mapping[int, Message], *, question: str, recent: str) -> Weighed:
    """The messages in pieces, each with its worth. `recent`: what the last steps are about."""
    sources = [source for at, message in messages.items() for source in _sources(at, message)]
    return Weighed(sources, _sorted(_weighed(sources, question, recent)))


def reweighed(weighed: Weighed, scores: Scores, *, question: str, room: int) -> Weighed:
    """The same with what `scores` say of the meaning. `room`: as `extracted` is given it."""
    if not question:
        return weighed
    room += sum(piece.tokens for piece in weighed.pieces)
    fitting = sum(total <= room for total in accumulate(piece.tokens for piece in weighed.pieces))
    alike = scores(question, [piece.text for piece in weighed.pieces], fitting)
    pieces = [
        piece._replace(value=piece.value + _RELEVANCE * max(0.0, near))
        for piece, near in zip(weighed.pieces, alike, strict=True)
    ]
    return Weighed(weighed.sources, _sorted(pieces))


def _sorted(pieces: Sequence[_Piece]) -> list[_Piece]:
    return sorted(pieces, key=lambda piece: (-piece.value, -piece.source, piece.place))


def extracted(messages: Mapping[int, Message], weighed: Weighed, *, room: int) -> Extracted:
    """The messages with their best pieces. `room`: tokens they may grow by; usually below 0, to shrink by."""
    room += sum(piece.tokens for piece in weighed.pieces)
    kept: list[set[int]] = [set() for _ in weighed.sources]
    for piece in weighed.pieces:
        neighbours = kept[piece.source]
        joined = not neighbours or piece.place - 1 in neighbours or piece.place + 1 in neighbours
        cost = piece.tokens + (0 if joined else _GAP_TOKENS)
        if piece.value > 0 and cost <= room:
            neighbours.add(piece.place)
            room -= cost
    return _rebuilt(messages, weighed.sources, kept)


def _sources(at: int, message: Message) -> list[_Source]:
    found: list[_Source] = []
    if isinstance(message.content, str) and message.content and not message.content.startswith(MARK):
        lines = message.role == "tool"
        found.append(_Source(at, _CONTENT, "", message.role, pieces_of(message.content, lines=lines)))
    for place, call in enumerate(message.tool_calls):
        arguments = arguments_of(call) or {}
        texts = {
            name: one
            for name, one in arguments.items()
            if isinstance(one, str) and len(one) >= _LEAST_ARGUMENT
        }
        if texts:
            name = max(texts, key=lambda name: len(texts[name]))
            found.append(_Source(at, place, name, "tool", pieces_of(texts[name], lines=True)))
    return found


def _weighed(sources: Sequence[_Source], question: str, recent: str) -> list[_Piece]:
    texts = [piece for source in sources for piece in source.pieces]
    terms = [terms_of(text) for text in texts]
    index = Index(terms)
    near = index.scores(question) if question else {}
    near_recent = index.scores(recent) if question else {}
    weighed: list[_Piece] = []
    number = 0
    for at, source in enumerate(sources):
        common, plain = _common_shapes(source), _PLAIN.get(source.role, 0.0)
        for place, text in enumerate(source.pieces):
            value = _stated(source, text, common) + plain * min(5, len(terms[number]))
            value += (
                _RELEVANCE * near.get(number, 0.0) ** 2
                + _RECENT_RELEVANCE * near_recent.get(number, 0.0) ** 2
            )
            value += _RARITY * _rarity(index, terms[number]) if plain else 0.0
            weighed.append(_Piece(at, place, text, estimate_tokens(text), value))
            number += 1
    return weighed


def _stated(source: _Source, text: str, common: frozenset[str]) -> float:
    stated = density(text) * _ROLE_WEIGHT[source.role]
    if source.role == "tool" and _shape(text) in common:
        return stated * _COMMON_SHAPE
    return stated + (_USER_BONUS if source.role == "user" and stated else 0.0)


def _rarity(index: Index, terms: Sequence[str]) -> float:
    """The mean rarity of the four rarest words; fewer words count for less."""
    return sum(nlargest(_RARE_TERMS, map(index.rarity, set(terms)))) / _RARE_TERMS


def _common_shapes(source: _Source) -> frozenset[str]:
    if source.role != "tool":
        return frozenset()
    counts = Counter(_shape(text) for text in source.pieces)
    return frozenset(shape for shape, count in counts.items() if count >= _SHAPES_TO_BE_COMMON)


def _shape(text: str) -> str:
    return _DIGITS.sub("0", _LETTERS.sub("a", text.strip()))


def _rebuilt(
    messages: Mapping[int, Message], sources: Sequence[_Source], kept: Sequence[set[int]]
) -> Extracted:
    made = dict(messages)
    filled: set[int] = set()
    for source, places in zip(sources, kept, strict=True):
        text = _joined(source.pieces, places)
        if places:
            filled.add(source.message)
        message = made[source.message]
        if source.slot == _CONTENT:
            made[source.message] = (
                message if message.content == text else structs.replace(message, content=text)
            )
        elif len(places) < len(source.pieces):
            call = message.tool_calls[source.slot]
            arguments = {**(arguments_of(call) or {}), source.name: text}
            encoded = msgspec.json.encode(arguments).decode()
            if len(encoded) < len(call.arguments):
                made[source.message] = with_arguments(message, source.slot, encoded)
    return Extracted(made, frozenset(messages) - filled)


def _joined(pieces: Sequence[str], places: set[int]) -> str:
    """The kept pieces in order; a gap where others were, and never more than the pieces were."""
    parts: list[str] = []
    last = -1
    for place in sorted(places):
        if place != last + 1:
            parts.append(GAP)
        parts.append(pieces[place])
        last = place
    if last != len(pieces) - 1:
        parts.append(GAP)
    text = "".join(parts).rstrip(" ")
    whole = "".join(pieces)
    return text if len(text) < len(whole) and estimate_tokens(text) < estimate_tokens(whole) else whole
