"""Shared memory in the database: reads, and groups of edits under the lock of their namespace.

Thin: each function runs in the caller's transaction. Who changes a namespace holds its row until the
commit, so changes are committed in the order of their numbers, and who watches by number misses none. What
an edit means is `edits.py`'s; times are the database's clock.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from farthing.storage.database import Database
from farthing.storage.tables import memory, memory_space
from farthing.swarm.memory.edits import Answer, Edit, Edited, Row, Standing, apply_edits
from farthing.swarm.memory.entry import Bounds, Place

_EVERY, _SWEPT_AT_ONCE, _SWEPT_IF_NEEDED, _FORGOTTEN_AT_ONCE = 64, 256, 5_000, 256
REMEMBERED_US = 600_000_000
"""How long a deletion is told to those who watch."""
_BEYOND_ANY_KEY = "\U0010ffff"
_NOTHING = Edited(changed=(), dropped=(), standing=Standing(changes=0, entries=0), answers=())
_FIELDS = Row.__struct_fields__
COLUMNS = [memory.c[name] for name in _FIELDS]
_CHANGED = [name for name in _FIELDS if name not in ("id", "key")]
_UPDATE = (
    memory.update()
    .where(memory.c.id == sa.bindparam("row_id"))
    .values({name: sa.bindparam(f"new_{name}") for name in _CHANGED})
)


class Job(NamedTuple):
    """An edit and where it belongs; None only removes what has expired."""

    place: Place
    edit: Edit | None


class Space(NamedTuple):
    """A namespace as its row has it."""

    id: int
    changes: int
    entries: int
    forgotten: int


class Look(NamedTuple):
    """What a look at a namespace's changes saw. `changes` is how many there had been by then; `expired`:
    something has, and is still there."""

    rows: Sequence[Row]
    changes: int
    forgotten: int
    expired: bool


class Namespace(NamedTuple):
    """One line of the list of namespaces."""

    tenant: str
    namespace: str
    entries: int
    changes: int


def commit_edits(
    connection: sa.Connection, database: Database, jobs: Sequence[Job], bounds: Bounds
) -> list[Answer]:
    """Applies the jobs, those of one namespace in their order; an answer for each."""
    answers: list[Answer] = [None] * len(jobs)
    by_place: dict[Place, list[int]] = {}
    for number, job in enumerate(jobs):
        by_place.setdefault(job.place, []).append(number)
    for place in sorted(by_place):  # in one order everywhere: no two wait for each other crosswise
        named = [(number, edit) for number in by_place[place] if (edit := jobs[number].edit) is not None]
        edited = _in_space(connection, database, place, [edit for _, edit in named], bounds)
        for (number, _), answer in zip(named, edited.answers, strict=True):
            answers[number] = answer
    return answers


def _in_space(
    connection: sa.Connection, database: Database, place: Place, edits: Sequence[Edit], bounds: Bounds
) -> Edited:
    space = _locked(connection, database, place, make=bool(edits))
    if space is None:
        return _NOTHING
    now_us = round(database.now(connection) * 1e6)
    rows = _load(connection, space.id, {edit.key for edit in edits})
    # Rows that nobody asks for are swept by and by, at once only where room is needed or it was asked for.
    needed = not edits or space.entries + len(edits) > bounds.entries
    if needed or _is_due(space.changes, len(edits)):
        rows |= _expired(connection, space.id, now_us, most=_SWEPT_IF_NEEDED if needed else _SWEPT_AT_ONCE)
    standing = Standing(changes=space.changes, entries=space.entries)
    edited = apply_edits(rows, edits, standing, now_us=now_us, bounds=bounds)
    _save(connection, space.id, edited)
    forgotten = space.forgotten
    if _is_due(space.changes, len(edits)):
        forgotten = max(forgotten, _forget(connection, space.id, now_us))
    told = (edited.standing.changes, edited.standing.entries, forgotten)
    if told != (space.changes, space.entries, space.forgotten):
        connection.execute(
            memory_space.update()
            .where(memory_space.c.id == space.id)
            .values(changes=told[0], entries=told[1], forgotten=told[2])
        )
    return edited


def _is_due(changes: int, edits: int) -> bool:
    """Whether the work that is done now and then is due: about once in so many changes."""
    return (changes + edits) // _EVERY != changes // _EVERY


def _locked(connection: sa.Connection, database: Database, place: Place, *, make: bool) -> Space | None:
    """The namespace's row, which no other transaction changes until this one ends."""
    found = find_space(connection, place, lock=True)
    if found is None and make:
        fresh = {"changes": 0, "entries": 0, "forgotten": 0}
        database.add_missing(connection, memory_space, [{**place._asdict(), **fresh}])
        found = find_space(connection, place, lock=True)
    return found


def find_space(connection: sa.Connection, place: Place, *, lock: bool = False) -> Space | None:
    c = memory_space.c
    query = sa.select(c.id, c.changes, c.entries, c.forgotten).where(
        c.tenant == place.tenant, c.namespace == place.namespace
    )
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else Space(*row)


