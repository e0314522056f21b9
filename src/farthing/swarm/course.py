"""The course of one run: who does its pieces, how its events reach reader and observer, how it ended.

Thin parts that `run.py` puts together; nothing here knows a swarm.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime
from typing import TypeAlias

from farthing.swarm.agent import Agent
from farthing.swarm.channel import Channel
from farthing.swarm.events import SwarmEvent
from farthing.swarm.keeping import ReplayedRun, RunJournal
from farthing.swarm.plan import RunFrame
from farthing.swarm.results import Kept, SwarmResult
from farthing.swarm.stages import Conducted
from farthing.swarm.surroundings import Surroundings
from farthing.swarm.work import Driver
from farthing.swarm.written import modules_of

CANCELLED = "cancelled"
"""`SwarmResult.stopped` after `cancel()`."""

Journal: TypeAlias = RunJournal | ReplayedRun


def driven(
    within: Surroundings, agents: Sequence[Agent], run_id: str
) -> AbstractAsyncContextManager[Driver | None]:
    """Who does the pieces of a run; None is this process."""
    if within.driving is None:
        return nullcontext()
    return within.driving(run_id, modules_of(tool for agent in agents for tool in agent.tools))


def emitter(
    channel: Channel[SwarmEvent], observe: Callable[[SwarmEvent | None], None] | None
) -> Callable[[SwarmEvent], Awaitable[None]]:
    """Tells an event to the observer, then to the reader when he has room."""
    if observe is None:
        return channel.put

    async def put(event: SwarmEvent) -> None:
        observe(event)
        await channel.put(event)

    return put


def stopped_of(work: "asyncio.Task[Conducted]", journal: Journal | None) -> str | None:
    """Why the work ended before its end, if it did."""
    if work.cancelled():
        return (journal and journal.lost) or CANCELLED
    error = work.exception()
    return work.result().stopped if error is None else str(error)


def result_of(
    frame: RunFrame,
    ended: Conducted,
    kept: Kept,
    journal: Journal | None,
    *,
    started_at: datetime,
    finished_at: datetime,
) -> SwarmResult:
    return SwarmResult(
        run_id=frame.run_id,
        goal=frame.goal,
        output=ended.output,
        results=kept.listed,
        unlisted=kept.unlisted,
        stopped=ended.stopped,
        started_at=started_at,
        finished_at=finished_at,
        interrupted=() if journal is None else journal.known.interrupted,
    )
