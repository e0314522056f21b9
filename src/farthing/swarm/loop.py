"""The agent loop: what happens next between a model that may call tools and the tools it calls.

Decides whether to ask the model, run tools, finish or stop, under caps on steps, depth, fan-out, time and
money. Asking and running are `toolrun.py`'s; nothing here waits or reads a clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, TypeAlias

from msgspec import structs

from farthing.config.schema import Swarm as SwarmSettings
from farthing.swarm.arguments import canonical
from farthing.swarm.calls import CheckedCall, ReadyCall, RefusedCall, Toolbox, check_call
from farthing.swarm.repeats import (
    REMEMBERED,
    Happened,
    Round,
    Trouble,
    digest_of,
    faults_of,
    noticed,
    round_of,
)
from farthing.swarm.roster import HandOff
from farthing.task import Message, Tool, ToolCall

CapReason = Literal["steps", "depth", "time", "money", "loop"]
"""`loop`: the agent went in circles, was told so, and went on."""

TOOL_TIMEOUT_S = 60.0
_MOST_NOTES = 2
"""So often an agent is told that it goes in circles; the next circle ends it."""
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopCaps:
    """The caps of one loop. Times are seconds, money is dollars; depth 1 is a loop outside any tool.

    `max_steps` model calls in all, the final answer included. After `max_seconds` no tool is run, but one
    final answer is asked; the upstream's own deadlines bound it. `max_cost_usd` None takes the task's.
    Each role that work is handed over to has `max_steps` of its own; time and money are the whole piece's.
    """

    max_steps: int = 8
    max_depth: int = 3
    max_fan_out: int = 16
    max_seconds: float = 600.0
    max_cost_usd: Decimal | None = None
    max_hand_offs: int = 3
    tool_timeout_s: float = TOOL_TIMEOUT_S


def caps_from(settings: SwarmSettings) -> LoopCaps:
    """The caps that a configuration sets."""
    return LoopCaps(
        max_steps=settings.max_steps,
        max_depth=settings.max_depth,
        max_fan_out=settings.max_fan_out,
        max_seconds=settings.max_seconds,
        max_hand_offs=settings.max_hand_offs,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopState:
    """Where a loop stands. `conversation` is what the next model call would send.

    `pending` are the tool calls of the last answer that have no result yet; `answered` is True while that
    answer has not been acted on; `text` is the last text that the model gave.
    """

    conversation: tuple[Message, ...]
    steps: int = 0
    spent_usd: Decimal = _ZERO
    dearest_usd: Decimal = _ZERO
    answered: bool = False
    pending: tuple[ToolCall, ...] = ()
    closing: CapReason | None = None
    """The cap for which the final answer has been asked."""
    text: str = ""
    used: frozenset[str] = frozenset()
    """The ids of all calls so far."""
    rounds: tuple[Round, ...] = ()
    """The last rounds of tools, in which circles are looked for."""
    trouble: Trouble | None = None
    """The circle in which the last round went, if it did; `stuck`: it goes on although the model was told."""
    stuck: bool = False
    notes: int = 0
    handed: HandOff | None = None
    """Whom the last round handed the work over to."""
    hand_offs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AskModel:
    """Ask the model. `closing` is set when this is the final answer: it may use no tool.

    The tools are told all the same, where earlier steps had them: without them the prompt would begin
    differently, and what providers have cached of it would be lost on its longest step.
    """

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...]
    first: bool
    closing: CapReason | None
    max_cost_usd: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTools:
    """Run these calls side by side and give all their results back with `with_results`."""

    calls: tuple[CheckedCall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """Let another role go on: give the state of its conversation back with `handed_over`."""

    to: HandOff


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The last answer stands. It has tool calls only when the caller has to run them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A cap was reached and no final answer can be had; what there is has to do."""

    reason: CapReason
    text: str


Move: TypeAlias = AskModel | RunTools | HandOver | Finish | Stopped