def _load(connection: sa.Connection, space: int, keys: Collection[str]) -> dict[str, Row]:
    if not keys:
        return {}
    query = sa.select(*COLUMNS).where(memory.c.space == space, memory.c.key.in_(sorted(keys)))
    return {row.key: row for row in rows_of(connection, query)}


def _expired(connection: sa.Connection, space: int, now_us: int, *, most: int) -> dict[str, Row]:
    query = sa.select(*COLUMNS).where(memory.c.space == space, memory.c.until_us <= now_us).limit(most)
    return {row.key: row for row in rows_of(connection, query)}


def rows_of(connection: sa.Connection, query: sa.Select[tuple[object, ...]]) -> Iterable[Row]:
    return (Row(**row) for row in connection.execute(query).mappings())


def _save(connection: sa.Connection, space: int, edited: Edited) -> None:
    new = [row for row in edited.changed if row.id is None]
    old = [row for row in edited.changed if row.id is not None]
    if new:
        connection.execute(memory.insert(), [{"space": space, "key": row.key, **_values(row)} for row in new])
    if old:
        changes = [
            {"row_id": row.id, **{f"new_{name}": value for name, value in _values(row).items()}}
            for row in old
        ]
        connection.execute(_UPDATE, changes)
    if edited.dropped:
        connection.execute(memory.delete().where(memory.c.id.in_(edited.dropped)))


def _values(row: Row) -> dict[str, object]:
    return {name: getattr(row, name) for name in _CHANGED}


def _forget(connection: sa.Connection, space: int, now_us: int) -> int:
    """Drops rows that have had no value for a while and are not leased; the last deletion among them."""
    old = (
        sa.select(memory.c.id, memory.c.version)
        .where(
            memory.c.space == space,
            memory.c.value.is_(None),
            memory.c.changed_us <= now_us - REMEMBERED_US,
            sa.or_(memory.c.held_until_us.is_(None), memory.c.held_until_us <= now_us),
        )
        .limit(_FORGOTTEN_AT_ONCE)
    )
    found = connection.execute(old).all()
    if found:
        connection.execute(memory.delete().where(memory.c.id.in_([row.id for row in found])))
    return max((row.version for row in found), default=0)


# Reads.


def find_rows(
    connection: sa.Connection, database: Database, wanted: Mapping[Place, Collection[str]]
) -> dict[tuple[Place, str], Row]:
    """The entries under these keys that have not expired."""
    now_us = round(database.now(connection) * 1e6)
    found: dict[tuple[Place, str], Row] = {}
    for place, keys in wanted.items():
        query = _living(place, now_us).where(memory.c.key.in_(sorted(keys)))
        found |= {(place, row.key): row for row in rows_of(connection, query)}
    return found


def list_rows(
    connection: sa.Connection, database: Database, place: Place, *, prefix: str, after: str, limit: int
) -> list[Row]:
    """Entries whose key begins with `prefix` and comes behind `after`, in the order of keys."""
    query = _living(place, round(database.now(connection) * 1e6)).where(memory.c.key > after)
    query = query.where(*_beginning(prefix)).order_by(memory.c.key).limit(limit)
    return list(rows_of(connection, query))


def look_at_changes(
    connection: sa.Connection, database: Database, place: Place, *, prefix: str, since: int | None, limit: int
) -> Look:
    """The rows whose last change came behind `since`, in the order of changes; None asks for none."""
    space = find_space(connection, place)
    if space is None:
        return Look((), 0, 0, expired=False)
    now_us = round(database.now(connection) * 1e6)
    rows: list[Row] = []
    if since is not None:
        query = sa.select(*COLUMNS).where(memory.c.space == space.id, memory.c.version > since)
        rows = list(
            rows_of(connection, query.where(*_beginning(prefix)).order_by(memory.c.version).limit(limit))
        )
    worn = sa.select(memory.c.id).where(memory.c.space == space.id, memory.c.until_us <= now_us).limit(1)
    return Look(rows, space.changes, space.forgotten, connection.execute(worn).first() is not None)


def namespaces(connection: sa.Connection) -> list[Namespace]:
    """All of them, by tenant and name."""
    c = memory_space.c
    query = sa.select(c.tenant, c.namespace, c.entries, c.changes).order_by(c.tenant, c.namespace)
    return [Namespace(*row) for row in connection.execute(query)]


def _living(place: Place, now_us: int) -> sa.Select[tuple[object, ...]]:
    return (
        sa.select(*COLUMNS)
        .join(memory_space, memory_space.c.id == memory.c.space)
        .where(
            memory_space.c.tenant == place.tenant,
            memory_space.c.namespace == place.namespace,
            memory.c.value.is_not(None),
            sa.or_(memory.c.until_us.is_(None), memory.c.until_us > now_us),
        )
    )


def _beginning(prefix: str) -> list[sa.ColumnElement[bool]]:
    if not prefix:
        return []
    return [memory.c.key >= prefix, memory.c.key < prefix + _BEYOND_ANY_KEY]
