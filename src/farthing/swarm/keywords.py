"""Which keywords of a schema from outside are kept as they are, where they are well formed.

Values in, values out: how schemas are walked, and what keywords mean together, is `schemas.py`'s.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Final, cast

import msgspec

MAX_ENUM = 64
MAX_ENUM_CHARS = 2_000
MAX_DESCRIPTION_CHARS = 600
_MAX_VALUE_CHARS = 500
_LARGEST = 2**53
_ENDLESS = 1 << 30
_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")

LEFT_OUT: Final = object()
"""In the place of a keyword's value: it is not kept."""


def bounded_text(text: str, most: int = MAX_DESCRIPTION_CHARS) -> str:
    """At most so many characters, and none that cannot be encoded."""
    sound = text.encode("utf-8", "replace").decode()
    return sound if len(sound) <= most else sound[: most - 1] + "…"


def _text(value: object) -> object:
    return bounded_text(value) if isinstance(value, str) and value else LEFT_OUT


def _short(value: object) -> object:
    return value if isinstance(value, str) and len(value) <= _MAX_VALUE_CHARS and encodes(value) else LEFT_OUT


def _value(value: object) -> object:
    return value if encoded_chars(value) <= _MAX_VALUE_CHARS else LEFT_OUT


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return LEFT_OUT
    return value if isfinite(value) and abs(value) <= _LARGEST else LEFT_OUT


def _positive(value: object) -> object:
    number = _number(value)
    return number if isinstance(number, int | float) and number > 0 else LEFT_OUT


def _count(value: object) -> object:
    number = _number(value)
    whole = isinstance(number, int | float) and number >= 0 and number == int(number)
    return int(cast("float", number)) if whole else LEFT_OUT


def _flag(value: object) -> object:
    return value if isinstance(value, bool) else LEFT_OUT


def _kind(value: object) -> object:
    kinds = cast("list[object]", value) if isinstance(value, list) else [value]
    if not kinds or any(kind not in _TYPES for kind in kinds):
        return LEFT_OUT
    return value if isinstance(value, str) else list(dict.fromkeys(kinds))


def _names(value: object) -> object:
    if not isinstance(value, list):
        return LEFT_OUT
    names = [name for name in cast("list[object]", value) if isinstance(name, str) and encodes(name)]
    return list(dict.fromkeys(names)) or LEFT_OUT


def _choices(value: object) -> object:
    if not isinstance(value, list) or not value:
        return LEFT_OUT
    choices = cast("list[object]", value)
    few = len(choices) <= MAX_ENUM and encoded_chars(choices) <= MAX_ENUM_CHARS
    return choices if few else LEFT_OUT


PLAIN: Mapping[str, Callable[[object], object]] = {
    "type": _kind,
    "required": _names,
    "enum": _choices,
    "const": _value,
    "default": _value,
    "title": _text,
    "description": _text,
    "format": _short,
    "pattern": _short,
    "minimum": _number,
    "maximum": _number,
    "exclusiveMinimum": _number,
    "exclusiveMaximum": _number,
    "multipleOf": _positive,
    "minLength": _count,
    "maxLength": _count,
    "minItems": _count,
    "maxItems": _count,
    "minProperties": _count,
    "maxProperties": _count,
    "uniqueItems": _flag,
}
"""What is kept as it is, where it is well formed. `not`, `contains` and `oneOf` are none: what is left
out inside of them would make them refuse more."""


def encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def encoded_chars(value: object) -> int:
    """How long a value is as JSON; longer than anything may be where it cannot be written."""
    try:
        return len(msgspec.json.encode(value))
    except (TypeError, ValueError, OverflowError, RecursionError):  # as a whole number beyond 64 bits
        return _ENDLESS
