"""One of several processes with one shared memory: started by `test_processes.py`.

Arguments: the database's URL, what to do, how often. Says `ready`, waits for a line, works, and prints one
line of JSON.
"""

import asyncio
import json
import sys

from farthing.storage.database import Database
from farthing.swarm.memory.entry import Conflict, Lease
from farthing.swarm.memory.shared import Memories, Memory

HOT = ("hot/1", "hot/2", "hot/3")
_TASKS = 8


async def add(notes: Memory, count: int) -> object:
    """Increments, appends, and additions by compare-and-set, from several tasks at once."""

    async def one(task: int) -> None:
        for number in range(count):
            key = HOT[(task + number) % len(HOT)]
            await notes.increment(key)
            await notes.append("log", number)
            if task == 0:  # of all tasks at once most would find that another was first
                await add_by_hand(notes)

    await asyncio.gather(*(one(task) for task in range(_TASKS)))
    return _TASKS * count


async def add_by_hand(notes: Memory) -> None:
    while True:
        entry = await notes.get("by hand")
        value = 0 if entry is None else entry.value
        version = 0 if entry is None else entry.version
        assert isinstance(value, int)
        if not isinstance(await notes.compare_and_set("by hand", value + 1, version), Conflict):
            return


async def hold(notes: Memory, count: int) -> object:
    """Claims what it can get, and says so; then never gives it back."""
    lease = await notes.claim("job", "the killed one", 1.0)
    sys.stdout.write(json.dumps(isinstance(lease, Lease)) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()
    return None


async def share(notes: Memory, count: int) -> object:
    """Takes pieces of work by claims, each exactly once in all processes."""
    done: list[int] = []
    for number in range(count):
        if isinstance(await notes.put_if_absent(f"piece/{number}", "taken"), Conflict):
            continue
        done.append(number)
    return done


WORK = {"add": add, "hold": hold, "share": share}


async def main(url: str, what: str, count: int) -> None:
    database = Database(url)
    memories = Memories(database)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    told = await WORK[what](memories.open("shared:notes", by=what), count)
    sys.stdout.write(json.dumps(told) + "\n")
    await memories.aclose()
    database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
