"""Time, handed in: the wall clock that dates rows, the monotonic one that deadlines run on, and sleep.

Two clocks exist: this one, and the virtual one of `testing.py`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC."""
        ...

    def now_us(self) -> int:
        """Microseconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Seconds; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def now_us(self) -> int:
        return time.time_ns() // 1000

    monotonic = staticmethod(time.monotonic)  # asked a dozen times a task

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def undisturbed(
    pause: Callable[[float], Awaitable[None]], seconds: float, event: asyncio.Event
) -> bool:
    """Pauses; False when the event came first, or is set already."""
    if event.is_set():
        return False
    both = [asyncio.ensure_future(pause(seconds)), asyncio.ensure_future(event.wait())]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in both:
            one.cancel()
    return not event.is_set()
