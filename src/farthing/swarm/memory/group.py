"""One process's way to shared memory in the database: what is asked for at once goes in one transaction.

Edits and looks at single keys have a lane each, so that a hundred agents who change something cost one
commit. Threads of its own do the work: tools that hang cannot take them. A SQLite file that others write is
waited for, in turns (`turns.py`); that it is locked reaches no caller.
"""

import asyncio
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar
from weakref import WeakValueDictionary

import sqlalchemy as sa
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from farthing.errors import DeploymentClosedError, LedgerUnavailableError
from farthing.storage.database import Database
from farthing.swarm.memory import store
from farthing.swarm.memory.edits import Answer, Edit, Row
from farthing.swarm.memory.entry import Bounds, Place
from farthing.swarm.memory.store import Job
from farthing.swarm.memory.turns import Turns

Asked = TypeVar("Asked")
Told = TypeVar("Told")
T = TypeVar("T")

_MOST_AT_ONCE = 512
_THREADS = 4
_PATIENCE_S = 60.0
_AGAIN_S = (0.001, 0.010)
_BUSY = {"40001", "40P01", "55P03"}  # PostgreSQL: serialization failure, deadlock, lock not available


class _Wish(NamedTuple, Generic[Asked, Told]):
    asked: Asked
    told: asyncio.Future[Told]


class _Lane(Generic[Asked, Told]):
    """Hands what has queued up to `work`, one group at a time. `work` delivers an answer for each, in order,
    and ends when the next group may begin."""

    def __init__(
        self, work: Callable[[Sequence[Asked], Callable[[Sequence[Told]], None]], Awaitable[None]]
    ) -> None:
        self._work = work
        self._queue: list[_Wish[Asked, Told]] = []
        self._running: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Told:
        """A wait that is cancelled leaves what it asked for done or not done, and nothing between."""
        told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._queue.append(_Wish(asked, told))
        if self._running is None:
            self._running = asyncio.ensure_future(self._run())
        return await told

    async def drain(self) -> None:
        while self._running is not None:
            await asyncio.wait([self._running])

    async def _run(self) -> None:
        try:
            while self._queue:
                group = [wish for wish in self._queue[:_MOST_AT_ONCE] if not wish.told.done()]
                self._queue = self._queue[_MOST_AT_ONCE:]
                if group:
                    await self._serve(group)
        finally:
            self._running = None

    async def _serve(self, group: Sequence[_Wish[Asked, Told]]) -> None:
        def deliver(answers: Sequence[Told]) -> None:
            for wish, answer in zip(group, answers, strict=True):
                if wish.told.done():
                    continue
                if isinstance(answer, Exception):
                    wish.told.set_exception(answer)
                else:
                    wish.told.set_result(answer)

        try:
            await self._work([wish.asked for wish in group], deliver)
        except Exception as error:  # noqa: BLE001 - it is every waiter's, and the lane goes on
            for wish in group:
                if not wish.told.done():
                    wish.told.set_exception(error)


