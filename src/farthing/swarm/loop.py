"""The agent loop: what happens next between a model that may call tools and the tools it calls.

Decides whether to ask the model, run tools, finish or stop, under caps on steps, depth, fan-out, time and
money. Asking and running are `toolrun.py`'s; nothing here waits or reads a clock.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, Never, TypeAlias

import msgspec
from jsonschema_rs import Draft202012Validator, ReferencingError, ValidationError
from msgspec import structs

from farthing.config.schema import Swarm as SwarmSettings
from farthing.errors import InvalidTaskError, nearest
from farthing.swarm.offering import SEARCH, Offering
from farthing.task import Message, Tool, ToolCall

CapReason = Literal["steps", "depth", "time", "money"]

TOOL_TIMEOUT_S = 60.0
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHOWN_FAULTS = 5
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopCaps:
    """The caps of one loop. Times are seconds, money is dollars; depth 1 is a loop outside any tool.

    `max_steps` model calls in all, the final answer included. After `max_seconds` no tool is run, but one
    final answer is asked; the upstream's own deadlines bound it. `max_cost_usd` None takes the task's.
    """

    max_steps: int = 8
    max_depth: int = 3
    max_fan_out: int = 16
    max_seconds: float = 600.0
    max_cost_usd: Decimal | None = None
    tool_timeout_s: float = TOOL_TIMEOUT_S


def caps_from(settings: SwarmSettings) -> LoopCaps:
    """The caps that a configuration sets."""
    return LoopCaps(
        max_steps=settings.max_steps,
        max_depth=settings.max_depth,
        max_fan_out=settings.max_fan_out,
        max_seconds=settings.max_seconds,
    )


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools that may be called, each with the compiled check of its arguments. Made by `toolbox`.

    With an `offering`, a model is told some of them at a time, and may call any.
    """

    tools: tuple[Tool, ...]
    checks: Mapping[str, Draft202012Validator]
    offering: Offering | None = None

    def offered(self, conversation: Sequence[Message]) -> tuple[Tool, ...]:
        """Those that a model is told after this conversation."""
        return self.tools if self.offering is None else self.offering.told(conversation)

    def named(self, name: str) -> Tool | None:
        return next((tool for tool in self.tools if tool.name == name), None)


def toolbox(tools: Sequence[Tool]) -> Toolbox:
    """Checks names and schemas. Raises `InvalidTaskError` for a bad or repeated one."""
    checks: dict[str, Draft202012Validator] = {}
    for tool in tools:
        if tool.name in checks:
            raise InvalidTaskError(f"two tools are named {tool.name!r}; a name may be given once")
        checks[tool.name] = compiled(tool)
    return Toolbox(tuple(tools), checks)


def compiled(tool: Tool) -> Draft202012Validator:
    """The compiled schema of a tool. Raises `InvalidTaskError` when its name or schema cannot be used."""
    if not _NAME.fullmatch(tool.name):
        raise InvalidTaskError(
            f"a tool is named {tool.name!r}; names are 1 to 64 letters, digits, '_' and '-'"
        )
    try:
        return Draft202012Validator(dict(tool.parameters), retriever=_refuse)
    except (ValidationError, ReferencingError, ValueError) as error:
        fault = str(error).partition("\n")[0]
        raise InvalidTaskError(
            f"the parameters of tool {tool.name!r} are no usable schema: {fault}"
        ) from None


def _refuse(uri: str) -> Never:
    # The library would fetch a remote reference by itself: a schema is data and must not reach the network.
    raise ValueError(f"the schema refers to {uri}, which is outside of it")


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
class ReadyCall:
    """A call that may run: its tool exists and its arguments fit."""

    call: ToolCall
    tool: Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCall:
    """A call that does not run; the model is shown `text` in place of a result."""

    call: ToolCall
    text: str


