"""Tool output that later output replaces, and texts that stand in a conversation twice. Pure.

A result is superseded when the same tool is called again with the same arguments, when a file that was read
is read or written again as a whole, and when the same page of a listing is fetched anew. A page is not
replaced by another page, nor a file by an edit of a part: that would lose what only the older text holds.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from farthing.prompt.turns import Exchange, arguments_of, exchanges_of
from farthing.task import Message

MARK = "[left out: "
"""How every stub begins; a text that begins so is never shortened again."""

_LEAST_CHARACTERS = 160
"""What is shorter than this stays: a stub would save nothing."""
_NEARLY = 0.9
_STAND_IN = 4
_PATHS = ("path", "file", "file_path", "filename", "uri", "url")
_SHINGLE = 8
"""Words of a shingle, after Broder, "On the resemblance and containment of documents" (1997)."""


class Stub(NamedTuple):
    """A message whose text goes, and what stands there instead."""

    message: int
    rule: str
    text: str


class Cut(NamedTuple):
    """A call whose long arguments go: they were written again later."""

    exchange: Exchange
    arguments: str


def superseded(messages: Sequence[Message], start: int, end: int) -> Iterator[Stub | Cut]:
    """What of messages `start` to before `end` later messages before `end` replace."""
    latest: dict[str, int] = {}
    whole: dict[str, int] = {}
    for one in reversed([entry for entry in exchanges_of(messages[:end]) if entry.caller >= start]):
        arguments = arguments_of(one.call)
        key = f"{one.call.name} {_canonical(one.call.arguments, arguments)}"
        path = _path(arguments)
        text = messages[one.answer].text
        later = latest.get(key)
        if later is None and path in whole and _is_copy(text, _content(messages, whole[path])):
            later = whole[path]
        if later is not None and _is_long(text) and _is_answer(messages, later, text):
            yield Stub(one.answer, "superseded tool output", f"{MARK}a later {one.call.name} replaced this]")
        longest = _longest(arguments)
        if path and longest is not None and arguments is not None:
            if path in whole and _is_copy(str(arguments[longest]), _content(messages, whole[path])):
                stub = f"{MARK}written again later]"
                yield Cut(one, msgspec.json.encode({**arguments, longest: stub}).decode())
            whole.setdefault(path, one.caller)
        latest.setdefault(key, one.answer)
        if path and longest is None and _is_long(text):
            whole.setdefault(path, one.answer)


def repeated(messages: Sequence[Message], start: int, end: int) -> Iterator[tuple[int, str, str]]:
    """Paragraphs and outputs of the range that stand earlier: the same words in the same order, be it in a
    longer text. Yields where, which, and what takes their place. One other number or name makes a text
    another. The earlier one stays: the prefix of the conversation does not change."""
    seen: dict[int, frozenset[str]] = {}
    postings: dict[str, int] = {}
    for at, message in enumerate(messages[:end]):
        for block in _blocks(message):
            shingles = _shingles(block)
            if at >= start and shingles and _is_known(shingles, seen, postings):
                yield at, block, f"{MARK}the same stands above]"
                continue
            number = len(seen)
            seen[number] = shingles
            for shingle in shingles:
                postings.setdefault(shingle, number)


def _is_known(
    shingles: frozenset[str], seen: Mapping[int, frozenset[str]], postings: Mapping[str, int]
) -> bool:
    """Whether one earlier block holds all of this one's runs of words, whatever else it holds."""
    counts: dict[int, int] = {}
    for shingle in shingles:
        holder = postings.get(shingle)
        if holder is not None:
            counts[holder] = counts.get(holder, 0) + 1
    if not counts:
        return False
    best = max(counts, key=lambda number: counts[number])
    return shingles <= seen[best]


def _blocks(message: Message) -> list[str]:
    text = message.content
    if not isinstance(text, str) or text.startswith(MARK):
        return []
    blocks = [text] if message.role == "tool" else text.split("\n\n")
    return [block for block in blocks if _is_long(block)]


def _shingles(block: str) -> frozenset[str]:
    """A text's runs of words; case and space do not tell texts apart, numbers do."""
    words = block.lower().split()
    return frozenset(" ".join(words[at : at + _SHINGLE]) for at in range(max(1, len(words) - _SHINGLE + 1)))


def _is_long(text: str) -> bool:
    return len(text) >= _LEAST_CHARACTERS and not text.startswith(MARK)


def _canonical(raw: str, arguments: Mapping[str, object] | None) -> str:
    return raw if arguments is None else msgspec.json.encode(arguments, order="deterministic").decode()


def _is_answer(messages: Sequence[Message], later: int, text: str) -> bool:
    """Whether the later output can stand for the earlier: an error message in its place could not."""
    return _STAND_IN * len(_content(messages, later)) >= len(text)


def _path(arguments: Mapping[str, object] | None) -> str:
    """The file or address that a call is about; empty where it is about a part of one, by line or by page."""
    if not arguments:
        return ""
    for name in _PATHS:
        value = arguments.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def _longest(arguments: Mapping[str, object] | None) -> str | None:
    """The name of the argument that holds a whole content."""
    given = (arguments or {}).items()
    texts = {name: value for name, value in given if isinstance(value, str) and _is_long(value)}
    return max(texts, key=lambda name: len(texts[name]), default=None)


def _content(messages: Sequence[Message], at: int) -> str:
    """The text of a result, or the longest arguments of a call."""
    message = messages[at]
    if message.tool_calls:
        return max((_written(call.arguments) for call in message.tool_calls), key=len)
    return message.text


def _written(raw: str) -> str:
    try:
        arguments = msgspec.json.decode(raw.encode("utf-8", "replace"), type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        return raw
    longest = _longest(arguments)
    return raw if longest is None else str(arguments[longest])


def _is_copy(older: str, newer: str) -> bool:
    """Whether nearly all lines of the older text stand in the newer one: it is the whole, edited."""
    lines = [line.strip() for line in older.splitlines() if line.strip()]
    if not lines:
        return False
    held = {line.strip() for line in newer.splitlines()}
    return sum(line in held for line in lines) >= _NEARLY * len(lines)