def next_move(state: LoopState, box: Toolbox, caps: LoopCaps, *, elapsed_s: float, depth: int) -> Move:
    """What to do now. `elapsed_s` is the loop's age; `depth` counts the enclosing loops and this one."""
    if state.answered:
        return _after_answer(state, box, caps, elapsed_s)
    if state.handed is not None:
        return HandOver(to=state.handed)
    if depth > caps.max_depth:
        return Stopped(
            reason="depth", text=f"tools that ask models are nested {depth} deep; the cap is {caps.max_depth}"
        )
    cost_cap = caps.max_cost_usd
    # A cap of $0 with nothing spent goes on: free models work under it.
    if cost_cap is not None and state.spent_usd > 0 and state.spent_usd >= cost_cap:
        return Stopped(reason="money", text=_closing_text("money", caps))
    if state.steps >= caps.max_steps:
        return Stopped(reason="steps", text=_closing_text("steps", caps))
    return _ask(state, box, caps, _closing_reason(state, caps, elapsed_s))


def with_answer(
    state: LoopState, *, text: str, calls: Sequence[ToolCall], cost_usd: Decimal, closing: CapReason | None
) -> LoopState:
    """The state after a model's answer. Calls without an id, or with one used before, get one of ours."""
    named = _identified(calls, state)
    message = Message(role="assistant", content=text or None, tool_calls=named)
    return replace(
        state,
        conversation=(*state.conversation, message),
        steps=state.steps + 1,
        spent_usd=state.spent_usd + cost_usd,
        dearest_usd=max(state.dearest_usd, cost_usd),
        answered=True,
        pending=named,
        used=state.used | {call.id for call in named},
        closing=closing,
        text=text or state.text,
    )


def with_results(
    state: LoopState, texts: Sequence[str], calls: Sequence[CheckedCall], *, cost_usd: Decimal = _ZERO
) -> LoopState:
    """The state after the pending calls ran; `texts` are their results in the order of the calls.

    `cost_usd` is what agents spent that were asked by them.

    The conversation has the arguments that were run: JSON that no provider refuses. An agent that goes in
    circles is told so in it.
    """
    results = tuple(
        Message(role="tool", content=text, tool_call_id=one.call.id, name=one.call.name)
        for one, text in zip(calls, texts, strict=True)
    )
    asked = structs.replace(state.conversation[-1], tool_calls=tuple(one.call for one in calls))
    happened = [_happened(one, text) for one, text in zip(calls, texts, strict=True)]
    rounds = (*state.rounds, round_of(happened, text=asked.text))[-REMEMBERED:]
    runs = (one.tool.run for one in calls if isinstance(one, ReadyCall))
    handed = next((run for run in runs if isinstance(run, HandOff)), None)
    trouble = None if handed is not None else noticed(rounds)
    goes_on = trouble is not None and (state.trouble is not None or state.notes >= _MOST_NOTES)
    told = () if trouble is None or goes_on else (Message(role="user", content=trouble.text),)
    return replace(
        state,
        conversation=(*state.conversation[:-1], asked, *results, *told),
        spent_usd=state.spent_usd + cost_usd,
        answered=False,
        pending=(),
        rounds=rounds,
        trouble=trouble,
        stuck=goes_on,
        notes=state.notes + len(told),
        handed=handed,
    )


def heeded(state: LoopState) -> LoopState:
    """The state of a loop that goes in circles and may go on all the same: they are forgotten."""
    return replace(state, rounds=(), trouble=None, stuck=False, notes=0)


def handed_over(state: LoopState, conversation: tuple[Message, ...]) -> LoopState:
    """The state in which the other role begins: its steps are its own, time and money go on."""
    return LoopState(
        conversation=conversation,
        spent_usd=state.spent_usd,
        dearest_usd=state.dearest_usd,
        text=state.text,
        used=state.used,
        hand_offs=state.hand_offs + 1,
    )


def _happened(checked: CheckedCall, text: str) -> Happened:
    call = checked.call
    faulty = isinstance(checked, RefusedCall) and checked.faulty
    return Happened(call.name, canonical(call.arguments), digest_of(text), faulty)


