"""What the patterns share: a round is announced, its pieces are done side by side, and either enough of them
succeeded or the run stops with what there is."""

from collections.abc import Sequence

from farthing.swarm.events import StageStarted
from farthing.swarm.plan import Piece, RunFrame
from farthing.swarm.readings import is_quorate
from farthing.swarm.results import WorkResult
from farthing.swarm.stages import Conducted, halt_reason, run_piece, side_by_side
from farthing.swarm.work import Means


async def do_round(
    pieces: Sequence[Piece], frame: RunFrame, means: Means, *, title: str, number: int, rounds: int
) -> list[WorkResult]:
    """The pieces of a round at once, told as a stage of that title."""
    started = StageStarted(
        run_id=frame.run_id,
        number=number,
        stages=rounds,
        role=pieces[0].task.role or "" if pieces else "",
        agent_ids=tuple(dict.fromkeys(piece.task.agent_id or "" for piece in pieces)),
        title=title,
    )
    await means.emit(started)
    return await side_by_side(pieces, means)


def too_few(results: Sequence[WorkResult], quorum: float, *, where: str) -> str | None:
    """Why the run cannot go on after these, if so: a limit was met, or not enough succeeded."""
    if halted := halt_reason(results):
        return halted
    done = sum(result.ok for result in results)
    if is_quorate(done, len(results), quorum):
        return None
    short = f"only {done} of {len(results)} succeeded in {where}, and the quorum is {quorum:.0%}"
    return f"{short}; {first_failure(results)}"


def first_failure(results: Sequence[WorkResult]) -> str:
    """The first failure in words."""
    failed = next((result for result in results if result.error is not None), None)
    return "" if failed is None or failed.error is None else f"{failed.agent_id}: {failed.error.message}"


async def concluded(piece: Piece, means: Means, *, who: str) -> Conducted:
    """The run's last piece: its text is the output."""
    ended = await run_piece(piece, means)
    if ended.result is not None:
        return Conducted(output=ended.result.output)
    return stopped_at(ended, who)


def stopped_at(ended: WorkResult, who: str) -> Conducted:
    """A run that cannot go on without this piece."""
    said = ended.error.message if ended.error else ""
    return Conducted(output="", stopped=halt_reason([ended]) or f"{who} failed: {said}")
