"""How far a migration is: the items with what the facts show and what was marked by hand. Pure.

What the items are and what tells that one is done is `checklist.py`'s; collecting the facts and writing the
marks to their file is the command line's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from farthing.errors import FarthingError, nearest
from farthing.usage.checklist import ITEMS, AuditMark, Facts, Item

VERSION = 1
KEPT_AUDITS = 20

Standing = Literal["detected", "marked", "open"]


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """An item that a person called done. `at` is ISO 8601, UTC."""

    at: str
    note: str = ""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file beside the ledger."""

    version: int = VERSION
    audits: tuple[AuditMark, ...] = ()
    marks: Mapping[str, Mark] = msgspec.field(default_factory=dict[str, Mark])
    seen: Mapping[str, Mark] = msgspec.field(default_factory=dict[str, Mark])
    """Items that stay done once they were detected; the note is how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An item as it stands. `why` is how it is known to be done, empty while it is open."""

    id: str
    title: str
    week: int
    standing: Standing
    why: str
    next: str
    absent: str


def lines(facts: Facts, kept: Kept) -> tuple[Line, ...]:
    """Every item in order. What the facts show counts before a mark, and a mark before what was seen once."""
    return tuple(_line(item, facts, kept) for item in ITEMS)


def seen_now(facts: Facts, kept: Kept, *, at: str) -> Kept:
    """With the items that stay done and are detected for the first time."""
    told = {item.id: item.told(facts) for item in ITEMS if item.stays and item.id not in kept.seen}
    found = {name: Mark(at=at, note=why) for name, why in told.items() if why is not None}
    return msgspec.structs.replace(kept, seen={**kept.seen, **found}) if found else kept


def marked(kept: Kept, name: str, *, note: str, at: str) -> Kept:
    """With an item marked as done. Raises `FarthingError` for an item that there is not."""
    _checked(name)
    return msgspec.structs.replace(kept, marks={**kept.marks, name: Mark(at=at, note=note)})


def unmarked(kept: Kept, name: str) -> Kept:
    """Without an item's mark. Raises `FarthingError` where it has none."""
    _checked(name)
    if name not in kept.marks:
        raise FarthingError(
            f"{name} is not marked as done",
            hint="only marks are undone; what is detected follows the facts: farthing migrate status",
        )
    return msgspec.structs.replace(
        kept, marks={item: mark for item, mark in kept.marks.items() if item != name}
    )


def audit_kept(kept: Kept, audit: AuditMark) -> Kept:
    """With an audit at the end; the oldest of too many go."""
    return msgspec.structs.replace(kept, audits=(*kept.audits, audit)[-KEPT_AUDITS:])


def kept_from(content: bytes) -> Kept:
    """Raises `ValueError` for content that is not ours, or of a version that is newer."""
    try:
        version = msgspec.json.decode(content, type=_Versioned).version
        if version > VERSION:
            raise ValueError(f"it has version {version}, newer than this program's {VERSION}")
        return msgspec.json.decode(content, type=Kept)
    except msgspec.DecodeError as fault:
        raise ValueError(f"it is damaged: {fault}") from None


class _Versioned(msgspec.Struct):
    version: int


def _line(item: Item, facts: Facts, kept: Kept) -> Line:
    why = item.told(facts)
    standing: Standing = "open"
    if why is not None:
        standing = "detected"
    elif (mark := kept.marks.get(item.id)) is not None:
        standing, why = "marked", f"marked on {mark.at[:10]}" + (f": {mark.note}" if mark.note else "")
    elif (seen := kept.seen.get(item.id)) is not None:
        standing, why = "detected", f"on {seen.at[:10]}: {seen.note}"
    return Line(
        id=item.id,
        title=item.title,
        week=item.week,
        standing=standing,
        why=why or "",
        next="" if why else item.next,
        absent="" if why else item.absent,
    )


def _checked(name: str) -> None:
    known = [item.id for item in ITEMS]
    if name not in known:
        near = nearest(name, known)
        raise FarthingError(
            f"there is no item {name!r}" + (f"; did you mean {near}?" if near else ""),
            hint=f"items: {', '.join(known)}",
        )
