"""Agents of the OpenAI Agents SDK on a deployment: tools, handoffs, typed output, streams, and the money."""

from pathlib import Path
from typing import cast

import pytest
from agents import Agent, ModelSettings, Runner, function_tool, set_tracing_disabled
from agents.exceptions import UserError
from pydantic import BaseModel

from farthing.errors import BudgetExceededError
from farthing.interop.openai_agents import FarthingModel
from farthing.testing import Reply, ScriptedUpstream, answer, deployment_on

set_tracing_disabled(disabled=True)  # it would send traces to OpenAI


class City(BaseModel):
    name: str
    people: int


def tool_call(name: str, arguments: str = "{}") -> Reply:
    function = {"name": name, "arguments": arguments}
    return answer("", tool_calls=[{"id": "call-1", "type": "function", "function": function}])


@function_tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"snow in {city}"


def roles(request: dict[str, object]) -> list[object]:
    return [one["role"] for one in cast("list[dict[str, object]]", request["messages"])]


async def test_an_agent_uses_its_tools_and_each_call_is_booked(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([tool_call("weather", '{"city": "Oslo"}'), answer("It snows.")])
    async with deployment_on(upstream, tmp_path) as deployment:
        agent = Agent(
            name="guide",
            instructions="Be brief.",
            model=FarthingModel(deployment),
            tools=[weather],
            model_settings=ModelSettings(temperature=0.2, max_tokens=300),
        )
        run = await Runner.run(agent, "How is it in Oslo?")
        report = deployment.get_cost_report()
    assert run.final_output == "It snows."
    assert [roles(one) for one in upstream.requests] == [
        ["system", "user"],
        ["system", "user", "assistant", "tool"],
    ]
    assert (upstream.requests[0]["temperature"], upstream.requests[0]["max_tokens"]) == (0.2, 300)
    assert (report.calls, report.total_spend > 0) == (2, True)
    assert run.context_wrapper.usage.requests == 2
    assert run.context_wrapper.usage.input_tokens == 20


async def test_a_handoff_goes_to_another_agent(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([tool_call("transfer_to_clerk"), answer("Filed.")])
    async with deployment_on(upstream, tmp_path) as deployment:
        model = FarthingModel(deployment)
        clerk = Agent(name="clerk", instructions="File things.", model=model)
        run = await Runner.run(Agent(name="desk", model=model, handoffs=[clerk]), "File this.")
    assert (run.final_output, run.last_agent.name) == ("Filed.", "clerk")


async def test_typed_output(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer('{"name": "Oslo", "people": 700000}')])
    async with deployment_on(upstream, tmp_path) as deployment:
        agent = Agent(name="guide", model=FarthingModel(deployment), output_type=City)
        run = await Runner.run(agent, "Where?")
    assert run.final_output == City(name="Oslo", people=700_000)
    assert "response_format" in upstream.requests[0]


@pytest.mark.parametrize("typed", [True, False])
async def test_a_stream_ends_with_the_same(tmp_path: Path, *, typed: bool) -> None:
    said = '{"name": "Oslo", "people": 700000}'
    upstream = ScriptedUpstream([tool_call("weather", '{"city": "Oslo"}'), answer(said)])
    async with deployment_on(upstream, tmp_path) as deployment:
        agent = Agent(
            name="guide",
            model=FarthingModel(deployment),
            tools=[weather],
            output_type=City if typed else None,
        )
        run = Runner.run_streamed(agent, "Where?")
        kinds = [event.data.type async for event in run.stream_events() if event.type == "raw_response_event"]
    assert run.final_output == (City(name="Oslo", people=700_000) if typed else said)
    assert kinds.count("response.completed") == 2
    assert "response.output_text.delta" in kinds
    assert run.context_wrapper.usage.output_tokens == 10


async def test_a_budget_stops_an_agent(tmp_path: Path) -> None:
    overrides = {"budget.monthlyLimit": "0.0000001"}
    async with deployment_on(ScriptedUpstream([]), tmp_path, overrides=overrides) as deployment:
        agent = Agent(
            name="guide", model=FarthingModel(deployment), model_settings=ModelSettings(max_tokens=300)
        )
        with pytest.raises(BudgetExceededError, match="deployment"):
            await Runner.run(agent, "Explain tides.")


async def test_what_only_the_responses_api_has_is_refused(tmp_path: Path) -> None:
    async with deployment_on(ScriptedUpstream([]), tmp_path) as deployment:
        agent = Agent(name="guide", model=FarthingModel(deployment))
        with pytest.raises(UserError, match="previous_response_id is 'resp_1'"):
            await Runner.run(agent, "go on", previous_response_id="resp_1")
