"""Swarms with a pattern on a scripted journey, and scripts that answer in a pattern's forms."""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import cast

from tests.swarm.scripted import Answer, Say, Scripted

from farthing.config.patterns import Pattern
from farthing.swarm.agent import AgentSpec
from farthing.swarm.costing import SwarmPlan
from farthing.swarm.events import AgentStarted, StageStarted, SwarmEvent, SwarmFinished
from farthing.swarm.outlook import Outlook
from farthing.swarm.results import SwarmResult
from farthing.swarm.run import Swarm
from farthing.swarm.terms import Reckon
from farthing.task import Task


def form_of(task: Task) -> str:
    """The name of the form that a task asks for."""
    wrapper = cast("Mapping[str, object]", (task.response_format or {}).get("json_schema") or {})
    return str(wrapper.get("name", ""))


def said(value: object) -> Say:
    return Say(text=json.dumps(value))


def plan(*assignments: tuple[str, str], done: bool = False) -> Say:
    return said({"done": done, "assignments": [{"agent": a, "task": t} for a, t in assignments]})


def ballot(choice: str, reason: str = "because") -> Say:
    return said({"reason": reason, "choice": choice})


def told(task: Task) -> str:
    """What the agent was told, its system prompt left out."""
    return task.messages[-1].text


def swarm_of(
    script: Callable[[Task], Answer],
    pattern: Pattern,
    *specs: AgentSpec,
    budget: Decimal | None = None,
) -> tuple[Swarm, Scripted]:
    journey = Scripted(script=script)
    swarm = Swarm(
        specs, journey=journey, pattern=pattern, goal="the goal", budget_usd=budget, new_id=lambda: "run-1"
    )
    return swarm, journey


async def run(swarm: Swarm) -> tuple[SwarmResult, list[SwarmEvent]]:
    """A run's result and everything that happened."""
    events = [event async for event in swarm.stream()]
    last = events[-1]
    assert isinstance(last, SwarmFinished)
    return last.result, events


def titles(events: list[SwarmEvent]) -> list[str]:
    """The rounds of a run, as they are told."""
    return [event.title for event in events if isinstance(event, StageStarted)]


def started(events: list[SwarmEvent]) -> list[str]:
    """Who began a piece, in order."""
    return [event.agent_id for event in events if isinstance(event, AgentStarted)]


def each(estimate: Callable[[Task], Decimal | None]) -> Reckon:
    """Reckons a run by what each task is expected to cost."""

    def reckon(pieces: Sequence[Outlook], _: frozenset[str]) -> SwarmPlan:
        costs = [estimate(piece.task) for piece in pieces for _ in range(piece.expected)]
        known = [cost for cost in costs if cost is not None]
        return SwarmPlan(
            pieces=(),
            expected_usd=sum(known, Decimal(0)) if len(known) == len(costs) else None,
            worst_usd=None,
            at_most_usd=None,
            baseline_usd=None,
            limits=(),
            assumptions=(),
        )

    return reckon
