"""Who may hand work over to whom, and who may ask whom: colleagues as tools of an agent.

Decides which agents there are beside those of the stages, and what their tools are called. A roster names
agents by role, so that two roles may ask each other; how deep and how often is the loop's to bound.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from farthing.errors import SwarmError
from farthing.swarm.agent import Agent, AgentSpec
from farthing.task import Tool

_UNFIT = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_ROLE = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """What `hand_off_to_<role>` runs as: nothing. The loop knows it and lets the other role go on."""

    role: str
    roster: Mapping[str, Agent] = field(repr=False, compare=False)

    @property
    def agent(self) -> Agent:
        return self.roster[self.role]

    def __call__(self, **arguments: object) -> str:
        raise SwarmError(f"{arguments!r} for {self.role}: only an agent's loop can hand work over")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """What `ask_<role>` runs as: the loop knows it and runs the other agent's own loop."""

    role: str
    roster: Mapping[str, Agent] = field(repr=False, compare=False)

    @property
    def agent(self) -> Agent:
        return self.roster[self.role]

    def __call__(self, **arguments: object) -> str:
        raise SwarmError(f"{arguments!r} for {self.role}: only an agent's loop can ask another agent")


def colleagues_of(specs: Sequence[AgentSpec]) -> tuple[AgentSpec, ...]:
    """The specs that are only handed over to or asked, each role once; stages have the others.

    A role by its name alone is that of a stage, where there is one. Raises `SwarmError` for two different
    specs of one role.
    """
    staged = {spec.type: spec for spec in specs}
    found: dict[str, AgentSpec] = {}
    named: dict[str, AgentSpec] = {}
    waiting = [one for spec in specs for one in (*spec.handoffs, *spec.delegates)]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, str):
            named.setdefault(one, AgentSpec(type=one))
            continue
        known = staged.get(one.type) or found.get(one.type)
        if known is None:
            found[one.type] = _alone(one)
            waiting.extend((*one.handoffs, *one.delegates))
        elif known != one:
            raise SwarmError(
                f"there are two different AgentSpecs of {one.type!r} to hand over to or to ask",
                hint="give one of them, and name it elsewhere by its role's name",
            )
    return (*found.values(), *(named[role] for role in named if role not in found and role not in staged))


def _alone(spec: AgentSpec) -> AgentSpec:
    if spec.count != 1:
        raise SwarmError(f"AgentSpec({spec.type!r}) is a colleague and has count {spec.count}; give 1")
    return spec


def with_colleagues(agents: Sequence[Agent], *, stages: int) -> tuple[Agent, ...]:
    """The agents of the first `stages` stages with their colleagues as tools; later ones are only asked."""
    roster: dict[str, Agent] = {}
    made = [replace(agent, tools=(*agent.tools, *_tools(agent, roster))) for agent in agents]
    for agent in made:
        roster.setdefault(agent.role, agent)
    return tuple(agent for agent in made if agent.stage <= stages)


def _tools(agent: Agent, roster: Mapping[str, Agent]) -> list[Tool]:
    asked = [_tool(role, roster, asks=True) for role in agent.delegates]
    return asked + [_tool(role, roster, asks=False) for role in agent.handoffs]


def _tool(role: str, roster: Mapping[str, Agent], *, asks: bool) -> Tool:
    name = _UNFIT.sub("_", role)[:_LONGEST_ROLE]
    if asks:
        return Tool(
            name=f"ask_{name}",
            description=f"Gives the {role} a task and returns the answer. It sees only what you write here.",
            parameters=_one_text("task", "The whole task, with all that is needed to do it."),
            run=Delegation(role=role, roster=roster),
            source=f"agent:{role}",
        )
    return Tool(
        name=f"hand_off_to_{name}",
        description=f"Hands this work over to the {role}, who goes on in your place. You are done then.",
        parameters=_one_text("reason", "Why you hand over, and what is left to do."),
        run=HandOff(role=role, roster=roster),
        source=f"agent:{role}",
    )


def _one_text(name: str, description: str) -> Mapping[str, object]:
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": description}},
        "required": [name],
        "additionalProperties": False,
    }
