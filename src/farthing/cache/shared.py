"""One process's way to the answers in the database: what is asked for at once goes in one transaction.

A cache must not break a task: while the database is away everything is a miss, and is told in the log once.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import msgspec
from sqlalchemy.exc import DBAPIError

from farthing.cache import store
from farthing.cache.answer import Asked, CachedAnswer
from farthing.cache.memory import Only
from farthing.storage.database import Database

log = logging.getLogger("farthing.cache")

T = TypeVar("T")


class Look(NamedTuple):
    """What the database says of a task: an answer, or whether it is ours to ask for one."""

    answer: CachedAnswer | None = None
    leads: bool = True


class _Asking(NamedTuple):
    asked: Asked
    look: asyncio.Future[Look]


class _Landing(NamedTuple):
    asked: Asked
    answer: CachedAnswer | None


class SharedAnswers:
    """Use from one event loop. `epoch` is the ledger's, whose lease tells the living from the dead."""

    def __init__(self, database: Database, *, epoch: Callable[[], int], now_us: Callable[[], int]) -> None:
        self._database, self._epoch, self._now_us = database, epoch, now_us
        self._queue: list[_Asking | _Landing] = []
        self._work: asyncio.Task[None] | None = None
        self._away, self._fresh = False, True

    async def look(self, asked: Asked) -> Look:
        """The answer, if there is one; else whether this process is to ask, where it `flies`."""
        found: asyncio.Future[Look] = asyncio.get_running_loop().create_future()
        self._enqueue(_Asking(asked, found))
        return await found

    def land(self, asked: Asked, answer: CachedAnswer | None) -> None:
        """Keeps an answer, if one came, and lets others ask or find it."""
        self._enqueue(_Landing(asked, answer))

    async def clear(self, only: Only) -> int:
        """Deletes the answers that are meant. Raises `DBAPIError`."""
        await self.aclose()  # what has landed before is among them
        return await asyncio.to_thread(self._in_transaction, only)

    async def aclose(self) -> None:
        """Waits until everything that has landed is written."""
        while self._work is not None:
            await asyncio.wait([self._work])

    def _in_transaction(self, only: Only) -> int:
        with self._database.write() as connection:
            return store.clear(connection, only)

    def _enqueue(self, what: _Asking | _Landing) -> None:
        self._queue.append(what)
        if self._work is None:
            self._work = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        try:
            while self._queue:
                batch, self._queue = self._queue, []
                looks = await self._group(batch)
                for one, look in zip(_of(batch, _Asking), looks, strict=True):
                    if not one.look.done():  # else its task was cancelled, and lands with nothing
                        one.look.set_result(look)
        finally:
            self._work = None

    async def _group(self, batch: Sequence[_Asking | _Landing]) -> list[Look]:
        try:
            looks = await asyncio.to_thread(self._transact, batch)
        except (DBAPIError, msgspec.ValidationError) as error:
            if not self._away:
                log.warning("answers cannot be shared, every task is asked anew: %s", error)
            self._away = True
            return [Look() for _ in _of(batch, _Asking)]
        self._away = self._fresh = False
        return looks

    def _transact(self, batch: Sequence[_Asking | _Landing]) -> list[Look]:
        """Landings first: what a look is for may be among them."""
        now_us, epoch = self._now_us(), self._epoch()
        landings, askings = _of(batch, _Landing), _of(batch, _Asking)
        with self._database.write() as connection:
            if self._fresh:
                store.release_of_the_dead(connection, self._database)
            landed = [(one.asked, one.answer) for one in landings if one.answer is not None]
            if landed:
                store.keep(connection, self._database, landed, now_us=now_us)
            flown = [one.asked.key for one in landings if one.asked.flies]
            if flown:
                store.release(connection, flown, epoch=epoch)
            if not askings:
                return []
            found = store.find(connection, [one.asked.key for one in askings], now_us=now_us)
            open_keys = {one.asked.key for one in askings if one.asked.flies and one.asked.key not in found}
            leads = store.claim(connection, self._database, open_keys, epoch=epoch)
            # Between the look and the claim another process may have landed: it has released then.
            landed_since = store.find(connection, [key for key in open_keys if leads[key]], now_us=now_us)
            if landed_since:
                store.release(connection, landed_since, epoch=epoch)
                found |= landed_since
        keys = [one.asked.key for one in askings]
        return [Look(found.get(key), leads.get(key, True)) for key in keys]


def _of(batch: Iterable[_Asking | _Landing], kind: type[T]) -> list[T]:
    return [one for one in batch if isinstance(one, kind)]
