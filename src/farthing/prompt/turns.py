"""The structure of a conversation: what belongs together, what stays word for word, and text in pieces.

A *step* is a user's message, or an assistant's with the results of the tools that it called: providers
refuse a call without its result, so a step goes as a whole or stays. Pure; what goes is `compress.py`'s.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from msgspec import structs

from farthing.task import Message, ToolCall

RECENT_STEPS = 6
"""So many steps at the end stay word for word: what the next answer goes on from."""

_FIRST_CHARACTERS = 4000
"""A first message up to this length says what all is about, and stays."""

_LONGEST_PIECE = 400
_SENTENCE_END = re.compile(r"(?<=[.!?])[ \t]+(?=[^\sa-z])|(?<=\n)(?=[^\n])")
_LINE_END = re.compile(r"(?<=\n)(?=.)", re.DOTALL)
_SOFT_END = re.compile(r"(?<=[,;}\]]) ?|(?<= )")


class Step(NamedTuple):
    """Messages `start` to before `end`."""

    start: int
    end: int


class Exchange(NamedTuple):
    """A tool call with its result: the message that calls, the place in it, the message that answers."""

    caller: int
    place: int
    call: ToolCall
    answer: int


def steps_of(messages: Sequence[Message]) -> list[Step]:
    """The conversation in steps; results stay with the message that called."""
    starts = [at for at, message in enumerate(messages) if message.role != "tool" or at == 0]
    return [Step(start, end) for start, end in zip(starts, [*starts[1:], len(messages)], strict=True)]


def exchanges_of(messages: Sequence[Message]) -> list[Exchange]:
    """Calls with their results, in order. Ids need be unique only within a step."""
    found: list[Exchange] = []
    for start, end in steps_of(messages):
        places = {call.id: (place, call) for place, call in enumerate(messages[start].tool_calls)}
        for answer in range(start + 1, end):
            place, call = places.get(messages[answer].tool_call_id or "", (0, None))
            if call is not None:
                found.append(Exchange(start, place, call, answer))
    return found


def protected(messages: Sequence[Message], recent_steps: int = RECENT_STEPS) -> frozenset[int]:
    """Messages that are kept word for word: system, pinned, images, the first and the last question, the
    last steps."""
    steps = steps_of(messages)
    last_question = max((at for at, one in enumerate(messages) if one.role == "user"), default=-1)
    first_question = next((at for at, one in enumerate(messages) if one.role == "user"), -1)
    first_recent = steps[-recent_steps].start if len(steps) >= recent_steps else 0
    return frozenset(
        at
        for at, one in enumerate(messages)
        if at >= first_recent
        or at == last_question
        or (at == first_question and len(one.text) <= _FIRST_CHARACTERS)
        or one.role == "system"
        or one.pinned
        or not (one.content is None or isinstance(one.content, str))
    )


def question_of(messages: Sequence[Message]) -> str:
    """The last that a user said."""
    return next((one.text for one in reversed(messages) if one.role == "user"), "")


def pieces_of(text: str, *, lines: bool) -> list[str]:
    """The text cut at ends of sentences, or of lines only; joined they are the text again."""
    pattern = _LINE_END if lines else _SENTENCE_END
    return [part for piece in _cut(text, pattern) for part in _short(piece)]


def _cut(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    begin = 0
    for found in pattern.finditer(text):
        if found.end() > begin:
            yield text[begin : found.end()]
            begin = found.end()
    if begin < len(text):
        yield text[begin:]


def _short(piece: str) -> Iterator[str]:
    """A line without an end (minified JSON, base64) in parts of bounded length."""
    if len(piece) <= _LONGEST_PIECE:
        yield piece
        return
    part = ""
    for bit in _cut(piece, _SOFT_END):
        for begin in range(0, len(bit), _LONGEST_PIECE):
            slice_ = bit[begin : begin + _LONGEST_PIECE]
            if part and len(part) + len(slice_) > _LONGEST_PIECE:
                yield part
                part = ""
            part += slice_
    if part:
        yield part


def with_arguments(message: Message, place: int, arguments: str) -> Message:
    """The message with one call's arguments replaced; they must be a JSON object."""
    calls = list(message.tool_calls)
    calls[place] = structs.replace(calls[place], arguments=arguments)
    return structs.replace(message, tool_calls=tuple(calls))


def arguments_of(call: ToolCall) -> dict[str, object] | None:
    """A call's arguments; None where they are no JSON object."""
    try:
        return msgspec.json.decode(call.arguments.encode("utf-8", "replace"), type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        return None
