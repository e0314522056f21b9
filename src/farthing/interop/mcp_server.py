"""Farthing as an MCP server: other agents run cheap tasks and swarms on it, and see what they cost.

Everything is charged to one virtual key, whose limit is the budget of whoever comes this way; the agents
cannot raise it. What is told of a result is `replies.py`'s; starting and transports are the command's.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import Annotated

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from farthing.deployment import Deployment
from farthing.errors import FarthingError, SwarmError
from farthing.interop.replies import CostReply, RunReply, TaskReply, cost_reply, run_reply, task_reply
from farthing.money import parse_usd
from farthing.swarm.agent import AgentSpec, specs_from
from farthing.swarm.events import AgentFailed, AgentFinished, SwarmFinished, SwarmStarted
from farthing.swarm.results import SwarmResult
from farthing.swarm.run import Swarm
from farthing.task import Labels, Task, TaskType

_INSTRUCTIONS = (
    "Farthing sends work to the cheapest open-weight model that is good enough, under a hard budget. "
    "Delegate here what needs no frontier model: drafts, extraction, summaries, routine code, first reviews. "
    "Every reply says the model, what it cost, and what is left of the budget."
)

Prompt = Annotated[str, Field(description="The whole task: the model sees nothing else.")]
System = Annotated[str | None, Field(description="Standing orders for the model.")]
Kind = Annotated[TaskType | None, Field(description="What kind of work it is; found out where not given.")]
MaxCost = Annotated[
    str | None, Field(description="Hard limit of this call in US dollars, as 0.01; within the budget.")
]
MaxTokens = Annotated[int | None, Field(ge=1, description="The most the model may write.")]
Model = Annotated[str | None, Field(description="An OpenRouter model id, in place of the router's choice.")]
Goal = Annotated[str, Field(description="What the team is to bring about.")]
Agents = Annotated[
    str | None, Field(description="Stages in order as ROLE:COUNT,…: researcher:2,coder:2,reviewer.")
]


def mcp_server(
    deployment: Deployment, *, key: str, version: str, team: Sequence[AgentSpec] = ()
) -> MCPServer[object]:
    """A server on an open deployment. `team` is who works on a goal that names no agents.

    Its tools raise `ToolError` with what was refused and what to do, which the caller's model reads.
    """
    serving = _Serving(deployment, key=key, team=tuple(team) or (AgentSpec(type="analyst"),))
    server: MCPServer[object] = MCPServer(
        "farthing", title="Farthing", instructions=_INSTRUCTIONS, version=version, log_level="WARNING"
    )
    spends = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=True)
    server.tool(annotations=spends)(serving.run_task)
    server.tool(annotations=spends)(serving.run_swarm)
    server.tool(annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False))(serving.cost_report)
    return server


class _Serving:
    """The tools, as methods: their names, hints and docstrings are what a client sees."""

    def __init__(self, deployment: Deployment, *, key: str, team: tuple[AgentSpec, ...]) -> None:
        self._deployment, self._key, self._team = deployment, key, team

    async def run_task(
        self,
        prompt: Prompt,
        system: System = None,
        type: Kind = None,  # noqa: A002 - the name that clients see
        max_cost_usd: MaxCost = None,
        max_tokens: MaxTokens = None,
        model: Model = None,
    ) -> TaskReply:
        """Run one task on a cheap model that is good enough, and get its answer with what it cost."""
        messages = [{"role": "system", "content": system}] if system else []
        try:
            result = await self._deployment.execute_task(
                type=type,
                messages=[*messages, {"role": "user", "content": prompt}],
                max_cost_usd=max_cost_usd,
                max_tokens=max_tokens,
                model=model,
                key=self._key,
            )
        except FarthingError as error:
            raise ToolError(str(error)) from error
        return task_reply(result, left=await self._left())

    async def run_swarm(
        self, goal: Goal, ctx: Context, agents: Agents = None, budget_usd: MaxCost = None
    ) -> RunReply:
        """Set a team of cheap agents to work on a goal in stages; get one answer with what it cost."""
        try:
            swarm = self._deployment.prepare_swarm(
                self._team if agents is None else specs_from(agents),
                goal=goal,
                budget_usd=None if budget_usd is None else parse_usd(budget_usd),
                labels=Labels(key=self._key),
            )
            result = await _watched(swarm, goal, ctx)
        except FarthingError as error:
            raise ToolError(str(error)) from error
        except ValueError as error:
            raise ToolError(f"budget_usd is {budget_usd!r}: {error}") from error
        return run_reply(
            result, left=await self._left(), baseline_model=self._deployment.config.baseline.model
        )

    async def cost_report(self) -> CostReply:
        """See what was spent this month, on which models, what it saved, and what is left of the budget."""
        try:
            return cost_reply(await self._deployment.cost_report(), left=await self._left())
        except FarthingError as error:
            raise ToolError(str(error)) from error

    async def _left(self) -> Decimal | None:
        task = Task(description="what is left", key=self._key)
        return await asyncio.to_thread(self._deployment.headroom, task)


async def _watched(swarm: Swarm, goal: str, ctx: Context) -> SwarmResult:
    """The run's result; each piece that ends is told as progress, where the client asked for it."""
    ended, pieces = 0, len(swarm.agents) + 1
    async with aclosing(swarm.stream(goal)) as events:
        async for event in events:
            match event:
                case SwarmStarted():
                    await ctx.report_progress(0, pieces, f"run {event.run_id}")
                case AgentFinished() | AgentFailed():
                    ended += 1
                    said = "done" if isinstance(event, AgentFinished) else "failed"
                    await ctx.report_progress(ended, pieces, f"{event.agent_id} {said}")
                case SwarmFinished(result=result):
                    return result
                case _:
                    pass
    raise SwarmError("the run ended without a result")
