"""What the agent loop asks of a journal: earlier answers and tool results, and where new ones go.

Only the words. Where nothing is kept, `Unkept` serves; a run that lasts has its pages in the database.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Protocol, TypeAlias

import msgspec
from msgspec import structs

from farthing.result import AttemptFinished, Routed, TaskEvent, TaskFinished, TaskResult
from farthing.routing.fallback import Invalid
from farthing.routing.validate import validate
from farthing.task import Completion, StepKey, Task


class ToolResult(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one tool call came to, as the model was shown it."""

    call_id: str
    text: str
    ok: bool


class Pages(Protocol):
    """The journal of one piece of work. Steps are numbered from 0, model calls and rounds of tools alike.

    A loop that is gone through again asks for each step in the same order, and takes what it is given.
    """

    def key(self, number: int) -> StepKey | None:
        """Where the model's answer of this step is journalled, with its settlement; None where it is not."""
        ...

    def answer(self, number: int) -> TaskResult | None:
        """The answer of this step, if it was had before."""
        ...

    def tool_results(self, number: int) -> Sequence[ToolResult] | None:
        """What the tools of this step came to, if they ran before."""
        ...

    def keep_tool_results(self, number: int, results: Sequence[ToolResult]) -> None:
        """Keeps them, before the next answer is asked for. Never raises."""
        ...


def told_again(task: Task, result: TaskResult) -> Iterator[TaskEvent]:
    """The events of a model call that was answered before; its parsed value is parsed anew."""
    task_id = result.task_id
    yield Routed(task_id=task_id, title=task.title, route=result.route)
    for attempt in result.attempts:
        yield AttemptFinished(task_id=task_id, attempt=attempt)
    yield TaskFinished(task_id=task_id, result=_with_data(task, result))


def _with_data(task: Task, result: TaskResult) -> TaskResult:
    if task.response_format is None and task.output_type is None:
        return result
    answer = Completion(
        generation_id=None,
        model=result.model,
        provider=None,
        text=result.output,
        tool_calls=result.tool_calls,
        finish_reason=result.finish_reason,
    )
    found = validate(answer, task.response_format, task.output_type)
    return result if isinstance(found, Invalid) else structs.replace(result, data=found.data)


class Unkept:
    """The pages of work that need not last."""

    def key(self, number: int) -> StepKey | None:
        return None

    def answer(self, number: int) -> TaskResult | None:
        return None

    def tool_results(self, number: int) -> Sequence[ToolResult] | None:
        return None

    def keep_tool_results(self, number: int, results: Sequence[ToolResult]) -> None:
        pass


UNKEPT: Pages = Unkept()

Opener: TypeAlias = Callable[[str], Awaitable[Pages]]
"""Opens the pages of the piece of work of that name."""


async def open_unkept(piece: str) -> Pages:
    return UNKEPT
