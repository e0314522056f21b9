"""One of the processes that use one shared memory at once: started by `crew.py`, for `memory.py`.

Reads an order a line from standard input, as JSON, does it with some tasks at once, and answers with a line.
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from farthing.storage.database import Database
from farthing.swarm.memory.entry import Conflict, Lease
from farthing.swarm.memory.shared import Memories, Memory

NAMESPACE = "shared:bench"
HOT, COLD = 4, 5_000
_HOT_SHARE = 0.8
_LONG_S = 60.0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, how often, with how many tasks at once. `folder` is where claims leave their witness."""

    what: str
    count: int
    tasks: int
    seed: int
    folder: str = ""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """How long it took. `further` is what else was counted: retries, violations."""

    seconds: float
    further: int = 0


class _Worker:
    """What the orders mean."""

    def __init__(self, memory: Memory, order: Order) -> None:
        self._memory, self._order = memory, order
        self._random = random.Random(order.seed)  # noqa: S311 - which key, not a secret
        self.further = 0

    async def increment(self, number: int) -> None:
        hot = self._random.random() < _HOT_SHARE
        key = self._random.randrange(HOT) if hot else self._random.randrange(COLD)
        await self._memory.increment(f"{'hot' if hot else 'cold'}/{key}")

    async def put(self, number: int) -> None:
        await self._memory.put(f"put/{self._order.seed}/{number % 500}", {"step": number, "by": "an agent"})

    async def get(self, number: int) -> None:
        await self._memory.get(f"put/{self._order.seed}/{number % 500}")

    async def append(self, number: int) -> None:
        await self._memory.append(f"list/{number % 8}", number)

    async def compare_and_set(self, number: int) -> None:
        key = f"by hand/{self._random.randrange(64)}"
        while True:
            entry = await self._memory.get(key)
            value, version = (0, 0) if entry is None else (entry.value, entry.version)
            new = value + 1 if isinstance(value, int) else 1
            if not isinstance(await self._memory.compare_and_set(key, new, version), Conflict):
                return
            self.further += 1

    async def claim(self, number: int) -> None:
        """Claims one of eight keys, and holds it for as long as making and removing a file takes."""
        key = f"job {self._random.randrange(8)}"
        lease = await self._memory.claim(key, f"{self._order.seed}/{number}", _LONG_S)
        if not isinstance(lease, Lease):
            return
        witness = Path(self._order.folder) / key
        try:
            os.close(os.open(witness, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            self.further += 1  # somebody else believes that it is his
        await asyncio.sleep(0)
        with suppress(FileNotFoundError):
            witness.unlink()
        await self._memory.release(lease)

    async def search(self, number: int) -> None:
        await self._memory.search(f"subject{number % 100:02}")

    async def search_common(self, number: int) -> None:
        await self._memory.search(f"common subject{number % 100:02}")

    async def stamp(self, number: int) -> None:
        """Puts the time, for who watches in another process."""
        await self._memory.put(f"stamp/{number}", time.monotonic())
        await asyncio.sleep(0.02 * self._random.random())

    def work(self) -> Mapping[str, Callable[[int], Awaitable[None]]]:
        return {
            "increment": self.increment,
            "put": self.put,
            "get": self.get,
            "append": self.append,
            "compare and set": self.compare_and_set,
            "claim": self.claim,
            "search": self.search,
            "search common": self.search_common,
            "stamp": self.stamp,
        }


async def follow(memory: Memory, order: Order) -> Done:
    """Does one order."""
    worker = _Worker(memory, order)
    one, left = worker.work()[order.what], iter(range(order.count))

    async def task() -> None:
        for number in left:
            await one(number)

    began = time.perf_counter()
    await asyncio.gather(*(task() for _ in range(order.tasks)))
    return Done(seconds=time.perf_counter() - began, further=worker.further)


async def main(url: str) -> None:
    database = Database(url)
    memories = Memories(database)
    memory = memories.open(NAMESPACE, by=f"process {os.getpid()}")
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        done = await follow(memory, msgspec.json.decode(line, type=Order))
        sys.stdout.buffer.write(msgspec.json.encode(done) + b"\n")
        sys.stdout.buffer.flush()
    await memories.aclose()
    database.close()


if __name__ == "__main__":
    asyncio.run(main(os.environ["FARTHING_BENCH_URL"]))
