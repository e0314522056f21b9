"""Who plays which part in a pattern: the roles that it names, the agents of its own, and all others. Pure.

Decides nothing about what they are told (`orders.py`) or when they work (`conducting/`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from farthing.config.patterns import Debate, MapReduce, Pattern, Stages, Supervisor, Vote
from farthing.errors import SwarmError, nearest
from farthing.swarm.agent import SYNTHESIS, Agent

_OWN: Mapping[str, tuple[str, str]] = {
    "judge": (
        "who decides between others and says why.",
        "Decide: do not average, and do not praise. Weigh what was argued and not how often. Begin with the "
        "conclusion, whole and usable as it stands, and go on with the reasons for it.",
    ),
    "supervisor": (
        "who gets work done by others.",
        "Give each assignment to the one who suits it, in words that can be followed without knowing the "
        "others. Assign only what is still needed. Conclude as soon as the goal is reached.",
    ),
    "splitter": (
        "who divides work.",
        "Make parts that do not overlap, that together are the whole, and that can each be done alone.",
    ),
    "reducer": (
        "who draws one text from several.",
        "Keep what is agreed, decide where parts contradict each other and say so, keep figures and code "
        "whole. Add no facts of your own.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """`members` do the work; `lead` judges, supervises or reduces; `splitter` divides, where needed."""

    members: tuple[Agent, ...]
    lead: Agent
    splitter: Agent


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFault:
    """What is wrong with a part of a pattern: the setting, its value, and why."""

    key: str
    value: str | None
    problem: str
    nearest: str | None = None


def cast_of(pattern: Pattern, agents: Sequence[Agent]) -> Cast:
    """The parts of a run. Raises `SwarmError` for a role that no agent has, or too few agents."""
    groups: dict[str, int] = {}
    for agent in agents:
        groups[agent.role] = groups.get(agent.role, 0) + 1
    if faults := part_faults(pattern, groups):
        said = "; ".join(f"{fault.key} {fault.problem}" for fault in faults)
        raise SwarmError(f"the pattern {pattern.type} does not suit the agents: {said}")
    named = _named(pattern)
    lead_key, working = _lead_key(pattern), _working(pattern)
    taken = {role for role in named.values() if role is not None}
    members = [one for one in agents if (one.role in working if working else one.role not in taken)]
    return Cast(
        members=tuple(members),
        lead=_player(lead_key, named.get(lead_key), agents),
        splitter=_player("splitter", named.get("splitter"), agents),
    )


def part_faults(pattern: Pattern, groups: Mapping[str, int]) -> tuple[PartFault, ...]:
    """Everything that is wrong between a pattern and the groups of agents, by role."""
    faults: list[PartFault] = []
    named = {key: role for key, role in _named(pattern).items() if role is not None}
    working = _working(pattern)
    for key, role in [*named.items(), *((_working_key(pattern), role) for role in working)]:
        if role not in groups:
            near = nearest(role, groups)
            problem = f"is {role!r}, and no agents have that role; there are {', '.join(groups) or 'none'}"
            faults.append(PartFault(key=key, value=role, problem=problem, nearest=near))
        elif key != _working_key(pattern) and groups[role] > 1:
            problem = f"is {role!r}, of whom there are {groups[role]}; one agent plays that part"
            faults.append(PartFault(key=key, value=role, problem=problem))
    for key, role in named.items():
        if role in working:
            faults.append(PartFault(key=key, value=role, problem=f"is {role!r}, who works as well"))
    doubled = [role for role in named.values() if list(named.values()).count(role) > 1]
    if doubled:
        faults.append(
            PartFault(key="splitter", value=doubled[0], problem=f"is {doubled[0]!r}, who reduces as well")
        )
    faults.extend(_too_few(pattern, groups, named, working))
    return tuple(faults)


def _too_few(
    pattern: Pattern, groups: Mapping[str, int], named: Mapping[str, str], working: Sequence[str]
) -> list[PartFault]:
    left = {
        role: count
        for role, count in groups.items()
        if (role in working if working else role not in named.values())
    }
    least = 2 if isinstance(pattern, Debate | Vote) else 1
    if sum(left.values()) >= least or (working and not left):
        return []
    problem = f"needs at least {least} agents that have no other part, and has {sum(left.values())}"
    return [PartFault(key="type", value=pattern.type, problem=problem)]


def _named(pattern: Pattern) -> dict[str, str | None]:
    """The parts that one agent plays, and the role that is named for each."""
    match pattern:
        case Stages():
            return {}
        case MapReduce():
            return {"splitter": pattern.splitter, "reducer": pattern.reducer}
        case Supervisor():
            return {"supervisor": pattern.supervisor}
        case Debate() | Vote():
            return {"judge": pattern.judge}
        case _:
            assert_never(pattern)


def _working(pattern: Pattern) -> tuple[str, ...]:
    """The roles that are named for the work itself; none: all that have no other part."""
    match pattern:
        case MapReduce():
            return () if pattern.mapper is None else (pattern.mapper,)
        case Supervisor():
            return pattern.workers
        case Stages() | Debate() | Vote():
            return ()
        case _:
            assert_never(pattern)


def _working_key(pattern: Pattern) -> str:
    return "mapper" if isinstance(pattern, MapReduce) else "workers"


def _lead_key(pattern: Pattern) -> str:
    match pattern:
        case Stages():
            return SYNTHESIS
        case MapReduce():
            return "reducer"
        case Supervisor():
            return "supervisor"
        case Debate() | Vote():
            return "judge"
        case _:
            assert_never(pattern)


def _player(part: str, role: str | None, agents: Sequence[Agent]) -> Agent:
    """The agent of the role, else one of the pattern's own."""
    named = next((agent for agent in agents if agent.role == role), None)
    if named is not None:
        return named
    description, orders = _OWN.get(part, ("", ""))
    return Agent(
        id=part,
        role=part,
        description=description,
        task_type="general",
        stage=1 + max((agent.stage for agent in agents), default=0),
        part="all of it",
        share=1,
        shares=1,
        instructions=orders,
    )
