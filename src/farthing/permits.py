"""How many attempts are on the wire at once: a limit that may change, first come first served.

Nothing is reserved while a caller waits here.
"""

import asyncio
from collections import deque
from types import TracebackType


class Permits:
    """An async context manager; `limit` None lets everyone through."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.in_flight = 0

    @property
    def limit(self) -> int | None:
        return self._limit

    @property
    def queue_depth(self) -> int:
        """How many callers wait."""
        return len(self._waiting)

    def resize(self, limit: int | None) -> None:
        """Changes the limit. Calls in flight go on; a lower limit holds for those that come next."""
        self._limit = limit
        self._admit()

    async def __aenter__(self) -> None:
        if not self._waiting and self._has_room():
            self.in_flight += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the permit was given just before the cancellation
                self._release()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _has_room(self) -> bool:
        return self._limit is None or self.in_flight < self._limit

    def _release(self) -> None:
        self.in_flight -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._has_room():
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)
