"""Shared memory, as code uses it: a namespace of values that agents, processes and runs have in common.

    notes = deployment.memory("shared:notes")
    await notes.put("plan", {"step": 1}, ttl_s=3600)
    total = await notes.increment("pages read")
    match await notes.claim("chapter 3", holder="writer-1", lease_s=60): …

Everything that returned is durable in the deployment's database, SQLite or PostgreSQL, and alike on both.
Times to live and leases are measured by the database's clock. What an operation does is `edits.py`'s.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from decimal import Decimal
from functools import partial
from typing import cast

from farthing.clock import undisturbed
from farthing.config.tooling import SharedMemory
from farthing.errors import DeploymentClosedError, SharedMemoryError
from farthing.storage.database import Database
from farthing.swarm.memory import seek, store
from farthing.swarm.memory.edits import (
    Append,
    Claim,
    Delete,
    Increment,
    Put,
    Release,
    Row,
    entry_of,
)
from farthing.swarm.memory.entry import (
    Bounds,
    ChangeKind,
    Conflict,
    Lease,
    MemoryChange,
    MemoryEntry,
    MemoryMatch,
    Number,
    Place,
    Taken,
    at,
    checked_key,
    checked_name,
    checked_place,
    checked_prefix,
    checked_us,
    decoded,
    encoded,
)
from farthing.swarm.memory.group import Groups
from farthing.swarm.memory.recall import query_words, snippet
from farthing.swarm.memory.store import Look, Namespace

MOST_LISTED, MOST_FOUND = 1_000, 100
_LOOKED_AT = 256
WATCH_EVERY_S = 0.25

Pause = Callable[[float], Awaitable[None]]


class Memories:
    """Shared memory on one database. Use from one event loop, and `aclose` it."""

    def __init__(
        self,
        database: Database,
        bounds: Bounds | None = None,
        *,
        watch_every_s: float = WATCH_EVERY_S,
        pause: Pause = asyncio.sleep,
    ) -> None:
        """`watch_every_s` is how often those who watch look for changes of other processes."""
        self._groups = Groups(database, bounds or Bounds())
        self._watch_every_s, self._pause = watch_every_s, pause

    def open(self, namespace: str, *, key: str | None = None, by: str = "") -> "Memory":
        """A namespace; it need not be there yet. `key` is the tenant's, none of whom sees another's, and `by`
        signs changes. Raises `SharedMemoryError` for one that is no name."""
        place = checked_place(namespace, key)
        return Memory(self._groups, place, by=by, watch_every_s=self._watch_every_s, pause=self._pause)

    async def namespaces(self) -> list[Namespace]:
        """What there is, by tenant and name."""
        return await self._groups.read(store.namespaces)

    async def aclose(self) -> None:
        """Ends what watches, and waits until everything asked for is committed."""
        await self._groups.aclose()


def open_memories(database: Database, settings: SharedMemory) -> Memories:
    """Within the bounds that a configuration sets."""
    bounds = Bounds(entries=settings.entries, value_bytes=settings.value_bytes)
    return Memories(database, bounds, watch_every_s=settings.watch_every)


class Memory:
    """One namespace. Values are what JSON can say, up to a bound (64 KiB unless configured otherwise).

    Raises `SharedMemoryError` for what cannot be kept or done, `LedgerUnavailableError` while the database
    does not answer. A call that is cancelled has happened or has not, and nothing between.
    """

    def __init__(self, groups: Groups, place: Place, *, by: str, watch_every_s: float, pause: Pause) -> None:
        self._groups, self._place = groups, place
        self._by = checked_name(by, "who changes it") if by else ""
        self._watch_every_s, self._pause = watch_every_s, pause

    @property
    def namespace(self) -> str:
        return self._place.namespace

    @property
    def key(self) -> str | None:
        """The tenant's, if it is one's."""
        return self._place.tenant or None

    def signed(self, by: str) -> "Memory":
        """The same namespace; changes made through it say who made them."""
        return Memory(self._groups, self._place, by=by, watch_every_s=self._watch_every_s, pause=self._pause)

    # Values.

    async def put(self, key: str, value: object, *, ttl_s: float | None = None) -> int:
        """Keeps a value, in the place of an earlier one, and returns its version. After `ttl_s` seconds it
        is not there any more; None: it stays."""
        return cast(MemoryEntry, await self._put(key, value, ttl_s, expected=None)).version

    async def get(self, key: str) -> MemoryEntry | None:
        """The entry, unless there is none or its time is over."""
        row = await self._groups.find(self._place, checked_key(key))
        return None if row is None else entry_of(row)

    async def list(self, prefix: str = "", *, limit: int = 100, after: str = "") -> tuple[MemoryEntry, ...]:
        """A page of the entries whose keys begin with `prefix`, in the order of keys: at most `limit` of
        them, behind the key `after`. A page that is not full is the last."""
        read = partial(
            store.list_rows,
            database=self._groups.database,
            place=self._place,
            prefix=checked_prefix(prefix),
            after=checked_prefix(after),
            limit=_checked_limit(limit, MOST_LISTED),
        )
        return tuple(entry_of(row) for row in await self._groups.read(read))

    async def delete(self, key: str, *, version: int | None = None) -> bool:
        """Whether there was an entry, of this `version` if one is named, and now is none. Leases stay."""
        edit = Delete(key=checked_key(key), by=self._by, expected=version)
        return cast(bool, await self._groups.edit(self._place, edit))

    async def compare_and_set(
        self, key: str, value: object, version: int, *, ttl_s: float | None = None
    ) -> MemoryEntry | Conflict:
        """Keeps a value if the entry still has that version (0: if there is none); a `Conflict` tells
        which it has."""
        return await self._put(key, value, ttl_s, expected=version)

    async def put_if_absent(
        self, key: str, value: object, *, ttl_s: float | None = None
    ) -> MemoryEntry | Conflict:
        """Keeps a value if there is none; a `Conflict` has the one that is there."""
        return await self._put(key, value, ttl_s, expected=0)

    async def increment(
        self, key: str, by: float | Decimal = 1, *, ttl_s: float | None = None
    ) -> int | Decimal:
        """Adds to a number, which is 0 where there is none, and returns the sum: exactly, with no digit lost.
        Its time to live stays as it is unless `ttl_s` is given."""
        edit = Increment(key=checked_key(key), amount=_exact(by), ttl_us=_ttl_us(ttl_s), by=self._by)
        return cast(Number, await self._groups.edit(self._place, edit))

    async def append(
        self, key: str, *items: object, most: int | None = None, ttl_s: float | None = None
    ) -> int:
        """Adds items to a list, which is empty where there is none, and returns its length. `most` keeps
        only so many, the newest. The time to live stays as it is unless `ttl_s` is given."""
        if most is not None and most < 1:
            raise SharedMemoryError(f"most is {most}; give at least 1")
        name = checked_key(key)
        texts = tuple(encoded(item, self._groups.bounds, key=name) for item in items)
        edit = Append(key=name, texts=texts, most=most, ttl_us=_ttl_us(ttl_s), by=self._by)
        return cast(int, await self._groups.edit(self._place, edit))

    async def _put(
        self, key: str, value: object, ttl_s: float | None, *, expected: int | None
    ) -> MemoryEntry | Conflict:
        name = checked_key(key)
        text = encoded(value, self._groups.bounds, key=name)
        edit = Put(key=name, text=text, ttl_us=_ttl_us(ttl_s), by=self._by, expected=expected)
        return cast(MemoryEntry | Conflict, await self._groups.edit(self._place, edit))

    # Claims.

    async def claim(self, key: str, holder: str, lease_s: float) -> Lease | Taken:
        """A lease on a key for `lease_s` seconds, if nobody else has one; its own holder may claim it again.

        It says who may act, and keeps nobody from changing the value. The key needs no value.
        """
        return await self._claim(checked_key(key), holder, lease_s, token=None)

    async def renew(self, lease: Lease, lease_s: float) -> Lease | Taken:
        """The lease for `lease_s` seconds from now, though its time was over, unless it was released or
        somebody else has claimed since."""
        return await self._claim(lease.key, lease.holder, lease_s, token=lease.token)

    async def release(self, lease: Lease) -> bool:
        """Gives it back; whether it was still held."""
        return await self._release(lease.key, lease.holder, token=lease.token)

    async def release_of(self, key: str, holder: str) -> bool:
        """Gives back whatever lease the holder has on a key; whether there was one."""
        return await self._release(checked_key(key), checked_name(holder, "a holder"), token=None)

    async def _claim(self, key: str, holder: str, lease_s: float, *, token: int | None) -> Lease | Taken:
        who, lease_us = checked_name(holder, "a holder"), checked_us(lease_s, "a lease")
        edit = Claim(key=key, holder=who, lease_us=lease_us, token=token)
        return cast(Lease | Taken, await self._groups.edit(self._place, edit))

    async def _release(self, key: str, holder: str, *, token: int | None) -> bool:
        return cast(bool, await self._groups.edit(self._place, Release(key=key, holder=holder, token=token)))

    # Finding and watching.

    async def search(self, words: str, *, limit: int = 10) -> tuple[MemoryMatch, ...]:
        """The entries with any of the words in their key or in the texts of their value, the best first:
        those with more of the words, then with more of them whole, then more about them, then the newest."""
        wanted = query_words(words)
        read = partial(
            seek.search_rows,
            database=self._groups.database,
            place=self._place,
            words=wanted,
            limit=_checked_limit(limit, MOST_FOUND),
        )
        return tuple(
            MemoryMatch(
                entry=entry_of(row), snippet=snippet(wanted, row.key, row.value or ""), words=found.words
            )
            for found, row in await self._groups.read(read)
        )

    async def watch(
        self, prefix: str = "", *, since: int | None = None
    ) -> AsyncGenerator[MemoryChange, None]:
        """What becomes of the keys that begin with `prefix`, in order, from whichever process; ends when
        the deployment closes.

        `since` goes on behind the change of that version, 0 begins with what is there, None with the first
        look. Several changes of one key between two looks are told as one, the last; no key that changed is
        left out. Nothing is read ahead of a slow reader but one page.
        """
        kept, changed = checked_prefix(prefix), self._groups.watched(self._place)
        told, there = since, 0 if since else None
        while not self._groups.closing.is_set():
            changed.clear()
            look = await self._look(kept, told)
            if look is None:
                return
            there = look.changes if there is None else there
            for row in look.rows:
                told = row.version
                if row.value is not None or row.version > there:  # else it was gone before anybody watched
                    yield _change(row)
            if len(look.rows) < _LOOKED_AT:
                told = max(told or 0, look.changes)
                if not changed.is_set():
                    await undisturbed(self._pause, self._watch_every_s, changed)

    async def _look(self, prefix: str, since: int | None) -> Look | None:
        """The next changes, with nothing expired among them; None when everything is closed."""
        read = partial(
            store.look_at_changes,
            database=self._groups.database,
            place=self._place,
            prefix=prefix,
            since=since,
            limit=_LOOKED_AT,
        )
        try:
            while (look := await self._groups.read(read)).expired:
                await self._groups.edit(self._place, None)  # its removal is a change, told by the next
        except DeploymentClosedError:
            return None
        if since is not None and 0 < since < look.forgotten:
            raise SharedMemoryError(
                f"deletions behind version {since} of {self.namespace} are no more known",
                hint="watch again from 0, and look more often than every ten minutes",
            )
        return look


def _change(row: Row) -> MemoryChange:
    kind: ChangeKind = "put" if row.value is not None else "expired" if row.gone == "expired" else "deleted"
    return MemoryChange(
        kind=kind,
        key=row.key,
        version=row.version,
        value=None if row.value is None else decoded(row.value),
        changed_at=at(row.changed_us),
        changed_by=row.changed_by,
    )


def _ttl_us(ttl_s: float | None) -> int | None:
    return None if ttl_s is None else checked_us(ttl_s, "a time to live")


def _exact(amount: object) -> Number:
    if isinstance(amount, bool) or not isinstance(amount, int | float | Decimal):
        raise SharedMemoryError(f"{amount!r} is no number to add")
    number = Decimal(repr(amount)) if isinstance(amount, float) else amount
    if isinstance(number, Decimal) and not number.is_finite():
        raise SharedMemoryError(f"{amount!r} is no number to add")
    return number


def _checked_limit(limit: int, most: int) -> int:
    if not 1 <= limit <= most:
        raise SharedMemoryError(f"limit is {limit}; give 1 to {most:,}")
    return limit
