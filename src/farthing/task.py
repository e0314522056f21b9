"""The words of one task: what a caller asks for and what a model answers.

Values only. Nothing here decides, reads a clock or knows a wire format; `upstream/wire.py` turns
these into OpenRouter's JSON and back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal, cast, get_args

import msgspec
from msgspec import structs

from farthing.errors import InvalidTaskError, nearest

TaskType = Literal["coding", "analysis", "general", "structured", "simple"]
Complexity = Literal["low", "medium", "high"]
Role = Literal["system", "user", "assistant", "tool"]
Priority = Literal["high", "normal", "low"]
Purpose = Literal[
    "task",
    "tool_step",
    "synthesis",
    "judge",
    "repair",
    "continuation",
    "hedge",
    "summary",
    "recheck",
    "rewrite",
]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]

TASK_TYPES: tuple[TaskType, ...] = get_args(TaskType)
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
COMPLEXITIES: tuple[Complexity, ...] = get_args(Complexity)

LONGEST_SESSION_ID = 256
"""OpenRouter's bound."""

ContentPart = Mapping[str, object]
"""One part of a multimodal message in the chat completions shape, `{"type": "image_url", …}`."""


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A call a model asked for. `arguments` is the JSON text the model wrote, unparsed."""

    id: str
    name: str
    arguments: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of a conversation, in the chat completions sense."""

    role: Role
    content: str | tuple[ContentPart, ...] | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    pinned: bool = False
    """Kept word for word whatever is left out of a conversation; not sent."""

    @property
    def text(self) -> str:
        """The text of the message; image and file parts are left out."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(
            str(part.get("text", "")) for part in self.content or () if part.get("type") == "text"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function a model may call. `parameters` is its JSON Schema; `run` is None for a bare schema."""

    name: str
    description: str
    parameters: Mapping[str, object]
    run: Callable[..., object] | None = field(default=None, compare=False)
    effects: bool = False
    """Whether a call changes something outside: it may have to be approved first, and is not repeated."""
    source: str = ""
    """Where it comes from: `mcp:SERVER`, `built-in`, `MODULE:FUNCTION`, or nothing for a function of code."""


