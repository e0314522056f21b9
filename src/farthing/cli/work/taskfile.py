"""A file of tasks, one JSON value a line: read as it is worked through, never loaded; results as JSON Lines.

A line is a prompt in quotes or an object with the fields of a task; `id` is carried to the result. Bad lines
are told by number and skipped.
"""

import json
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TextIO, cast

from farthing.cli.work import show
from farthing.deployment import Deployment
from farthing.errors import FarthingError, InvalidTaskError, TaskFailedError
from farthing.request import task_of
from farthing.result import Attempt, TaskResult
from farthing.swarm.channel import end_all
from farthing.swarm.spread import spread
from farthing.task import Task

_QUEUE = 64
_RESERVED = ("run_id", "agent_id", "role", "purpose", "limits")
"""Fields of a task that are Farthing's to set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One task of a file, with its number from 1."""

    number: int
    id: object
    task: Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A line's end: exactly one of `result` and `error` is set."""

    line: Line
    result: TaskResult | None = None
    error: FarthingError | None = None


@dataclass(slots=True, kw_only=True)
class Tally:
    """How far a file is. `cost` is as it was known when each task ended."""

    done: int = 0
    failed: int = 0
    skipped: int = 0
    cost: Decimal = Decimal(0)


def tasks_in(lines: Iterable[bytes], *, run_id: str, skip: Callable[[int, str], None]) -> Iterator[Line]:
    """The tasks of a file's lines. `skip` is told number and fault of each bad one."""
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            yield _line(number, text, run_id)
        except InvalidTaskError as error:
            skip(number, str(error))


def _line(number: int, text: bytes, run_id: str) -> Line:
    try:
        value = cast("object", json.loads(text.decode(), parse_float=Decimal))
    except UnicodeDecodeError:
        raise InvalidTaskError("is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise InvalidTaskError(f"is not JSON: {error.msg} at column {error.colno}") from None
    if isinstance(value, str):
        return Line(number=number, id=None, task=Task(description=value, run_id=run_id))
    if not isinstance(value, dict):
        raise InvalidTaskError("is neither a prompt in quotes nor an object")
    return line_of(number, cast("Mapping[str, object]", value), run_id)


def line_of(number: int, given: Mapping[str, object], run_id: str) -> Line:
    """A line's task from its object, numbers with a point still exact. Raises `InvalidTaskError`."""
    fields = {key: entry if key == "max_cost_usd" else _floats(entry) for key, entry in given.items()}
    own = fields.pop("id", None)
    if "prompt" in fields:
        fields.setdefault("description", fields.pop("prompt"))
    reserved = [name for name in _RESERVED if name in fields]
    if reserved:
        raise InvalidTaskError(f"sets {', '.join(reserved)}, which is not a caller's to set")
    try:
        return Line(number=number, id=own, task=task_of(None, {**fields, "run_id": run_id}))
    except (TypeError, AttributeError) as error:
        raise InvalidTaskError(f"has a field of the wrong kind: {error}") from None


def _floats(value: object) -> object:
    """Numbers with a point as the options of a model take them; money was kept exact."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: _floats(entry) for key, entry in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_floats(entry) for entry in cast("list[object]", value)]
    return value


async def work_through(
    deployment: Deployment, lines: Iterable[Line], *, concurrency: int, out: TextIO, tally: Tally
) -> None:
    """Works through the tasks, `concurrency` at once, and writes each result as it ends.

    A failed task is a line with its error. Cancelled, what is in flight is closed and settled.
    """

    async def work(_: int, line: Line) -> Done:
        try:
            return Done(line=line, result=await deployment.execute_task(line.task))
        except FarthingError as error:
            return Done(line=line, error=error)

    made, crew = spread(lines, workers=concurrency, queue_size=_QUEUE, work=work)
    try:
        async for done in made:
            out.write(show.json_line(done_json(done)))
            out.flush()
            tally.done += done.error is None
            tally.failed += done.error is not None
            tally.cost += _cost(done)
        await crew
    finally:
        await end_all([crew])


def done_json(done: Done) -> dict[str, object]:
    """One result line; `ok` says which of its two shapes it has."""
    told: dict[str, object] = {"line": done.line.number, "id": done.line.id, "ok": done.error is None}
    if done.result is None:
        kind = type(done.error).__name__
        return told | {"error": str(done.error), "kind": kind, "cost": _cost(done)}
    result, metrics = done.result, done.result.metrics
    return told | {
        "output": result.output,
        "data": result.data,
        "tool_calls": result.tool_calls,
        "model": result.model,
        "task_type": result.route.task_type,
        "finish_reason": result.finish_reason,
        "cost": metrics.cost,
        "cost_basis": metrics.cost_basis,
        "baseline_cost": metrics.baseline_cost,
        "input_tokens": metrics.tokens.input_tokens,
        "output_tokens": metrics.tokens.output_tokens,
        "attempts": len(result.attempts),
        "simulated": result.simulated,
    }


def _cost(done: Done) -> Decimal:
    if done.result is not None:
        return done.result.metrics.cost
    tried = done.error.attempts if isinstance(done.error, TaskFailedError) else ()
    return sum((one.cost for one in tried if isinstance(one, Attempt)), Decimal(0))


@contextmanager
def opened_lines(path: Path) -> Generator[Iterable[bytes]]:
    """A file's lines as they are read; `-` is standard input. Raises `InvalidTaskError`."""
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise InvalidTaskError(f"{path} cannot be read: {error.strerror}") from None
    with file:
        yield file


@contextmanager
def opened_results(path: Path | None) -> Generator[TextIO]:
    """Where results are written: a new file, or standard output. Raises `FarthingError` for an old one."""
    if path is None:
        yield sys.stdout
        return
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        raise FarthingError(
            f"{path} exists, and results are never written over", hint="name another"
        ) from None
    except OSError as error:
        raise FarthingError(f"{path} cannot be written: {error.strerror}") from None
    with file:
        yield file
