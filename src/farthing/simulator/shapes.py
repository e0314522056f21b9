"""Narrowing of JSON values whose shape is not known: a wrong shape becomes an empty one.

Only reading; nothing here decides what a value means.
"""

from collections.abc import Mapping
from typing import cast


def mapping(value: object) -> Mapping[str, object]:
    """The value if it is an object, else an empty one."""
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def items(value: object) -> list[object]:
    """The value if it is an array, else an empty one."""
    return cast("list[object]", value) if isinstance(value, list) else []


def texts(value: object) -> list[str]:
    """The strings of an array."""
    return [entry for entry in items(value) if isinstance(entry, str)]


def whole(value: object) -> int | None:
    """The value if it is an integer and no boolean."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
