"""A bounded channel, and the end of tasks."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.swarm.channel import Channel, end_all

pytestmark = pytest.mark.usefixtures("no_task_left_behind")


@given(items=st.lists(st.integers(), max_size=40), bound=st.integers(1, 5), writers=st.integers(1, 4))
async def test_nothing_is_lost_and_no_more_than_the_bound_waits(
    items: list[int], bound: int, writers: int
) -> None:
    channel: Channel[int] = Channel(bound)
    put = 0

    async def write(share: list[int]) -> None:
        nonlocal put
        for item in share:
            await channel.put(item)
            put += 1

    async def write_all() -> None:
        try:
            await asyncio.gather(*(write(items[start::writers]) for start in range(writers)))
        finally:
            channel.close()

    writing = asyncio.create_task(write_all())
    read: list[int] = []
    async for item in channel:
        read.append(item)
        for _ in range(3):
            await asyncio.sleep(0)
        assert put - len(read) <= bound
    await writing
    assert sorted(read) == sorted(items)


async def test_closing_does_not_wait_and_what_waits_is_still_read() -> None:
    channel: Channel[str] = Channel(1)
    await channel.put("a")
    channel.close()
    assert [item async for item in channel] == ["a"]


async def test_ended_tasks_have_ended_whatever_they_raise() -> None:
    reached = asyncio.Event()

    async def stubborn() -> None:
        try:
            reached.set()
            await asyncio.Event().wait()
        finally:
            raise ValueError

    task = asyncio.create_task(stubborn())
    await reached.wait()
    await end_all([task])
    assert task.done()
    await end_all([])
