"""Processes that work at once: starts `remembering.py` several times, and gives the orders."""

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec

from farthing.bench.remembering import Done, Order
from farthing.errors import FarthingError


class Ordered(NamedTuple):
    """What all processes together came to: seconds from the first order to the last answer."""

    seconds: float
    done: Sequence[Done]


class Crew:
    """Made by `crew`."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes

    async def order(self, what: str, *, each: int, tasks: int, round_: int = 0, folder: str = "") -> Ordered:
        """Every process does `what` so often. Raises `FarthingError` when one has died."""
        began = time.perf_counter()
        for number, process in enumerate(self._processes):
            seed = round_ * len(self._processes) + number
            order = Order(what=what, count=each, tasks=tasks, seed=seed, folder=folder)
            if process.stdin is not None:
                process.stdin.write(msgspec.json.encode(order) + b"\n")
        done = await asyncio.gather(*map(_answer, self._processes))
        return Ordered(time.perf_counter() - began, done)


@asynccontextmanager
async def crew(url: str, *, processes: int) -> AsyncGenerator[Crew]:
    """The database's URL goes by the environment: it may have a password."""
    environ = {**os.environ, "FARTHING_BENCH_URL": url}
    made = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "farthing.bench.remembering", stdin=PIPE, stdout=PIPE, env=environ
        )
        for _ in range(processes)
    ]
    try:
        yield Crew(made)
    finally:
        for process in made:
            if process.stdin is not None:
                process.stdin.close()
        await asyncio.gather(*(process.wait() for process in made))


async def _answer(process: Process) -> Done:
    line = b"" if process.stdout is None else await process.stdout.readline()
    if not line:
        raise FarthingError(f"process {process.pid} of the benchmark ended early, with {process.returncode}")
    return msgspec.json.decode(line, type=Done)
