"""A swarm at work, shown as it happens: a live table on a terminal, plain lines where output is piped.

Reads events and draws; starts and decides nothing. Costs shown while a run is under way are those of attempts
that were seen to end; the ledger's, shown afterwards, are the final ones.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import assert_never

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from farthing.cli.work.approvals import Asking
from farthing.cli.work.interrupt import stop_on_interrupt
from farthing.cli.work.show import SIMULATED, plain, table, usd
from farthing.cli.work.tables import short
from farthing.errors import SwarmError, SwarmPausedError
from farthing.result import (
    AttemptFinished,
    AttemptStarted,
    Restarted,
    Routed,
    TaskEvent,
    TaskFinished,
    TokenReceived,
    Waiting,
)
from farthing.swarm.agent import SYNTHESIS
from farthing.swarm.events import (
    AgentFailed,
    AgentFinished,
    AgentProgress,
    AgentStarted,
    ApprovalAsked,
    ApprovalGiven,
    CapabilityWithoutTool,
    CapReached,
    HandedOff,
    LoopNoticed,
    StageStarted,
    SwarmEvent,
    SwarmFinished,
    SwarmStarted,
    SynthesisStarted,
    ToolRan,
)
from farthing.swarm.results import SwarmResult, WorkResult
from farthing.swarm.run import Swarm

_REDRAWS_PER_SECOND = 8
_WIDE = 120
_STYLES = {
    "waiting": "dim",
    "done": "green",
    "failed": "red",
    "paused": "yellow",
    "waits for a person": "yellow",
}


@dataclass(slots=True, kw_only=True)
class AgentLine:
    """What is known of one agent just now."""

    agent_id: str
    stage: int
    part: str
    model: str = ""
    why: str = ""
    state: str = "waiting"
    met: list[str] = field(default_factory=list[str])
    """What its failed attempts met."""
    cost: Decimal = Decimal(0)
    earlier_usd: Decimal = Decimal(0)
    """What its pieces before this one have cost."""
    began: float | None = None
    took_s: float | None = None
    counted: bool = False
    """Its cost is in that of the agent that asked it."""


class Board:
    """The state of a run, moved by its events. `clock` gives seconds."""

    def __init__(
        self, *, simulated: bool, wide: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`wide`: there is room to show each agent's part of the work."""
        self._simulated, self._wide = simulated, wide
        self._clock = clock
        self._goal = ""
        self._stopping = False
        self._began = clock()
        self._lines: dict[str, AgentLine] = {}

    def stopping(self) -> None:
        """Ctrl-C was pressed: calls on the wire are being closed and settled."""
        self._stopping = True

    def apply(self, event: SwarmEvent) -> str | None:
        """Takes one event in; returns the line that says it where there is no live table."""
        match event:
            case SwarmStarted():
                return self._start(event)
            case AgentStarted():
                self._begin(event)
                return event.asked_by and f"  {event.asked_by} asks {event.agent_id}: {event.title}"
            case AgentProgress(agent_id=agent_id, event=inner):
                return self._progress(self._lines[agent_id], inner)
            case AgentFinished(work=work) | AgentFailed(work=work):
                return self._end(self._lines[work.agent_id], work)
            case ApprovalAsked(approval=asked):
                self._lines[asked.agent_id].state = "waits for a person"
                command = f"farthing swarm approve {asked.run_id} {asked.call_id}"
                return f"  {asked.agent_id}: {asked.tool} waits for approval; {command}, or deny"
            case ApprovalGiven(approval=asked):
                self._lines[asked.agent_id].state = word = "approved" if event.approved else "denied"
                return f"  {asked.agent_id}: {asked.tool} was {word}" + (event.note and f": {event.note}")
            case _:
                return _said(event)

    def table(self) -> RenderableType:
        """The state as a table."""
        now = self._clock()
        rows = [self._row(line, now) for line in self._lines.values()]
        spent = sum((line.cost for line in self._lines.values() if not line.counted), Decimal(0))
        head = Text(plain(self._goal), style="bold", no_wrap=True, overflow="ellipsis")
        foot = f"{now - self._began:.0f} s · {usd(spent)} so far"
        if self._simulated:
            foot += f" · {SIMULATED}"
        if self._stopping:
            foot += " · stopping: calls on the wire are being settled"
        columns = ["agent", "model", "state", "cost", "why", "part"]
        if not self._wide:
            columns, rows = columns[:-1], [row[:-1] for row in rows]
        drawn = table(columns, rows, right=["cost"], cut=["why", "part"])
        return Group(head, drawn, Text(foot, style="dim"))

    def _start(self, event: SwarmStarted) -> str:
        self._goal = event.goal
        for agent in event.agents:
            self._lines[agent.id] = AgentLine(agent_id=agent.id, stage=agent.stage, part=agent.part)
        if event.pattern == "stages":
            last = max((agent.stage for agent in event.agents), default=0) + 1
            part = "one answer from all results"
            self._lines[SYNTHESIS] = AgentLine(agent_id=SYNTHESIS, stage=last, part=part)
        return f"{event.run_id}: {len(event.agents)} agents, goal: {event.goal}"

    def _begin(self, event: AgentStarted) -> None:
        known = AgentLine(agent_id=event.agent_id, stage=event.stage, part=event.title)
        line = self._lines.setdefault(event.agent_id, known)
        line.state, line.began, line.took_s = "starting", self._clock(), None
        line.part, line.earlier_usd = event.title.removeprefix(f"{event.role}: "), line.cost

    def _progress(self, line: AgentLine, event: TaskEvent) -> str | None:
        match event:
            case Routed(route=route):
                first = route.candidates[0]
                line.model, line.why, line.state = first.model, first.reason, "routed"
                return f"  {line.agent_id}: {line.part} → {first.model}: {first.reason}"
            case AttemptStarted(model=model):
                if model != line.model:
                    line.model, line.why = model, f"after {line.met[-1]}" if line.met else line.why
                line.state = "asking"
                return None
            case AttemptFinished(attempt=attempt):
                line.cost += attempt.cost
                if attempt.status == "accepted":
                    line.state = "answered"
                    return None
                line.met.append(attempt.reason)
                line.state = "next"
                return f"  {line.agent_id}: {attempt.reason} on {attempt.model}; going on"
            case Waiting(seconds=seconds):
                line.state = f"waits {seconds:.1f} s"
                return f"  {line.agent_id}: waits {seconds:.1f} s, {event.reason}"
            case TokenReceived() | Restarted() | TaskFinished():
                return None
            case _:
                assert_never(event)

    def _end(self, line: AgentLine, work: WorkResult) -> str:
        line.took_s = None if line.began is None else self._clock() - line.began
        line.cost = line.earlier_usd + work.cost
        for agent_id, other in self._lines.items():
            other.counted = other.counted or agent_id.startswith(f"{line.agent_id}/")
        if isinstance(work.error, SwarmPausedError):
            line.state = "paused"
            return f"  {line.agent_id}: {work.error.message}"
        if work.result is None:
            line.state = "failed"
            said = work.error.message if work.error else ""
            return f"  {line.agent_id}: failed: {said}"
        line.state = "done"
        line.model = work.result.model
        return f"  {line.agent_id}: done by {line.model}, {usd(work.cost)} {work.cost_basis}"

    def _row(self, line: AgentLine, now: float) -> list[str | Text]:
        seconds = line.took_s if line.took_s is not None else None if line.began is None else now - line.began
        state = line.state + (f" {seconds:.1f} s" if seconds is not None else "")
        return [
            line.agent_id,
            short(line.model),
            Text(plain(state), style=_STYLES.get(line.state, "cyan")),
            usd(line.cost) if line.cost else "",
            line.why,
            line.part,
        ]


