"""What the rechecks of all processes on a database came to, as one of them sees it.

A count holds here at once and is added to the database's beside the work; what others counted is read now and
then. While the database is away, counts wait. Without one they are this process's.
"""

import asyncio
import logging
from collections.abc import Mapping

from sqlalchemy.exc import DBAPIError

from farthing.cache.questions import added, shared_of
from farthing.cache.recheck import Counted, Standing, summed, with_more
from farthing.clock import Clock
from farthing.storage.database import Database
from farthing.task import TaskType

log = logging.getLogger("farthing.cache")

REFRESH_S = 5.0
"""So old what others counted may be."""


class Standings:
    """Use from one event loop."""

    def __init__(self, database: Database | None, clock: Clock | None) -> None:
        self._database, self._clock = database, clock
        self._known: Mapping[TaskType, Standing] = {}
        self._unwritten: dict[TaskType, Counted] = {}
        self._read_at: float | None = None
        self._work: asyncio.Task[None] | None = None
        self._away = False
        self._told: set[TaskType] = set()

    def of(self, task_type: TaskType) -> Standing:
        known = self._known.get(task_type, Standing(task_type=task_type))
        return with_more(known, self._unwritten.get(task_type, Counted()))

    def all(self) -> Mapping[TaskType, Standing]:
        every: set[TaskType] = {*self._known, *self._unwritten}
        return {task_type: self.of(task_type) for task_type in every}

    def count(self, task_type: TaskType, more: Counted) -> Standing:
        """The standing after it."""
        self._unwritten[task_type] = summed((self._unwritten.get(task_type, Counted()), more))
        after = self.of(task_type)
        self._tell(after)
        self._start()
        return after

    async def fresh(self) -> None:
        """Reads what others counted: waits for it the first time only."""
        if self._clock is None or self._database is None:
            return
        due = self._read_at is None or self._clock.monotonic() >= self._read_at + REFRESH_S
        if due:
            first, self._read_at = self._read_at is None, self._clock.monotonic()
            self._start()
            if first and self._work is not None:
                await asyncio.wait([self._work])

    async def aclose(self) -> None:
        """Waits until everything that was counted is written."""
        while self._work is not None:
            await asyncio.wait([self._work])

    def _start(self) -> None:
        if self._database is not None and self._work is None:
            self._work = asyncio.ensure_future(self._run(self._database))

    async def _run(self, database: Database) -> None:
        try:
            while True:
                batch = dict(self._unwritten)
                if not await self._exchange(database, batch) or not self._unwritten:
                    return
        finally:
            self._work = None

    async def _exchange(self, database: Database, batch: Mapping[TaskType, Counted]) -> bool:
        """Writes and reads. Whether the database was there."""
        try:
            known = (
                await asyncio.to_thread(added, database, batch)
                if batch
                else await asyncio.to_thread(shared_of, database)
            )
        except DBAPIError as error:
            if not self._away:
                log.warning("what the semantic cache counts cannot be shared: %s", error)
            self._away = True
            return False
        self._away, self._known = False, known
        for task_type, done in batch.items():
            self._take_off(task_type, done)
        for standing in known.values():
            self._tell(standing)
        return True

    def _take_off(self, task_type: TaskType, done: Counted) -> None:
        left = self._unwritten.pop(task_type)
        more = Counted(*(a - b for a, b in zip(left[:3], done[:3], strict=True)), rate=left.rate)
        if any(more[:3]):
            self._unwritten[task_type] = more

    def _tell(self, standing: Standing) -> None:
        if standing.off and standing.task_type not in self._told:
            self._told.add(standing.task_type)
            log.warning(
                "semantic cache is off for %s: %d of %d rechecked answers differ, above maxFalseHitRate",
                standing.task_type,
                standing.false_hits,
                standing.rechecks,
            )
