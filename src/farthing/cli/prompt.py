"""A prompt from the command line becomes a task: its text, attached files, a schema, what is asked for."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from farthing.errors import InvalidTaskError
from farthing.request import deadline_of
from farthing.task import Complexity, Message, Task, TaskType

Text = Annotated[
    str | None,
    typer.Argument(metavar="PROMPT", help="The prompt; - or nothing reads it from standard input."),
]
Type = Annotated[TaskType | None, typer.Option("--type", help="What kind of task; else told by local rules.")]
Difficulty = Annotated[
    Complexity | None, typer.Option("--complexity", help="How hard it is; else told by local rules.")
]
Model = Annotated[
    str | None,
    typer.Option("--model", metavar="ID", help="This model first, the profile's fallback after it."),
]
MaxTokens = Annotated[
    int | None, typer.Option("--max-tokens", min=1, help="The most output tokens; the answer is cut there.")
]
System = Annotated[str | None, typer.Option("--system", metavar="TEXT", help="A system message.")]
Files = Annotated[
    list[Path] | None,
    typer.Option("--file", "-f", metavar="FILE", help="Attach a text file; may be repeated."),
]
Schema = Annotated[
    Path | None,
    typer.Option("--schema", metavar="FILE", help="The answer must be JSON valid for this schema."),
]

Deadline = Annotated[
    str | None,
    typer.Option(
        "--deadline",
        metavar="TIME",
        help="It may wait until then for a cheaper hour, tier or batch: 2026-11-30T18:00Z.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options say, unread: files are paths, and standard input has not been touched."""

    text: str | None
    kind: TaskType | None = None
    complexity: Complexity | None = None
    model: str | None = None
    max_tokens: int | None = None
    system: str | None = None
    files: Sequence[Path] | None = None
    schema: Path | None = None
    max_cost: Decimal | None = None
    key: str | None = None
    tags: Sequence[str] | None = None
    deadline: str | None = None


def asked_of(given: Mapping[str, object]) -> Asked:
    """What a command was given, by the names of its parameters, which have these types."""
    return Asked(**cast("dict[str, Any]", {one.name: given[one.name] for one in fields(Asked)}))


def task_from(asked: Asked, *, run_id: str | None = None) -> Task:
    """The task. Reads standard input and the named files. Raises `InvalidTaskError` for an unreadable one."""
    said = _text(asked.text)
    attached = [_attachment(path) for path in asked.files or ()]
    messages: tuple[Message, ...] = ()
    if asked.system or attached:
        user = Message(role="user", content="\n\n".join([said, *attached]))
        messages = (Message(role="system", content=asked.system), user) if asked.system else (user,)
    return Task(
        description=said,
        messages=messages,
        type=asked.kind,
        complexity=asked.complexity,
        model=asked.model,
        max_tokens=asked.max_tokens,
        max_cost_usd=asked.max_cost,
        response_format=None if asked.schema is None else _response_format(asked.schema),
        run_id=run_id,
        key=asked.key,
        tags=tuple(asked.tags or ()),
        deadline=None if asked.deadline is None else deadline_of(asked.deadline),
    )


def _text(given: str | None) -> str:
    if given is None and sys.stdin.isatty():
        raise InvalidTaskError("there is no prompt", hint='give it as "…", or pipe it in')
    text = (sys.stdin.read() if given is None or given == "-" else given).strip()
    if not text:
        raise InvalidTaskError("the prompt is empty")
    return text


def _attachment(path: Path) -> str:
    return f"--- {path.name} ---\n{_read(path)}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidTaskError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidTaskError(f"{path} is not UTF-8 text; only text can be attached") from None


def _response_format(path: Path) -> dict[str, object]:
    try:
        schema = cast("object", json.loads(_read(path)))
    except json.JSONDecodeError as error:
        raise InvalidTaskError(f"{path} is not JSON: {error}") from None
    if not isinstance(schema, dict):
        raise InvalidTaskError(f"{path} holds no JSON Schema: give an object in braces")
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
