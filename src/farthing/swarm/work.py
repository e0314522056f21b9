"""One piece of work from its first event to its result: errors become values, spent money is never lost.

Knows one task at a time; who does what, and what follows, is decided by its callers.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from farthing.errors import FarthingError, SwarmError, TaskFailedError
from farthing.result import Attempt, AttemptFinished, TaskFinished
from farthing.swarm.events import AgentProgress, CapReached, SwarmEvent, ToolRan
from farthing.swarm.journal import Opener, open_unkept
from farthing.swarm.loop import LoopCaps
from farthing.swarm.plan import Piece
from farthing.swarm.results import WorkResult
from farthing.swarm.toolrun import Journey, closing, run_with_tools

Emit: TypeAlias = Callable[[SwarmEvent], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What work is done with. `emit` may wait; `keep` takes every piece's result, cancelled ones included.

    `drive` is who does a piece: this process, or any machine that claims it. `pages` opens its journal.
    """

    journey: Journey
    caps: LoopCaps
    clock: Callable[[], float]
    emit: Emit
    keep: Callable[[WorkResult], None]
    drive: "Driver"
    pages: Opener = open_unkept


Driver: TypeAlias = Callable[[Piece, Means], Awaitable[WorkResult]]


async def do_work(piece: Piece, means: Means) -> WorkResult:
    """Does it in this process, and returns how it ended; a `FarthingError` is a result, any other exception
    is a bug."""
    task = piece.task
    begun = WorkResult(
        agent_id=task.agent_id or "", role=task.role or "", stage=piece.stage, title=piece.title
    )
    attempts: list[Attempt] = []
    tools_run = 0
    try:
        ended = begun
        pages = await means.pages(piece.name)
        looped = run_with_tools(means.journey, task, caps=means.caps, clock=means.clock, pages=pages)
        async with closing(looped) as events:
            async for event in events:
                match event:
                    case TaskFinished(result=result):
                        ended = replace(begun, result=result, attempts=result.attempts)
                    case ToolRan() | CapReached():
                        tools_run += isinstance(event, ToolRan)
                        await means.emit(event)
                    case _:
                        if isinstance(event, AttemptFinished):
                            attempts.append(event.attempt)
                        await means.emit(AgentProgress(agent_id=begun.agent_id, event=event))
        if ended.result is None:
            raise SwarmError("the work ended without a result, which a journey must not do")
    except FarthingError as error:
        ended = replace(begun, error=error, attempts=_all_attempts(attempts, error))
    except asyncio.CancelledError:
        error = SwarmError("cancelled while it was under way")
        means.keep(replace(begun, error=error, attempts=tuple(attempts), tools_run=tools_run))
        raise
    ended = replace(ended, tools_run=tools_run)
    means.keep(ended)
    return ended


def _all_attempts(seen: list[Attempt], error: FarthingError) -> tuple[Attempt, ...]:
    """Those that were seen to end, and those that only the error tells of."""
    known = {attempt.call_id for attempt in seen}
    told = error.attempts if isinstance(error, TaskFailedError) else ()
    return (*seen, *(one for one in told if isinstance(one, Attempt) and one.call_id not in known))
