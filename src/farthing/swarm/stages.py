"""Conducts a run in stages: in the order of the specs, agents of a stage side by side, then the synthesis.

Decides when a run goes on and when it stops; never raises a task's failure. What agents are told is
`brief.py`'s, what becomes of the events is `run.py`'s. One piece's way, which all patterns go, is here too.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from farthing.errors import BudgetExceededError, SwarmPausedError
from farthing.swarm.agent import SYNTHESIS, Agent
from farthing.swarm.brief import Earlier
from farthing.swarm.channel import end_all
from farthing.swarm.events import (
    AgentFailed,
    AgentFinished,
    AgentStarted,
    StageStarted,
    SynthesisStarted,
)
from farthing.swarm.plan import Piece, RunFrame, stage_task, synthesis_task
from farthing.swarm.results import WorkResult
from farthing.swarm.work import Means


@dataclass(frozen=True, slots=True, kw_only=True)
class Conducted:
    """How a run ended: its output, or why it stopped before there was one."""

    output: str
    stopped: str | None = None


async def conduct_stages(agents: Sequence[Agent], frame: RunFrame, means: Means) -> Conducted:
    """Runs all stages and the synthesis."""
    earlier: list[Earlier] = []
    numbers = sorted({agent.stage for agent in agents})
    for number in numbers:
        members = [agent for agent in agents if agent.stage == number]
        await means.emit(
            StageStarted(
                run_id=frame.run_id,
                number=number,
                stages=len(numbers),
                role=members[0].role,
                agent_ids=tuple(agent.id for agent in members),
            )
        )
        pieces = await _run_stage(members, frame, tuple(earlier), means)
        if stopped := stop_reason(pieces):
            return Conducted(output="", stopped=stopped)
        earlier.extend(read(piece) for piece in pieces if piece.ok)
    return await _synthesise(frame, earlier, means, stage=len(numbers) + 1)


def stop_reason(pieces: Sequence[WorkResult]) -> str | None:
    """Why the run cannot go on after this stage, if so."""
    if halted := halt_reason(pieces):
        return halted
    if any(piece.ok for piece in pieces):
        return None
    first = pieces[0]
    said = first.error.message if first.error else ""
    return f"all agents of stage {first.stage} ({first.role}) failed; {first.agent_id}: {said}"


def halt_reason(pieces: Sequence[WorkResult]) -> str | None:
    """Why nothing more may be begun, whatever else succeeded.

    An agent's or a task's own limit stops only that agent; any other limit stops the run.
    """
    for piece in pieces:
        if isinstance(piece.error, BudgetExceededError) and not _own_limit(piece.error):
            return f"the budget is exhausted: {piece.error.message}"
    if paused := [piece for piece in pieces if isinstance(piece.error, SwarmPausedError)]:
        return f"paused: {', '.join(piece.agent_id for piece in paused)} wait for a person's word"
    return None


def _own_limit(error: BudgetExceededError) -> bool:
    # Read by name, because the refusal belongs to `spend`, which a swarm does not know.
    key: object = getattr(error.refusal, "key", None)
    scope: object = getattr(key, "scope", "")
    return str(scope).startswith(("agent:", "task:"))


async def _run_stage(
    members: Sequence[Agent], frame: RunFrame, earlier: Sequence[Earlier], means: Means
) -> list[WorkResult]:
    pieces = [
        Piece(name=agent.id, task=stage_task(agent, frame, earlier), stage=agent.stage, title=agent.title)
        for agent in members
    ]
    return await side_by_side(pieces, means)


async def side_by_side(pieces: Sequence[Piece], means: Means) -> list[WorkResult]:
    """All pieces at once, to their ends; results in the order of the pieces. Leaves none running."""
    running = [asyncio.create_task(run_piece(piece, means), name=piece.name) for piece in pieces]
    try:
        return await asyncio.gather(*running)
    finally:
        await end_all(running)


async def _synthesise(frame: RunFrame, earlier: Sequence[Earlier], means: Means, *, stage: int) -> Conducted:
    await means.emit(SynthesisStarted(run_id=frame.run_id, pieces=len(earlier)))
    asked = Piece(name=SYNTHESIS, task=synthesis_task(frame, earlier), stage=stage, title=SYNTHESIS)
    piece = await run_piece(asked, means)
    if piece.result is not None:
        return Conducted(output=piece.result.output)
    if isinstance(piece.error, BudgetExceededError):
        return Conducted(output="", stopped=f"the budget is exhausted: {piece.error.message}")
    said = piece.error.message if piece.error else ""
    return Conducted(output="", stopped=f"the synthesis failed: {said}")


async def run_piece(piece: Piece, means: Means) -> WorkResult:
    """One piece from its start to its end, told on the way; whoever does it."""
    task = piece.task
    agent_id = task.agent_id or ""
    await means.emit(
        AgentStarted(
            run_id=task.run_id or "",
            agent_id=agent_id,
            role=task.role or "",
            stage=piece.stage,
            title=piece.title,
        )
    )
    work = await means.drive(piece, means)
    if work.error is None:
        await means.emit(AgentFinished(agent_id=agent_id, work=work))
    else:
        await means.emit(AgentFailed(agent_id=agent_id, work=work, error=work.error))
    return work


def read(piece: WorkResult) -> Earlier:
    """A finished piece as later ones read it."""
    text = piece.result.output if piece.result else ""
    return Earlier(agent_id=piece.agent_id, stage=piece.stage, title=piece.title, text=text)
