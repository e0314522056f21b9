"""Whom an agent's loop may turn to: a person for a word on a call, another agent for an errand.

Words only. Who waits for the person is `approvals.py`'s, who runs the other agent `work.py`'s.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from farthing.swarm.agent import Agent
from farthing.swarm.results import WorkResult
from farthing.task import Tool, ToolCall

GO_ON = "go_on"
"""The tool that an approval names where a person is asked whether an agent in circles may go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingApproval:
    """A tool call that waits for a person's word. `call_id` is its own within `piece`."""

    run_id: str
    piece: str
    agent_id: str
    call_id: str
    tool: str
    arguments: str
    """JSON, as the tool would be given it."""
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """The call may run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """The call may not run; the model is told the note."""

    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """Nobody has decided, and nobody is waited for: the work pauses."""


Decision: TypeAlias = Approved | Denied | Undecided


class Waiting:
    """How long a piece of work has waited for people: that is no time of its own. `clock` gives seconds.

    What an agent waits that was asked for help, the asking one waits too: `asker` is its meter and its call.
    """

    def __init__(self, clock: Callable[[], float], asker: "tuple[Waiting, str] | None" = None) -> None:
        self._clock, self._asker = clock, asker
        self._since, self._waited_s = 0.0, 0.0
        self.calls: set[str] = set()
        """The calls that wait now."""

    @property
    def waited_s(self) -> float:
        return self._waited_s + (self._clock() - self._since if self.calls else 0.0)

    def enter(self, call_id: str) -> None:
        if not self.calls:
            self._since = self._clock()
            if self._asker is not None:
                self._asker[0].enter(self._asker[1])
        self.calls.add(call_id)

    def leave(self, call_id: str) -> None:
        self.calls.discard(call_id)
        if not self.calls:
            self._waited_s += self._clock() - self._since
            if self._asker is not None:
                self._asker[0].leave(self._asker[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What one agent asks another to do. `name` is its own in the run, and the same when the run goes on.

    `max_cost_usd` is what all errands of a round may cost together, `fund` the account that they share.
    """

    agent: Agent
    name: str
    text: str
    max_cost_usd: Decimal | None
    fund: str
    max_seconds: float
    waiting: Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Who is there. `attended`: a person answers while the work is under way."""

    piece: str
    confirm: Callable[[Tool], bool]
    ask_person: Callable[[ToolCall], Awaitable[Decision]]
    ask_agent: Callable[[Errand], Awaitable[WorkResult]]
    attended: bool = False
