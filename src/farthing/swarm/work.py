"""One piece of work from its first event to its result: errors become values, spent money is never lost.

Knows one task at a time; who does what, and what follows, is decided by its callers.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from farthing.errors import FarthingError, SwarmError, TaskFailedError
from farthing.result import Attempt, AttemptFinished, TaskFinished
from farthing.swarm.approvals import Approvals, short_id
from farthing.swarm.calls import Offer, offer_all
from farthing.swarm.company import Company, Decision, Errand, PendingApproval, Waiting
from farthing.swarm.events import (
    AgentFailed,
    AgentFinished,
    AgentProgress,
    AgentStarted,
    CapReached,
    HandedOff,
    LoopEvent,
    LoopNoticed,
    SwarmEvent,
    ToolRan,
)
from farthing.swarm.journal import Opener, open_unkept
from farthing.swarm.loop import LoopCaps
from farthing.swarm.plan import Piece, asked_task, piece_name
from farthing.swarm.results import WorkResult
from farthing.swarm.toolround import current_depth
from farthing.swarm.toolrun import Journey, closing, run_with_tools
from farthing.task import ToolCall

Emit: TypeAlias = Callable[[SwarmEvent], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What work is done with. `emit` may wait; `keep` takes every piece's result, cancelled ones included.

    `drive` is who does a piece: this process, or any machine that claims it. `pages` opens its journal, at
    `approvals` a person is asked. `offer` gives a piece its tools, and which a model is told at a step.
    """

    journey: Journey
    caps: LoopCaps
    clock: Callable[[], float]
    emit: Emit
    keep: Callable[[WorkResult], None]
    drive: "Driver"
    pages: Opener = open_unkept
    approvals: Approvals = field(default_factory=Approvals)
    offer: Offer = offer_all


Driver: TypeAlias = Callable[[Piece, Means], Awaitable[WorkResult]]


async def do_work(piece: Piece, means: Means, *, waiting: Waiting | None = None) -> WorkResult:
    """Does it in this process, and returns how it ended; a `FarthingError` is a result, any other exception
    is a bug. `waiting` measures how long a person was waited for."""
    task = piece.task
    begun = WorkResult(
        agent_id=task.agent_id or "", role=task.role or "", stage=piece.stage, title=piece.title
    )
    attempts: list[Attempt] = []
    helped: list[WorkResult] = []
    tools_run = 0
    try:
        ended = begun
        async with closing(await _looped(piece, means, helped, waiting)) as events:
            async for event in events:
                match event:
                    case TaskFinished(result=result):
                        ended = replace(begun, result=result, attempts=result.attempts)
                    case ToolRan() | CapReached() | LoopNoticed() | HandedOff():
                        tools_run += isinstance(event, ToolRan)
                        await means.emit(event)
                    case _:
                        if isinstance(event, AttemptFinished):
                            attempts.append(event.attempt)
                        await means.emit(AgentProgress(agent_id=begun.agent_id, event=event))
        if ended.result is None:
            raise SwarmError("the work ended without a result, which a journey must not do")
    except FarthingError as error:
        ended = replace(begun, error=error, attempts=_all_attempts(attempts, error, helped))
    except asyncio.CancelledError:
        error = SwarmError("cancelled while it was under way")
        seen = _all_attempts(attempts, error, helped)
        means.keep(replace(begun, error=error, attempts=seen, tools_run=tools_run))
        raise
    ended = replace(ended, tools_run=tools_run)
    means.keep(ended)
    return ended


async def _looped(
    piece: Piece, means: Means, helped: list[WorkResult], waiting: Waiting | None
) -> AsyncIterator[LoopEvent]:
    """Its loop, on the pages that its journal has."""
    return run_with_tools(
        means.journey,
        piece.task,
        caps=means.caps,
        clock=means.clock,
        pages=await means.pages(piece.name),
        offer=means.offer,
        company=_company(piece, means, helped),
        waiting=waiting,
    )


def _company(piece: Piece, means: Means, helped: list[WorkResult]) -> Company:
    """The person and the agents that a piece's loop may turn to; `helped` takes what the agents came to."""
    task, approvals = piece.task, means.approvals

    async def ask_person(call: ToolCall) -> Decision:
        asked = PendingApproval(
            run_id=task.run_id or "",
            piece=piece.name,
            agent_id=task.agent_id or "",
            call_id=short_id(call.id),
            tool=call.name,
            arguments=call.arguments,
            asked_at=approvals.now(),
        )
        return await approvals.ask(asked, means.emit)

    async def ask_agent(errand: Errand) -> WorkResult:
        return await _run_errand(errand, piece, replace(means, keep=helped.append))

    return Company(
        piece=piece.name,
        confirm=approvals.needs_approval,
        ask_person=ask_person,
        ask_agent=ask_agent,
        attended=approvals.attended,
    )


async def _run_errand(errand: Errand, asking: Piece, means: Means) -> WorkResult:
    """Another agent's work for a piece, from its start to its end: its cost is that piece's."""
    name = piece_name(errand.name)
    task = asked_task(errand, asking.task, name)
    begun = WorkResult(agent_id=name, role=errand.agent.role, stage=asking.stage, title=task.title)
    depth, cap = current_depth() + 1, means.caps.max_depth
    if depth > cap:
        error = SwarmError(f"agents that ask agents are nested {depth} deep; the cap is {cap}")
        return replace(begun, error=error)
    started = AgentStarted(
        run_id=task.run_id or "",
        agent_id=name,
        role=begun.role,
        stage=begun.stage,
        title=begun.title,
        asked_by=asking.task.agent_id,
    )
    await means.emit(started)
    # Its money is the task's: what is left to the asking loop, or less.
    caps = replace(means.caps, max_cost_usd=None, max_seconds=errand.max_seconds)
    piece = Piece(name=name, task=task, stage=asking.stage, title=task.title)
    work = await do_work(piece, replace(means, caps=caps), waiting=errand.waiting)
    if work.error is None:
        await means.emit(AgentFinished(agent_id=name, work=work))
    else:
        await means.emit(AgentFailed(agent_id=name, work=work, error=work.error))
    return work


def _all_attempts(seen: list[Attempt], error: FarthingError, helped: list[WorkResult]) -> tuple[Attempt, ...]:
    """Those that were seen to end, those that only the error tells of, and those of agents that helped."""
    found = {attempt.call_id: attempt for attempt in seen}
    told = error.attempts if isinstance(error, TaskFailedError) else ()
    others = (attempt for work in helped for attempt in work.attempts)
    for attempt in (*told, *others):
        if isinstance(attempt, Attempt):
            found.setdefault(attempt.call_id, attempt)
    return tuple(found.values())
