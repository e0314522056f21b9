"""The members of a swarm: made of what the caller asks for, and given the tasks of a map.

Decides which tools each has and who takes a task. Running anything is `run.py`'s and the driver's.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from farthing.config.schema import Swarm as SwarmSettings
from farthing.errors import InvalidTaskError
from farthing.swarm.agent import (
    Agent,
    AgentSpec,
    ToolSource,
    capabilities_of,
    choose_agent,
    make_agents,
    roles_of,
)
from farthing.swarm.events import CapabilityWithoutTool
from farthing.swarm.loop import toolbox
from farthing.swarm.memory.shared import Memory
from farthing.swarm.memory.tools import with_memory_tools, with_own_memory
from farthing.swarm.plan import RunFrame, handed_task
from farthing.swarm.results import MapDone, WorkResult
from farthing.swarm.tools import stage_tools
from farthing.swarm.work import Means, Piece
from farthing.task import Task


def members_of(
    specs: Sequence[AgentSpec],
    settings: SwarmSettings,
    tools: Mapping[str, Sequence[ToolSource]],
    agent_budget_usd: Decimal | None,
    memory: Callable[[], Memory] | None,
) -> tuple[tuple[Agent, ...], tuple[CapabilityWithoutTool, ...]]:
    """The agents, and the capabilities among them that no tool serves."""
    roles = roles_of(specs, settings.roles)
    served = with_memory_tools(tools, memory)
    given = [
        stage_tools(spec, capabilities_of(spec, role), served)
        for spec, role in zip(specs, roles, strict=True)
    ]
    for stage in given:
        toolbox(stage.tools)
    notices = tuple(
        CapabilityWithoutTool(role=role.name, stage=number, capability=capability)
        for number, (role, stage) in enumerate(zip(roles, given, strict=True), start=1)
        for capability in stage.untooled
    )
    agents = make_agents(specs, roles, given, agent_budget_usd=agent_budget_usd)
    return tuple(with_own_memory(agent, memory) for agent in agents), notices


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
