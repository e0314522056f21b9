"""A task of a map and the agent that takes it, from its source to its end. Who does it is the driver's."""

from collections.abc import Sequence

from farthing.errors import InvalidTaskError
from farthing.swarm.agent import Agent, choose_agent
from farthing.swarm.plan import Piece, RunFrame, handed_task
from farthing.swarm.results import MapDone, WorkResult
from farthing.swarm.work import Means
from farthing.task import Task


async def hand_out(
    index: int,
    source: str | Task,
    *,
    agents: Sequence[Agent],
    busy: dict[str, int],
    frame: RunFrame,
    means: Means,
) -> MapDone:
    """One task of a map, from its source to its end."""
    try:
        task = Task(description=source) if isinstance(source, str) else source
    except InvalidTaskError as error:
        failed = WorkResult(agent_id="", role="", stage=0, title="", error=error)
        means.keep(failed)
        return MapDone(index=index, source=source, work=failed)
    agent, suits = choose_agent(agents, task, busy)
    busy[agent.id] += 1
    try:
        handed = handed_task(agent, task, frame, suits=suits)
        work = await means.drive(Piece(name=f"item-{index}", task=handed, stage=0, title=task.title), means)
    finally:
        busy[agent.id] -= 1
    return MapDone(index=index, source=source, work=work)
