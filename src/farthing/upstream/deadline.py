"""The deadlines of one exchange, and the one timer that holds them.

Decides when an exchange has waited too long, and for what. What that means is `client.py`'s.
"""

import asyncio
from enum import StrEnum
from typing import Self

import msgspec


class Deadlines(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Seconds. First token and between tokens hold for streams; comments are no tokens.

    `connect_s` ends when the request begins to be written, `first_token_s` counts from there. A reader
    who is slow to take a token stops the clock between tokens; `total_s` runs on.
    """

    connect_s: float = 10.0
    first_token_s: float = 60.0
    between_tokens_s: float = 30.0
    total_s: float = 300.0


class Wait(StrEnum):
    """What an exchange is waiting for."""

    connect = "a connection"
    first_token = "the first token"  # noqa: S105 - no password: a model's token
    next_token = "the next token"  # noqa: S105 - likewise
    reader = "the reader"
    reply = "the reply"
    end = "the end of the stream"


class Watchdog:
    """Cancels the task it was made in when the deadline passes. `with` holds it; `expired` tells.

    One timer serves all deadlines. It is armed again only when a deadline moves nearer; a deadline that
    moves away is noticed when the timer fires, so that a token costs one comparison and no timer.
    """

    __slots__ = (
        "_armed_at",
        "_asked",
        "_cancelling",
        "_due",
        "_fired",
        "_handle",
        "_loop",
        "_task",
        "_total_at",
        "started",
        "wait",
    )

    def __init__(self, *, total_s: float, wait_s: float, wait: Wait) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline needs a task to cancel")
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._cancelling = task.cancelling()
        self._fired = False
        self._asked = False
        self.started = self._loop.time()
        self.wait = wait
        self._total_at = self.started + total_s
        self._due = self._armed_at = min(self.started + wait_s, self._total_at)
        self._handle: asyncio.TimerHandle | None = self._loop.call_at(self._armed_at, self._on_timer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._fired and not self._asked:  # somebody swallowed the cancellation: the count is ours to mend
            self._task.uncancel()

    def now(self) -> float:
        return self._loop.time()

    def expect(self, wait: Wait, wait_s: float | None) -> None:
        """From now on waits for this, for so many seconds; None: as long as the whole may take."""
        self.wait = wait
        due = self._total_at
        if wait_s is not None:
            due = min(self._loop.time() + wait_s, due)
        self._due = due
        if due < self._armed_at and self._handle is not None:
            self._handle.cancel()
            self._arm()

    @property
    def total_passed(self) -> bool:
        """Whether it was the whole that took too long."""
        return self._due >= self._total_at

    def expired(self) -> bool:
        """To be asked once, on `CancelledError`: True when the watchdog cancelled, and nobody else did."""
        if not self._fired:
            return False
        self._asked = True
        return self._task.uncancel() <= self._cancelling

    def _arm(self) -> None:
        self._armed_at = self._due
        self._handle = self._loop.call_at(self._due, self._on_timer)

    def _on_timer(self) -> None:
        if self._loop.time() < self._due:
            self._arm()
            return
        self._handle = None
        self._fired = True
        self._task.cancel()
