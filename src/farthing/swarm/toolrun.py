"""Carries out the agent loop: asks the model through a journey, runs tools, and sums what it all came to.

Only does what `loop.py` decides. Used by swarm agents and by any task whose tools are functions.
"""

import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import assert_never

import msgspec
from msgspec import structs

from farthing.errors import BudgetExceededError, SwarmError, SwarmPausedError, TaskFailedError
from farthing.result import TaskEvent, TaskFinished, TaskResult
from farthing.swarm import typed
from farthing.swarm.arguments import parse_arguments
from farthing.swarm.brief import handed_messages
from farthing.swarm.calls import CheckedCall, ReadyCall, toolbox
from farthing.swarm.company import GO_ON, Approved, Company, Waiting
from farthing.swarm.events import CapReached, HandedOff, LoopEvent, LoopNoticed, ToolRan
from farthing.swarm.journal import UNKEPT, Pages, ToolResult
from farthing.swarm.loop import (
    AskModel,
    CapReason,
    Finish,
    HandOver,
    LoopCaps,
    LoopState,
    RunTools,
    Stopped,
    handed_over,
    heeded,
    next_move,
    with_answer,
    with_results,
)
from farthing.swarm.modelstep import Journey, answered, closing, step_task
from farthing.swarm.results import Spent, summed, with_spent
from farthing.swarm.roster import Delegation
from farthing.swarm.toolcall import ToolOutcome
from farthing.swarm.toolround import Terms, current_depth, run_round
from farthing.task import Task, ToolCall

_ROOM_FOR_FORM = 3
"""Caps on steps from which on one is kept for the form of the answer."""


async def run_with_tools(
    journey: Journey,
    task: Task,
    *,
    caps: LoopCaps,
    clock: Callable[[], float] = time.monotonic,
    pages: Pages = UNKEPT,
    company: Company | None = None,
    waiting: Waiting | None = None,
) -> AsyncGenerator[LoopEvent]:
    """The events of a task whose tools are run; the last is one `TaskFinished` with the sums of all steps.

    What `pages` have of an earlier run is neither asked nor run again. `company` are the person and the
    agents that the loop may turn to; `waiting` measures how long it waited for the person.

    Each model call is a task of its own, with purpose `tool_step` after the first. Where a cap leaves no
    final answer, the last one stands, with the calls that were not run. Raises what the journey raises,
    `SwarmError` where a cap was reached before there was any answer, `SwarmPausedError` where calls wait for
    a person, and `TaskFailedError` where the answer has not the form that the task asks for.
    """
    if not any(tool.run for tool in task.tools):
        async with closing(answered(journey, task, pages, 0)) as events:
            async for event in events:
                yield event
        return
    meter = waiting or Waiting(clock)
    loop = _Loop(
        journey=journey, task=task, caps=caps, clock=clock, pages=pages, company=company, waiting=meter
    )
    async with closing(loop.events()) as looped:
        async for happened in looped:
            yield happened


