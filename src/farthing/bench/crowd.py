"""Benchmark of the claims on crowds in one process: ten thousand tasks that wait, ten thousand agents, two
thousand streams.

Here: tasks and agents, each with a conversation and a tool, whose replies upstream holds until all wait. A
task has its tool as a schema; an agent is in its loop, a piece of work of a swarm, with a function to run.
The streams are `readers.py`'s. The upstream is the simulator, in a process of its own.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from msgspec import structs

from farthing.bench import readers
from farthing.bench.figures import Figure, missed, show_figures, write_figures
from farthing.bench.footprint import MIB, MemoryWatch, raise_descriptors, settled_bytes
from farthing.bench.machine import this_machine
from farthing.bench.progress import Told, console, told
from farthing.deployment import Deployment
from farthing.errors import FarthingError
from farthing.result import TaskResult
from farthing.simulator.process import SimulatorProcess
from farthing.storage.database import sqlite_url
from farthing.swarm.agent import AgentSpec
from farthing.task import Message, Task, Tool

MESSAGES = 20
_LIMIT_MIB = 1024
_LONG_S = 1800.0
_HELD = {"overrun_rate": 0.0, "rules": [{"fault": "slow_headers"}]}
_SETTINGS: dict[str, object] = {
    "upstream.firstTokenTimeout": _LONG_S,
    "upstream.totalTimeout": _LONG_S,
    "upstream.connectTimeout": 120,  # all begin in one turn: more than a listener's queue takes
    "upstream.drainTimeout": 60,
    "budget.monthlyLimit": 1_000_000,
}
_SEARCH = Tool(
    name="search_records",
    description="Finds the records of the archive that fit a query, newest first.",
    parameters={
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "Words that a record must have."},
            "since": {"type": "string", "format": "date"},
            "most": {"type": "integer", "minimum": 1, "maximum": 50},
        },
        "required": ["query"],
        "additionalProperties": False,
    },
)


@dataclass(slots=True, kw_only=True)
class Waited:
    """What was seen of the tasks that waited. Bytes and seconds."""

    before: int = 0
    held: int = 0
    """Requests that upstream held at once."""
    most: int = 0
    gathering_s: float = 0.0
    draining_s: float = 0.0
    done: int = 0
    attempts: int = 0
    failed: Counter[str] = field(default_factory=Counter[str])


Crowd: TypeAlias = Callable[[Deployment, int, Waited], Sequence["asyncio.Future[None]"]]
"""Starts so many, and gives what ends with them."""


def main(
    *,
    tasks: int = 10_000,
    agents: int = 10_000,
    streams: int = 2_000,
    seconds: float = 30.0,
    seed: int = 1,
    json_path: Path | None = None,
) -> bool:
    """Runs all parts and prints their table; whether all that is committed was met."""
    out, machine = console(), this_machine()
    raise_descriptors(max(tasks, agents, streams))
    size = sum(len(str(message.content)) for message in waiting_task(0).messages)
    out.print(
        f"Workload: {tasks:,} tasks at once, and after them {agents:,} agents of a swarm in their loops, each"
    )
    out.print(f"with {MESSAGES} messages ({size:,} bytes) and a tool;")
    out.print(f"{streams:,} streams of {readers.PER_SECOND} events a second for {seconds:g} s; one reader in")
    out.print(
        f"{readers.SLOW_EVERY} stands still after its first token until the first of the others has ended,"
    )
    out.print(f"while upstream may be silent for {readers.BETWEEN_TOKENS_S:g} s at most between tokens;")
    out.print("upstream: the simulator; ledger: SQLite, synchronous=FULL")
    out.print(f"Machine: {machine}\n", highlight=False, soft_wrap=True)
    figures: list[Figure] = []
    if tasks:
        with told("tasks waiting", tasks, out) as line:
            figures += _figures(asyncio.run(_waiting(_tasks, tasks, seed, line)), tasks, "task")
    if agents:
        with told("agents waiting", agents, out) as line:
            figures += _figures(asyncio.run(_waiting(_agents, agents, seed, line)), agents, "agent")
    if streams:
        with told("events received", streams * readers.PER_SECOND * seconds, out) as line:
            figures += asyncio.run(_streams(streams, seconds, seed, line))
    show_figures("farthing bench crowd", figures, out, legend="")
    if json_path is not None:
        workload = {"tasks": tasks, "agents": agents, "streams": streams, "seconds": seconds, "seed": seed}
        write_figures(json_path, figures, machine=machine, workload=workload, console=out)
    return not missed(figures)


def waiting_task(number: int) -> Task:
    """A conversation of its own, as an agent has in the middle of its work."""
    words = f"record {number}: what was found in the archive, who signed it, and what it says of the sums due"
    turns = [
        Message(
            role=("user", "assistant")[place % 2], content=f"Step {place} of {words}. " + "It goes on. " * 8
        )
        for place in range(1, MESSAGES - 1)
    ]
    system = Message(role="system", content=f"You are a researcher. Goal: put {words} in order.")
    last = Message(role="user", content=f"Now look for the records that are missing in {words}.")
    return Task(messages=(system, *turns, last), tools=(_SEARCH,), type="general", max_tokens=64)


@asynccontextmanager
async def opened(simulator: SimulatorProcess, folder: Path, **more: object) -> AsyncGenerator[Deployment]:
    """The balanced profile on the simulator, with long deadlines and a ledger of its own."""
    settings = {
        **_SETTINGS,
        "upstream.baseUrl": simulator.base_url,
        "storage.databaseUrl": sqlite_url(folder / "ledger.db"),
        **more,
    }
    async with Deployment("balanced", environ={}, overrides=settings) as deployment:
        yield deployment


async def _waiting(crowd: Crowd, count: int, seed: int, line: Told) -> Waited:
    seen = Waited()
    with tempfile.TemporaryDirectory() as folder:
        async with SimulatorProcess(seed=seed) as simulator:
            await simulator.set_scenario(_HELD)
            async with opened(simulator, Path(folder)) as deployment:
                seen.before = settled_bytes()
                async with MemoryWatch() as memory:
                    await _held_and_released(simulator, crowd(deployment, count, seen), count, seen, line)
                seen.most = memory.most
    return seen


async def _held_and_released(
    simulator: SimulatorProcess,
    waiting: Sequence[asyncio.Future[None]],
    count: int,
    seen: Waited,
    line: Told,
) -> None:
    began = time.perf_counter()
    while seen.held < count and not all(task.done() for task in waiting):
        seen.held = (await simulator.stats())["held"]
        line.report(seen.held)
        await asyncio.sleep(0.1)
    seen.gathering_s = time.perf_counter() - began
    began, left = time.perf_counter(), set(waiting)
    while left:  # once is enough, unless one was sent again
        await simulator.release()
        _, left = await asyncio.wait(left, timeout=1.0)
        line.report(seen.done, "done")
    seen.draining_s = time.perf_counter() - began


def _tasks(deployment: Deployment, count: int, seen: Waited) -> list[asyncio.Future[None]]:
    return [asyncio.ensure_future(_one(deployment, number, seen)) for number in range(count)]


def _agents(deployment: Deployment, count: int, seen: Waited) -> list[asyncio.Future[None]]:
    return [asyncio.ensure_future(_in_loops(deployment, count, seen))]


def _search(**wanted: object) -> str:
    return f"no records for {wanted}"


async def _in_loops(deployment: Deployment, count: int, seen: Waited) -> None:
    """Each task of the map is a piece of an agent's work, in a loop of its own with a tool to run."""
    tool = replace(_SEARCH, run=_search)
    swarm = deployment.prepare_swarm([AgentSpec(type="researcher", tools=[tool])])
    tasks = (structs.replace(waiting_task(number), tools=(tool,)) for number in range(count))
    async for ended in swarm.map(tasks, concurrency=count):
        if ended.result is None:
            seen.failed[str(ended.error)] += 1
        else:
            seen.done += 1


