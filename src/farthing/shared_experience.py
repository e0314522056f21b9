"""Carries experience between the ledger and a running deployment: read at opening, renewed while it runs.

Every few seconds what is new in the ledger is folded, by whichever process comes first, and read by all, on a
connection of its own in a thread. A call waits for none of it, and a database that is away is asked again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import DBAPIError

from farthing.clock import Clock, undisturbed
from farthing.routing.experience import Experience
from farthing.spend.lessons import catch_up, read_experience
from farthing.storage.database import Database

log = logging.getLogger("farthing.experience")

EVERY_S = 10.0
_AT_OPENING, _AT_ONCE = 2, 10
"""How many chunks of rows are folded before the first task, and each time after."""


class SharedExperience:
    """Use from one event loop: `begin` it, and `aclose` it. `take` is told what is known, each time."""

    def __init__(
        self,
        database: Database,
        take: Callable[[Experience], None],
        *,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`pause` is apart from the clock, whose virtual kind would let time run by itself."""
        self._database, self._take, self._clock, self._pause = database, take, clock, pause
        self._closing = asyncio.Event()
        self._renewing: asyncio.Future[None] | None = None

    async def begin(self) -> None:
        """Reads what is known, and goes on learning."""
        await self.renew(chunks=_AT_OPENING)
        self._renewing = asyncio.ensure_future(self._keep_renewing())

    async def renew(self, *, chunks: int = _AT_ONCE) -> None:
        """Folds what is new and takes over what is known."""
        try:
            self._take(await asyncio.to_thread(self._through_database, chunks))
        except DBAPIError as error:
            log.info("experience could not be read: %s", type(error).__name__)

    async def aclose(self) -> None:
        self._closing.set()
        if self._renewing is not None:
            await self._renewing  # not cancelled: its thread would go on with a database that closes

    async def _keep_renewing(self) -> None:
        while await undisturbed(self._pause, EVERY_S, self._closing):
            await self.renew()

    def _through_database(self, chunks: int) -> Experience:
        today = self._clock.now().date()
        catch_up(self._database, today=today, chunks=chunks)
        return read_experience(self._database, today=today)
