"""An agent in circles: a note first, then the end; and faulty calls: repaired, explained, refused."""

from collections.abc import Awaitable, Callable

import pytest
from tests.swarm.scripted import Say, Scripted, call

from farthing.swarm.company import GO_ON, Approved, Company, Decision, Denied, Errand
from farthing.swarm.events import CapReached, LoopEvent, LoopNoticed, ToolRan
from farthing.swarm.loop import LoopCaps
from farthing.swarm.results import WorkResult
from farthing.swarm.toolrun import run_with_tools
from farthing.swarm.tools import tool_from
from farthing.task import Task, Tool, ToolCall

pytestmark = pytest.mark.usefixtures("no_task_left_behind")


def look(number: int) -> str:
    """Looks."""
    return f"nothing at {number}"


def polled() -> Callable[[], str]:
    seen: list[int] = []

    def status() -> str:
        """How far it is."""
        seen.append(1)
        return f"{len(seen)} % done"

    return status


LOOK = tool_from(look)
AGAIN = Say(calls=(call("look", '{"number": 1}'),))
ROOMY = LoopCaps(max_steps=12)


def task_with(*tools: Tool) -> Task:
    return Task(description="find it", tools=tools, agent_id="scout-1", role="scout")


def stubborn(task: Task) -> Say:
    """Calls the same for ever, and answers only when it must."""
    return Say(text="I give up") if task.tool_choice == "none" else AGAIN


async def played(
    journey: Scripted, task: Task, *, company: Company | None = None, caps: LoopCaps = ROOMY
) -> list[LoopEvent]:
    return [event async for event in run_with_tools(journey, task, caps=caps, company=company)]


def person(answer: Callable[[ToolCall], Awaitable[Decision]]) -> Company:
    async def nobody(errand: Errand) -> WorkResult:
        raise AssertionError(errand)

    return Company(
        piece="scout-1", confirm=lambda _: False, ask_person=answer, ask_agent=nobody, attended=True
    )


async def test_a_note_first_and_then_the_final_answer() -> None:
    journey = Scripted(script=stubborn)
    events = await played(journey, task_with(LOOK))
    noticed = [event for event in events if isinstance(event, LoopNoticed)]
    assert [(one.kind, one.goes_on, one.agent_id) for one in noticed] == [
        ("repeated", False, "scout-1"),
        ("repeated", True, "scout-1"),
    ]
    reached = [event for event in events if isinstance(event, CapReached)]
    assert [(one.reason, one.final_answer_asked) for one in reached] == [("loop", True)]
    assert len(journey.tasks) == 5  # three rounds, the note, one round more, the final answer
    notes = [message for message in journey.tasks[3].messages if "three times" in message.text]
    assert [note.role for note in notes] == ["user"]
    assert "You go in circles" in journey.tasks[4].messages[-1].text


async def test_who_heeds_the_note_goes_on() -> None:
    answers = [AGAIN, AGAIN, AGAIN, Say(calls=(call("look", '{"number": 2}'),)), AGAIN, Say(text="found")]
    journey = Scripted(script=lambda _: answers.pop(0))
    events = await played(journey, task_with(LOOK))
    assert [event.goes_on for event in events if isinstance(event, LoopNoticed)] == [False]
    assert not [event for event in events if isinstance(event, CapReached)]


async def test_a_tool_whose_result_changes_may_be_called_as_often_as_the_steps_allow() -> None:
    answers = [Say(calls=(call("status"),))] * 8
    script = [*answers, Say(text="done")]
    journey = Scripted(script=lambda _: script.pop(0))
    events = await played(journey, task_with(tool_from(polled())))
    assert len([event for event in events if isinstance(event, ToolRan)]) == 8
    assert not [event for event in events if isinstance(event, LoopNoticed | CapReached)]


@pytest.mark.parametrize(("decision", "steps"), [(Denied(), 5), (Approved(), 9)])
async def test_where_a_person_is_there_it_is_for_them_to_say(decision: Decision, steps: int) -> None:
    asked: list[ToolCall] = []

    async def answer(call: ToolCall) -> Decision:
        asked.append(call)
        return decision if len(asked) == 1 else Denied()

    journey = Scripted(script=stubborn)
    await played(journey, task_with(LOOK), company=person(answer))
    # Allowed once, its rounds are forgotten: three more until the next note, then it is asked again.
    assert len(journey.tasks) == steps
    assert asked[0].name == GO_ON
    assert "look" in asked[0].arguments
    assert len({one.id for one in asked}) == len(asked)


async def test_arguments_are_repaired_before_the_tool_runs_and_the_event_says_so() -> None:
    answers = [Say(calls=(call("look", "{'number': '3',}", "a"),)), Say(text="done")]
    journey = Scripted(script=lambda _: answers.pop(0))
    (ran,) = [event for event in await played(journey, task_with(LOOK)) if isinstance(event, ToolRan)]
    assert (ran.text, ran.arguments, ran.ok) == ("nothing at 3", '{"number":3}', True)
    assert ran.repairs == ("the JSON was put right", "number was taken as integer")
    asked = journey.tasks[1].messages[-2]
    assert asked.tool_calls[0].arguments == '{"number":3}'  # what providers are sent can be read by them


async def test_a_fault_is_explained_once_then_plainly_refused_and_then_ends_it() -> None:
    def wrong(task: Task) -> Say:
        number = len(journey.tasks)
        return (
            Say(text="so be it")
            if task.tool_choice == "none"
            else Say(calls=(call("look", f'{{"number": "n{number}"}}', f"c{number}"),))
        )

    journey = Scripted(script=wrong)
    events = await played(journey, task_with(LOOK))
    texts = [event.text for event in events if isinstance(event, ToolRan)]
    assert "correct the arguments and call again" in texts[0]
    assert "look was not run" in texts[1]
    assert [event.kind for event in events if isinstance(event, LoopNoticed)] == ["faulty", "faulty"]
    assert [event.reason for event in events if isinstance(event, CapReached)] == ["loop"]
    assert len(journey.tasks) == 4
    assert not any("nothing at" in text for text in texts)


async def test_arguments_that_cannot_be_read_are_not_sent_back() -> None:
    answers = [Say(calls=(call("look", '{"number": ', "a"),)), Say(text="done")]
    journey = Scripted(script=lambda _: answers.pop(0))
    await played(journey, task_with(LOOK))
    asked, result = journey.tasks[1].messages[-2:]
    assert asked.tool_calls[0].arguments == "{}"
    assert 'you wrote: {"number": ' in result.text
