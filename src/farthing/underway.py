"""What a deployment has under way: callers inside an attempt, and tasks that outlive their callers.

Closing waits for all of it, then ends it. Entering and leaving cost two set operations: every attempt does.
"""

import asyncio
from typing import Any

CLOSED_EARLY = "the deployment closed before the task was finished"

Owned = asyncio.Future[Any]  # a task of any result: nobody reads it here


class UnderWay:
    """Use from one event loop."""

    def __init__(self) -> None:
        self.closing = False
        """From here on nothing new is begun."""
        self.closed = asyncio.Event()
        """Set with it: ends long waits that hold nothing."""
        self._callers: set[asyncio.Task[Any]] = set()
        self._interrupted: set[asyncio.Task[Any]] = set()
        self._tasks: set[Owned] = set()
        self._changed: asyncio.Future[None] | None = None

    def own(self, task: Owned) -> None:
        """Keeps a task alive until it is done."""
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def enter(self) -> asyncio.Task[Any]:
        """The current task begins an attempt; give what this returns to `leave`."""
        caller = asyncio.current_task()
        if caller is None:
            raise RuntimeError("an attempt runs in a task")
        self._callers.add(caller)
        return caller

    def leave(self, caller: asyncio.Task[Any]) -> bool:
        """The attempt has ended; True when closing interrupted it, and the caller was not cancelled."""
        self._callers.discard(caller)
        self._wake()
        if caller not in self._interrupted:
            return False
        self._interrupted.discard(caller)
        return caller.uncancel() == 0

    async def drain(self, timeout_s: float) -> None:
        """Waits until nothing is under way, at most so long; then ends the rest and waits for its end."""
        self.closing = True
        self.closed.set()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while self._busy() and (left := deadline - loop.time()) > 0:
            await self._change(left)
        while self._busy():
            for caller in self._callers - self._interrupted:
                self._interrupted.add(caller)
                caller.cancel()
            for task in self._tasks:  # what ends may own a question about its bill: it ends in the next turn
                task.cancel()
            await self._change(None)

    def _busy(self) -> bool:
        return bool(self._callers or self._tasks)

    async def _change(self, timeout_s: float | None) -> None:
        self._changed = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._changed], timeout=timeout_s)
        self._changed = None

    def _forget(self, task: Owned) -> None:
        self._tasks.discard(task)
        self._wake()

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
