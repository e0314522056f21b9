"""What the account may still ask of `:free` models today: OpenRouter's own count, asked for now and then.

The day is UTC's, and the count is the account's, over all its keys and programs. What cannot be learned is no
limit: upstream refuses then, and says until when. How a day is spread is `pace.py`'s.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from farthing.clock import Clock
from farthing.limits.pace import DAY_S, pace_wait_s, usable

ASK_AGAIN_S = 300.0
"""Other programs of the account count too: the number is asked for again after so long."""


class FreeDay(NamedTuple):
    """Requests of a day that are left; `limit` is all of them, None where it is not told."""

    left: int
    limit: int | None = None


Remaining = Callable[[], Awaitable[FreeDay | None]]


def is_free(model: str) -> bool:
    """Whether the account's limits on free models count for it."""
    return model.endswith(":free")


class FreeAllowance:
    """Use from one event loop. `ask` gives the day's requests, None where they are not told. With `spread`
    they are spread over the day."""

    def __init__(self, ask: Remaining, clock: Clock, *, spread: bool = False) -> None:
        self._ask, self._clock, self._spread = ask, clock, spread
        self._told: FreeDay | None = None
        self._day = date.min
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def refresh(self) -> None:
        """Asks, when the last answer is old or of another day."""
        async with self._asking:
            now = self._clock.monotonic()
            today = self._clock.now().date()
            if today == self._day and now - self._asked_at < ASK_AGAIN_S:
                return
            self._told, self._day, self._asked_at = await self._ask(), today, now

    def wait_s(self) -> float:
        """Seconds until a request is allowed: 0, a part of the day, or its rest."""
        now = self._clock.now()
        if self._told is None or now.date() != self._day:
            return 0.0
        left, limit = self._told
        if left <= 0:
            return DAY_S - _elapsed_s(now)
        if not self._spread or limit is None:
            return 0.0
        return pace_wait_s(limit, limit - left, _elapsed_s(now))

    def words(self) -> str:
        """Why a request must wait."""
        if self._told is None or self._told.left <= 0 or self._told.limit is None:
            return "the account's free requests of the day are used"
        limit = self._told.limit
        when = self._clock.now() + timedelta(seconds=self.wait_s())
        return (
            f"{limit - self._told.left} of the day's {limit} free requests are used, the rest is spread over "
            f"the day: the next goes at {when:%H:%M:%S} UTC, at once with limits.spreadFreeRequests false"
        )

    def pace(self) -> tuple[int, float] | None:
        """How many of the day's requests are used and may be by now; None where nothing is spread."""
        now = self._clock.now()
        if not self._spread or self._told is None or self._told.limit is None or now.date() != self._day:
            return None
        limit = self._told.limit
        return limit - self._told.left, usable(limit, _elapsed_s(now))

    def take(self) -> None:
        """A request is sent."""
        if self._told is not None:
            self._told = self._told._replace(left=self._told.left - 1)


def _elapsed_s(now: datetime) -> float:
    return (now - datetime.combine(now.date(), time.min, now.tzinfo)).total_seconds()
