"""What the account may still ask of `:free` models today: OpenRouter's own count, asked for now and then.

The day is UTC's, and the count is the account's, over all its keys and programs. What cannot be learned is no
limit: upstream refuses then, and says until when.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta

from farthing.clock import Clock

ASK_AGAIN_S = 300.0
"""Other programs of the account count too: the number is asked for again after so long."""

Remaining = Callable[[], Awaitable[int | None]]


def is_free(model: str) -> bool:
    """Whether the account's limits on free models count for it."""
    return model.endswith(":free")


class FreeAllowance:
    """Use from one event loop. `ask` gives the day's remaining requests, None where they are not told."""

    def __init__(self, ask: Remaining, clock: Clock) -> None:
        self._ask, self._clock = ask, clock
        self._left: int | None = None
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
            self._left, self._day, self._asked_at = await self._ask(), today, now

    def wait_s(self) -> float:
        """Seconds until a request is allowed: 0, or the rest of the day."""
        now = self._clock.now()
        if self._left is None or self._left > 0 or now.date() != self._day:
            return 0.0
        return (_midnight_after(now) - now).total_seconds()

    def take(self) -> None:
        """A request is sent."""
        if self._left is not None:
            self._left -= 1


def _midnight_after(now: datetime) -> datetime:
    return datetime.combine(now.date() + timedelta(days=1), time.min, now.tzinfo)
