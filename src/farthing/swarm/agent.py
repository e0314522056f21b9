"""Who works in a swarm: what the caller asks for (`AgentSpec`) and the agents made of it (`Agent`).

Decides ids, stages and shares of the work. Running them, and making tools of functions, is elsewhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from farthing.config.schema import RoleSpec
from farthing.errors import SwarmError
from farthing.swarm.roles import RoleProfile, role_profile
from farthing.task import TASK_TYPES, Task, TaskType, Tool

ToolSource = Callable[..., object] | Tool | Mapping[str, object]
"""A Python function, a `Tool`, or a tool in the chat completions shape."""

ToolSources = Sequence[ToolSource] | Mapping[str, Sequence[ToolSource]]
"""Tools, or tools by the capability they serve."""

SYNTHESIS = "synthesis"
"""Role and agent id of the last piece of work of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """`count` agents of one role, which form one stage of `swarm.run`.

    `tools` are functions, `Tool`s or schemas, or a mapping from capability to those. `model` skips routing
    by task type. `budget_usd` is each agent's own hard limit for one run, in dollars. `instructions` are
    added to the role's. Raises `SwarmError` for a count below 1 or a negative budget.
    """

    type: str
    count: int = 1
    capabilities: Sequence[str] = ()
    instructions: str = ""
    tools: ToolSources = ()
    model: str | None = None
    budget_usd: Decimal | None = None

    def __post_init__(self) -> None:
        if self.count < 1:
            raise SwarmError(f"AgentSpec({self.type!r}): count is {self.count}; give at least 1")
        if isinstance(self.capabilities, str):
            raise SwarmError(
                f"AgentSpec({self.type!r}): capabilities is {self.capabilities!r}; give a list of words"
            )
        if self.budget_usd is not None and self.budget_usd < 0:
            raise SwarmError(f"AgentSpec({self.type!r}): budget_usd is {self.budget_usd}; give 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One member of a swarm. `part` is its share of its stage's work; `stage` counts from 1."""

    id: str
    role: str
    description: str
    task_type: TaskType
    stage: int
    part: str
    share: int
    """This agent is number `share` of `shares` in its stage, from 1."""
    shares: int
    instructions: str = ""
    capabilities: tuple[str, ...] = ()
    untooled: tuple[str, ...] = ()
    """Those capabilities that no tool serves."""
    tools: tuple[Tool, ...] = ()
    model: str | None = None
    budget_usd: Decimal | None = None

    @property
    def title(self) -> str:
        """What the agent works on, for tables."""
        return f"{self.role}: {self.part}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTools:
    """The tools of one stage's agents, and their capabilities that have none."""

    tools: tuple[Tool, ...] = ()
    untooled: tuple[str, ...] = ()


def specs_from(text: str) -> tuple[AgentSpec, ...]:
    """The specs of `researcher:3,coder:3,reviewer:2`; a role alone is one agent. Raises `SwarmError`."""
    specs: list[AgentSpec] = []
    for entry in (part.strip() for part in text.split(",")):
        role, _, count = entry.partition(":")
        number = count.strip() or "1"
        if not role or not number.isdecimal():
            raise SwarmError(
                f"{entry!r} is no group of agents",
                hint="give ROLE:COUNT,…, as researcher:3,coder:3,reviewer:2",
            )
        specs.append(AgentSpec(type=role.strip(), count=int(number)))
    return tuple(specs)


def roles_of(specs: Sequence[AgentSpec], custom: Mapping[str, RoleSpec]) -> list[RoleProfile]:
    """The role of each spec. Raises `SwarmError` when there is none, or a role is unknown."""
    if not specs:
        raise SwarmError("a swarm needs at least one AgentSpec, and has none")
    return [role_profile(spec.type, custom) for spec in specs]


def capabilities_of(spec: AgentSpec, role: RoleProfile) -> tuple[str, ...]:
    """The spec's capabilities and its role's, each once."""
    return tuple(dict.fromkeys([*spec.capabilities, *role.capabilities]))


def make_agents(
    specs: Sequence[AgentSpec],
    roles: Sequence[RoleProfile],
    stage_tools: Sequence[StageTools],
    *,
    agent_budget_usd: Decimal | None = None,
) -> tuple[Agent, ...]:
    """The agents of all specs. Ids such as `coder-2` count per role across stages.

    `agent_budget_usd` is the limit of an agent whose spec sets none.
    """
    made: dict[str, int] = {}
    agents: list[Agent] = []
    for stage, (spec, role, given) in enumerate(zip(specs, roles, stage_tools, strict=True), start=1):
        for share, part in enumerate(parts_of(role, spec.count), start=1):
            made[role.name] = made.get(role.name, 0) + 1
            agents.append(
                Agent(
                    id=f"{role.name}-{made[role.name]}",
                    role=role.name,
                    description=role.description,
                    task_type=role.task_type,
                    stage=stage,
                    part=part,
                    share=share,
                    shares=spec.count,
                    instructions="\n".join(filter(None, (role.instructions, spec.instructions.strip()))),
                    capabilities=capabilities_of(spec, role),
                    untooled=given.untooled,
                    tools=given.tools,
                    model=spec.model,
                    budget_usd=agent_budget_usd if spec.budget_usd is None else spec.budget_usd,
                )
            )
    return tuple(agents)


def parts_of(role: RoleProfile, count: int) -> list[str]:
    """`count` distinct parts of a role's work; facets are taken again only when all are taken."""
    facets = role.facets
    if count == 1:
        return ["all of it"]
    if not facets:
        return [f"share {number} of {count} equal shares" for number in range(1, count + 1)]
    if count <= len(facets):
        return ["; ".join(facets[start::count]) for start in range(count)]
    rounds = [divmod(number, len(facets)) for number in range(count)]
    return [facets[at] if turn == 0 else f"{facets[at]} (independent view {turn + 1})" for turn, at in rounds]


def limits_of(
    agent: Agent | None, run_id: str, *, swarm_budget_usd: Decimal | None
) -> tuple[tuple[str, Decimal], ...]:
    """The hard limits around a task of a run, by scope; none where no budget is set."""
    limits: list[tuple[str, Decimal]] = []
    if swarm_budget_usd is not None:
        limits.append((f"swarm:{run_id}", swarm_budget_usd))
    if agent is not None and agent.budget_usd is not None:
        limits.append((f"agent:{run_id}/{agent.id}", agent.budget_usd))
    return tuple(limits)


def choose_agent(agents: Sequence[Agent], task: Task, busy: Mapping[str, int]) -> tuple[Agent, bool]:
    """The least busy agent that suits the task, and whether it was chosen because it suits.

    A named role counts most, then the task type, then capabilities that the task's words name; a task that
    suits nobody goes to the least busy of all. Equally busy agents: the first.
    """
    words = frozenset(task.title.lower().split())
    scores = [_fit(agent, task, words) for agent in agents]
    best = max(scores)
    fitting = [agent for agent, score in zip(agents, scores, strict=True) if score == best]
    return min(fitting, key=lambda agent: busy.get(agent.id, 0)), best > (0, 0, 0)


def _fit(agent: Agent, task: Task, words: frozenset[str]) -> tuple[int, int, int]:
    named = sum(
        1 for capability in agent.capabilities if any(w.startswith(capability.lower()) for w in words)
    )
    typed = task.type in TASK_TYPES and task.type == agent.task_type
    return (int(task.role == agent.role), int(typed), named)
