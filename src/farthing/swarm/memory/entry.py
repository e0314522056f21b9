"""The words of shared memory: entries, leases, conflicts, changes; which keys, names and values may be kept.

Values and their bounds only. What an operation does to an entry is `edits.py`'s, what words find is
`recall.py`'s.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, NamedTuple, NoReturn, TypeAlias, cast

from farthing.errors import SharedMemoryError

LONGEST_KEY, LONGEST_NAMESPACE, LONGEST_NAME = 200, 120, 120
LONGEST_S = 10 * 366 * 86_400.0
"""Ten years: what lasts longer needs no end."""

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
ChangeKind: TypeAlias = Literal["put", "deleted", "expired"]
Number: TypeAlias = int | Decimal


class Place(NamedTuple):
    """Whose namespace: that of a tenant (a task's or swarm's `key`), or of nobody in particular."""

    tenant: str
    namespace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much one namespace keeps: entries, and bytes of one value's JSON."""

    entries: int = 100_000
    value_bytes: int = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEntry:
    """A key and its value. `version` grows with every change in the namespace, and is never used again."""

    key: str
    value: object
    version: int
    changed_at: datetime
    changed_by: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Nothing was changed: the entry has another version than was expected. `entry` None: there is none."""

    key: str
    version: int
    """The present version; 0 where there is no entry."""
    entry: MemoryEntry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A claim that was granted. `token` grows from claim to claim of a key: what guards a resource by it can
    tell a holder that was overtaken."""

    key: str
    holder: str
    until: datetime
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A claim that was not granted: who has it, until when. `holder` None: a lease that is lost, and that
    nobody has now."""

    key: str
    holder: str | None
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryChange:
    """What became of a key. `value` is the new one of a `put`, else None."""

    kind: ChangeKind
    key: str
    version: int
    value: object
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryMatch:
    """An entry that a search found. `words` are those of the query that it has, `snippet` where they are."""

    entry: MemoryEntry
    snippet: str
    words: tuple[str, ...]


def checked_key(key: object) -> str:
    """The key. Raises `SharedMemoryError` for one that cannot be kept."""
    return _printable(key, "a key", LONGEST_KEY)


def checked_prefix(prefix: object) -> str:
    """As a key, but it may be empty."""
    return "" if prefix == "" else _printable(prefix, "a prefix", LONGEST_KEY)


def checked_name(name: object, what: str) -> str:
    """Who holds or changes something."""
    return _printable(name, what, LONGEST_NAME)


def checked_place(namespace: object, tenant: str | None) -> Place:
    """Raises `SharedMemoryError` for a namespace that is no name."""
    kept = _printable(namespace, "a namespace", LONGEST_NAMESPACE)
    return Place("" if tenant is None else _printable(tenant, "a tenant's key", 60), kept)


def checked_us(seconds: float, what: str) -> int:
    """A duration in microseconds. Raises `SharedMemoryError` unless it is above 0 and at most ten years."""
    if not 0 < seconds <= LONGEST_S:
        raise SharedMemoryError(
            f"{what} is {seconds!r} seconds; give more than 0 and at most {LONGEST_S:,.0f}"
        )
    return max(1, round(seconds * 1e6))


def encoded(value: object, bounds: Bounds, *, key: str) -> str:
    """The value as JSON. Raises `SharedMemoryError` for what JSON cannot say, or for too much of it."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        size = len(text.encode())
    except UnicodeEncodeError:
        raise SharedMemoryError(f"the value of {key!r} has text that is no Unicode") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise SharedMemoryError(
            f"the value of {key!r} is {type(value).__name__}, which JSON cannot say: {error}",
            hint="give texts, numbers, booleans, None, lists and dictionaries of them",
        ) from None
    check_size(size, bounds, key=key)
    return text


def check_size(size: int, bounds: Bounds, *, key: str) -> None:
    """Raises `SharedMemoryError` for a value that is too long."""
    if size > bounds.value_bytes:
        raise SharedMemoryError(
            f"the value of {key!r} would have {size:,} bytes, and {bounds.value_bytes:,} are allowed",
            hint="keep it in parts, or in a file and its path here; the bound is swarm.memory.valueBytes",
        )


def decoded(text: str) -> JsonValue:
    """A value from its JSON."""
    return cast(JsonValue, json.loads(text))


def texts_in(value: JsonValue) -> list[str]:
    """Every text in a value, names of members among them, in order."""
    found: list[str] = []
    waiting: list[JsonValue] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, list):
            waiting.extend(reversed(one))
        elif isinstance(one, dict):
            for name, member in reversed(one.items()):
                waiting.extend((member, name))
    return found


def at(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1_000_000, UTC)


def _printable(text: object, what: str, most: int) -> str:
    if not isinstance(text, str) or not text.isprintable() or not 0 < len(text.strip()) <= len(text) <= most:
        _refuse(text, what, most)
    return text


def _refuse(text: object, what: str, most: int) -> NoReturn:
    shown = repr(text)
    shown = shown if len(shown) <= 80 else f"{shown[:79]}…"
    raise SharedMemoryError(f"{what} is {shown}; give 1 to {most} printable characters")
