"""Spreads any number of independent tasks over workers, in bounded memory.

Knows queues, not agents: what is done with one task is an argument. The source is read only as far ahead
as the queue is long.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

from farthing.swarm.channel import Channel, end_all

_Source = TypeVar("_Source")
_Done = TypeVar("_Done")


def spread(
    source: Iterable[_Source] | AsyncIterable[_Source],
    *,
    workers: int,
    queue_size: int,
    work: Callable[[int, _Source], Awaitable[_Done]],
) -> tuple[Channel[_Done], "asyncio.Task[None]"]:
    """Starts `workers` workers over `source`; what they made is read from the channel, in order of ending.

    The caller owns the task and ends it: it fails when the source or `work` raises, and closes the channel
    however it ends. At most `queue_size` + 2 × `workers` + 1 items are read and not yet handed out.
    """
    made: Channel[_Done] = Channel(workers)
    waiting: asyncio.Queue[tuple[int, _Source] | None] = asyncio.Queue(queue_size)

    async def feed() -> None:
        index = 0
        async for item in _items(source):
            await waiting.put((index, item))
            index += 1
        for _ in range(workers):
            await waiting.put(None)

    async def labour() -> None:
        while (entry := await waiting.get()) is not None:
            await made.put(await work(*entry))

    async def crew() -> None:
        running = [asyncio.create_task(feed()), *(asyncio.create_task(labour()) for _ in range(workers))]
        try:
            await asyncio.gather(*running)
        finally:
            await end_all(running)

    task = asyncio.create_task(crew())
    # A callback, not a `finally` of the crew: a task cancelled before its first step never enters its `try`.
    task.add_done_callback(lambda _: made.close())
    return made, task


async def _items(source: Iterable[_Source] | AsyncIterable[_Source]) -> AsyncIterator[_Source]:
    if isinstance(source, AsyncIterable):
        async for item in source:
            yield item
    else:
        for item in source:
            yield item