class StepKey(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where the answer to a model call of a run is journalled: the run, the piece of work, the step in it."""

    run_id: str
    piece: str
    number: int
    epoch: int = 0
    """The epoch that has claimed the piece: another one writes nothing of it. 0 where nobody claims."""


class Usage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Tokens of one exchange. Cached, cache-write and reasoning tokens are parts of input and output."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
        )


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """A model's whole answer, as it came. `cost_literal` is the bill in the provider's own digits."""

    generation_id: str | None
    model: str
    provider: str | None
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason
    usage: Usage | None = None
    cost: Decimal | None = None
    cost_literal: str | None = None


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One unit of work for one model.

    `description` alone is the user message; beside `messages` it names the task and is not sent.
    `options` (temperature, seed, reasoning, …) pass through to the provider untouched.
    `max_cost_usd` is a hard limit on what all attempts of this task may cost together.
    """

    description: str = ""
    messages: tuple[Message, ...] = ()
    type: TaskType | None = None
    complexity: Complexity | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: object = None
    response_format: Mapping[str, object] | None = None
    output_type: object = None
    """A pydantic model or a dataclass, in place of `response_format`: `result.data` is a value of it."""
    max_tokens: int | None = None
    max_cost_usd: Decimal | None = None
    limits: tuple[tuple[str, Decimal], ...] = ()
    """Hard limits of the scopes around the task, as (`swarm:ID` or `agent:ID`, US dollars)."""
    model: str | None = None
    """Skips routing by type: this model first, the profile's fallback after it."""
    key: str | None = None
    """The virtual key or tenant that is charged: `budget.limits` may limit it, reports tell it apart."""
    tags: tuple[str, ...] = ()
    """Words to group reports by; not sent."""
    metadata: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    """Facts that are kept with each call in the ledger; not sent."""
    session_id: str | None = None
    """Names the conversation, in at most 256 characters that identify nobody: sent, so that one provider
    serves it and its prompt cache stays warm. Agents of a swarm have one of their own."""
    timeout_s: float | None = None
    """Seconds for the whole task, retries and waits included; None is `upstream.totalTimeout`."""
    priority: Priority = "normal"
    """Who goes first where tasks wait for their turn."""
    deadline: datetime | None = None
    """An aware time by which the answer must be there: until then it may wait for cheaper hours or tiers."""
    cache: bool = True
    """Whether an earlier answer to the same task may be given, where caching is on; False asks anew."""
    options: Mapping[str, object] = msgspec.field(default_factory=dict[str, object])
    purpose: Purpose = "task"
    run_id: str | None = None
    agent_id: str | None = None
    role: str | None = None
    step: StepKey | None = None
    """Where its answer is journalled, in the transaction that settles it; None for what need not last."""

    @property
    def conversation(self) -> tuple[Message, ...]:
        """What is sent: `messages`, or the description as one user message."""
        return self.messages or (Message(role="user", content=self.description),)

    @property
    def wants_json(self) -> bool:
        """Whether the answer must be JSON: a format was asked for, and it is not plain text."""
        return self.response_format is not None and self.response_format.get("type") != "text"

    @property
    def title(self) -> str:
        """A short name for logs and tables."""
        words = self.description or next((m.text for m in self.messages if m.role == "user"), "")
        line = " ".join(words[:160].split())  # a long prompt's end is not looked at
        return line if len(line) <= 80 else line[:79] + "…"

    def __post_init__(self) -> None:
        if not self.description.strip() and not self.messages:
            raise InvalidTaskError("a task needs a description or messages, and has neither")
        _check_word("type", self.type, TASK_TYPES)
        _check_word("complexity", self.complexity, COMPLEXITIES)
        if self.priority != "normal":
            _check_word("priority", self.priority, PRIORITIES)
        if self.max_tokens is not None and self.max_tokens < 1:
            raise InvalidTaskError(f"max_tokens is {self.max_tokens}; give at least 1")
        if self.timeout_s is not None and not self.timeout_s > 0:
            raise InvalidTaskError(f"timeout_s is {self.timeout_s}; give more than 0")
        if self.deadline is not None and not _has_zone(self.deadline):
            raise InvalidTaskError(f"deadline {self.deadline} has no time zone; give an aware datetime")
        if self.max_cost_usd is not None:
            _check_cost(self.max_cost_usd)
        if self.session_id is not None:
            _check_label("session_id", self.session_id, most=LONGEST_SESSION_ID)
        if self.key is not None or self.tags or self.metadata:
            _check_labels(self)


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the tasks of a swarm are charged to, and what they are grouped by: see `Task`."""

    key: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        _check_labels(self)


def labelled(task: Task, labels: Labels) -> Task:
    """The task with further labels; its own key and metadata win."""
    return structs.replace(
        task,
        key=task.key or labels.key,
        tags=tuple(dict.fromkeys([*task.tags, *labels.tags])),
        metadata={**labels.metadata, **task.metadata},
    )


def message_from(raw: Message | Mapping[str, object], *, position: int = 0) -> Message:
    """A `Message` from the chat completions shape. Raises `InvalidTaskError` naming the faulty key."""
    if isinstance(raw, Message):
        return raw
    where = f"messages[{position}]"
    role = raw.get("role")
    if role == "developer":
        role = "system"
    _check_word(f"{where}.role", role, get_args(Role))
    if role is None:
        raise InvalidTaskError(f"{where} has no role; give one of {', '.join(get_args(Role))}")
    content = raw.get("content")
    if isinstance(content, Sequence) and not isinstance(content, str):
        content = tuple(cast("Sequence[ContentPart]", content))
    elif content is not None and not isinstance(content, str):
        raise InvalidTaskError(f"{where}.content is {type(content).__name__}; give text or a list of parts")
    calls = cast("Sequence[Mapping[str, object]]", raw.get("tool_calls") or ())
    return Message(
        role=cast("Role", role),
        content=content,
        tool_calls=tuple(_tool_call_from(call) for call in calls),
        tool_call_id=cast("str | None", raw.get("tool_call_id")),
        name=cast("str | None", raw.get("name")),
        pinned=raw.get("pinned") is True,
    )


def _tool_call_from(raw: Mapping[str, object]) -> ToolCall:
    function = cast("Mapping[str, object]", raw.get("function") or raw)
    return ToolCall(
        id=str(raw.get("id", "")),
        name=str(function.get("name", "")),
        arguments=str(function.get("arguments", "")),
    )


def _has_zone(moment: object) -> bool:
    return isinstance(moment, datetime) and moment.utcoffset() is not None


def _check_labels(task: Task | Labels) -> None:
    """They become columns and names of limits: short, printable, few."""
    if task.key is not None:
        _check_label("key", task.key, most=60)
    for name, labels in (("tags", task.tags), ("metadata", task.metadata)):
        if isinstance(labels, str):
            raise InvalidTaskError(f"{name} is the text {labels!r}; give a list of them")
        if len(labels) > 16:
            raise InvalidTaskError(f"{name} has {len(labels)} entries; give at most 16")
        for label in labels:
            _check_label(f"{name} {label!r}", label, most=60)
    for name, value in task.metadata.items():
        _check_label(f"metadata {name!r}", value, most=200)


def _check_cost(cost: object) -> None:
    if not isinstance(cost, Decimal):
        raise InvalidTaskError(f"max_cost_usd is {cost!r}; give a Decimal")
    if cost < 0:
        raise InvalidTaskError(f"max_cost_usd is {cost}; give 0 or more")


def _check_label(where: str, value: object, *, most: int) -> None:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value.strip()) <= most:
        raise InvalidTaskError(f"{where} is {value!r}; give 1 to {most} printable characters")


def _check_word(key: str, value: object, known: Sequence[str]) -> None:
    if value is None or value in known:
        return
    raise InvalidTaskError(
        f"{key} is {value!r}; nearest is {nearest(str(value), known)!r} of {', '.join(known)}"
    )
