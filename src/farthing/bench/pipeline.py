"""Benchmark of the claim that the whole pipeline costs little more than the bare client, durably.

One run compares, in turn and at equal concurrency, against one simulator in a process of its own: the bare
upstream client (one encoded request, streamed, parsed to a completion), and `execute_task` (classify, route,
reserve with a durable intent, send, settle, validate). The `openai` client and LiteLLM join where they are
installed, each with cost tracking on: all then take plain replies, as their callers do. Ratios are within one
run; medians and spreads are over its rounds.
"""

import asyncio
import gc
import itertools
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from rich.console import Console

from farthing.bench.figures import Figure, quantile, show_figures, spread, write_figures
from farthing.bench.machine import this_machine
from farthing.bench.peers import litellm_call, openai_call
from farthing.deployment import Deployment
from farthing.errors import FarthingError
from farthing.result import TokenReceived
from farthing.routing.classify import classify
from farthing.routing.route import decide_route
from farthing.simulator.process import SimulatorProcess
from farthing.task import Message, Task
from farthing.upstream.call import Answered
from farthing.upstream.client import Client
from farthing.upstream.deadline import Deadlines
from farthing.upstream.direct import DirectTransport
from farthing.upstream.wire import ChatRequest, encode_request

PROMPT = "Write a Python function that merges two sorted lists, and say what it costs in time and space. " * 3
PROMPTS = tuple(f"{PROMPT}Version {number}: {'Handle duplicates. ' * (number % 8)}" for number in range(64))
MODEL = "qwen/qwen-2.5-coder-32b-instruct"
MAX_TOKENS = 64
_KEY = "sk-or-simulated"
_LONG_PROMPT = (PROMPT * 8)[:2048]
_QUIET = {"missing_cost_rate": 0, "overrun_rate": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One pass over a workload: calls a second, and microseconds of this process's CPU a call."""

    per_second: float
    cpu_us: float


def main(
    *, tasks: int = 3000, concurrency: int = 32, repeats: int = 5, json_path: Path | None = None
) -> None:
    """Runs the benchmark, prints its table, and writes JSON where `json_path` says."""
    console, machine = Console(), this_machine()
    console.print(f"Workload: {tasks:,} tasks a round, {concurrency} in flight, {repeats} rounds in turn;")
    sizes = f"{len(PROMPTS[0])} to {len(PROMPTS[7])} bytes"
    console.print(f"{len(PROMPTS)} prompts of {sizes}, streamed answers of {MAX_TOKENS} tokens;")
    console.print("upstream: the simulator, in a process of its own; ledger: SQLite, synchronous=FULL")
    console.print(f"Machine: {machine}\n", highlight=False, soft_wrap=True)
    figures = asyncio.run(_main(tasks, concurrency, repeats))
    show_figures("farthing bench pipeline", figures, console)
    if find_spec("litellm") is None:
        console.print("LiteLLM is not installed, so it is not compared: pip install litellm, and run again")
    if json_path is not None:
        workload = {"tasks": tasks, "concurrency": concurrency, "repeats": repeats, "max_tokens": MAX_TOKENS}
        write_figures(json_path, figures, machine=machine, workload=workload, console=console)


async def _main(tasks: int, concurrency: int, repeats: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        async with SimulatorProcess(time_scale=0.0) as simulator:
            await simulator.set_scenario(_QUIET)
            return await _measure(simulator.base_url, Path(folder), tasks, concurrency, repeats)


async def _measure(base_url: str, folder: Path, tasks: int, concurrency: int, repeats: int) -> list[Figure]:
    client = Client(DirectTransport(), base_url=base_url, api_key=_KEY)
    async with _deployed(base_url, folder / "streamed.db", stream=True) as deployment:
        bare, task = _bare_call(client), _task_call(deployment)
        await _round(bare, 200, concurrency)
        await _round(task, 200, concurrency)
        _set_modules_aside()
        pairs = [
            (await _round(bare, tasks, concurrency), await _round(task, tasks, concurrency))
            for _ in range(repeats)
        ]
        alone = await _latencies(_timed(bare), _timed(task), rounds=300)
        first = await _latencies(_bare_first(client), _stream_first(deployment), rounds=300)
        figures = [*_throughput(pairs), *_added(alone), *_added_first(first), _decision(deployment)]
    await client.aclose()
    for name, commit, peer in _peers(base_url):
        async with _deployed(base_url, folder / f"{name}.db", stream=False) as deployment:
            pairs = await _against(peer, _task_call(deployment), tasks, concurrency, repeats)
            figures += _against_peer(name, commit, pairs)
    return figures


def _peers(base_url: str) -> list[tuple[str, float | None, Callable[[], Awaitable[None]]]]:
    """Name, what is committed against it, and a call; of those that are installed."""
    openai = openai_call(base_url, _KEY, MODEL, PROMPT, MAX_TOKENS)
    litellm = litellm_call(base_url, _KEY, MODEL, PROMPT, MAX_TOKENS)
    both = (("openai", None, openai), ("litellm", 12.0, litellm))
    return [(name, commit, call) for name, commit, call in both if call is not None]


def _set_modules_aside() -> None:
    """Imported modules are no garbage and need not be looked at again: for ours and for the peer."""
    gc.collect()
    gc.freeze()


def _deployed(base_url: str, ledger: Path, *, stream: bool) -> Deployment:
    settings = {
        "upstream.baseUrl": base_url,
        "upstream.stream": stream,
        "storage.databaseUrl": f"sqlite:///{ledger}",
        "budget.monthlyLimit": "1000",
    }
    return Deployment("balanced", environ={}, overrides=settings)


def _bare_call(client: Client) -> Callable[[], Awaitable[None]]:
    prompts = itertools.cycle(PROMPTS)

    async def call() -> None:
        messages = (Message(role="user", content=next(prompts)),)
        request = ChatRequest(model=MODEL, messages=messages, max_tokens=MAX_TOKENS, stream=True)
        outcome = await client.chat(encode_request(request), stream=True, deadlines=Deadlines())
        if not isinstance(outcome, Answered):
            raise FarthingError(f"the simulator failed the bare client: {outcome.message}")

    return call


def _task_call(deployment: Deployment) -> Callable[[], Awaitable[None]]:
    prompts = itertools.cycle(PROMPTS)

    async def call() -> None:
        await deployment.execute_task(next(prompts), max_tokens=MAX_TOKENS)

    return call


async def _round(call: Callable[[], Awaitable[None]], count: int, concurrency: int) -> Round:
    left = count

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await call()

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    seconds = time.perf_counter() - began
    return Round(per_second=count / seconds, cpu_us=(time.process_time() - cpu) / count * 1e6)


async def _against(
    peer: Callable[[], Awaitable[None]],
    task: Callable[[], Awaitable[None]],
    tasks: int,
    concurrency: int,
    repeats: int,
) -> list[tuple[Round, Round]]:
    """Rounds of the peer and of ours in turn; the peer's are a tenth as long, for it takes its time."""
    few = max(tasks // 10, 100)
    await _round(peer, few, concurrency)  # it loads and builds much at its first calls
    await _round(task, few, concurrency)
    _set_modules_aside()
    return [
        (await _round(peer, few, concurrency), await _round(task, tasks, concurrency)) for _ in range(repeats)
    ]


async def _latencies(
    bare: Callable[[], Awaitable[float]], task: Callable[[], Awaitable[float]], *, rounds: int
) -> tuple[list[float], list[float]]:
    """Milliseconds that single calls say they took, one kind and the other in turn, sorted."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for call, times in zip((bare, task), taken, strict=True):
            times.append(await call() * 1000)
    return sorted(taken[0]), sorted(taken[1])


def _timed(call: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[float]]:
    async def timed() -> float:
        began = time.perf_counter()
        await call()
        return time.perf_counter() - began

    return timed


def _bare_first(client: Client) -> Callable[[], Awaitable[float]]:
    """Seconds to the first text of the bare client's stream."""
    prompts = itertools.cycle(PROMPTS)

    async def call() -> float:
        came: list[float] = []

        async def take(_: str) -> None:
            came.append(time.perf_counter())

        messages = (Message(role="user", content=next(prompts)),)
        request = ChatRequest(model=MODEL, messages=messages, max_tokens=MAX_TOKENS, stream=True)
        began = time.perf_counter()
        await client.chat(encode_request(request), stream=True, deadlines=Deadlines(), on_text=take)
        return came[0] - began

    return call


def _stream_first(deployment: Deployment) -> Callable[[], Awaitable[float]]:
    """Seconds from asking to the first text in the caller's hands."""
    prompts = itertools.cycle(PROMPTS)

    async def call() -> float:
        came = 0.0
        began = time.perf_counter()
        async for event in deployment.stream_task(next(prompts), max_tokens=MAX_TOKENS):
            if not came and isinstance(event, TokenReceived):
                came = time.perf_counter()
        return came - began

    return call


def _throughput(pairs: Sequence[tuple[Round, Round]]) -> list[Figure]:
    bare, task = [first for first, _ in pairs], [second for _, second in pairs]
    per_second = spread([entry.per_second for entry in task])
    ratio = spread([second.cpu_us / first.cpu_us for first, second in pairs])
    return [
        Figure(name="bare client, calls/s", value=str(spread([entry.per_second for entry in bare]))),
        Figure(name="bare client, CPU µs a call", value=str(spread([entry.cpu_us for entry in bare]))),
        Figure(
            name="whole pipeline, tasks/s",
            value=str(per_second),
            commit="≥ 1,800",
            met=per_second.median >= 1800,
        ),
        Figure(name="whole pipeline, CPU µs a task", value=str(spread([entry.cpu_us for entry in task]))),
        Figure(
            name="its CPU against the bare client's",
            value=f"{ratio.median:.2f} × ({ratio.least:.2f}–{ratio.most:.2f})",
            commit="≤ 2.5 ×",
            met=ratio.median <= 2.5,
        ),
    ]


def _against_peer(name: str, commit: float | None, pairs: Sequence[tuple[Round, Round]]) -> list[Figure]:
    times = spread([ours.per_second / peer.per_second for peer, ours in pairs])
    cpu = spread([ours.cpu_us / peer.cpu_us for peer, ours in pairs])
    return [
        Figure(
            name=f"{name}, plain replies, calls/s",
            value=str(spread([peer.per_second for peer, _ in pairs])),
        ),
        Figure(
            name=f"whole pipeline against {name}, plain replies",
            value=f"{times.median:.1f} × ({times.least:.1f}–{times.most:.1f})",
            commit="" if commit is None else f"≥ {commit:g} ×",
            met=None if commit is None else times.median >= commit,
        ),
        Figure(
            name=f"its CPU against {name}'s",
            value=f"{cpu.median:.2f} × ({cpu.least:.2f}–{cpu.most:.2f})",
        ),
    ]


def _added(alone: tuple[list[float], list[float]]) -> list[Figure]:
    bare, task = alone
    p50, p99 = (quantile(task, q) - quantile(bare, q) for q in (0.50, 0.99))
    return [
        Figure(
            name="added latency at one in flight, p50, ms", value=f"{p50:.2f}", commit="≤ 1.5", met=p50 <= 1.5
        ),
        Figure(name="added latency at one in flight, p99, ms", value=f"{p99:.2f}"),
    ]


def _added_first(first: tuple[list[float], list[float]]) -> list[Figure]:
    bare, task = first
    p50, p99 = (quantile(task, q) - quantile(bare, q) for q in (0.50, 0.99))
    return [
        Figure(name="added first-token latency, p50, ms", value=f"{p50:.2f}", commit="< 1", met=p50 < 1),
        Figure(name="added first-token latency, p99, ms", value=f"{p99:.2f}"),
    ]


def _decision(deployment: Deployment) -> Figure:
    """Classify and route, for a prompt of 2 kB, decided anew each time."""
    config, catalog = deployment.config, deployment.catalog
    task, now, times = Task(description=_LONG_PROMPT), datetime.now(UTC), list[float]()
    for _ in range(500):
        began = time.perf_counter()
        decide_route(
            classify(task),
            task,
            config=config,
            catalog=catalog,
            health={},
            now=now,
            clock_s=0.0,
            remaining_usd=None,
        )
        times.append((time.perf_counter() - began) * 1e6)
    spent = median(times)
    return Figure(name="classify and route, 2 kB, µs", value=f"{spent:.1f}", commit="≤ 100", met=spent <= 100)
