"""Time, handed in: the wall clock that dates rows, the monotonic one that deadlines run on, and sleep.

Two clocks exist: this one, and the virtual one of `testing.py`.
"""

import asyncio
import time
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