class _Loop:
    """One loop under way: the decided state, and the results it is made of."""

    def __init__(
        self,
        *,
        journey: Journey,
        task: Task,
        caps: LoopCaps,
        clock: Callable[[], float],
        pages: Pages,
        company: Company | None,
        waiting: Waiting,
    ) -> None:
        self._journey, self._pages, self._company, self._clock = journey, pages, company, clock
        self._number = 0
        self._asked = task
        # A cap of one step leaves no step for tools either: the form is asked for in the usual way.
        self._form = typed.form_of(task) if caps.max_steps > 1 else None
        self._task = task if self._form is None else typed.unformed(task)
        own_cost = task.max_cost_usd if caps.max_cost_usd is None else caps.max_cost_usd
        kept = 1 if self._form is not None and caps.max_steps >= _ROOM_FOR_FORM else 0
        self._form_fits = kept > 0
        self._caps = replace(caps, max_cost_usd=own_cost, max_steps=caps.max_steps - kept)
        self._box = toolbox(task.tools)
        self._depth = current_depth() + 1
        self._state = LoopState(conversation=typed.told(task.conversation, self._form))
        self._steps: list[TaskResult] = []
        self._others: list[Spent] = []
        self._errands: dict[str, int] = {}
        self._words = 0
        self._began = clock()
        self._waiting = waiting
        self._cut = False

    async def events(self) -> AsyncGenerator[LoopEvent, None]:
        while True:
            await self._ask_to_go_on()
            elapsed_s = self._elapsed_s()
            move = next_move(self._state, self._box, self._caps, elapsed_s=elapsed_s, depth=self._depth)
            if isinstance(move, Finish | Stopped):
                break
            async with closing(self._moved(move)) as events:
                async for event in events:
                    yield event
        self._cut = isinstance(move, Stopped) or self._state.closing is not None
        if isinstance(move, Stopped):
            yield self._cap_reached(move.reason, move.text, asked=False)
            if not self._steps:
                raise SwarmError(move.text, hint="raise the cap under `swarm` in the configuration")
        if self._form is None or (self._state.pending and not self._cut):
            yield self._finished()
            return
        async with closing(self._formed(self._form)) as events:
            async for event in events:
                yield event

    async def _moved(self, move: AskModel | RunTools | HandOver) -> AsyncGenerator[LoopEvent, None]:
        match move:
            case AskModel():
                happening = self._ask(move)
            case RunTools():
                happening = self._run(move)
            case HandOver():
                yield self._hand_over(move)
                return
            case _:
                assert_never(move)
        async with closing(happening) as events:
            async for event in events:
                yield event

    def _finished(self) -> TaskFinished:
        result = summed(self._steps)
        if not result.output and self._cut:
            result = structs.replace(result, output=self._state.text)
        result = with_spent(result, self._others)
        return TaskFinished(task_id=result.task_id, result=result)

    async def _formed(self, form: typed.Form) -> AsyncGenerator[LoopEvent, None]:
        """The last event, once the answer has its form: as it is, or asked for again without tools."""
        ended = self._finished()
        fit = typed.read(ended.result.output, form, ended.result.finish_reason)
        if fit is not None:
            result = structs.replace(ended.result, output=fit.text, data=fit.data, repaired=fit.repaired)
            yield TaskFinished(task_id=ended.task_id, result=result)
            return
        if not self._form_fits or not ended.result.output:
            raise TaskFailedError(
                "the final answer has not the form that was asked for, and no step is left to ask again",
                attempts=ended.result.attempts,
                hint="raise swarm.maxSteps",
            )
        cap = self._caps.max_cost_usd
        left = None if cap is None else max(Decimal(0), cap - self._state.spent_usd)
        task = structs.replace(typed.again(self._asked, ended.result.output), max_cost_usd=left)
        async with closing(self._step(task)) as events:
            async for event in events:
                yield event
        yield self._finished()

    async def _step(self, task: Task) -> AsyncGenerator[TaskEvent, None]:
        """One model call; its result is the last of the steps."""
        answer: TaskResult | None = None
        number = self._next_number()
        async with closing(answered(self._journey, task, self._pages, number)) as events:
            async for event in events:
                if isinstance(event, TaskFinished):
                    answer = event.result
                else:
                    yield event
        if answer is None:
            raise SwarmError("a model call ended without a result, which a journey must not do")
        self._steps.append(answer)

    async def _ask(self, move: AskModel) -> AsyncGenerator[LoopEvent, None]:
        if move.closing is not None:
            yield self._cap_reached(move.closing, move.messages[-1].text, asked=True)
        try:
            async with closing(self._step(step_task(self._task, move))) as events:
                async for event in events:
                    yield event
        except BudgetExceededError:
            if move.closing != "money" or not self._steps:
                raise
            # The cap was near and even the final answer does not fit: what there is has to do.
            self._state = replace(self._state, answered=True, pending=(), closing="money")
            yield self._cap_reached("money", "The final answer does not fit the budget.", asked=False)
            return
        answer = self._steps[-1]
        self._state = with_answer(
            self._state,
            text=answer.output,
            calls=answer.tool_calls,
            cost_usd=answer.metrics.cost,
            closing=move.closing,
        )

    async def _run(self, move: RunTools) -> AsyncGenerator[LoopEvent, None]:
        terms = self._terms(move.calls)
        number, done = self._known()
        for event in self._told_again(move.calls, done):
            yield event
        left = {one.call.id: one for one in move.calls if one.call.id not in done}
        fresh: list[ToolResult] = []
        async with closing(run_round(tuple(left.values()), terms, self._company)) as running:
            async for ran in running:
                call_id = ran.checked.call.id
                if ran.spent is not None:
                    self._others.append(ran.spent)
                if ran.outcome is None:
                    continue
                del left[call_id]
                fresh.append(
                    ToolResult(call_id=call_id, text=ran.outcome.text, ok=ran.outcome.ok, spent=ran.spent)
                )
                yield self._tool_ran(ran.checked, ran.outcome)
                if left and left.keys() <= self._waiting.calls:
                    # A person may take days: what was done meanwhile has a page of its own.
                    self._pages.keep_tool_results(number, fresh)
                    done |= {one.call_id: one for one in fresh}
                    number, fresh = self._next_number(), []
        if fresh:
            self._pages.keep_tool_results(number, fresh)
            done |= {one.call_id: one for one in fresh}
        if left:
            raise _paused(tuple(left.values()))
        self._take(move, [done[one.call.id] for one in move.calls])
        if (trouble := self._state.trouble) is not None:
            yield LoopNoticed(
                task_id=self._steps[-1].task_id,
                agent_id=self._task.agent_id,
                kind=trouble.kind,
                text=trouble.text,
                goes_on=self._state.stuck,
            )

    def _known(self) -> tuple[int, dict[str, ToolResult]]:
        """What the journal has of this round, on one page or more, and the number of the next page."""
        done: dict[str, ToolResult] = {}
        pending = {call.id for call in self._state.pending}
        number = self._next_number()
        while pending - done.keys() and (known := self._pages.tool_results(number)):
            for result in known:
                done[result.call_id] = result
                if result.spent is not None:
                    self._others.append(result.spent)
            if pending - done.keys():
                number = self._next_number()
        return number, done

    def _take(self, move: RunTools, results: Sequence[ToolResult]) -> None:
        spent = sum((one.spent.cost for one in results if one.spent is not None), Decimal(0))
        texts = [one.text for one in results]
        self._state = with_results(self._state, texts, move.calls, cost_usd=spent)

    def _terms(self, calls: Sequence[CheckedCall]) -> Terms:
        numbers: dict[str, int] = {}
        for one in calls:
            if isinstance(one, ReadyCall) and isinstance(one.tool.run, Delegation):
                self._errands[one.tool.name] = numbers[one.call.id] = self._errands.get(one.tool.name, 0) + 1
        cap = self._caps.max_cost_usd
        return Terms(
            depth=self._depth,
            tool_timeout_s=self._caps.tool_timeout_s,
            left_s=lambda: max(0.0, self._caps.max_seconds - self._elapsed_s()),
            # The other half is the asking loop's own: what it asked for is worth nothing without its answer.
            max_cost_usd=None if cap is None else (cap - self._state.spent_usd) / 2,
            numbers=numbers,
            number=self._state.steps,
            clock=self._clock,
            waiting=self._waiting,
        )

    async def _ask_to_go_on(self) -> None:
        """A person who is there decides whether an agent that goes in circles is ended."""
        trouble, company = self._state.trouble, self._company
        if not self._state.stuck or trouble is None or company is None or not company.attended:
            return
        self._words += 1
        said = msgspec.json.encode({"noticed": trouble.text}).decode()
        call = ToolCall(id=f"{GO_ON}-{self._words}", name=GO_ON, arguments=said)
        self._waiting.enter(call.id)
        try:
            decision = await company.ask_person(call)
        finally:
            self._waiting.leave(call.id)
        if isinstance(decision, Approved):
            self._state = heeded(self._state)

    def _hand_over(self, move: HandOver) -> HandedOff:
        """The role changes; who pays, who is limited and where it is journalled does not."""
        calls = self._state.conversation
        call = next(
            call
            for message in reversed(calls)
            for call in message.tool_calls
            if (tool := self._box.named(call.name)) is not None and tool.run is move.to
        )
        reason = str(parse_arguments(call.arguments).get("reason", ""))
        agent, giver = move.to.agent, self._task.role or "agent"
        messages = handed_messages(agent, self._state.conversation, giver, reason)
        self._state = handed_over(self._state, typed.told(messages, self._form))
        self._box = toolbox(agent.tools)
        self._task = structs.replace(
            self._task,
            messages=messages,
            tools=agent.tools,
            role=agent.role,
            type=agent.task_type,
            model=agent.model,
        )
        self._asked = structs.replace(self._asked, messages=messages)
        return HandedOff(
            task_id=self._steps[-1].task_id,
            agent_id=self._task.agent_id,
            from_role=giver,
            to_role=agent.role,
            reason=reason,
        )

    def _elapsed_s(self) -> float:
        """The loop's age, without the time in which a person was waited for."""
        return self._clock() - self._began - self._waiting.waited_s

    def _next_number(self) -> int:
        number, self._number = self._number, self._number + 1
        return number

    def _told_again(self, calls: Sequence[CheckedCall], done: Mapping[str, ToolResult]) -> Iterator[ToolRan]:
        """The events of tools that ran before."""
        for checked in calls:
            result = done.get(checked.call.id)
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
            repairs=checked.repairs if isinstance(checked, ReadyCall) else (),
        )

    def _cap_reached(self, reason: CapReason, text: str, *, asked: bool) -> CapReached:
        return CapReached(
            task_id=self._steps[-1].task_id if self._steps else "",
            agent_id=self._task.agent_id,
            reason=reason,
            text=text,
            final_answer_asked=asked,
        )


def _paused(calls: Sequence[CheckedCall]) -> SwarmPausedError:
    names = ", ".join(f"{one.call.name} ({one.call.id})" for one in calls)
    return SwarmPausedError(
        f"paused: a person's word is awaited for {names}",
        hint="farthing swarm approvals shows what waits, farthing swarm approve and deny decide",
    )
