"""A typed final answer beside tools: told in words, read where it fits, asked for again where it does not."""

import json
from dataclasses import dataclass
from decimal import Decimal

import pytest
from tests.swarm.scripted import Answer, Say, Scripted, call, in_turn

from farthing.errors import TaskFailedError
from farthing.result import TaskFinished, TaskResult
from farthing.swarm.agent import AgentSpec
from farthing.swarm.loop import LoopCaps
from farthing.swarm.run import Swarm
from farthing.swarm.toolrun import run_with_tools
from farthing.swarm.tools import tool_from
from farthing.task import Message, Task

pytestmark = pytest.mark.usefixtures("no_task_left_behind")


@dataclass(frozen=True)
class City:
    name: str
    people: int


def count(city: str) -> str:
    """Counts people."""
    return f"{city} has 3 people"


TASK = Task(
    messages=(Message(role="system", content="You count."), Message(role="user", content="Rome?")),
    tools=(tool_from(count),),
    output_type=City,
)
CALLS = Say(calls=(call("count", '{"city": "Rome"}', "a"),))
GOOD = '{"name": "Rome", "people": 3}'


async def result_of(journey: Scripted, task: Task = TASK, caps: LoopCaps | None = None) -> TaskResult:
    events = [event async for event in run_with_tools(journey, task, caps=caps or LoopCaps())]
    assert isinstance(events[-1], TaskFinished)
    return events[-1].result


@pytest.mark.parametrize("text", [GOOD, f"```json\n{GOOD}\n```"])
async def test_an_answer_that_fits_is_the_value_and_costs_no_further_call(text: str) -> None:
    journey = Scripted(script=in_turn([CALLS, Say(text=text)]))
    result = await result_of(journey)
    assert (result.data, result.output.strip(), result.repaired) == (City("Rome", 3), GOOD, False)
    assert len(journey.tasks) == 2


async def test_json_that_is_nearly_right_is_put_right() -> None:
    journey = Scripted(script=in_turn([CALLS, Say(text="{'name': 'Rome', 'people': 3,}")]))
    result = await result_of(journey)
    assert (result.data, result.repaired, len(journey.tasks)) == (City("Rome", 3), True, 2)


async def test_steps_with_tools_are_told_the_schema_in_words_and_never_as_a_format() -> None:
    journey = Scripted(script=in_turn([CALLS, Say(text=GOOD)]))
    await result_of(journey)
    for task in journey.tasks:
        assert (task.output_type, task.response_format) == (None, None)
        assert task.tools == TASK.tools
        assert '"people"' in task.messages[0].text
    first, second = (task.messages[0] for task in journey.tasks)
    assert first == second  # the prompt begins as it did, and stays cached


async def test_prose_is_asked_for_again_in_the_form_without_tools() -> None:
    def script(task: Task) -> Answer:
        if task.output_type is not None:
            return Say(text=GOOD, cost=Decimal("0.005"))
        return CALLS if len(journey.tasks) == 1 else Say(text="Rome has three people.")

    journey = Scripted(script=script)
    result = await result_of(journey)
    asked = journey.tasks[-1]
    assert (asked.tools, asked.purpose, asked.output_type) == ((), "repair", City)
    assert [message.role for message in asked.messages] == ["system", "user", "user"]
    assert "Rome has three people." in asked.messages[-1].text
    assert (result.output, result.metrics.cost) == (GOOD, Decimal("0.007"))
    assert len(result.attempts) == 3


async def test_a_step_is_kept_for_the_form() -> None:
    def script(task: Task) -> Answer:
        if task.output_type is not None:
            return Say(text=GOOD)
        return Say(text="prose") if task.tool_choice == "none" else CALLS

    journey = Scripted(script=script)
    assert (await result_of(journey, caps=LoopCaps(max_steps=4))).output == GOOD
    assert len(journey.tasks) == 4


async def test_where_no_step_is_left_for_it_the_failure_says_so_with_its_attempts() -> None:
    journey = Scripted(script=in_turn([CALLS, Say(text="prose")]))
    with pytest.raises(TaskFailedError, match="no step is left to ask again") as failed:
        await result_of(journey, caps=LoopCaps(max_steps=2))
    assert len(failed.value.attempts) == 2


async def test_one_step_alone_asks_for_the_format_itself() -> None:
    journey = Scripted(script=in_turn([Say(text=GOOD)]))
    await result_of(journey, caps=LoopCaps(max_steps=1))
    (asked,) = journey.tasks
    assert (asked.output_type, asked.tools) == (City, ())


async def test_a_response_format_is_kept_too() -> None:
    schema: dict[str, object] = {
        "type": "object",
        "required": ["n"],
        "properties": {"n": {"type": "integer"}},
    }
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    task = Task(description="x", tools=TASK.tools, response_format=form)
    result = await result_of(Scripted(script=in_turn([CALLS, Say(text='{"n": 1}')])), task)
    assert result.data == {"n": 1}


async def test_an_agents_result_is_a_value_of_its_type() -> None:
    def script(task: Task) -> Answer:
        if task.role != "analyst":
            return Say(text="all")
        return Say(text=GOOD) if any(one.role == "tool" for one in task.messages) else CALLS

    spec = AgentSpec(type="analyst", tools=[count], output_type=City)
    result = await Swarm([spec], journey=Scripted(script=script)).run("count")
    piece = result.results[0]
    assert piece.result is not None
    assert piece.result.data == City("Rome", 3)
    assert json.loads(piece.result.output) == {"name": "Rome", "people": 3}
