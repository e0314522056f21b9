"""Swarms of an open deployment: what one is made with, and what a worker is lent. Wiring; decides nothing.

The doors are `deployment.py`'s, what a swarm does is `swarm/`'s.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TypedDict

from farthing.clock import Clock
from farthing.config.patterns import Pattern
from farthing.money import parse_usd
from farthing.running import Running
from farthing.swarm.agent import AgentSpec, ToolSource
from farthing.swarm.approvals import Approvals, OnApproval, OnPause
from farthing.swarm.costing import SwarmPlan, plan_of
from farthing.swarm.definition import Team, ordered, settings_for
from farthing.swarm.keeping import Durable, RunKeeper, keeper_of
from farthing.swarm.memory.tools import memory_tools
from farthing.swarm.ordering import order_of, pattern_of, taken_over, with_roles
from farthing.swarm.outlook import Outlook
from farthing.swarm.placing import Place, Workplace
from farthing.swarm.queued import driving, take_all_out
from farthing.swarm.resuming import RunOrder
from farthing.swarm.run import Swarm
from farthing.swarm.surroundings import Surroundings
from farthing.swarm.terms import terms_of
from farthing.swarm.toolrun import Journey
from farthing.swarm.written import check_passing
from farthing.task import Labels, Task, Tool, labelled


class SwarmOptions(TypedDict, total=False):
    """What a swarm may be deployed with, beside its agents and a goal.

    `pattern` is how they work together: `Stages()`, or `MapReduce`, `Supervisor`, `Debate`, `Vote`. `tools`
    maps a capability to what serves it. `budget_usd` is a hard limit for each run, `labels` say whom its
    calls are charged to. Tool calls that need a person's word (`tools.confirm`) wait for it: `on_approval`
    asks in this process; `on_pause="stop"` ends a run in which nothing else is left to do. `on` is who does
    the work: `Ray` or `Workers` of `farthing.cluster`, else this process.
    """

    pattern: Pattern | None
    tools: Mapping[str, Sequence[ToolSource]] | None
    budget_usd: Decimal | str | int | None
    labels: Labels | None
    on_approval: OnApproval | None
    on_pause: OnPause
    on: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Teams:
    """Makes swarms of what is open."""

    running: Running
    clock: Clock
    profile: str | None = None
    """By what another process finds the same configuration again."""

    @property
    def keeper(self) -> RunKeeper:
        running = self.running
        return keeper_of(
            running.means.config, running.database, running.means.ledger, now_us=self.clock.now_us
        )

    def deployed(self, agents: Team, goal: str, options: SwarmOptions) -> Swarm:
        """A swarm for runs to come, each of which is written down at its beginning."""
        config, budget_usd = self.running.means.config, options.get("budget_usd")
        asked = ordered(
            agents,
            goal=goal,
            pattern=options.get("pattern"),
            tools=options.get("tools"),
            budget_usd=None if budget_usd is None else parse_usd(budget_usd),
            labels=options.get("labels"),
        )
        settings = settings_for(agents, config)
        limit = config.budget.swarm_limit if asked.budget_usd is None else asked.budget_usd
        order = order_of(
            asked.specs,
            goal=asked.goal,
            pattern=asked.pattern,
            tools=asked.tools or {},
            budget_usd=limit,
            labels=asked.labels,
            profile=self.profile,
            roles={
                name: role for name, role in settings.roles.items() if config.swarm.roles.get(name) != role
            },
        )
        durable = Durable(self.keeper if config.swarm.durable else None, order)
        approvals = self._approvals(options.get("on_approval"), options.get("on_pause", "wait"))
        return self._swarm(asked.specs, asked.tools or {}, order, durable, approvals, on=options.get("on"))

    async def resumed(
        self,
        run_id: str,
        tools: Iterable[ToolSource],
        *,
        budget_usd: Decimal | None,
        on_approval: OnApproval | None,
        on_pause: OnPause,
        on: Place | None,
    ) -> Swarm:
        """The swarm of a run that is taken over. Raises `SwarmError` where it cannot be."""
        taken = await taken_over(self.keeper, run_id, handed=tools, budget_usd=budget_usd)
        if on is None:  # what is queued for workers is done here
            await asyncio.to_thread(take_all_out, self.running.database, run_id)
        approvals = self._approvals(on_approval, on_pause)
        return self._swarm(taken.specs, taken.tools, taken.order, taken.durable, approvals, on=on)

    def _swarm(
        self,
        agents: Sequence[AgentSpec],
        tools: Mapping[str, Sequence[ToolSource]],
        order: RunOrder,
        durable: Durable,
        approvals: Approvals,
        *,
        on: Place | None = None,
    ) -> Swarm:
        running, labels = self.running, order.labels
        config, run = running.means.config, self._journey()
        swarm = Swarm(
            agents,
            journey=run if labels is None else lambda task: run(labelled(task, labels)),
            goal=order.goal,
            pattern=pattern_of(order),
            settings=with_roles(config.swarm, order),
            tools=tools,
            budget_usd=order.budget_usd,
            agent_budget_usd=config.budget.agent_limit,
            reckon=partial(self._reckon, order.budget_usd),
            now=self.clock.now,
            on_event=running.watching.on_swarm_event(),
            approvals=approvals,
            within=self._surroundings(labels, durable, on),
        )
        if on is not None:
            check_passing(tool for agent in swarm.agents for tool in agent.tools)
        return swarm

    def _approvals(self, on_approval: OnApproval | None, on_pause: OnPause) -> Approvals:
        return Approvals(
            database=self.running.database,
            clock=self.clock,
            confirm=self.running.means.config.tools.confirm,
            on_approval=on_approval,
            on_pause=on_pause,
        )

    async def workplace(self) -> Workplace:
        """With all tools of the deployment: those of its servers are opened."""
        config = self.running.means.config
        there = config.mcp_servers or config.tools.workdir is not None
        shelf = await self.running.toolset.named(("*",), role=None) if there else ()
        return Workplace(
            database=self.running.database,
            journey=self._journey(),
            ledger=self.running.means.ledger,
            now_us=self.clock.now_us,
            tools=partial(self._tools, {tool.name: tool for tool in shelf}),
        )

    def _surroundings(self, labels: Labels | None, durable: Durable, on: Place | None) -> Surroundings:
        running = self.running
        config = running.means.config
        return Surroundings(
            supply=running.toolset.inventory,
            rules=config.tools.roles,
            offer=running.finder.offer,
            memory=partial(running.memories.open, key=None if labels is None else labels.key),
            durable=durable,
            driving=None if on is None else driving(on, config, running.database, labels),
        )

    def _journey(self) -> Journey:
        return partial(self.running.watching.around(self.running.pipeline.run), stream=False)

    def _reckon(
        self, budget_usd: Decimal | None, pieces: Sequence[Outlook], may_get_tools: frozenset[str]
    ) -> SwarmPlan:
        means = self.running.means
        terms = terms_of(
            means.config,
            means.catalog,
            baseline=means.baseline,
            now=self.clock.now(),
            route_of=self.running.pipeline.explain,
            budget_usd=budget_usd,
        )
        return plan_of(pieces, terms, may_get_tools)

    def _tools(self, shelf: Mapping[str, Tool], task: Task) -> Mapping[str, Tool]:
        """What a deployment offers to any agent: its tools, and the memory of its run."""
        if task.run_id is None:
            return shelf
        memory = self.running.memories.open(f"run:{task.run_id}", key=task.key)
        return {**shelf, **{tool.name: tool for tool in memory_tools(memory, task.agent_id or "")}}
