"""Everything that happens in a swarm and in an agent's loop, as frozen values.

Words only: nothing here decides or waits. `AgentProgress` carries the events of one task's journey.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from farthing.errors import FarthingError
from farthing.result import TaskEvent
from farthing.swarm.agent import Agent
from farthing.swarm.loop import CapReason
from farthing.swarm.results import SwarmResult, WorkResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRan:
    """A tool call came to its end. `arguments` and `text` are as the model wrote them and was shown them."""

    task_id: str
    agent_id: str | None
    call_id: str
    name: str
    arguments: str
    text: str
    ok: bool
    latency_ms: float
    """0 for a call that was refused before it ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapReached:
    """A loop met a cap. `final_answer_asked`: the model is asked once more, else what there is has to do."""

    task_id: str
    agent_id: str | None
    reason: CapReason
    text: str
    final_answer_asked: bool


LoopEvent: TypeAlias = TaskEvent | ToolRan | CapReached
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
    | AgentFinished
    | AgentFailed
    | SynthesisStarted
    | SwarmFinished
)
