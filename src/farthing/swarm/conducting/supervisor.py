"""Runs a supervisor with workers: it assigns, they work side by side, it reads and assigns anew or concludes.

Bounded in rounds and in assignments a round. What fails is told to the supervisor; a plan that fails ends the
assigning, and what was done by then is concluded from.
"""

from collections.abc import Sequence

from farthing.config.patterns import Supervisor
from farthing.swarm.brief import Earlier
from farthing.swarm.casting import Cast
from farthing.swarm.conducting.rounds import concluded, do_round, stopped_at
from farthing.swarm.parts import assignment_piece, conclusion_piece, plan_piece
from farthing.swarm.plan import Piece, RunFrame
from farthing.swarm.readings import Plan, read_plan
from farthing.swarm.results import WorkResult
from farthing.swarm.stages import Conducted, halt_reason, read, run_piece
from farthing.swarm.work import Means


async def conduct_supervisor(pattern: Supervisor, cast: Cast, frame: RunFrame, means: Means) -> Conducted:
    """The supervisor's conclusion."""
    ids = [agent.id for agent in cast.members]
    done: list[Earlier] = []
    notes: list[str] = []
    for number in range(1, pattern.rounds + 1):
        asked = plan_piece(cast, pattern, frame, number, done, notes)
        planned = await run_piece(asked, means)
        if planned.result is None:
            if halt_reason([planned]) or not done:
                return stopped_at(planned, "the supervisor")
            notes = ["The next plan could not be made."]
            break
        plan, note = read_plan(planned.result.output, ids, pattern.assignments)
        notes = [note] if note else []
        if plan.done and done:
            break
        if not plan.assignments:
            if not done:
                return Conducted(output="", stopped="the supervisor assigned nothing that can be done")
            break
        pieces = _pieces(plan, cast, frame, done, number)
        title = f"round {number} of {pattern.rounds}"
        results = await do_round(pieces, frame, means, title=title, number=number, rounds=pattern.rounds + 1)
        if stopped := halt_reason(results):
            return Conducted(output="", stopped=stopped)
        done.extend(_told(piece, result) for piece, result in zip(pieces, results, strict=True) if result.ok)
        notes.extend(_failures(pieces, results))
    if not done:
        return Conducted(output="", stopped=f"no assignment succeeded in {pattern.rounds} rounds")
    return await concluded(conclusion_piece(cast, frame, done, notes), means, who="the supervisor")


def _pieces(
    plan: Plan, cast: Cast, frame: RunFrame, done: Sequence[Earlier], round_number: int
) -> list[Piece]:
    agents = {agent.id: agent for agent in cast.members}
    return [
        assignment_piece(agents[one.agent], frame, one.task, done, round_number=round_number, number=number)
        for number, one in enumerate(plan.assignments, start=1)
    ]


def _told(piece: Piece, result: WorkResult) -> Earlier:
    """A result under what was assigned."""
    earlier = read(result)
    return Earlier(agent_id=earlier.agent_id, stage=earlier.stage, title=piece.title, text=earlier.text)


def _failures(pieces: Sequence[Piece], results: Sequence[WorkResult]) -> list[str]:
    return [
        f"{result.agent_id} failed at: {piece.title} ({result.error.message})"
        for piece, result in zip(pieces, results, strict=True)
        if result.error is not None
    ]
