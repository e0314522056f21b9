"""Real processes with one memory: no update is lost, nobody sees a locked database, leases outlive nobody."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import cast

from tests.swarm.memory.rememberer import HOT

from farthing.storage.database import Database
from farthing.swarm.memory.entry import Lease, MemoryEntry
from farthing.swarm.memory.shared import Memories, Memory

CHILD = Path(__file__).with_name("rememberer.py")
LONG_S = 60.0


async def started(url: str, what: str, *, count: int) -> Process:
    arguments = [str(CHILD), url, what, str(count)]
    child = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    assert await said(child) == "ready"
    return child


async def said(child: Process) -> str:
    assert child.stdout is not None
    line = await asyncio.wait_for(child.stdout.readline(), LONG_S)
    assert line, (await child.communicate())[1].decode()[-2000:]
    return line.decode().strip()


def go(child: Process) -> None:
    assert child.stdin is not None
    child.stdin.write(b"go\n")


async def finished(child: Process) -> object:
    out, complaint = await asyncio.wait_for(child.communicate(), LONG_S)
    assert child.returncode == 0, complaint.decode()[-2000:]
    return json.loads(out)


async def kept(notes: Memory, key: str) -> object:
    entry = await notes.get(key)
    assert isinstance(entry, MemoryEntry)
    return entry.value


async def test_four_processes_lose_no_update(url: str) -> None:
    Database(url).close()
    children = await asyncio.gather(*(started(url, "add", count=6) for _ in range(4)))
    for child in children:
        go(child)
    assert [await finished(child) for child in children] == [48] * 4
    database = Database(url)
    memories = Memories(database)
    notes = memories.open("shared:notes")
    sums = [await kept(notes, key) for key in HOT]
    assert sum(one for one in sums if isinstance(one, int)) == 192
    assert await kept(notes, "by hand") == 24
    log = await kept(notes, "log")
    assert sorted(cast("list[int]", log)) == sorted([*range(6)] * 32)
    await memories.aclose()
    database.close()


async def test_every_piece_is_taken_once(url: str) -> None:
    Database(url).close()
    children = await asyncio.gather(*(started(url, "share", count=60) for _ in range(3)))
    for child in children:
        go(child)
    taken: list[object] = []
    for child in children:
        done = await finished(child)
        assert isinstance(done, list)
        taken += done
    assert sorted(map(str, taken)) == sorted(map(str, range(60)))


async def test_the_lease_of_a_killed_process_ends(url: str) -> None:
    database = Database(url)
    memories = Memories(database)
    notes = memories.open("shared:notes")
    child = await started(url, "hold", count=1)
    go(child)
    assert await said(child) == "true"
    child.send_signal(signal.SIGKILL)
    await child.wait()
    first = await notes.claim("job", "heir", 30)
    while not isinstance(claimed := await notes.claim("job", "heir", 30), Lease):  # noqa: ASYNC110 - the end
        await asyncio.sleep(0.02)  # of a lease in the database is an event that nobody sends
    assert claimed.holder == "heir"
    assert isinstance(first, Lease) or first.holder == "the killed one"
    await memories.aclose()
    database.close()


async def test_what_others_change_is_told(url: str) -> None:
    database = Database(url)
    memories = Memories(database, watch_every_s=0.01)
    watch = memories.open("shared:notes").watch("piece/", since=0)
    children = await asyncio.gather(*(started(url, "share", count=40) for _ in range(2)))
    for child in children:
        go(child)
    told = [await asyncio.wait_for(anext(watch), LONG_S) for _ in range(40)]
    assert {change.key for change in told} == {f"piece/{number}" for number in range(40)}
    assert [change.version for change in told] == sorted(change.version for change in told)
    await asyncio.gather(*map(finished, children))
    await watch.aclose()
    await memories.aclose()
    database.close()
