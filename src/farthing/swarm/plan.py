"""The tasks of a run: one per agent's share of a stage, the synthesis, and tasks handed out by `map`.

Decides what each task carries: who does it, under which limits, in which session. Wording is `brief.py`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2s

from msgspec import structs

from farthing.swarm.agent import SYNTHESIS, Agent, limits_of
from farthing.swarm.brief import (
    DIGEST_CHARS,
    Earlier,
    asked_messages,
    stage_messages,
    synthesis_messages,
    system_prompt,
)
from farthing.swarm.company import Errand
from farthing.swarm.orders import formed
from farthing.task import LONGEST_SESSION_ID, Message, Task

LONGEST_NAME = 120
"""Of a piece of work, which is the id of its agent too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFrame:
    """What all tasks of a run share. `budget_usd` is the run's hard limit, in dollars."""

    run_id: str
    goal: str
    budget_usd: Decimal | None = None
    digest_chars: int = DIGEST_CHARS


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One piece of work of a run. `name` is its own within the run, and the same when the run goes on."""

    name: str
    task: Task
    stage: int
    title: str


def session_of(run_id: str, agent_id: str) -> str:
    """Stable for an agent of a run, so that a provider can keep its prompt cache warm.

    An agent's name is its role's and may be of any length and kind: what OpenRouter would refuse is told by
    its digest.
    """
    name = f"{run_id}:{agent_id}"
    if len(name) <= LONGEST_SESSION_ID and name.isprintable():
        return name
    return f"{run_id}:{blake2s(agent_id.encode('utf-8', 'replace'), digest_size=16).hexdigest()}"


def stage_task(agent: Agent, frame: RunFrame, earlier: Sequence[Earlier]) -> Task:
    """An agent's share of its stage, told what earlier stages found."""
    return Task(
        description=f"{agent.title} of {frame.goal}",
        messages=stage_messages(agent, frame.goal, earlier, digest_chars=frame.digest_chars),
        type=agent.task_type,
        tools=agent.tools,
        output_type=agent.output_type,
        model=agent.model,
        limits=limits_of(agent, frame.run_id, swarm_budget_usd=frame.budget_usd),
        response_format=response_format_of(agent),
        session_id=session_of(frame.run_id, agent.id),
        run_id=frame.run_id,
        agent_id=agent.id,
        role=agent.role,
    )


def response_format_of(agent: Agent) -> Mapping[str, object] | None:
    """The form of an agent's answers where a schema was given for it."""
    return None if agent.output_schema is None else formed("answer", agent.output_schema, strict=False)


def synthesis_task(frame: RunFrame, earlier: Sequence[Earlier]) -> Task:
    """The one answer of the run, drawn from all results."""
    return Task(
        description=f"{SYNTHESIS} of {frame.goal}",
        messages=synthesis_messages(frame.goal, earlier, digest_chars=frame.digest_chars),
        type="general",
        limits=limits_of(None, frame.run_id, swarm_budget_usd=frame.budget_usd),
        session_id=session_of(frame.run_id, SYNTHESIS),
        purpose="synthesis",
        run_id=frame.run_id,
        agent_id=SYNTHESIS,
        role=SYNTHESIS,
    )


def handed_task(agent: Agent, task: Task, frame: RunFrame, *, suits: bool) -> Task:
    """An independent task as its agent sends it. What the task says itself comes before what the agent is.

    The agent's task type is taken only when the agent was chosen because it suits; else the text decides.
    """
    messages = task.conversation
    if not any(message.role == "system" for message in messages):
        messages = (Message(role="system", content=system_prompt(agent)), *messages)
    return structs.replace(
        task,
        messages=messages,
        type=task.type or (agent.task_type if suits else None),
        tools=task.tools or agent.tools,
        model=task.model or agent.model,
        limits=(*task.limits, *limits_of(agent, frame.run_id, swarm_budget_usd=frame.budget_usd)),
        session_id=task.session_id or session_of(frame.run_id, agent.id),
        run_id=frame.run_id,
        agent_id=agent.id,
        role=agent.role,
    )


def piece_name(name: str) -> str:
    """The name of a piece of work as it is kept: whole, or told by its digest where it is too long."""
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:40]}…{blake2s(name.encode('utf-8', 'replace'), digest_size=16).hexdigest()}"


def asked_task(errand: Errand, asking: Task, name: str) -> Task:
    """What an agent is asked to do by another one: charged to that one's accounts, and to one of its own."""
    agent, run_id = errand.agent, asking.run_id or ""
    own = agent.budget_usd
    known = [cost for cost in (errand.max_cost_usd, own) if cost is not None]
    shared = () if errand.max_cost_usd is None else ((f"agent:{run_id}/{errand.fund}", errand.max_cost_usd),)
    mine = () if own is None else ((f"agent:{run_id}/{name}", own),)
    return structs.replace(
        asking,
        description=f"{errand.text}",
        messages=asked_messages(agent, f"The {asking.role} {asking.agent_id}", errand.text),
        type=agent.task_type,
        complexity=None,
        tools=agent.tools,
        tool_choice=None,
        response_format=None,
        output_type=agent.output_type,
        max_tokens=None,
        max_cost_usd=min(known) if known else None,
        model=agent.model,
        limits=(*asking.limits, *shared, *mine),
        session_id=session_of(run_id, name),
        purpose="task",
        agent_id=name,
        role=agent.role,
        options={},
        step=None,
    )
