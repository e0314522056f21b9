"""Swarms of an open deployment: what one is made with, and what a worker is lent. Wiring; decides nothing.

The doors are `deployment.py`'s, what a swarm does is `swarm/`'s.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from farthing.clock import Clock
from farthing.running import Running
from farthing.swarm.agent import AgentSpec, ToolSource
from farthing.swarm.keeping import Durable, RunKeeper, kept_days
from farthing.swarm.memory.tools import memory_tools
from farthing.swarm.placing import Place, Workplace
from farthing.swarm.queued import driving
from farthing.swarm.resuming import RunOrder
from farthing.swarm.run import Swarm
from farthing.swarm.toolrun import Journey
from farthing.swarm.written import check_passing
from farthing.task import Task, Tool, labelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Teams:
    """Makes swarms. `estimate` gives the expected cost of a task in dollars."""

    running: Running
    clock: Clock
    estimate: Callable[[Task], Decimal | None]

    @property
    def keeper(self) -> RunKeeper:
        running = self.running
        return RunKeeper(
            database=running.database,
            ledger=running.means.ledger,
            now_us=self.clock.now_us,
            keep_days=kept_days(running.means.config),
        )

    def swarm(
        self,
        agents: Sequence[AgentSpec],
        tools: Mapping[str, Sequence[ToolSource]],
        order: RunOrder,
        durable: Durable,
        on: Place | None = None,
    ) -> Swarm:
        running, labels = self.running, order.labels
        config, run = running.means.config, self._journey()
        swarm = Swarm(
            agents,
            journey=run if labels is None else lambda task: run(labelled(task, labels)),
            goal=order.goal,
            settings=config.swarm,
            tools=tools,
            budget_usd=order.budget_usd,
            agent_budget_usd=config.budget.agent_limit,
            estimate=self.estimate,
            now=self.clock.now,
            on_event=running.watching.on_swarm_event(),
            durable=durable,
            driving=None if on is None else driving(on, config, running.database, labels),
            memory=partial(running.memories.open, key=None if labels is None else labels.key),
        )
        if on is not None:
            check_passing(tool for agent in swarm.agents for tool in agent.tools)
        return swarm

    def workplace(self) -> Workplace:
        return Workplace(
            database=self.running.database,
            journey=self._journey(),
            ledger=self.running.means.ledger,
            now_us=self.clock.now_us,
            tools=self._tools,
        )

    def _journey(self) -> Journey:
        return partial(self.running.watching.around(self.running.pipeline.run), stream=False)

    def _tools(self, task: Task) -> Mapping[str, Tool]:
        """What a deployment offers to any agent: the memory of its run."""
        if task.run_id is None:
            return {}
        memory = self.running.memories.open(f"run:{task.run_id}", key=task.key)
        return {tool.name: tool for tool in memory_tools(memory, task.agent_id or "")}
