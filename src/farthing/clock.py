"""Time, handed in: the wall clock that dates rows, the monotonic one that deadlines run on, and sleep.

Two clocks exist, both here: the machine's, and a virtual one for who cannot wait (`farthing check`, tests).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

_DAY_S = 86_400.0


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


class VirtualClock:
    """Time that moves when somebody sleeps or a test says so; `slept` is what was slept, in seconds.

    A sleep of more than a day is somebody who waits for another time, the next month for instance: it moves
    nothing, and ends when `advance` has come that far.
    """

    def __init__(self, start: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)) -> None:
        self._start, self._gone = start, 0.0
        self._waiting: list[tuple[float, asyncio.Event]] = []
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._gone)

    def now_us(self) -> int:
        return int(self.now().timestamp() * 1_000_000)

    def monotonic(self) -> float:
        return self._gone

    def advance(self, seconds: float) -> None:
        self._gone += seconds
        for until, come in self._waiting:
            if until <= self._gone:
                come.set()

    async def sleep(self, seconds: float) -> None:
        if seconds > _DAY_S:
            come = asyncio.Event()
            self._waiting.append((self._gone + seconds, come))
            await come.wait()
            return
        self.slept.append(seconds)
        self.advance(max(seconds, 0.0))
        await asyncio.sleep(0)


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
