"""Whether a swarm file can be run with a configuration, before anything is spent. Pure.

All faults at once, each with its path. What depends on servers that are not started is left to the run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import assert_never

from farthing.catalog.models import Catalog
from farthing.catalog.successors import Gone, Present, Replaced, Unknown, standing
from farthing.config.schema import DeploymentConfig, RoleSpec
from farthing.config.swarmfile import AgentEntry, SwarmFile
from farthing.config.upstreams import place_of
from farthing.errors import ConfigFault, nearest
from farthing.money import format_usd
from farthing.swarm.casting import part_faults
from farthing.swarm.costing import SwarmPlan
from farthing.swarm.roles import BUILT_IN_ROLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What is wrong with a swarm, and what a person should know of it."""

    faults: tuple[ConfigFault, ...]
    notes: tuple[str, ...]


def checked_swarm(swarm: SwarmFile, config: DeploymentConfig, catalog: Catalog, today: date) -> Checked:
    """`config` is the one it will run with, the file's own roles and servers included."""
    faults: list[ConfigFault] = []
    notes: list[str] = []
    for at, agent in enumerate(swarm.agents):
        path = f"agents[{at}]"
        faults.extend(_role_faults(agent, path, {**config.swarm.roles, **swarm.roles}))
        faults.extend(_server_faults(agent, path, config))
        faults.extend(_budget_faults(agent, path, swarm))
        fault, note = _model(agent, path, config, catalog, today)
        faults.extend([] if fault is None else [fault])
        notes.extend([] if note is None else [note])
    groups: dict[str, int] = {}
    for agent in swarm.agents:
        groups[agent.role] = groups.get(agent.role, 0) + agent.count
    faults.extend(
        ConfigFault(
            path=f"pattern.{fault.key}", value=fault.value, problem=fault.problem, nearest=fault.nearest
        )
        for fault in part_faults(swarm.pattern, groups)
    )
    return Checked(faults=tuple(faults), notes=tuple(notes))


def money_faults(plan: SwarmPlan) -> tuple[ConfigFault, ...]:
    """What no model can take, and a budget that not even the cheapest first call fits."""
    faults = [
        ConfigFault(path=piece.name, value=None, problem=f"cannot be sent: {piece.why}")
        for piece in plan.pieces
        if not piece.model
    ]
    least = [piece.least_usd for piece in plan.pieces if piece.first and piece.least_usd is not None]
    budget = next((limit for limit in plan.limits if limit.name == "the budget of the run"), None)
    if budget is not None and least and budget.amount_usd < min(least):
        problem = f"is below {format_usd(min(least))}, the least that the first call can reserve"
        faults.append(ConfigFault(path="budgetUsd", value=budget.amount_usd, problem=problem))
    return tuple(faults)


def _role_faults(agent: AgentEntry, path: str, custom: Mapping[str, RoleSpec]) -> Iterable[ConfigFault]:
    known = sorted({*BUILT_IN_ROLES, *custom})
    named = [
        (f"{path}.role", agent.role),
        *((f"{path}.handoffs[{at}]", role) for at, role in enumerate(agent.handoffs)),
        *((f"{path}.delegates[{at}]", role) for at, role in enumerate(agent.delegates)),
    ]
    for where, role in named:
        if role not in known:
            problem = f"there is no role {role!r}; roles are {', '.join(known)}"
            yield ConfigFault(path=where, value=role, problem=problem, nearest=nearest(role, known))


def _server_faults(agent: AgentEntry, path: str, config: DeploymentConfig) -> Iterable[ConfigFault]:
    tools = (
        agent.tools if isinstance(agent.tools, tuple) else [n for one in agent.tools.values() for n in one]
    )
    for name in tools:
        server = name.removeprefix("mcp:")
        if server != name and server not in config.mcp_servers:
            known = list(config.mcp_servers)
            problem = f"there is no MCP server {server!r}; there are {', '.join(known) or 'none'}"
            yield ConfigFault(
                path=f"{path}.tools", value=name, problem=problem, nearest=nearest(server, known)
            )


def _budget_faults(agent: AgentEntry, path: str, swarm: SwarmFile) -> Iterable[ConfigFault]:
    if agent.budget_usd is not None and swarm.budget_usd is not None and agent.budget_usd > swarm.budget_usd:
        problem = f"is above budgetUsd, {format_usd(swarm.budget_usd)}, which the whole run may spend"
        yield ConfigFault(path=f"{path}.budgetUsd", value=agent.budget_usd, problem=problem)


def _model(
    agent: AgentEntry, path: str, config: DeploymentConfig, catalog: Catalog, today: date
) -> tuple[ConfigFault | None, str | None]:
    if agent.model is None or place_of(agent.model, config.upstreams).upstream:
        return None, None
    found = standing(catalog, agent.model, today)
    match found:
        case Present():
            return None, None
        case Replaced():
            return None, f"{path}.model: {agent.model} is gone; {found.by.id} stands in for it"
        case Gone():
            return ConfigFault(
                path=f"{path}.model", value=agent.model, problem=f"is gone: {found.reason}"
            ), None
        case Unknown():
            near = nearest(agent.model, catalog.names())
            close = f"; did you mean {near}?" if near else ""
            return None, f"{path}.model: the catalogue does not know {agent.model}{close}"
        case _:
            assert_never(found)
