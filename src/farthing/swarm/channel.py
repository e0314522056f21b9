"""A bounded way from tasks that work to the one that reads, and the orderly end of tasks.

Knows nothing of agents or money. A slow reader holds the writers up; closing never waits.
"""

import asyncio
from collections.abc import Iterable
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class Channel(Generic[_Item]):
    """At most `bound` items wait in it. Iterating ends when it was closed and is empty."""

    def __init__(self, bound: int) -> None:
        self._items: asyncio.Queue[_Item | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(bound)

    async def put(self, item: _Item) -> None:
        """Waits for room."""
        await self._room.acquire()
        self._items.put_nowait(item)

    def close(self) -> None:
        """No item may be put afterwards; what waits is still read. Must be called once."""
        self._items.put_nowait(None)

    def __aiter__(self) -> "Channel[_Item]":
        return self

    async def __anext__(self) -> _Item:
        item = await self._items.get()
        if item is None:
            raise StopAsyncIteration
        self._room.release()
        return item


async def end_all(tasks: Iterable["asyncio.Task[object]"]) -> None:
    """Cancels the tasks and waits until each has ended; what they raised is dropped."""
    owned = list(tasks)
    for task in owned:
        task.cancel()
    await asyncio.gather(*owned, return_exceptions=True)
