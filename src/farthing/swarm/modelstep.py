"""One model call of an agent's loop: the task that is sent, and its events or the answer had before.

What is asked when is `loop.py`'s; the way to a model is the journey that it is given.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias, TypeVar

from msgspec import structs

from farthing.result import TaskEvent
from farthing.swarm.journal import Pages, told_again
from farthing.swarm.loop import AskModel
from farthing.task import Task

Journey: TypeAlias = Callable[[Task], AsyncIterator[TaskEvent]]
"""One task's way through the pipeline: its events, the last a `TaskFinished`; or a `FarthingError`."""

_Event = TypeVar("_Event")


@asynccontextmanager
async def closing(events: AsyncIterator[_Event]) -> AsyncGenerator[AsyncIterator[_Event], None]:
    """Closes an iterator of events when the block is left, if it can be closed."""
    try:
        yield events
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


async def answered(
    journey: Journey, task: Task, pages: Pages, number: int
) -> AsyncGenerator[TaskEvent, None]:
    """One model call's events, or the answer that its page has."""
    known = pages.answer(number)
    if known is not None:
        for event in told_again(task, known):
            yield event
        return
    key = pages.key(number)
    async with closing(journey(task if key is None else structs.replace(task, step=key))) as events:
        async for event in events:
            yield event


def step_task(task: Task, move: AskModel) -> Task:
    """The model call of one step. A forced `tool_choice` holds for the first only, or the loop had no end."""
    choice = task.tool_choice if move.first else None if move.closing is None else "none"
    return structs.replace(
        task,
        messages=move.messages,
        tools=move.tools,
        tool_choice=choice if move.tools else None,
        max_cost_usd=move.max_cost_usd,
        purpose=task.purpose if move.first else "tool_step",
    )
