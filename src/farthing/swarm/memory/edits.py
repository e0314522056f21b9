"""What each operation does to what is kept: the whole meaning of shared memory, on values.

A namespace counts its changes; an entry's version is the number of its last one. The edits of a group are
applied one after another, as the namespace's lock lets them be. Rows are read and written by `store.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow
from typing import TypeAlias, assert_never

import msgspec
from msgspec import structs

from farthing.errors import FarthingError, SharedMemoryError
from farthing.swarm.memory.entry import (
    Bounds,
    Conflict,
    Lease,
    MemoryEntry,
    Number,
    Taken,
    at,
    check_size,
    decoded,
)
from farthing.swarm.memory.recall import index_words

_EXACT = Context(prec=64, traps=[Inexact, InvalidOperation, Overflow])
"""Sums are exact or refused: a counter that rounds has lost an update."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One key as it is kept. `value` is JSON, None once it is `gone` (deleted, expired) or if it is only
    leased. Times are microseconds since 1970 by the database's clock."""

    id: int | None = None
    key: str
    version: int = 0
    value: str | None = None
    words: str = ""
    gone: str = ""
    until_us: int | None = None
    changed_us: int = 0
    changed_by: str = ""
    holder: str | None = None
    token: int = 0
    held_until_us: int | None = None


class Put(msgspec.Struct, frozen=True, kw_only=True):
    """`expected`: only over this version (0: only where there is no entry); None: whatever is there."""

    key: str
    text: str
    ttl_us: int | None
    by: str
    expected: int | None = None


