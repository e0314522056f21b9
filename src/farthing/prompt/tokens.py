"""How many tokens a text is likely to be, and how many an encoded request can be at most.

`estimate_*` serve routing, compression and forecasts; `bound_tokens` serves reservations, and an
estimate must never take its place. No tokenizer is loaded here and no price is known.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import msgspec

from farthing.task import Message, Tool

TEMPLATE_TOKENS = 512
"""What a provider's chat template may add to the bytes of a request (money.md, law 2)."""

_MESSAGE_TOKENS = 4
"""Role markers and separators of one message in the usual chat templates."""
_TOOL_TOKENS = 8
"""Wrapping of one tool's schema in the usual chat templates."""
_MEDIA_PART_TOKENS = 1000
"""A guess for an image or file part: no text estimator can know better."""

_LETTER, _DIGIT, _PUNCTUATION, _NEWLINE, _ALPHABETIC, _IDEOGRAPHIC, _OTHER = (1 << bit for bit in range(7))
_BLOCK = 4096

_PER_RUN: Mapping[int, int] = {_LETTER: 490, _DIGIT: 1465, _PUNCTUATION: 800, _NEWLINE: 870}
"""Thousandths of a token for every run of a class: words, numbers, clusters of punctuation, line ends."""
_PER_CHARACTER: Mapping[int, int] = {_LETTER: 123, _DIGIT: 260}
_PER_WIDE_CHARACTER: Mapping[int, int] = {_ALPHABETIC: 410, _IDEOGRAPHIC: 740, _OTHER: 2480}
"""By the first byte of a character: Cyrillic, Greek, Arabic; CJK, Hangul, Indic; accents, signs, emoji."""


def estimate_tokens(text: str) -> int:
    """The likely number of tokens of a text, at least 1 unless it is empty.

    A linear estimate over runs and characters of a few byte classes, fitted by non-negative least squares
    on relative errors against the mean of o200k, llama3 and qwen3 on the 55 texts of
    `tests/prompt/texts.jsonl` (English, German, French and eight more languages, ten programming and
    markup languages, JSON, logs, numbers). Measured there, each text left out of the fit in its turn:
    mean error 8 %, worst 38 % (Greek), no bias. Against one tokenizer the mean is 9 to 11 % and the worst
    +80 % (Hindi, where the three tokenizers differ by a factor of three among themselves).
    `python tests/prompt/calibrate.py` prints these figures; about 12 µs for 2 kB.
    """
    if not text:
        return 0
    return max(1, round(_thousandths(text.encode("utf-8", "replace"), ascii_only=text.isascii()) / 1000))


def estimate_conversation(messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int:
    """The likely input tokens of a request: messages, tool calls and tool schemas with their wrapping."""
    total = 3
    for message in messages:
        total += _MESSAGE_TOKENS + estimate_tokens(message.text) + _media_tokens(message)
        for call in message.tool_calls:
            total += _TOOL_TOKENS + estimate_tokens(call.name) + estimate_tokens(call.arguments)
    if tools:
        schemas = _schema_encoder().encode([(tool.name, tool.description, tool.parameters) for tool in tools])
        total += _TOOL_TOKENS * len(tools) + _thousandths(schemas, ascii_only=schemas.isascii()) // 1000
    return total


def bound_tokens(encoded_request: bytes) -> int:
    """The most input tokens an encoded request can be billed for.

    Byte-level BPE never makes more tokens than there are UTF-8 bytes; 512 covers the provider's template
    (money.md, law 2). Reservations use this and nothing else.
    """
    return len(encoded_request) + TEMPLATE_TOKENS


def _thousandths(raw: bytes, *, ascii_only: bool) -> int:
    """Thousandths of a token. Each byte becomes one bit per class: whole blocks are counted at once."""
    total = 0
    for start in range(0, len(raw), _BLOCK):
        classes = int.from_bytes(raw[start : start + _BLOCK].translate(_CLASSES))
        run_starts = classes & ~(classes >> 8)
        for mask, weight in _RUN_WEIGHTS:
            total += weight * (run_starts & mask).bit_count()
        for mask, weight in _CHARACTER_WEIGHTS:
            total += weight * (classes & mask).bit_count()
        if not ascii_only:
            for mask, weight in _WIDE_WEIGHTS:
                total += weight * (classes & mask).bit_count()
    return total


def _media_tokens(message: Message) -> int:
    if message.content is None or isinstance(message.content, str):
        return 0
    return sum(_MEDIA_PART_TOKENS for part in message.content if part.get("type") != "text")


def _schema_encoder() -> msgspec.json.Encoder:
    return msgspec.json.Encoder(enc_hook=_plain)


def _plain(value: object) -> object:
    """JSON for what msgspec does not know: mappings that are no dicts; anything else by its text."""
    if isinstance(value, Mapping):
        return dict(cast(Mapping[str, object], value))
    return str(value)


def _class_of(byte: int) -> int:
    if byte < 0x80:
        return _class_of_ascii(chr(byte))
    if byte < 0xC0:  # a continuation byte: its character was counted by the first one
        return 0
    if byte == 0xE2 or byte < 0xCA or byte >= 0xF0:  # typographic signs, accented Latin, emoji
        return _OTHER
    return _ALPHABETIC if byte < 0xE0 else _IDEOGRAPHIC


def _class_of_ascii(character: str) -> int:
    tests: tuple[tuple[Callable[[str], bool], int], ...] = (
        (str.isalpha, _LETTER),
        (str.isdigit, _DIGIT),
        ("\r\n".__contains__, _NEWLINE),
        (str.isspace, 0),
    )
    return next((value for test, value in tests if test(character)), _PUNCTUATION)


def _masks(weights: Mapping[int, int]) -> tuple[tuple[int, int], ...]:
    return tuple((int.from_bytes(bytes([bit]) * _BLOCK), weight) for bit, weight in weights.items())


_CLASSES = bytes(_class_of(byte) for byte in range(256))
_RUN_WEIGHTS = _masks(_PER_RUN)
_CHARACTER_WEIGHTS = _masks(_PER_CHARACTER)
_WIDE_WEIGHTS = _masks(_PER_WIDE_CHARACTER)