def _after_answer(state: LoopState, box: Toolbox, caps: LoopCaps, elapsed_s: float) -> Move:
    if not state.pending:
        return Finish()
    if state.closing is not None:
        if state.text:
            return Finish()
        return Stopped(reason=state.closing, text=_closing_text(state.closing, caps))
    named = (box.named(call.name) for call in state.pending)
    if any(tool is not None and tool.run is None for tool in named):
        return Finish()  # a bare schema: the caller runs it, and with it the calls beside it
    if elapsed_s >= caps.max_seconds:
        why = "error: not run, the time for tools is over"
        return RunTools(calls=tuple(RefusedCall(call=call, text=why) for call in state.pending))
    checked = _checked(state, box, caps)
    why = f"error: not run, at most {caps.max_fan_out} calls are run for one answer; ask for it again"
    surplus = [RefusedCall(call=call, text=why) for call in state.pending[caps.max_fan_out :]]
    return RunTools(calls=(*checked, *surplus))


def _checked(state: LoopState, box: Toolbox, caps: LoopCaps) -> list[CheckedCall]:
    """The calls of the last answer that fan-out allows. One of them at most hands the work over."""
    checked: list[CheckedCall] = []
    may_hand_off = state.hand_offs < caps.max_hand_offs
    for call in state.pending[: caps.max_fan_out]:
        one = check_call(call, box, faults=faults_of(state.rounds, call.name))
        if isinstance(one, ReadyCall) and isinstance(one.tool.run, HandOff):
            if not may_hand_off:
                why = f"error: not handed over: at most {caps.max_hand_offs} times, and once in an answer"
                one = RefusedCall(call=one.call, text=why)
            may_hand_off = False
        checked.append(one)
    return checked


def _ask(state: LoopState, box: Toolbox, caps: LoopCaps, closing: CapReason | None) -> AskModel:
    messages = state.conversation
    if closing is not None:
        note = f"{_closing_text(closing, caps)} Answer now, without tools, with what you have."
        messages = (*messages, Message(role="user", content=note))
    return AskModel(
        messages=messages,
        tools=() if closing is not None and state.steps == 0 else box.tools,
        first=state.steps == 0,
        closing=closing,
        max_cost_usd=None if caps.max_cost_usd is None else max(_ZERO, caps.max_cost_usd - state.spent_usd),
    )


def _closing_reason(state: LoopState, caps: LoopCaps, elapsed_s: float) -> CapReason | None:
    """The cap that makes the next answer the final one, if any."""
    if state.stuck:
        return "loop"
    if state.steps + 1 >= caps.max_steps:
        return "steps"
    if elapsed_s >= caps.max_seconds:
        return "time"
    cost_cap = caps.max_cost_usd
    # Steps grow dearer with the conversation: end while the final answer can still be paid.
    if cost_cap is not None and state.steps and cost_cap - state.spent_usd < 2 * state.dearest_usd:
        return "money"
    return None


def _closing_text(reason: CapReason, caps: LoopCaps) -> str:
    match reason:
        case "steps":
            return f"The cap of {caps.max_steps} model calls is reached."
        case "depth":
            return f"The cap of {caps.max_depth} nested loops is reached."
        case "time":
            return f"The cap of {caps.max_seconds:g} seconds is reached."
        case "money":
            return f"The cap of ${caps.max_cost_usd} is nearly or wholly spent."
        case "loop":
            return "You go in circles, and were told so."


def _identified(calls: Sequence[ToolCall], state: LoopState) -> tuple[ToolCall, ...]:
    used = {*state.used, *(call.id for message in state.conversation for call in message.tool_calls)}
    named: list[ToolCall] = []
    for position, call in enumerate(calls, start=1):
        fresh = (
            call
            if call.id and call.id not in used
            else structs.replace(call, id=f"step{state.steps + 1}_{position}")
        )
        used.add(fresh.id)
        named.append(fresh)
    return tuple(named)