class Delete(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    by: str
    expected: int | None = None


class Increment(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    amount: Number
    ttl_us: int | None
    by: str


class Append(msgspec.Struct, frozen=True, kw_only=True):
    """`texts` are the items as JSON; `most` keeps only so many, the newest."""

    key: str
    texts: tuple[str, ...]
    most: int | None
    ttl_us: int | None
    by: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """`token` None claims; a lease's token renews it, if nobody else had it since."""

    key: str
    holder: str
    lease_us: int
    token: int | None = None


class Release(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    holder: str
    token: int | None = None


Edit: TypeAlias = Put | Delete | Increment | Append | Claim | Release
Answer: TypeAlias = MemoryEntry | Conflict | Lease | Taken | Number | bool | FarthingError | None
"""An error is raised to the one who asked, and to no other of its group."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a namespace has counted: its changes, and its entries (expired ones until they are removed)."""

    changes: int
    entries: int


class Edited(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that changed, those that are to be dropped, and an answer for each edit."""

    changed: Sequence[Row]
    dropped: Sequence[int]
    standing: Standing
    answers: Sequence[Answer]


def apply_edits(
    rows: Mapping[str, Row], edits: Iterable[Edit], standing: Standing, *, now_us: int, bounds: Bounds
) -> Edited:
    """The edits in order, on `rows`, which has every row that they name and any others that expired."""
    desk = _Desk(rows, standing, now_us=now_us, bounds=bounds)
    answers = [desk.edit(edit) for edit in edits]
    return desk.cleared(answers)


def entry_of(row: Row) -> MemoryEntry:
    """Of a row that has a value."""
    return MemoryEntry(
        key=row.key,
        value=None if row.value is None else decoded(row.value),
        version=row.version,
        changed_at=at(row.changed_us),
        changed_by=row.changed_by,
        expires_at=None if row.until_us is None else at(row.until_us),
    )


class _Desk:
    """One group of edits under way in one namespace."""

    def __init__(self, rows: Mapping[str, Row], standing: Standing, *, now_us: int, bounds: Bounds) -> None:
        self._before, self._now_us, self._bounds = rows, now_us, bounds
        self._changes, self._entries = standing.changes, standing.entries
        self._rows = {key: self._without_expired(row) for key, row in rows.items()}

    def edit(self, edit: Edit) -> Answer:
        row = self._rows.get(edit.key) or Row(key=edit.key)
        try:
            match edit:
                case Put():
                    return self._put(row, edit)
                case Delete():
                    return self._delete(row, edit)
                case Increment():
                    return self._increment(row, edit)
                case Append():
                    return self._append(row, edit)
                case Claim():
                    return self._claim(row, edit)
                case Release():
                    return self._release(row, edit)
                case _:
                    assert_never(edit)
        except SharedMemoryError as error:
            return error

    def cleared(self, answers: Sequence[Answer]) -> Edited:
        changed = [row for key, row in self._rows.items() if row is not self._before.get(key)]
        kept = [row for row in changed if row.version or row.holder is not None]
        dropped = [row.id for row in changed if not (row.version or row.holder is not None)]
        return Edited(
            changed=kept,
            dropped=[number for number in dropped if number is not None],
            standing=Standing(changes=self._changes, entries=self._entries),
            answers=answers,
        )

    def _put(self, row: Row, edit: Put) -> Answer:
        if edit.expected is not None and edit.expected != _present(row):
            return _conflict(row)
        return entry_of(self._keep(row, edit.text, until_us=self._until(edit.ttl_us), by=edit.by))

    def _delete(self, row: Row, edit: Delete) -> bool:
        if row.value is None or edit.expected not in (None, row.version):
            return False
        self._rows[row.key] = self._gone(row, "deleted", by=edit.by)
        return True

    def _increment(self, row: Row, edit: Increment) -> Answer:
        total = _sum(row, edit.amount)
        self._keep(row, str(total), until_us=self._lasting(row, edit.ttl_us), by=edit.by)
        return total

    def _append(self, row: Row, edit: Append) -> int:
        items = [*_items(row), *edit.texts]
        items = items if edit.most is None else items[-edit.most :]
        text = f"[{','.join(items)}]"
        check_size(len(text.encode()), self._bounds, key=row.key)
        self._keep(row, text, until_us=self._lasting(row, edit.ttl_us), by=edit.by)
        return len(items)

    def _claim(self, row: Row, edit: Claim) -> Lease | Taken:
        holder = row.holder if (row.held_until_us or 0) > self._now_us else None
        if edit.token is not None and (edit.holder, edit.token) != (row.holder, row.token):
            until_us = row.held_until_us if holder is not None else None
            return Taken(key=row.key, holder=holder, until=None if until_us is None else at(until_us))
        if holder is not None and holder != edit.holder:
            return Taken(key=row.key, holder=holder, until=at(row.held_until_us or 0))
        goes_on = holder is not None or edit.token is not None
        until_us = self._now_us + edit.lease_us
        leased = structs.replace(
            row,
            holder=edit.holder,
            held_until_us=until_us,
            token=row.token if goes_on else self._number(),
            changed_us=row.changed_us or self._now_us,
        )
        self._rows[row.key] = leased
        return Lease(key=row.key, holder=edit.holder, until=at(until_us), token=leased.token)

    def _release(self, row: Row, edit: Release) -> bool:
        if row.holder != edit.holder or edit.token not in (None, row.token):
            return False
        held = (row.held_until_us or 0) > self._now_us
        self._rows[row.key] = structs.replace(row, holder=None, held_until_us=None)
        return held

    def _keep(self, row: Row, text: str, *, until_us: int | None, by: str) -> Row:
        if row.value is None and self._entries >= self._bounds.entries:
            raise SharedMemoryError(
                f"the namespace has {self._entries:,} entries, and {self._bounds.entries:,} are allowed",
                hint="delete some, give them a time to live, or raise swarm.memory.entries",
            )
        self._entries += row.value is None
        kept = structs.replace(
            row,
            version=self._number(),
            value=text,
            words=index_words(row.key, text),
            gone="",
            until_us=until_us,
            changed_us=self._now_us,
            changed_by=by,
        )
        self._rows[row.key] = kept
        return kept

    def _without_expired(self, row: Row) -> Row:
        if row.value is None or row.until_us is None or row.until_us > self._now_us:
            return row
        return self._gone(row, "expired", by="")

    def _gone(self, row: Row, why: str, *, by: str) -> Row:
        self._entries -= 1
        return structs.replace(
            row,
            version=self._number(),
            value=None,
            words="",
            gone=why,
            until_us=None,
            changed_us=self._now_us,
            changed_by=by,
        )

    def _number(self) -> int:
        self._changes += 1
        return self._changes

    def _until(self, ttl_us: int | None) -> int | None:
        return None if ttl_us is None else self._now_us + ttl_us

    def _lasting(self, row: Row, ttl_us: int | None) -> int | None:
        """What only adds leaves the time to live as it is, unless it names one."""
        return row.until_us if ttl_us is None else self._now_us + ttl_us


def _present(row: Row) -> int:
    return 0 if row.value is None else row.version


def _conflict(row: Row) -> Conflict:
    return Conflict(key=row.key, version=_present(row), entry=None if row.value is None else entry_of(row))


def _sum(row: Row, amount: Number) -> Number:
    text = "0" if row.value is None else row.value
    before = _number_in(text)
    if before is None:
        raise SharedMemoryError(f"{row.key!r} has {_short(text)}, which is no number to add to")
    try:
        total = _EXACT.add(Decimal(before), Decimal(amount))
    except DecimalException:
        raise SharedMemoryError(
            f"{_short(text)} and {amount} have a sum of more than {_EXACT.prec} digits",
            hint="put a new number",
        ) from None
    return int(total) if isinstance(before, int) and isinstance(amount, int) else total


def _number_in(text: str) -> Number | None:
    if not text[:1].isdigit() and not text.startswith("-"):
        return None
    plain = text.removeprefix("-").isdigit()
    return int(text) if plain and len(text) <= _EXACT.prec else Decimal(text)


def _items(row: Row) -> list[str]:
    if row.value is None:
        return []
    if not row.value.startswith("["):
        raise SharedMemoryError(f"{row.key!r} has {_short(row.value)}, which is no list to append to")
    return [bytes(item).decode() for item in msgspec.json.decode(row.value, type=list[msgspec.Raw])]


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
