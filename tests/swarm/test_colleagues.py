"""Agents that hand their work over, and agents that ask others: who goes on, who pays, how deep."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import pytest
from tests.swarm.scripted import Answer, Say, Scripted, call, refused

from farthing.config.schema import Swarm as SwarmSettings
from farthing.errors import SwarmError
from farthing.swarm.agent import AgentSpec
from farthing.swarm.events import (
    AgentFailed,
    AgentFinished,
    AgentStarted,
    HandedOff,
    SwarmEvent,
    SwarmFinished,
    ToolRan,
)
from farthing.swarm.results import SwarmResult
from farthing.swarm.roster import colleagues_of
from farthing.swarm.run import Swarm
from farthing.task import Task

pytestmark = pytest.mark.usefixtures("no_task_left_behind")


def search(topic: str) -> str:
    """Searches."""
    return f"facts about {topic}"


def ask(role: str, task: str, call_id: str = "a") -> Say:
    return Say(calls=(call(f"ask_{role}", f'{{"task": "{task}"}}', call_id),))


def hand_off(role: str, reason: str = "it is code", call_id: str = "h") -> Say:
    return Say(
        text="I know enough", calls=(call(f"hand_off_to_{role}", f'{{"reason": "{reason}"}}', call_id),)
    )


async def played(
    journey: Scripted, specs: Sequence[AgentSpec], settings: SwarmSettings | None = None
) -> tuple[SwarmResult, list[SwarmEvent]]:
    swarm = Swarm(specs, journey=journey, settings=settings, new_id=lambda: "run-1")
    events = [event async for event in swarm.stream("the goal")]
    (finished,) = [event for event in events if isinstance(event, SwarmFinished)]
    return finished.result, events


def first_of(task: Task) -> bool:
    """Whether it is the first step of a loop."""
    return task.messages[-1].role == "user" and not any(one.role == "tool" for one in task.messages)


async def test_another_role_goes_on_with_what_was_done() -> None:
    def script(task: Task) -> Answer:
        if task.role == "researcher":
            return (
                Say(calls=(call("search", '{"topic": "clocks"}', "s"),))
                if first_of(task)
                else hand_off("coder")
            )
        return Say(text=f"by the {task.role}")

    spec = AgentSpec(type="researcher", tools=[search], handoffs=["coder"])
    result, events = await played(journey := Scripted(script=script), [spec])
    (handed,) = [event for event in events if isinstance(event, HandedOff)]
    assert (handed.agent_id, handed.from_role, handed.to_role) == ("researcher-1", "researcher", "coder")
    piece = result.results[0]
    assert piece.result is not None
    assert (piece.agent_id, piece.result.output, len(piece.attempts)) == ("researcher-1", "by the coder", 3)
    went_on = journey.tasks[2]
    assert (went_on.role, went_on.type, went_on.agent_id) == ("coder", "coding", "researcher-1")
    system, opening, told = went_on.messages
    assert system.text.startswith("You are a coder")
    assert opening.text.startswith("Goal: the goal")
    for words in ("The researcher worked on this", "it is code", "facts about clocks", "I know enough"):
        assert words in told.text
    assert went_on.tools == ()


async def test_work_is_handed_to_and_fro_only_so_often() -> None:
    def script(task: Task) -> Answer:
        if not first_of(task) or task.role == "synthesis":
            return Say(text="I keep it")
        other = "coder" if task.role == "reviewer" else "reviewer"
        return hand_off(other, call_id=f"h{len(journey.tasks)}")

    journey = Scripted(script=script)
    specs = [
        AgentSpec(type="coder", handoffs=[AgentSpec(type="reviewer", handoffs=["coder"])]),
    ]
    _, events = await played(journey, specs, SwarmSettings(max_hand_offs=2))
    assert [event.to_role for event in events if isinstance(event, HandedOff)] == ["reviewer", "coder"]
    refused_calls = [event.text for event in events if isinstance(event, ToolRan) and not event.ok]
    assert refused_calls == ["error: not handed over: at most 2 times, and once in an answer"]


async def test_of_two_hand_offs_in_one_answer_the_first_counts_and_other_calls_run() -> None:
    both = Say(
        calls=(
            call("search", '{"topic": "x"}', "s"),
            call("hand_off_to_coder", '{"reason": "1"}', "a"),
            call("hand_off_to_writer", '{"reason": "2"}', "b"),
        )
    )
    journey = Scripted(script=lambda task: both if task.role == "researcher" else Say(text="done"))
    spec = AgentSpec(type="researcher", tools=[search], handoffs=["coder", "writer"])
    _, events = await played(journey, [spec])
    assert [event.to_role for event in events if isinstance(event, HandedOff)] == ["coder"]
    ran = {event.call_id: event.ok for event in events if isinstance(event, ToolRan)}
    assert ran == {"s": True, "a": True, "b": False}
    assert "facts about x" in journey.tasks[1].messages[-1].text


async def test_an_agent_asks_another_and_its_cost_is_its_own() -> None:
    def script(task: Task) -> Answer:
        if task.role == "coder":
            return ask("researcher", "which clock?") if first_of(task) else Say(text="done")
        return Say(text="the quartz one", cost=Decimal("0.004"))

    spec = AgentSpec(type="coder", delegates=["researcher"], budget_usd=Decimal("0.5"))
    result, events = await played(journey := Scripted(script=script), [spec])
    piece, synthesis = result.results
    assert (piece.agent_id, synthesis.agent_id) == ("coder-1", "synthesis")
    assert piece.cost == Decimal("0.006") == sum(one.cost for one in piece.attempts)
    assert result.total_cost == sum(
        (one.cost for work in result.results for one in work.attempts), Decimal(0)
    )
    asked = journey.tasks[1]
    assert (asked.agent_id, asked.role, asked.run_id) == ("coder-1/ask_researcher-1", "researcher", "run-1")
    assert dict(asked.limits)["agent:run-1/coder-1"] == Decimal("0.5")
    assert "which clock?" in asked.messages[-1].text
    assert journey.tasks[2].messages[-1].text == "the quartz one"
    started = [event for event in events if isinstance(event, AgentStarted)]
    assert [(one.agent_id, one.asked_by) for one in started] == [
        ("coder-1", None),
        ("coder-1/ask_researcher-1", "coder-1"),
        ("synthesis", None),
    ]
    ended = [event.agent_id for event in events if isinstance(event, AgentFinished)]
    assert ended == ["coder-1/ask_researcher-1", "coder-1", "synthesis"]


async def test_several_are_asked_at_once_and_numbered_in_the_order_of_the_calls() -> None:
    gate = asyncio.Barrier(2)

    def waits(name: str) -> str:
        """Waits."""
        return name

    async def meet() -> str:
        """Meets."""
        await gate.wait()
        return "met"

    def script(task: Task) -> Answer:
        if task.role == "coder":
            both = Say(calls=(*ask("researcher", "one", "a").calls, *ask("researcher", "two", "b").calls))
            return both if first_of(task) else Say(text="done")
        if task.role == "researcher" and first_of(task):
            return Say(calls=(call("meet", "{}", "m"),))
        return Say(text=f"answer of {task.agent_id}")

    helper = AgentSpec(type="researcher", tools=[meet, waits])
    journey = Scripted(script=script)
    await played(journey, [AgentSpec(type="coder", delegates=[helper])])
    results = [one.text for one in journey.tasks[-2].messages if one.role == "tool"]
    assert results == [f"answer of coder-1/ask_researcher-{number}" for number in (1, 2)]


async def test_who_asks_in_a_ring_is_stopped_by_the_depth() -> None:
    def script(task: Task) -> Answer:
        if task.role == "synthesis" or not first_of(task):
            return Say(text=task.messages[-1].text)
        return ask("reviewer" if task.role == "coder" else "coder", "help")

    journey = Scripted(script=script)
    specs = [AgentSpec(type="coder", delegates=[AgentSpec(type="reviewer", delegates=["coder"])])]
    result, events = await played(journey, specs, SwarmSettings(max_depth=3))
    deepest = max((task.agent_id or "").count("/") for task in journey.tasks)
    assert deepest == 2
    assert "nested 4 deep; the cap is 3" in (result.results[0].result or result).output
    assert not [event for event in events if isinstance(event, AgentFailed)]


async def test_an_agent_that_was_asked_and_fails_is_an_error_for_the_model_and_is_paid() -> None:
    def script(task: Task) -> Answer:
        if task.role == "coder":
            return ask("researcher", "x") if first_of(task) else Say(text="alone then")
        return refused("agent:run-1/coder-1") if task.role == "researcher" else Say(text="all")

    result, events = await played(
        journey := Scripted(script=script), [AgentSpec(type="coder", delegates=["researcher"])]
    )
    assert journey.tasks[2].messages[-1].text.startswith("error: the researcher failed: the limit of")
    piece = result.results[0]
    assert (piece.ok, piece.cost, piece.cost_basis) == (True, Decimal("0.0025"), "uncertain")
    assert [event.agent_id for event in events if isinstance(event, AgentFailed)] == [
        "coder-1/ask_researcher-1"
    ]


async def test_half_of_what_is_left_to_a_loop_is_all_that_those_it_asks_have_together() -> None:
    def script(task: Task) -> Answer:
        if task.agent_id == "coder-1":
            both = Say(calls=(*ask("researcher", "one", "a").calls, *ask("researcher", "two", "b").calls))
            return both if first_of(task) else Say(text="done")
        return Say(text="answer", cost=Decimal("0.004"))

    swarm = Swarm(
        [AgentSpec(type="coder", delegates=["researcher"])],
        journey=(journey := Scripted(script=script)),
        new_id=lambda: "run-1",
    )
    handed = Task(description="write it", role="coder", max_cost_usd=Decimal("0.02"))
    (done,) = [done async for done in swarm.map([handed])]
    asked = [task for task in journey.tasks if task.role == "researcher"]
    half = Decimal("0.0095")
    assert [task.max_cost_usd for task in asked] == [half, half]
    fund = {limit for task in asked for limit in task.limits if "#" in limit[0]}
    assert fund == {("agent:run-1/item-0#1", half)}  # one account for both: their sum cannot pass it
    assert journey.tasks[-1].max_cost_usd == Decimal("0.011")
    assert done.work.cost == Decimal("0.010")


def test_colleagues_are_each_named_once() -> None:
    deep = AgentSpec(type="writer", delegates=["analyst"])
    specs = [AgentSpec(type="coder", delegates=["tester", deep], handoffs=["coder", "writer"])]
    assert [spec.type for spec in colleagues_of(specs)] == ["writer", "tester", "analyst"]
    other = AgentSpec(type="coder", model="x/y")
    with pytest.raises(SwarmError, match="two different AgentSpecs of 'coder'"):
        colleagues_of([AgentSpec(type="coder", delegates=[other])])
    with pytest.raises(SwarmError, match="has count 2"):
        colleagues_of([AgentSpec(type="coder", delegates=[AgentSpec(type="tester", count=2)])])
    with pytest.raises(SwarmError, match="delegates is 'tester'"):
        AgentSpec(type="coder", delegates="tester")
