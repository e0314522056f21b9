"""Streams whose readers keep up, and some that do not: what an event costs, and who waits for a slow reader.

A slow reader's own pace may hold up its own stream, up to upstream's socket; never the others, never memory,
and its silence is not taken for upstream's.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from farthing.bench.figures import Figure
from farthing.bench.footprint import MIB, MemoryWatch, resident_bytes
from farthing.bench.progress import Told
from farthing.deployment import Deployment
from farthing.errors import FarthingError
from farthing.result import TaskFinished, TokenReceived
from farthing.simulator.process import ReplyUnderWay, SimulatorProcess
from farthing.task import Task

PER_SECOND = 10
SLOW_EVERY = 20
BETWEEN_TOKENS_S = 5.0
"""Shorter than a slow reader's pause: taken for upstream's silence, it would break the stream."""
_EVENT_BYTES, _SLOW_EVENT_BYTES = 40, 6_000
_LIMIT_MIB = 1024
_BLOCKED_FROM_S = 30.0
"""What fits between upstream and a reader (texts read ahead, sockets' buffers) takes some 10 s to fill."""
_SLOW = "slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The process at one moment."""

    at: float
    cpu_s: float
    events: int
    resident: int


@dataclass(slots=True, kw_only=True)
class Crowd:
    """What the readers have seen."""

    streams: int
    expected: int
    """Events of each stream."""
    events: int = 0
    begun: int = 0
    complete: int = 0
    troubled: int = 0
    """Streams with an attempt that failed, or a text that is not whole."""
    failed: list[str] = field(default_factory=list[str])
    all_begun: asyncio.Event = field(default_factory=asyncio.Event)
    first_end: asyncio.Event = field(default_factory=asyncio.Event)
    awake: asyncio.Event = field(default_factory=asyncio.Event)
    """From here on slow readers read on, as fast as they can."""

    def moment(self) -> Moment:
        return Moment(
            at=time.perf_counter(), cpu_s=time.process_time(), events=self.events, resident=resident_bytes()
        )


def scenario(seconds: float) -> dict[str, object]:
    """Paced answers; those for slow readers have long events, so that what is unread weighs something."""
    pace = {"kind": "paced", "events": _events(seconds), "per_second": PER_SECOND}
    return {
        "overrun_rate": 0.0,
        "rules": [
            {"match": {"contains": f"[task:{_SLOW}"}, "fault": {**pace, "event_bytes": _SLOW_EVENT_BYTES}},
            {"fault": {**pace, "event_bytes": _EVENT_BYTES}},
        ],
    }


async def measure(
    deployment: Deployment, simulator: SimulatorProcess, streams: int, seconds: float, line: Told
) -> list[Figure]:
    """Runs the streams to their end. Events are counted while all are under way."""
    crowd = Crowd(streams=streams, expected=_events(seconds))
    async with MemoryWatch() as memory:
        readers = [asyncio.ensure_future(_read(deployment, crowd, number)) for number in range(streams)]
        reporting = asyncio.ensure_future(_report(crowd, line))
        await asyncio.wait(
            [asyncio.ensure_future(crowd.all_begun.wait()), *readers], return_when=asyncio.FIRST_COMPLETED
        )
        first = crowd.moment()
        await asyncio.wait(
            [asyncio.ensure_future(crowd.first_end.wait()), *readers], return_when=asyncio.FIRST_COMPLETED
        )
        last, under_way = crowd.moment(), await simulator.replies()
        crowd.awake.set()
        await asyncio.gather(*readers)
        reporting.cancel()
    return _figures(crowd, first, last, under_way, memory.most)


async def _read(deployment: Deployment, crowd: Crowd, number: int) -> None:
    slow = number % SLOW_EVERY == 0
    size = _SLOW_EVENT_BYTES if slow else _EVENT_BYTES
    task = Task(
        description=f"[task:{_SLOW if slow else 'quick'}-{number}] Tell what is due, item by item.",
        type="general",
        max_tokens=crowd.expected,
    )
    received = 0
    try:
        async for event in deployment.stream_task(task):
            if isinstance(event, TokenReceived):
                crowd.events += len(event.text) // size
                crowd.begun += received == 0
                received += len(event.text)
                if crowd.begun == crowd.streams:
                    crowd.all_begun.set()
                if slow:
                    await crowd.awake.wait()
            elif isinstance(event, TaskFinished):
                whole = received == len(event.result.output) == size * crowd.expected
                crowd.troubled += len(event.result.attempts) > 1 or not whole
                crowd.complete += 1
    except FarthingError as error:
        crowd.failed.append(str(error))
    crowd.first_end.set()


async def _report(crowd: Crowd, line: Told) -> None:
    while True:
        line.report(crowd.events)
        await asyncio.sleep(0.5)


def _events(seconds: float) -> int:
    return max(1, round(seconds * PER_SECOND))


def _figures(
    crowd: Crowd, first: Moment, last: Moment, under_way: Sequence[ReplyUnderWay], most: int
) -> list[Figure]:
    failed = f"; {len(crowd.failed)} failed: {crowd.failed[0]}" if crowd.failed else ""
    events, seconds = last.events - first.events, last.at - first.at
    return [
        Figure(
            name="streams that came whole",
            value=f"{crowd.complete:,}{failed}",
            commit=f"{crowd.streams:,}",
            met=crowd.complete == crowd.streams,
        ),
        Figure(
            name="streams with a stall or another failure",
            value=f"{crowd.troubled:,}",
            commit="0",
            met=crowd.troubled == 0,
        ),
        Figure(
            name="memory of the whole process at its most, MiB",
            value=f"{most / MIB:,.0f} ({first.resident / MIB:,.0f} when all had begun)",
            commit=f"≤ {_LIMIT_MIB:,}",
            met=most <= _LIMIT_MIB * MIB,
        ),
        *_slow_figures(crowd, under_way),
        Figure(
            name="events/s while all were under way",
            value=f"{events / seconds:,.0f} in {seconds:.1f} s" if events else "too short",
        ),
        Figure(
            name="CPU of this process an event, µs",
            value=f"{(last.cpu_s - first.cpu_s) / events * 1e6:.1f}" if events else "too short",
        ),
    ]


def _slow_figures(crowd: Crowd, under_way: Sequence[ReplyUnderWay]) -> list[Figure]:
    """What upstream had sent when the first quick stream ended: to slow readers, who had read little."""
    slow = [reply for reply in under_way if reply["task"].startswith(_SLOW)]
    readers = len(range(0, crowd.streams, SLOW_EVERY))
    blocked = sum(reply["blocked"] for reply in slow)
    long = crowd.expected >= _BLOCKED_FROM_S * PER_SECOND
    sent = max((reply["events"] for reply in slow), default=0)
    kib = max((reply["bytes"] for reply in slow), default=0) / 1024
    return [
        Figure(
            name="readers at a stand for whom upstream had to stop",
            value=f"{blocked:,}",
            commit=f"{readers:,}" if long else "",
            met=blocked == readers if long else None,
        ),
        Figure(
            name="sent by then to one who reads nothing, at most, events",
            value=f"{sent:,} of {crowd.expected:,} due ({kib:,.0f} KiB)",
        ),
    ]