CheckedCall: TypeAlias = ReadyCall | RefusedCall


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTools:
    """Run these calls side by side and give all their results back with `with_results`."""

    calls: tuple[CheckedCall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The last answer stands. It has tool calls only when the caller has to run them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A cap was reached and no final answer can be had; what there is has to do."""

    reason: CapReason
    text: str


Move: TypeAlias = AskModel | RunTools | Finish | Stopped


def next_move(state: LoopState, box: Toolbox, caps: LoopCaps, *, elapsed_s: float, depth: int) -> Move:
    """What to do now. `elapsed_s` is the loop's age; `depth` counts the enclosing loops and this one."""
    if state.answered:
        return _after_answer(state, box, caps, elapsed_s)
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
        closing=closing,
        text=text or state.text,
    )


def with_results(state: LoopState, texts: Sequence[str]) -> LoopState:
    """The state after the pending calls ran; `texts` are their results in the order of the calls."""
    results = tuple(
        Message(role="tool", content=text, tool_call_id=call.id, name=call.name)
        for call, text in zip(state.pending, texts, strict=True)
    )
    return replace(state, conversation=(*state.conversation, *results), answered=False, pending=())


def check_call(call: ToolCall, box: Toolbox) -> CheckedCall:
    """Whether the tool exists and the arguments are an object that fits its schema."""
    tool = box.named(call.name)
    if tool is None:
        names = [offered.name for offered in box.tools]
        close = nearest(call.name, names)
        meant = f"; did you mean {close!r}?" if close else ""
        there = f"Tools: {', '.join(names)}" if box.offering is None else f"{SEARCH} finds others"
        text = f"there is no tool {call.name!r}{meant} {there}"
        return RefusedCall(call=call, text=f"error: {text}")
    fault = _argument_fault(call, box.checks[tool.name])
    if fault:
        return RefusedCall(call=call, text=f"error: {fault}; correct the arguments and call again")
    return ReadyCall(call=call, tool=tool)


def parse_arguments(text: str) -> dict[str, object]:
    """The arguments a model wrote, as an object; no text means none. Raises `ValueError`."""
    if not text.strip():
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except msgspec.MsgspecError as error:
        raise ValueError(f"the arguments are no JSON object: {error}") from None


def _argument_fault(call: ToolCall, check: Draft202012Validator) -> str | None:
    try:
        arguments = parse_arguments(call.arguments)
    except ValueError as error:
        return str(error)
    faults = [
        f"{'.'.join(str(step) for step in error.instance_path) or 'arguments'}: {error.message}"
        for error, _ in zip(check.iter_errors(arguments), range(_SHOWN_FAULTS), strict=False)
    ]
    return "; ".join(faults) if faults else None


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
    checked = [check_call(call, box) for call in state.pending[: caps.max_fan_out]]
    why = f"error: not run, at most {caps.max_fan_out} calls are run for one answer; ask for it again"
    surplus = [RefusedCall(call=call, text=why) for call in state.pending[caps.max_fan_out :]]
    return RunTools(calls=(*checked, *surplus))


def _ask(state: LoopState, box: Toolbox, caps: LoopCaps, closing: CapReason | None) -> AskModel:
    messages = state.conversation
    if closing is not None:
        note = f"{_closing_text(closing, caps)} Answer now, without tools, with what you have."
        messages = (*messages, Message(role="user", content=note))
    return AskModel(
        messages=messages,
        tools=() if closing is not None and state.steps == 0 else box.offered(state.conversation),
        first=state.steps == 0,
        closing=closing,
        max_cost_usd=None if caps.max_cost_usd is None else max(_ZERO, caps.max_cost_usd - state.spent_usd),
    )


def _closing_reason(state: LoopState, caps: LoopCaps, elapsed_s: float) -> CapReason | None:
    """The cap that makes the next answer the final one, if any."""
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


def _identified(calls: Sequence[ToolCall], state: LoopState) -> tuple[ToolCall, ...]:
    used = {call.id for message in state.conversation for call in message.tool_calls}
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
