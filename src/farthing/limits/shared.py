"""One process's part in a limit that several share: what it was granted, and asking for more.

Takes the place of a `Window` in `permits.py`. What is granted must be used within its part of the minute; the
rest is given back with the next question. While nobody answers nothing is granted. How amounts are counted is
`minute.py`'s; where, is whoever answers' business.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from farthing.clock import Clock
from farthing.limits.minute import Ask, Told
from farthing.limits.window import Entry

Exchange: TypeAlias = Callable[[str, Ask], Awaitable[Told | None]]
"""Asks for a limit by its name; None where nobody answers just now."""

_SOON_S = 0.05
_CORRECT_S = 0.5


class SharedWindow:
    """Use from one event loop. `again` is called when more was granted."""

    def __init__(
        self, name: str, most: int, *, exchange: Exchange, clock: Clock, again: Callable[[], None]
    ) -> None:
        self.most = most
        self._name, self._exchange, self._clock, self._again = name, exchange, clock, again
        self._part, self._left, self._until = 0, 0, float("-inf")
        self._opens_at = float("-inf")
        self._corrections: Counter[int] = Counter()
        self._want: tuple[int, int] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._exchanging, self._closed = False, False

    def ready(self, amount: int, now: float) -> float:
        """Now, where so much was granted; else when asking again may help."""
        self._expire(now)
        return now if self._left >= amount else max(self._opens_at, now + _SOON_S)

    def opens(self, now: float) -> float:
        """When there is room in the limit, as was last told; now, where nothing else is known."""
        return max(self._opens_at, now)

    def ask(self, wanted: int, least: int, now: float) -> None:
        """Asks for more, unless it is known that there is nothing yet. `least` is what the first needs."""
        self._expire(now)
        if self._left < least and now >= self._opens_at:
            self._want = (wanted, least)
            self._start()

    def take(self, amount: int, now: float) -> Entry:
        """Takes of what was granted; `at` is the number of the minute's part."""
        self._expire(now)
        beyond = max(0, amount - self._left)
        self._left -= amount - beyond
        if beyond:
            self._correct(self._part, beyond)
        return Entry(float(self._part), amount)

    def correct(self, entry: Entry, more: int, now: float) -> None:
        """What was taken was `more` than said, or less."""
        self._expire(now)
        more = max(more, -entry.amount)
        entry.amount += more
        part = int(entry.at)
        if more < 0 and part == self._part and now < self._until:
            self._left -= more  # still ours to use
        elif more:
            self._correct(part, more)

    async def aclose(self) -> None:
        """Asks no more; a question under way is waited for, for it uses what is closed next."""
        self._closed = True
        if self._asking is not None:
            if not self._exchanging:
                self._asking.cancel()
            await asyncio.wait({self._asking})

    def _correct(self, part: int, more: int) -> None:
        self._corrections[part] += more
        if more > 0:
            self._start()

    def _expire(self, now: float) -> None:
        if self._left and now >= self._until:
            self._corrections[self._part] -= self._left
            self._left = 0

    def _start(self) -> None:
        if not self._closed and (self._asking is None or self._asking.done()):
            self._asking = asyncio.ensure_future(self._ask_all())

    async def _ask_all(self) -> None:
        """Until nothing is left to ask or to tell."""
        while not self._closed and (self._want is not None or max(self._corrections.values(), default=0) > 0):
            if self._want is None:
                await self._clock.sleep(_CORRECT_S)  # corrections ride with a question, or wait so long
            want, self._want = self._want, None
            corrections, self._corrections = self._corrections, Counter()
            wanted, least = want or (0, 0)
            began = self._clock.monotonic()
            ask = Ask(most=self.most, wanted=wanted, least=least, corrections=tuple(corrections.items()))
            self._exchanging = True
            try:
                told = await self._exchange(self._name, ask)
            finally:
                self._exchanging = False
            if told is None:
                self._corrections.update(corrections)
                self._want = self._want or want
                await self._clock.sleep(_CORRECT_S)
            else:
                self._accept(told, began)

    def _accept(self, told: Told, began: float) -> None:
        """By our clock at the question: what we take for the part's end is never later than it is."""
        now = self._clock.monotonic()
        self._expire(now)
        if told.granted and began + told.left_s <= now:
            self._corrections[told.number] -= told.granted  # came too late to be used
        elif told.granted:
            if told.number != self._part and self._left:
                self._corrections[self._part] -= self._left
                self._left = 0
            self._part, self._until = told.number, began + told.left_s
            self._left += told.granted
        self._opens_at = now + told.opens_s if told.opens_s else float("-inf")
        self._again()
