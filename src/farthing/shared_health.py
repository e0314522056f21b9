"""Carries health between the processes of one database: what one finds out, the others need not.

Once a second it writes what changed here and reads what changed elsewhere, on a connection of its own, in
a thread. A call waits for none of it, and a database that is away is asked again the next time. What health
means is `routing/health.py`'s. Times in the table are UTC; here they are on the loop's clock.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from farthing.clock import Clock, undisturbed
from farthing.names import Names
from farthing.routing.health import CandidateHealth, CoolingDown, Healthy, Open, Probing
from farthing.routing.healthbook import HealthBook, Subject
from farthing.storage.database import Database
from farthing.storage.tables import health

log = logging.getLogger("farthing.health")

EVERY_S = 1.0
FRESH_US = 3_600_000_000
"""What is older says nothing of today: a model that was gone may be back."""


class HealthRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table. `until_us` is None for what has no end."""

    model: str
    provider: str
    state: str
    until_us: int | None
    failures: int
    reason: str
    changed_us: int
    changed_by: str


class SharedHealth:
    """Use from one event loop: `begin` it, and `aclose` it."""

    def __init__(
        self,
        database: Database,
        book: HealthBook,
        *,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`pause` is apart from the clock, whose virtual kind would let time run by itself."""
        self._database, self._book, self._clock, self._pause = database, book, clock, pause
        self._name = Names().new("deployment")
        self._known: dict[Subject, tuple[int, str]] = {}
        self._closing = asyncio.Event()
        self._exchanging: asyncio.Future[None] | None = None

    async def begin(self) -> None:
        """Reads what is known, and goes on telling and reading."""
        await self.exchange()
        self._exchanging = asyncio.ensure_future(self._keep_exchanging())

    async def exchange(self) -> None:
        """Tells what changed here, and takes over what changed elsewhere."""
        states = self._book.states()
        changed = self._book.take_changes()
        told = [self._row(subject, states[subject]) for subject in sorted(changed)]
        try:
            rows = await asyncio.to_thread(self._through_database, told)
        except DBAPIError as error:
            self._book.put_back(changed)
            log.info("health could not be shared: %s", type(error).__name__)
            return
        oldest_us = self._clock.now_us() - FRESH_US
        for row in rows:
            subject, version = Subject(row.model, row.provider), (row.changed_us, row.changed_by)
            if self._known.get(subject) == version:
                continue
            self._known[subject] = version
            theirs = row.changed_by != self._name and row.changed_us >= oldest_us
            if theirs and not self._book.has_news_of(subject):  # ours came while theirs was read
                self._book.merge(subject, self._state(row))

    async def aclose(self) -> None:
        """Tells the last changes."""
        self._closing.set()
        if self._exchanging is not None:
            await self._exchanging  # not cancelled: its thread would go on with a database that closes
        if self._book.has_changes:
            await self.exchange()

    async def _keep_exchanging(self) -> None:
        while await undisturbed(self._pause, EVERY_S, self._closing):
            await self.exchange()

    def _through_database(self, told: Sequence[HealthRow]) -> list[HealthRow]:
        if told:
            with self._database.write() as connection:
                write_health(connection, self._database, told)
        with self._database.read() as connection:
            return read_health(connection)

    def _row(self, subject: Subject, state: CandidateHealth) -> HealthRow:
        ends = isinstance(state, CoolingDown | Open | Probing)
        now_us = self._clock.now_us()
        left_s = state.until - self._clock.monotonic() if ends else 0.0
        return HealthRow(
            model=subject.model,
            provider=subject.provider,
            state=_NAMES[type(state)],
            until_us=now_us + round(left_s * 1e6) if ends else None,
            failures=state.failures,
            reason="" if isinstance(state, Healthy) else state.reason,
            changed_us=now_us,
            changed_by=self._name,
        )

    def _state(self, row: HealthRow) -> CandidateHealth:
        until = self._clock.monotonic() + ((row.until_us or 0) - self._clock.now_us()) / 1e6
        match row.state:
            case "cooling":
                return CoolingDown(until=until, reason=row.reason, failures=row.failures)
            case "open":
                return Open(until=until, reason=row.reason, failures=row.failures)
            case "probing":
                return Probing(until=until, reason=row.reason, failures=row.failures)
            case _:
                return Healthy(failures=row.failures)


_NAMES: dict[type[CandidateHealth], str] = {
    Healthy: "healthy",
    CoolingDown: "cooling",
    Open: "open",
    Probing: "probing",
}


def write_health(connection: sa.Connection, database: Database, rows: Iterable[HealthRow]) -> None:
    """Puts each row in the place of an older one."""
    for row in rows:
        database.replace(connection, health, msgspec.structs.asdict(row))


def read_health(connection: sa.Connection) -> list[HealthRow]:
    """All rows, in the order of models and providers."""
    query = sa.select(health).order_by(health.c.model, health.c.provider)
    return [HealthRow(**row) for row in connection.execute(query).mappings()]