async def _one(deployment: Deployment, number: int, seen: Waited) -> None:
    try:
        result: TaskResult = await deployment.execute_task(waiting_task(number))
    except FarthingError as error:
        seen.failed[str(error)] += 1
        return
    seen.done += 1
    seen.attempts += len(result.attempts)


def _figures(seen: Waited, count: int, what: str) -> Sequence[Figure]:
    grown = seen.most - seen.before
    failed = "".join(f"; {times:,} × {why}" for why, times in seen.failed.most_common(2))
    return [
        Figure(
            name=f"{what}s that waited at once",
            value=f"{seen.held:,}",
            commit=f"{count:,}",
            met=seen.held >= count,
        ),
        Figure(
            name=f"{what}s completed after the release",
            value=f"{seen.done:,}{failed}",
            commit=f"{count:,}",
            met=seen.done == count,
        ),
        Figure(
            name=f"{what}s: memory of the whole process at its most, MiB",
            value=f"{seen.most / MIB:,.0f} ({seen.before / MIB:,.0f} before)",
            commit=f"≤ {_LIMIT_MIB:,}",
            met=seen.most <= _LIMIT_MIB * MIB,
        ),
        Figure(name=f"memory of a waiting {what}, KiB", value=f"{grown / count / 1024:.1f}"),
        Figure(
            name=f"{what}s: until all waited / from release to the last end, s",
            value=f"{seen.gathering_s:.1f} / {seen.draining_s:.1f}",
        ),
    ]


async def _streams(count: int, seconds: float, seed: int, line: Told) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        async with SimulatorProcess(seed=seed) as simulator:
            await simulator.set_scenario(readers.scenario(seconds))
            silence = {"upstream.betweenTokensTimeout": readers.BETWEEN_TOKENS_S}
            async with opened(simulator, Path(folder), **silence) as deployment:
                return await readers.measure(deployment, simulator, count, seconds, line)
