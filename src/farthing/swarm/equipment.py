"""The agents of a swarm with their tools: at once as far as code gives them, wholly once servers were asked.

Decides nothing about tools (`tools.py` and `allowed.py` do) and keeps what was decided.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from farthing.config.schema import RoleSpec
from farthing.config.tooling import RoleTools
from farthing.swarm.agent import Agent, AgentSpec, ToolSource, capabilities_of, make_agents, roles_of
from farthing.swarm.allowed import EMPTY, Inventory
from farthing.swarm.calls import toolbox
from farthing.swarm.events import CapabilityWithoutTool
from farthing.swarm.memory.shared import Memory
from farthing.swarm.memory.tools import with_own_memory
from farthing.swarm.roles import RoleProfile
from farthing.swarm.roster import colleagues_of, with_colleagues
from farthing.swarm.tools import names_wanted, stage_tools

Supply: TypeAlias = Callable[[Iterable[str]], Awaitable[Inventory]]
"""Gives the deployment's tools for names and capabilities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """What agents are made of. `supply` None: there are no tools but those of code."""

    specs: Sequence[AgentSpec]
    roles: Mapping[str, RoleSpec]
    tools: Mapping[str, Sequence[ToolSource]]
    rules: Mapping[str, RoleTools]
    agent_budget_usd: Decimal | None = None
    supply: Supply | None = None
    memory: Callable[[], Memory] | None = None
    """The run's own memory, whose tools are told to agents that have them."""

    def at_once(self) -> tuple[tuple[Agent, ...], tuple[CapabilityWithoutTool, ...]]:
        """The agents, and their capabilities without a tool; none is told while tools may still come."""
        if self.supply is None or not self._wanted():
            return self._made(EMPTY)
        agents, _ = self._made(None)
        return agents, ()

    async def whole(self) -> tuple[tuple[Agent, ...], tuple[CapabilityWithoutTool, ...]]:
        """The same with the deployment's tools. Raises `SwarmError` where a name stands for none."""
        wanted = self._wanted()
        return self._made(await self.supply(wanted) if self.supply is not None and wanted else EMPTY)

    def _wanted(self) -> tuple[str, ...]:
        specs, roles = self._members()
        return tuple(
            dict.fromkeys(
                name
                for spec, role in zip(specs, roles, strict=True)
                for name in names_wanted(spec, capabilities_of(spec, role), self.tools)
            )
        )

    def _made(
        self, inventory: Inventory | None
    ) -> tuple[tuple[Agent, ...], tuple[CapabilityWithoutTool, ...]]:
        specs, roles = self._members()
        given = [
            stage_tools(spec, capabilities_of(spec, role), self.tools, inventory, self.rules)
            for spec, role in zip(specs, roles, strict=True)
        ]
        for stage in given:
            toolbox(stage.tools)
        notices = tuple(
            CapabilityWithoutTool(role=role.name, stage=number, capability=capability)
            for number, (role, stage) in enumerate(zip(roles, given, strict=True), start=1)
            for capability in stage.untooled
        )
        agents = make_agents(specs, roles, given, agent_budget_usd=self.agent_budget_usd)
        remembering = tuple(with_own_memory(agent, self.memory) for agent in agents)
        return with_colleagues(remembering, stages=len(self.specs)), notices

    def _members(self) -> tuple[Sequence[AgentSpec], Sequence[RoleProfile]]:
        """Those of the stages and those that they work with, each with its role."""
        specs = (*self.specs, *colleagues_of(self.specs))
        return specs, roles_of(specs, self.roles)
