"""Finds the answer to a task, or says who is to ask for it: memory, then the database, then one of those who
want it at the same time. The others wait for that one, in this process and in others.

A flight that brings no answer is nobody's fault but its own: those who waited try again, one of them first;
who has waited twice in vain asks alone. Nothing is reserved while waiting (money.md, laws 1 and 16).
"""

import asyncio
from typing import NamedTuple

from farthing.cache.answer import Asked, CachedAnswer
from farthing.cache.memory import Memory, Only
from farthing.cache.shared import Look, SharedAnswers
from farthing.clock import Clock
from farthing.result import ReuseKind

_TRIES = 2
_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.25
"""How often another process's flight is looked at: twice as seldom each time."""


class Hit(NamedTuple):
    """An answer that is there."""

    answer: CachedAnswer
    how: ReuseKind


class Lead:
    """Who holds it asks. `land` what came; `end` in any case, also when nothing did."""

    def __init__(
        self, cache: "Cache", asked: Asked, flight: "asyncio.Future[CachedAnswer | None] | None"
    ) -> None:
        self.asked = asked
        self._cache, self._flight, self._ended = cache, flight, False

    def land(self, answer: CachedAnswer) -> None:
        """Keeps the answer and gives it to those who wait."""
        self._finish(answer)

    def end(self) -> None:
        """Without an answer, unless it has landed."""
        self._finish(None)

    def _finish(self, answer: CachedAnswer | None) -> None:
        if not self._ended:
            self._ended = True
            self._cache.finish(self.asked, self._flight, answer)


class Cache:
    """Use from one event loop."""

    def __init__(self, clock: Clock, shared: SharedAnswers | None) -> None:
        self._clock, self._shared = clock, shared
        self._memory = Memory()
        self._flights: dict[str, asyncio.Future[CachedAnswer | None]] = {}

    async def take(self, asked: Asked, *, until: float) -> Hit | Lead | None:
        """An answer; or the lead, to ask for one; or None, to ask alone. One that does not fly leads nobody.

        Waits for others until `until`, in the clock's monotonic seconds.
        """
        for _ in range(_TRIES):
            answer = self._memory.get(asked, self._clock.now_us())
            if answer is not None:
                return Hit(answer, "exact")
            under_way = self._flights.get(asked.key) if asked.flies else None
            if under_way is None:
                found = await self._begin(asked, until)
                if found is not None:
                    return found
            else:
                answer = await self._wait(under_way, until)
                if answer is not None:
                    return Hit(answer, "flight")
        return None

    def finish(
        self, asked: Asked, flight: "asyncio.Future[CachedAnswer | None] | None", answer: CachedAnswer | None
    ) -> None:
        """For `Lead`: what its flight brought."""
        if answer is not None:
            self._memory.put(asked, answer, self._clock.now_us())
        if self._shared is not None and asked.shared and (flight is not None or answer is not None):
            self._shared.land(asked, answer)
        self._give(asked, flight, answer)

    async def clear(self, only: Only) -> int:
        """Forgets answers here and in the database; how many there were. Raises `DBAPIError`.

        Other processes notice within the seconds that `memory.FRESH_US` says.
        """
        gone = self._memory.clear(only)
        return gone if self._shared is None else max(gone, await self._shared.clear(only))

    async def aclose(self) -> None:
        if self._shared is not None:
            await self._shared.aclose()

    async def _begin(self, asked: Asked, until: float) -> Hit | Lead | None:
        """The first in this process: looks into the database, and waits for another process that asks."""
        flight: asyncio.Future[CachedAnswer | None] | None = None
        if asked.flies:
            flight = self._flights[asked.key] = asyncio.get_running_loop().create_future()
        lead = Lead(self, asked, flight)
        if self._shared is None or not asked.shared:
            return lead
        try:
            hit = await self._found_or_leads(self._shared, asked, until)
        except BaseException:
            lead.end()
            raise
        match hit:
            case Hit(answer=answer):
                self._memory.put(asked, answer, self._clock.now_us())
                self._give(asked, flight, answer)
                return hit
            case True:
                return lead
            case _:  # the other process took too long
                self._give(asked, flight, None)
                return None

    async def _found_or_leads(self, shared: SharedAnswers, asked: Asked, until: float) -> Hit | bool:
        """An answer; True to ask for one; False when another process still asked at `until`."""
        pause, waited = _PAUSE_S, False
        while True:
            look: Look = await shared.look(asked)
            if look.answer is not None:
                return Hit(look.answer, "flight" if waited else "exact")
            self._memory.forget(asked)  # it is gone from the database
            if look.leads:
                return True
            waited = True
            if self._clock.monotonic() + pause > until:
                return False
            await self._clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _wait(self, flight: "asyncio.Future[CachedAnswer | None]", until: float) -> CachedAnswer | None:
        left = until - self._clock.monotonic()
        await asyncio.wait([flight], timeout=max(left, 0.0))  # it is the leader's, and not cancelled with us
        return flight.result() if flight.done() else None

    def _give(
        self, asked: Asked, flight: "asyncio.Future[CachedAnswer | None] | None", answer: CachedAnswer | None
    ) -> None:
        if flight is not None:
            self._flights.pop(asked.key, None)
            flight.set_result(answer)
