"""One attempt whose text is handed on as it comes, or two at one answer: who sends text first goes on alone.

The other is cancelled, and settled as whatever is left on its way. When a second one is sent, and to whom, is
`routing/hedging.py`'s; what an attempt does is `attempt.py`'s.
"""

import asyncio
from enum import Enum

from farthing.attempt import Call, Means, perform
from farthing.errors import DeploymentClosedError
from farthing.readahead import ReadAhead
from farthing.routing.fallback import Ending
from farthing.task import Completion
from farthing.underway import CLOSED_EARLY


class Signal(Enum):
    """News that is neither text nor an ending."""

    late = "no text came within the time"


class Race:
    """Runs attempts in tasks of their own. Read `news` while `running`, and `close` it however it ends."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._texts = ReadAhead()
        self._attempts: dict[asyncio.Future[Ending], Call] = {}
        self._alarm: asyncio.Future[None] | None = None
        self._late = False
        self.winner: Call | None = None
        """Whose text was first, or whose answer was whole first."""

    @property
    def running(self) -> bool:
        return bool(self._attempts)

    @property
    def calls(self) -> tuple[Call, ...]:
        """Those whose ending was not told yet."""
        return tuple(self._attempts.values())

    def enter(self, call: Call) -> None:
        """Sends the call."""

        async def take(text: str) -> None:
            if self.winner is None:
                self._win(call)
            if self.winner is call:
                await self._texts.put(text)

        attempt = asyncio.ensure_future(perform(self._means, call, take))
        self._attempts[attempt] = call
        attempt.add_done_callback(self._ended)
        self._means.under_way.own(attempt)

    def call_late(self, after_s: float) -> None:
        """`Signal.late` is news after so long, if no text has come by then."""

        async def wait() -> None:
            await self._means.clock.sleep(after_s)
            self._late = True
            self._wake()

        self._alarm = asyncio.ensure_future(wait())

    async def news(self) -> str | Call | Signal:
        """The next text, a call that has ended, or that none has come in time. Raises what an attempt raised,
        and `DeploymentClosedError` where closing ended it."""
        while True:
            text = await self._texts.get() if self._nothing_else() else self._text_at_hand()
            if text is not None:
                return text
            if self._late and self.winner is None:
                self._late = False
                return Signal.late
            ended = next((attempt for attempt in self._attempts if attempt.done()), None)
            if ended is not None and self._texts.empty():
                return self._told(ended)

    def close(self) -> None:
        """Cancels what still runs; its settlement goes on."""
        if self._alarm is not None:
            self._alarm.cancel()
        for attempt in self._attempts:
            attempt.cancel()

    def _text_at_hand(self) -> str | None:
        return None if self._texts.empty() else self._texts.get_nowait()

    def _nothing_else(self) -> bool:
        late = self._late and self.winner is None
        return not late and not any(attempt.done() for attempt in self._attempts)

    def _told(self, attempt: asyncio.Future[Ending]) -> Call:
        call = self._attempts.pop(attempt)
        if attempt.cancelled():
            if not call.overtaken:
                raise DeploymentClosedError(CLOSED_EARLY)
        else:
            attempt.result()
        return call

    def _win(self, call: Call) -> None:
        self.winner = call
        if self._alarm is not None:
            self._alarm.cancel()
        for attempt, other in self._attempts.items():
            if other is not call and not attempt.done():
                other.overtaken = True
                attempt.cancel()

    def _ended(self, attempt: asyncio.Future[Ending]) -> None:
        call = self._attempts.get(attempt)
        answered = not attempt.cancelled() and attempt.exception() is None
        if call is not None and self.winner is None and answered and isinstance(call.ending, Completion):
            self._win(call)
        self._wake()

    def _wake(self) -> None:
        if not self._texts.full():
            self._texts.put_nowait(None)
