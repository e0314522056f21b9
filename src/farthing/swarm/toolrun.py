"""Carries out the agent loop: asks the model through a journey, runs tools, and sums what it all came to.

Only does what `loop.py` decides. Used by swarm agents and by any task whose tools are functions.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar, copy_context
from dataclasses import replace
from typing import TypeAlias, TypeVar, assert_never

from msgspec import structs

from farthing.errors import BudgetExceededError, SwarmError
from farthing.result import TaskEvent, TaskFinished, TaskResult
from farthing.swarm.events import CapReached, LoopEvent, ToolRan
from farthing.swarm.journal import UNKEPT, Pages, ToolResult, told_again
from farthing.swarm.loop import (
    AskModel,
    CapReason,
    CheckedCall,
    Finish,
    LoopCaps,
    LoopState,
    ReadyCall,
    RefusedCall,
    RunTools,
    Stopped,
    next_move,
    toolbox,
    with_answer,
    with_results,
)
from farthing.swarm.results import summed
from farthing.swarm.toolcall import ToolOutcome, run_tool
from farthing.task import Task

Journey: TypeAlias = Callable[[Task], AsyncIterator[TaskEvent]]
"""One task's way through the pipeline: its events, the last a `TaskFinished`; or a `FarthingError`."""

_Event = TypeVar("_Event")

# A context variable, because a tool that executes tasks reaches this module again only through foreign code.
_depth: ContextVar[int] = ContextVar("farthing_loop_depth", default=0)


def current_depth() -> int:
    """How many agent loops enclose the running code: 0 outside of any tool."""
    return _depth.get()


@asynccontextmanager
async def closing(events: AsyncIterator[_Event]) -> AsyncGenerator[AsyncIterator[_Event], None]:
    """Closes an iterator of events when the block is left, if it can be closed."""
    try:
        yield events
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


async def run_with_tools(
    journey: Journey,
    task: Task,
    *,
    caps: LoopCaps,
    clock: Callable[[], float] = time.monotonic,
    pages: Pages = UNKEPT,
) -> AsyncGenerator[LoopEvent]:
    """The events of a task whose tools are run; the last is one `TaskFinished` with the sums of all steps.

    What `pages` have of an earlier run is neither asked nor run again.

    Each model call is a task of its own, with purpose `tool_step` after the first. Where a cap leaves no
    final answer, the last one stands, with the calls that were not run. Raises what the journey raises, and
    `SwarmError` where a cap was reached before there was any answer.
    """
    if not any(tool.run for tool in task.tools):
        async with closing(_answered(journey, task, pages, 0)) as events:
            async for event in events:
                yield event
        return
    loop = _Loop(journey=journey, task=task, caps=caps, clock=clock, pages=pages)
    async with closing(loop.events()) as looped:
        async for happened in looped:
            yield happened


