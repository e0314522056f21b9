"""Who watches is told of every key that changed, in order, whoever changed it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.swarm.memory.conftest import StandingClock

from farthing.errors import SharedMemoryError
from farthing.storage.database import Database
from farthing.swarm.memory.entry import MemoryChange
from farthing.swarm.memory.shared import Memories, Memory

Told = tuple[str, str, object]


class Pauses:
    """What a watch waits by: each pause ends when the test says so, or at once."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self._over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.begun.set()
        await self._over.wait()
        self._over.clear()

    async def end(self) -> None:
        """Waits for a pause and ends it."""
        await self.begun.wait()
        self.begun.clear()
        self._over.set()


@pytest.fixture
async def elsewhere(database: StandingClock, url: str) -> AsyncIterator[tuple[Memories, Pauses]]:
    """The same database as another process has it: nothing but looking tells it of changes."""
    opened = StandingClock(url)
    pauses = Pauses()
    memories = Memories(opened, pause=pauses)
    yield memories, pauses
    await memories.aclose()
    opened.close()


def told(change: MemoryChange) -> Told:
    return change.kind, change.key, change.value


async def first(watch: AsyncIterator[MemoryChange], count: int) -> list[Told]:
    return [told(await anext(watch)) for _ in range(count)]


async def test_what_is_there_comes_first_where_it_is_wanted(notes: Memory) -> None:
    await notes.put("gone", 0)
    await notes.delete("gone")
    await notes.put("a", 1)
    await notes.put("b", 2)
    watch = notes.watch(since=0)
    assert await first(watch, 2) == [("put", "a", 1), ("put", "b", 2)]
    await notes.delete("a")
    await notes.put("b", 3)
    assert await first(watch, 2) == [("deleted", "a", None), ("put", "b", 3)]
    await watch.aclose()


async def test_it_begins_with_its_first_look(notes: Memory) -> None:
    await notes.put("before", 1)
    watch = notes.watch()
    next_one = asyncio.ensure_future(anext(watch))
    while not next_one.done():
        await notes.increment("after")
        await asyncio.sleep(0)
    change = await next_one
    assert (change.kind, change.key, change.changed_by) == ("put", "after", "tester")
    await watch.aclose()


async def test_another_process_is_told_at_its_next_look(
    notes: Memory, elsewhere: tuple[Memories, Pauses]
) -> None:
    memories, pauses = elsewhere
    watch = memories.open("shared:notes").watch("job/", since=0)
    coming = asyncio.ensure_future(first(watch, 3))
    await pauses.begun.wait()
    await notes.put("job/1", "new")
    await notes.put("job/1", "newer")  # of two changes between two looks the last is told
    await notes.put("other", 1)
    await notes.put("job/2", 1)
    await notes.delete("job/2")
    await notes.append("job/3", 1)
    await pauses.end()
    assert await coming == [("put", "job/1", "newer"), ("deleted", "job/2", None), ("put", "job/3", [1])]
    await watch.aclose()


async def test_what_expires_is_told_though_nobody_changes_anything(
    notes: Memory, database: StandingClock, elsewhere: tuple[Memories, Pauses]
) -> None:
    memories, pauses = elsewhere
    theirs = memories.open("shared:notes")
    await notes.put("a", 1, ttl_s=5)
    watch = theirs.watch(since=0)
    assert await first(watch, 1) == [("put", "a", 1)]
    coming = asyncio.ensure_future(first(watch, 1))
    await pauses.begun.wait()
    assert isinstance(memories._groups.database, StandingClock)  # pyright: ignore[reportPrivateUsage]
    memories._groups.database.seconds += 6  # pyright: ignore[reportPrivateUsage]
    await pauses.end()
    assert await coming == [("expired", "a", None)]
    await watch.aclose()


async def test_it_goes_on_behind_a_version(notes: Memory) -> None:
    versions = [await notes.put(f"k{number}", number) for number in range(600)]  # more than one page
    watch = notes.watch(since=versions[99])
    assert [key for _, key, _ in await first(watch, 500)] == [f"k{number}" for number in range(100, 600)]
    await watch.aclose()


async def test_a_slow_reader_misses_nothing_and_piles_nothing_up(
    notes: Memory, elsewhere: tuple[Memories, Pauses]
) -> None:
    memories, _ = elsewhere
    watch = memories.open("shared:notes").watch(since=0)
    await notes.put("k0", 0)
    assert await first(watch, 1) == [("put", "k0", 0)]
    for number in range(1, 300):
        await notes.put(f"k{number}", number)
    memories._pause = asyncio.sleep  # pyright: ignore[reportPrivateUsage]
    coming = asyncio.ensure_future(first(watch, 299))
    await elsewhere[1].end()
    assert [key for _, key, _ in await coming] == [f"k{number}" for number in range(1, 300)]
    await watch.aclose()


async def test_who_looks_too_late_is_told_so(notes: Memory, database: StandingClock) -> None:
    since = await notes.put("a", 1)
    await notes.delete("a")
    database.seconds += 601
    for _ in range(64):
        await notes.increment("n")
    with pytest.raises(SharedMemoryError, match=f"deletions behind version {since} of shared:notes"):
        await anext(notes.watch(since=since))
    watch = notes.watch(since=0)
    assert await first(watch, 1) == [("put", "n", 64)]
    await watch.aclose()


async def test_it_ends_when_everything_closes(database: Database) -> None:
    memories = Memories(database, pause=Pauses())
    watch = memories.open("shared:notes").watch()
    coming = asyncio.ensure_future(anext(watch, None))
    await asyncio.sleep(0)
    await memories.aclose()
    assert await coming is None