def _said(
    event: StageStarted
    | SynthesisStarted
    | ToolRan
    | CapReached
    | LoopNoticed
    | HandedOff
    | CapabilityWithoutTool
    | SwarmFinished,
) -> str | None:
    """Events that move no agent's line."""
    match event:
        case StageStarted(number=number, stages=stages, agent_ids=ids, title=title):
            return f"{title or f'stage {number} of {stages}'}: {', '.join(ids)}"
        case SynthesisStarted(pieces=pieces):
            return f"synthesis of {pieces} results"
        case ToolRan():
            mended = f" ({'; '.join(event.repairs)})" if event.repairs else ""
            return f"  {event.agent_id}: tool {event.name} {'ran' if event.ok else 'failed'}{mended}"
        case CapReached():
            return f"  {event.agent_id}: cap on {event.reason} reached; {event.text}"
        case LoopNoticed():
            return f"  {event.agent_id}: goes in circles ({event.kind}){', and goes on' * event.goes_on}"
        case HandedOff():
            return f"  {event.agent_id}: the {event.from_role} hands over to the {event.to_role}"
        case CapabilityWithoutTool():
            return f"note: {event.text}"
        case SwarmFinished():
            return None
        case _:
            assert_never(event)


async def watch(
    swarm: Swarm, goal: str, *, out: Console, simulated: bool, asking: Asking | None = None
) -> SwarmResult:
    """Runs the goal and shows it on `out`. Ctrl-C ends the run, whose result then says so."""
    board = Board(simulated=simulated, wide=out.width >= _WIDE)

    def stop() -> None:
        board.stopping()
        swarm.cancel()

    with stop_on_interrupt(stop):
        if not out.is_terminal:
            return await _follow(swarm, goal, board, lambda line: out.print(plain(line), soft_wrap=True))
        with Live(
            get_renderable=board.table, console=out, refresh_per_second=_REDRAWS_PER_SECOND, transient=True
        ) as live:
            if asking is not None:
                asking.live = live
            return await _follow(swarm, goal, board, lambda _: None)


async def _follow(swarm: Swarm, goal: str, board: Board, tell: Callable[[str], None]) -> SwarmResult:
    result: SwarmResult | None = None
    async for event in swarm.stream(goal):
        line = board.apply(event)
        if line is not None:
            tell(line)
        if isinstance(event, SwarmFinished):
            result = event.result
    if result is None:
        raise SwarmError("the run ended without a result")
    return result
