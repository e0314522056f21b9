"""A piece of work and how it ended, as JSON and back: what passes between processes through the database.

Decides what can pass at all. A tool passes as its name and where it comes from; whoever reads it finds it
there. A function that has no importable name cannot pass, and is refused before anything is sent.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import msgspec
from msgspec import structs

from farthing import errors
from farthing.errors import (
    BudgetExceededError,
    FarthingError,
    NoCandidateError,
    StreamBrokenError,
    SwarmError,
    TaskFailedError,
)
from farthing.result import Attempt, TaskResult
from farthing.swarm.loop import LoopCaps
from farthing.swarm.results import WorkResult
from farthing.swarm.resuming import PieceEnd, piece_end
from farthing.swarm.work import Piece
from farthing.task import Task, Tool

FindTool: TypeAlias = "Callable[[ToolForm, Task], Tool]"
"""The tool that is meant for a task's agent, with what runs it. Raises `SwarmError` where there is none."""


class ToolForm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool without what runs it. `source` as `Tool.source`; nothing for a bare schema."""

    name: str
    description: str
    parameters: dict[str, object]
    effects: bool = False
    source: str = ""


QUEUED = '{"queued":'
"""What a piece's body begins with that is there for workers; others are done by who conducts the run."""


class PieceForm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="queued", tag="1"):
    """A piece, its tools apart, and the caps of its loop."""

    name: str
    task: Task
    stage: int
    title: str
    tools: tuple[ToolForm, ...] = ()
    caps: LoopCaps = LoopCaps()


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    scope: str = ""
    period: str = ""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Which limit stood in the way, in another process."""

    key: _Key = _Key()
    text: str = ""

    def __str__(self) -> str:
        return self.text


class ErrorForm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A `FarthingError`, by the name of its class."""

    kind: str
    message: str
    hint: str | None = None
    refusal: Refusal | None = None
    received: str = ""
    attempts: tuple[Attempt, ...] = ()
    reasons: dict[str, str] = {}


class EndForm(PieceEnd, frozen=True, kw_only=True, omit_defaults=True):
    """How a piece ended, with what its journal has not at hand: its texts, its error, all its attempts."""

    result: TaskResult | None = None
    failure: ErrorForm | None = None
    tried: tuple[Attempt, ...] = ()


_PIECE = msgspec.json.Decoder(PieceForm)
_END = msgspec.json.Decoder(EndForm)


def write_piece(piece: Piece, caps: LoopCaps) -> str:
    """The JSON of a piece. Raises `SwarmError` for what only this process has."""
    task = piece.task
    tools = tuple(map(tool_form, task.tools))
    if task.output_type is not None:
        raise SwarmError(
            f"{piece.name}: an output_type is a class of this process and does not pass to another",
            hint="give response_format, the JSON Schema, and read result.data",
        )
    form = PieceForm(
        name=piece.name,
        task=structs.replace(task, tools=()),
        stage=piece.stage,
        title=piece.title,
        tools=tools,
        caps=caps,
    )
    return msgspec.json.encode(form).decode()


def read_piece(text: str, find: FindTool) -> tuple[Piece, LoopCaps]:
    """The piece of a JSON text, its tools found. Raises `SwarmError`."""
    try:
        form = _PIECE.decode(text)
    except msgspec.MsgspecError as error:
        raise SwarmError(
            f"a piece of work cannot be read: {error}", hint="run one version of Farthing everywhere"
        ) from None
    task = structs.replace(form.task, tools=tuple(find(tool, form.task) for tool in form.tools))
    return Piece(name=form.name, task=task, stage=form.stage, title=form.title), form.caps


def tool_form(tool: Tool) -> ToolForm:
    """The form of a tool. Raises `SwarmError` for a function that another process could not find."""
    if tool.run is not None and not tool.source:
        raise SwarmError(
            f"tool {tool.name!r} is a function that other processes cannot import",
            hint="define it in a module that they have, not in __main__, in a lambda or within a function",
        )
    return ToolForm(
        name=tool.name,
        description=tool.description,
        parameters=dict(tool.parameters),
        effects=tool.effects,
        source=tool.source if tool.run is not None else "",
    )


def check_passing(tools: Iterable[Tool]) -> None:
    """Raises `SwarmError` for a tool that another process could not find."""
    for tool in tools:
        tool_form(tool)


def modules_of(tools: Iterable[Tool]) -> tuple[str, ...]:
    """The modules that tools must be imported from, each once."""
    return tuple(dict.fromkeys(name for tool in tools if (name := module_of(tool.source))))


def module_of(source: str) -> str:
    """The module of a source `MODULE:FUNCTION`; nothing for any other source."""
    module, colon, function = source.partition(":")
    return module if colon and function and module != "mcp" else ""


def write_end(work: WorkResult, *, at_us: int = 0) -> str:
    """The JSON of how a piece ended."""
    form = EndForm(
        **structs.asdict(piece_end(work, at_us=at_us)),
        result=work.result,
        failure=None if work.error is None else _error_form(work.error),
        tried=work.attempts,
    )
    return msgspec.json.encode(form).decode()


def read_end(text: str) -> WorkResult:
    """How a piece ended elsewhere. What cannot be read has failed."""
    try:
        form = _END.decode(text)
    except msgspec.MsgspecError as error:
        unread = SwarmError(f"the result of another process cannot be read: {error}")
        return WorkResult(agent_id="", role="", stage=0, title="", error=unread)
    return WorkResult(
        agent_id=form.agent_id,
        role=form.role,
        stage=form.stage,
        title=form.title,
        result=form.result,
        error=None if form.failure is None else _error_of(form.failure),
        attempts=form.tried,
        tools_run=form.tools_run,
    )


def _error_form(error: FarthingError) -> ErrorForm:
    refusal: object = getattr(error, "refusal", None)
    key: object = getattr(refusal, "key", None)
    tried = error.attempts if isinstance(error, TaskFailedError) else ()
    return ErrorForm(
        kind=type(error).__name__,
        message=error.message.partition("\n")[0] if isinstance(error, NoCandidateError) else error.message,
        hint=error.hint,
        refusal=None
        if refusal is None
        else Refusal(
            key=_Key(scope=str(getattr(key, "scope", "")), period=str(getattr(key, "period", ""))),
            text=str(refusal),
        ),
        received=error.received if isinstance(error, StreamBrokenError) else "",
        attempts=tuple(one for one in tried if isinstance(one, Attempt)),
        reasons=dict(error.reasons) if isinstance(error, NoCandidateError) else {},
    )


def _error_of(form: ErrorForm) -> FarthingError:
    """The same class where it can be made again, else its nearest parent that can."""
    match form.kind:
        case BudgetExceededError.__name__:
            return BudgetExceededError(form.message, refusal=form.refusal, hint=form.hint)
        case NoCandidateError.__name__:
            return NoCandidateError(form.message, reasons=form.reasons, hint=form.hint)
        case StreamBrokenError.__name__:
            return StreamBrokenError(form.message, received=form.received, attempts=form.attempts)
        case "TaskFailedError" | "QueueFullError":
            kind = errors.QueueFullError if form.kind == "QueueFullError" else TaskFailedError
            return kind(form.message, attempts=form.attempts, hint=form.hint)
        case _:
            kind = _PLAIN.get(form.kind, SwarmError)
            return kind(form.message, hint=form.hint)


_PLAIN: Mapping[str, Callable[..., FarthingError]] = {
    kind.__name__: kind
    for kind in (
        errors.InvalidTaskError,
        errors.MissingKeyError,
        errors.UnboundedCostError,
        errors.LedgerUnavailableError,
        errors.DeploymentClosedError,
    )
}
