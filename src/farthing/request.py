"""What a caller wrote becomes a `Task`: a prompt, a Task, or keywords. Nothing is sent or decided here."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import cast

from msgspec import structs

from farthing.errors import InvalidTaskError, nearest
from farthing.money import parse_usd
from farthing.task import Message, Task, Tool, message_from

ToolLike = Tool | Mapping[str, object] | Callable[..., object]
"""A `Tool`, a schema in the chat completions shape, or a Python function with type hints."""


_FIELDS = Task.__struct_fields__


def task_of(given: str | Task | None, keywords: Mapping[str, object]) -> Task:
    """The task a caller means. Raises `InvalidTaskError` for a keyword that is nearly, but not, a field."""
    known = {name: value for name, value in keywords.items() if name in _FIELDS and value is not None}
    options = {name: value for name, value in keywords.items() if name not in _FIELDS}
    for name in options:
        _refuse_slip(name)
    if isinstance(given, Task):
        changes = _converted(known)
        return (
            structs.replace(given, **changes, options={**given.options, **options})
            if known or options
            else given
        )
    if given is not None:
        known["description"] = given
    converted = _converted(known)
    own = cast("Mapping[str, object]", converted.pop("options", {}))
    return Task(**converted, options={**own, **options})  # pyright: ignore[reportArgumentType] - checked by Task


def _converted(known: Mapping[str, object]) -> dict[str, object]:
    values = dict(known)
    if "messages" in values:
        raw = cast("Sequence[Message | Mapping[str, object]]", values["messages"])
        values["messages"] = tuple(message_from(entry, position=i) for i, entry in enumerate(raw))
    if values.get("tools"):
        from farthing.swarm.tools import tool_from

        values["tools"] = tuple(tool_from(entry) for entry in cast("Sequence[ToolLike]", values["tools"]))
    if isinstance(values.get("tags"), list | set | frozenset):
        values["tags"] = tuple(cast("Sequence[str]", values["tags"]))
    if isinstance(values.get("deadline"), str):
        values["deadline"] = deadline_of(cast("str", values["deadline"]))
    if "max_cost_usd" in values:
        if isinstance(values["max_cost_usd"], float):
            raise InvalidTaskError(
                "max_cost_usd is a float, which is no exact amount; give text or a Decimal"
            )
        try:
            values["max_cost_usd"] = parse_usd(cast("str", values["max_cost_usd"]))
        except (ValueError, TypeError) as error:
            raise InvalidTaskError(f"max_cost_usd: {error}") from None
    return values


def deadline_of(text: str) -> datetime:
    """A deadline written as ISO 8601 with its zone. Raises `InvalidTaskError`."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        moment = None
    if moment is None or moment.utcoffset() is None:
        raise InvalidTaskError(
            f"deadline is {text!r}; give a time with its zone, as 2026-11-30T18:00:00Z or …T18:00+01:00"
        )
    return moment


def _refuse_slip(name: str) -> None:
    close = nearest(name, _FIELDS, cutoff=0.8)
    if close is not None:
        raise InvalidTaskError(f"{name!r} is no field of a task; did you mean {close!r}?")