class _Loop:
    """One loop under way: the decided state, and the results it is made of."""

    def __init__(
        self, *, journey: Journey, task: Task, caps: LoopCaps, clock: Callable[[], float], pages: Pages
    ) -> None:
        self._journey = journey
        self._pages = pages
        self._number = 0
        self._task = task
        own_cost = task.max_cost_usd if caps.max_cost_usd is None else caps.max_cost_usd
        self._caps = replace(caps, max_cost_usd=own_cost)
        self._clock = clock
        self._box = toolbox(task.tools)
        self._depth = current_depth() + 1
        self._state = LoopState(conversation=task.conversation)
        self._steps: list[TaskResult] = []

    async def events(self) -> AsyncGenerator[LoopEvent, None]:
        began = self._clock()
        while True:
            elapsed_s = self._clock() - began
            move = next_move(self._state, self._box, self._caps, elapsed_s=elapsed_s, depth=self._depth)
            number, self._number = self._number, self._number + 1
            match move:
                case AskModel():
                    happening = self._ask(move, number)
                case RunTools():
                    left_s = max(0.0, self._caps.max_seconds - elapsed_s)
                    happening = self._run(move, number, left_s=left_s)
                case Finish() | Stopped():
                    break
                case _:
                    assert_never(move)
            async with closing(happening) as events:
                async for event in events:
                    yield event
        if isinstance(move, Stopped):
            yield self._cap_reached(move.reason, move.text, asked=False)
            if not self._steps:
                raise SwarmError(move.text, hint="raise the cap under `swarm` in the configuration")
        result = summed(self._steps)
        if not result.output and (isinstance(move, Stopped) or self._state.closing):
            result = structs.replace(result, output=self._state.text)
        yield TaskFinished(task_id=result.task_id, result=result)

    async def _ask(self, move: AskModel, number: int) -> AsyncGenerator[LoopEvent, None]:
        if move.closing is not None:
            yield self._cap_reached(move.closing, move.messages[-1].text, asked=True)
        answer: TaskResult | None = None
        try:
            asked = _answered(self._journey, _step_task(self._task, move), self._pages, number)
            async with closing(asked) as events:
                async for event in events:
                    if isinstance(event, TaskFinished):
                        answer = event.result
                    else:
                        yield event
        except BudgetExceededError:
            if move.closing != "money" or not self._steps:
                raise
            # The cap was near and even the final answer does not fit: what there is has to do.
            self._state = replace(self._state, answered=True, pending=(), closing="money")
            yield self._cap_reached("money", "The final answer does not fit the budget.", asked=False)
            return
        if answer is None:
            raise SwarmError("a model call ended without a result, which a journey must not do")
        self._steps.append(answer)
        self._state = with_answer(
            self._state,
            text=answer.output,
            calls=answer.tool_calls,
            cost_usd=answer.metrics.cost,
            closing=move.closing,
        )

    async def _run(self, move: RunTools, number: int, *, left_s: float) -> AsyncGenerator[LoopEvent, None]:
        known = self._pages.tool_results(number)
        if known is not None:
            for event in self._told_again(move.calls, known):
                yield event
            self._state = with_results(self._state, [result.text for result in known])
            return
        ran: dict[str, ToolResult] = {}
        timeout_s = min(self._caps.tool_timeout_s, left_s)
        running = _run_calls(move.calls, depth=self._depth, timeout_s=timeout_s, clock=self._clock)
        async with closing(running) as outcomes:
            async for checked, outcome in outcomes:
                call_id = checked.call.id
                ran[call_id] = ToolResult(call_id=call_id, text=outcome.text, ok=outcome.ok)
                yield self._tool_ran(checked, outcome)
        results = [ran[call.id] for call in self._state.pending]
        self._pages.keep_tool_results(number, results)
        self._state = with_results(self._state, [result.text for result in results])

    def _told_again(self, calls: Sequence[CheckedCall], known: Sequence[ToolResult]) -> Iterator[ToolRan]:
        """The events of tools that ran before."""
        ran = {result.call_id: result for result in known}
        for checked in calls:
            result = ran.get(checked.call.id)
            if result is not None:
                again = ToolOutcome(text=result.text, ok=result.ok, cut=False, latency_ms=0.0)
                yield self._tool_ran(checked, again)

    def _tool_ran(self, checked: CheckedCall, outcome: ToolOutcome) -> ToolRan:
        return ToolRan(
            task_id=self._steps[-1].task_id,
            agent_id=self._task.agent_id,
            call_id=checked.call.id,
            name=checked.call.name,
            arguments=checked.call.arguments,
            text=outcome.text,
            ok=outcome.ok,
            latency_ms=outcome.latency_ms,
        )

    def _cap_reached(self, reason: CapReason, text: str, *, asked: bool) -> CapReached:
        return CapReached(
            task_id=self._steps[-1].task_id if self._steps else "",
            agent_id=self._task.agent_id,
            reason=reason,
            text=text,
            final_answer_asked=asked,
        )


async def _answered(
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


def _step_task(task: Task, move: AskModel) -> Task:
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


async def _run_calls(
    calls: Sequence[CheckedCall], *, depth: int, timeout_s: float, clock: Callable[[], float]
) -> AsyncIterator[tuple[CheckedCall, ToolOutcome]]:
    """Runs the calls side by side; gives each outcome as it comes, and leaves no call running."""
    context = copy_context()
    context.run(_depth.set, depth)

    async def one(checked: CheckedCall) -> tuple[CheckedCall, ToolOutcome]:
        match checked:
            case ReadyCall():
                outcome = await run_tool(
                    checked.tool,
                    checked.call.arguments,
                    timeout_s=timeout_s,
                    context=context.copy(),
                    clock=clock,
                )
            case RefusedCall():
                outcome = ToolOutcome(text=checked.text, ok=False, cut=False, latency_ms=0.0)
            case _:
                assert_never(checked)
        return checked, outcome

    running = [asyncio.create_task(one(checked)) for checked in calls]
    try:
        for ended in asyncio.as_completed(running):
            yield await ended
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