class Groups:
    """Use from one event loop, and `aclose` it. Everything raises `LedgerUnavailableError` while the database
    does not answer."""

    def __init__(self, database: Database, bounds: Bounds, *, patience_s: float = _PATIENCE_S) -> None:
        """`patience_s`: how long a SQLite file that others keep locked is waited for."""
        self.database, self.bounds = database, bounds
        self._patience_s = patience_s
        self._threads: ThreadPoolExecutor | None = None
        self._edits: _Lane[Job, Answer] = _Lane(self._commit)
        self._finds: _Lane[tuple[Place, str], Row | None] = _Lane(self._find)
        self._turns = Turns(database)
        self._watched: WeakValueDictionary[Place, asyncio.Event] = WeakValueDictionary()
        self.closing = asyncio.Event()

    async def edit(self, place: Place, edit: Edit | None) -> Answer:
        """Commits an edit durably, and gives its answer. Raises the `SharedMemoryError` that it came to."""
        self._check_open()
        return await self._edits.ask(Job(place, edit))

    async def find(self, place: Place, key: str) -> Row | None:
        """The entry under a key, if it has not expired."""
        self._check_open()
        return await self._finds.ask((place, key))

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Runs `work` on one committed state of the database, in a thread."""
        self._check_open()
        return await self._in_thread(lambda: self._reading(work))

    def watched(self, place: Place) -> asyncio.Event:
        """Set when this process has changed the namespace, or closes. Lasts as long as somebody holds it."""
        return self._watched.setdefault(place, asyncio.Event())

    async def aclose(self) -> None:
        """Ends those who watch, and waits until everything asked for is committed."""
        self.closing.set()
        for event in list(self._watched.values()):
            event.set()
        await self._edits.drain()
        await self._finds.drain()
        if self._threads is not None:
            await asyncio.to_thread(self._threads.shutdown)

    def _check_open(self) -> None:
        if self.closing.is_set():
            raise DeploymentClosedError("shared memory is closed", hint="use it while the deployment is open")

    def _in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="farthing-memory")
        return asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _commit(self, jobs: Sequence[Job], deliver: Callable[[Sequence[Answer]], None]) -> None:
        loop = asyncio.get_running_loop()

        def committed(answers: Sequence[Answer]) -> None:
            deliver(answers)
            for place in {job.place for job in jobs}:
                watched = self._watched.get(place)
                if watched is not None:
                    watched.set()

        def work() -> None:
            with self._turns.turn(give_up_at=time.monotonic() + self._patience_s):
                answers = self._write(jobs)
                loop.call_soon_threadsafe(committed, answers)  # before the breath that ends the turn

        await self._in_thread(work)

    async def _find(
        self, keys: Sequence[tuple[Place, str]], deliver: Callable[[Sequence[Row | None]], None]
    ) -> None:
        wanted: dict[Place, set[str]] = {}
        for place, key in keys:
            wanted.setdefault(place, set()).add(key)

        def look(connection: sa.Connection) -> list[Row | None]:
            found = store.find_rows(connection, self.database, wanted)
            return [found.get(one) for one in keys]

        deliver(await self._in_thread(lambda: self._reading(look)))

    # In threads.

    def _reading(self, work: Callable[[sa.Connection], T]) -> T:
        try:
            with self.database.read() as connection:
                return work(connection)
        except DBAPIError as error:
            raise _unavailable(error) from error

    def _write(self, jobs: Sequence[Job]) -> list[Answer]:
        try:
            return self._patiently(jobs)
        except (DataError, IntegrityError) as error:
            if len(jobs) == 1:
                raise _unavailable(error) from error
        return [self._alone(job) for job in jobs]  # what one edit causes must not be the others' too

    def _alone(self, job: Job) -> Answer:
        try:
            return self._patiently([job])[0]
        except LedgerUnavailableError as error:
            return error
        except (DataError, IntegrityError) as error:
            return _unavailable(error)

    def _patiently(self, jobs: Sequence[Job]) -> list[Answer]:
        give_up = time.monotonic() + self._patience_s
        while True:
            try:
                return self._transact(jobs)
            except (DataError, IntegrityError):
                raise
            except DBAPIError as error:
                # Only what certainly was not committed is tried again: an increment must not count twice.
                if not _is_busy(error) or time.monotonic() > give_up:
                    raise _unavailable(error) from error
            time.sleep(random.uniform(*_AGAIN_S))  # noqa: S311 - so that two do not meet again

    def _transact(self, jobs: Sequence[Job]) -> list[Answer]:
        with self.database.write() as connection:
            return store.commit_edits(connection, self.database, jobs, self.bounds)


def _is_busy(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.OperationalError):
        return (error.orig.sqlite_errorcode & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return getattr(error.orig, "sqlstate", None) in _BUSY


def _unavailable(error: DBAPIError) -> LedgerUnavailableError:
    return LedgerUnavailableError(
        f"shared memory cannot be reached: {error.orig}",
        hint="check the database and its disk; a change under way may have happened or not",
    )
