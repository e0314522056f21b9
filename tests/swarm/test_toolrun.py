"""Tasks whose tools are run: steps, sums, depth, caps and cancellation."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from tests.swarm.scripted import Say, Scripted, call, in_turn, refused

from farthing.errors import SwarmError, TaskFailedError
from farthing.result import TaskEvent, TaskFinished, TaskResult
from farthing.swarm.events import CapReached, LoopEvent, ToolRan
from farthing.swarm.loop import LoopCaps
from farthing.swarm.toolround import current_depth
from farthing.swarm.toolrun import closing, run_with_tools
from farthing.swarm.tools import tool_from
from farthing.task import Task, Tool, Usage

pytestmark = pytest.mark.usefixtures("no_task_left_behind")


def double(number: int) -> int:
    """Doubles a number."""
    return number * 2


DOUBLE = tool_from(double)
TASK = Task(
    description="double 2",
    tools=(DOUBLE,),
    tool_choice="required",
    agent_id="coder-1",
    max_cost_usd=Decimal("0.5"),
)
CALLS = Say(text="let me see", calls=(call("double", '{"number": 2}', "a"),))


async def events_of(journey: Scripted, task: Task = TASK, caps: LoopCaps | None = None) -> list[LoopEvent]:
    return [event async for event in run_with_tools(journey, task, caps=caps or LoopCaps())]


def result_in(events: list[LoopEvent]) -> TaskResult:
    finished = [event for event in events if isinstance(event, TaskFinished)]
    assert finished == events[-1:]
    return finished[0].result


async def test_a_task_without_functions_goes_straight_through() -> None:
    journey = Scripted(script=in_turn([Say(text="hi")]))
    bare = Tool(name="order", description="", parameters={"type": "object"})
    task = Task(description="hello", tools=(bare,))
    assert result_in(await events_of(journey, task)).output == "hi"
    assert journey.tasks == [task]


async def test_tools_run_to_a_final_answer_and_all_steps_are_summed() -> None:
    last = Say(text="4", cost=Decimal("0.002"), basis="computed")
    journey = Scripted(script=in_turn([CALLS, last]))
    events = await events_of(journey)
    result = result_in(events)
    assert (result.output, result.task_id, result.finish_reason) == ("4", "task-1", "stop")
    assert result.metrics.cost == Decimal("0.003") == sum(one.cost for one in result.attempts)
    assert result.metrics.cost_basis == "computed"
    assert result.metrics.baseline_cost == Decimal("0.020")
    assert result.metrics.tokens == Usage(input_tokens=20, output_tokens=10)
    assert [one.call_id for one in result.attempts] == ["call-1", "call-2"]
    ran = [event for event in events if isinstance(event, ToolRan)]
    assert [(one.name, one.text, one.ok, one.agent_id) for one in ran] == [("double", "4", True, "coder-1")]


async def test_every_model_call_is_a_task_of_its_own() -> None:
    journey = Scripted(script=in_turn([CALLS, Say(text="4")]))
    await events_of(journey)
    first, second = journey.tasks
    assert (first.purpose, first.tool_choice, first.max_cost_usd) == ("task", "required", Decimal("0.5"))
    assert (second.purpose, second.tool_choice, second.max_cost_usd) == ("tool_step", None, Decimal("0.499"))
    assert [message.role for message in second.messages] == ["user", "assistant", "tool"]
    assert second.messages[-1].content == "4"


async def test_an_unknown_baseline_is_not_zero() -> None:
    journey = Scripted(script=in_turn([CALLS, Say(text="4", baseline=None)]))
    assert result_in(await events_of(journey)).metrics.baseline_cost is None


async def test_calls_run_side_by_side_and_are_told_in_the_order_they_end() -> None:
    both = asyncio.Barrier(2)
    second_done = asyncio.Event()

    async def first() -> str:
        await both.wait()
        await second_done.wait()
        return "1"

    async def second() -> str:
        await both.wait()
        second_done.set()
        return "2"

    asks = Say(calls=(call("first", id="a"), call("second", id="b")))
    journey = Scripted(script=in_turn([asks, Say(text="done")]))
    task = Task(description="both", tools=(tool_from(first), tool_from(second)))
    events = await events_of(journey, task)
    assert [event.name for event in events if isinstance(event, ToolRan)] == ["second", "first"]
    assert [message.content for message in journey.tasks[1].messages[-2:]] == ["1", "2"]


async def test_tool_errors_and_unknown_tools_are_shown_to_the_model() -> None:
    asks = Say(calls=(call("duoble", "{}", "a"), call("double", '{"number": "x"}', "b")))
    journey = Scripted(script=in_turn([asks, Say(text="sorry")]))
    assert result_in(await events_of(journey)).output == "sorry"
    shown = [message.text for message in journey.tasks[1].messages if message.role == "tool"]
    assert "did you mean 'double'?" in shown[0]
    assert "not of type" in shown[1]


async def test_the_last_step_may_use_no_tool_and_its_cap_is_an_event() -> None:
    def script(task: Task) -> Say:
        return Say(text="as far as I got") if task.tool_choice == "none" else CALLS

    journey = Scripted(script=script)
    events = await events_of(journey, caps=LoopCaps(max_steps=3))
    assert result_in(events).output == "as far as I got"
    assert len(journey.tasks) == 3
    assert all(task.tools == TASK.tools for task in journey.tasks)  # the prompt begins as it did
    reached = [event for event in events if isinstance(event, CapReached)]
    assert [(event.reason, event.final_answer_asked) for event in reached] == [("steps", True)]


async def test_a_model_that_only_calls_ends_with_what_there_is() -> None:
    silent = Say(text="", calls=CALLS.calls)
    journey = Scripted(script=in_turn([CALLS, silent]))
    result = result_in(await events_of(journey, caps=LoopCaps(max_steps=2)))
    assert (result.output, result.finish_reason) == ("let me see", "tool_calls")
    assert result.metrics.cost == Decimal("0.002")


async def test_money_for_no_final_answer_ends_with_what_there_is() -> None:
    journey = Scripted(script=in_turn([CALLS, refused("task:1")]))
    task = Task(description="x", tools=(DOUBLE,), max_cost_usd=Decimal("0.0015"))
    events = await events_of(journey, task)
    assert result_in(events).output == "let me see"
    reached = [event for event in events if isinstance(event, CapReached)]
    assert [(event.reason, event.final_answer_asked) for event in reached] == [
        ("money", True),
        ("money", False),
    ]


async def test_a_failed_step_fails_the_task() -> None:
    journey = Scripted(script=in_turn([CALLS, TaskFailedError("all candidates failed")]))
    with pytest.raises(TaskFailedError):
        await events_of(journey)


async def test_time_is_counted_with_the_given_clock() -> None:
    times = iter([0.0, 0.0, *[700.0] * 20])
    journey = Scripted(script=in_turn([CALLS, Say(text="late")]))
    stream = run_with_tools(journey, TASK, caps=LoopCaps(), clock=lambda: next(times))
    events = [event async for event in stream]
    assert [event.reason for event in events if isinstance(event, CapReached)] == ["time"]
    assert result_in(events).output == "late"


async def test_a_tool_that_executes_tasks_counts_as_deeper() -> None:
    depths: list[int] = []
    journey = Scripted(script=lambda task: Say(text="done") if len(task.messages) > 1 else asks)
    asks = Say(calls=(call("ask"),))

    async def ask() -> str:
        """Asks again."""
        depths.append(current_depth())
        return result_in(await events_of(journey, nested, LoopCaps(max_depth=2))).output

    nested = Task(description="deeper", tools=(tool_from(ask),))
    events = await events_of(journey, nested, LoopCaps(max_depth=2))
    assert result_in(events).output == "done"
    assert depths == [1, 2]
    assert current_depth() == 0
    refusal = [m.text for task in journey.tasks for m in task.messages if m.role == "tool"]
    assert any(
        "SwarmError: tools that ask models are nested 3 deep; the cap is 2" in text for text in refusal
    )


async def test_leaving_early_closes_the_journey_and_the_tools() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    journey = Scripted(script=in_turn([Say(calls=(call("hang"),))]))
    task = Task(description="hang", tools=(tool_from(hang),))
    running = asyncio.create_task(events_of(journey, task))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()
    assert journey.running == 0


async def test_closing_the_stream_closes_the_journey() -> None:
    journey = Scripted(script=in_turn([Say(text="x")]), gate=asyncio.Event())
    async with closing(run_with_tools(journey, TASK, caps=LoopCaps())) as events:
        await anext(events)
        assert journey.running == 1
    assert (journey.running, journey.ended) == (0, 1)


async def test_a_journey_without_a_result_is_an_error() -> None:
    async def mute(task: Task) -> AsyncIterator[TaskEvent]:
        if task.purpose == "judge":
            yield TaskFinished  # pyright: ignore[reportReturnType] - never reached: it makes a generator

    with pytest.raises(SwarmError, match="without a result"):
        _ = [event async for event in run_with_tools(mute, TASK, caps=LoopCaps())]
