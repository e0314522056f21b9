"""Everything that happens in a swarm and in an agent's loop, as frozen values.

Words only: nothing here decides or waits. `AgentProgress` carries the events of one task's journey.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from farthing.errors import FarthingError
from farthing.result import TaskEvent
from farthing.swarm.agent import Agent
from farthing.swarm.company import PendingApproval
from farthing.swarm.loop import CapReason
from farthing.swarm.repeats import TroubleKind
from farthing.swarm.results import SwarmResult, WorkResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRan:
    """A tool call came to its end. `arguments` are those it was run with, `text` what the model was shown."""

    task_id: str
    agent_id: str | None
    call_id: str
    name: str
    arguments: str
    text: str
    ok: bool
    latency_ms: float
    """0 for a call that was refused before it ran."""
    repairs: tuple[str, ...] = ()
    """What of the arguments was put right before it ran; `arguments` has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapReached:
    """A loop met a cap. `final_answer_asked`: the model is asked once more, else what there is has to do."""

    task_id: str
    agent_id: str | None
    reason: CapReason
    text: str
    final_answer_asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopNoticed:
    """An agent goes in circles, and is told so by `text`. `goes_on`: it was told before; its loop is closed,
    unless a person lets it go on."""

    task_id: str
    agent_id: str | None
    kind: TroubleKind
    text: str
    goes_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOff:
    """Another role goes on with a piece of work; its agent's id stays, for money and journal."""

    task_id: str
    agent_id: str | None
    from_role: str
    to_role: str
    reason: str


LoopEvent: TypeAlias = TaskEvent | ToolRan | CapReached | LoopNoticed | HandedOff
"""What `run_with_tools` yields; the last one is a `TaskFinished` with the sums of all steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmStarted:
    run_id: str
    goal: str
    agents: tuple[Agent, ...]
    budget_usd: Decimal | None
    pattern: str = "stages"
    """How they work together: the pattern's `type`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilityWithoutTool:
    """Agents were given a capability that no tool serves: they only have the word for it."""

    role: str
    stage: int
    capability: str

    @property
    def text(self) -> str:
        return (
            f"no tool serves the capability {self.capability!r} of {self.role} (stage {self.stage}); "
            "its agents are told so and work from what they know"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStarted:
    """`number` counts from 1 to `stages`; the synthesis is not counted.

    `title` says what it is where it is no stage: `round 2 of 3`, `map`, `vote`.
    """

    run_id: str
    number: int
    stages: int
    role: str
    agent_ids: tuple[str, ...]
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStarted:
    run_id: str
    agent_id: str
    role: str
    stage: int
    title: str
    asked_by: str | None = None
    """The agent that asked this one for help; its `AgentFinished` and cost are part of that one's work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAsked:
    """A tool call waits for a person's word. The other agents go on."""

    approval: PendingApproval

    @property
    def agent_id(self) -> str:
        return self.approval.agent_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalGiven:
    """A person decided on a tool call, here or by another process; it is written down."""

    approval: PendingApproval
    approved: bool
    note: str = ""

    @property
    def agent_id(self) -> str:
        return self.approval.agent_id


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentProgress:
    agent_id: str
    event: TaskEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFinished:
    """`work.result` is set."""

    agent_id: str
    work: WorkResult


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFailed:
    """`work.error` is `error`. The other agents go on."""

    agent_id: str
    work: WorkResult
    error: FarthingError


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisStarted:
    run_id: str
    pieces: int
    """How many results it draws on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmFinished:
    result: SwarmResult


SwarmEvent: TypeAlias = (
    SwarmStarted
    | CapabilityWithoutTool
    | StageStarted
    | AgentStarted
    | AgentProgress
    | ToolRan
    | CapReached
    | LoopNoticed
    | HandedOff
    | ApprovalAsked
    | ApprovalGiven
    | AgentFinished
    | AgentFailed
    | SynthesisStarted
    | SwarmFinished
)
