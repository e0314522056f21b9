"""Agents of Pydantic AI on a deployment: their tools, their output, streams, and the money."""

from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, NativeOutput
from pydantic_ai.messages import ModelMessagesTypeAdapter, ModelResponse
from pydantic_ai.settings import ModelSettings

from farthing.deployment import Deployment
from farthing.errors import BudgetExceededError
from farthing.interop.pydantic_ai import FarthingModel
from farthing.simulator.process import SimulatorProcess
from farthing.task import Labels
from farthing.testing import Reply, ScriptedUpstream, answer, deployment_on


class City(BaseModel):
    name: str
    people: int


def sent(upstream: ScriptedUpstream, at: int = 0) -> dict[str, object]:
    return upstream.requests[at]


def tool_call(name: str, arguments: str) -> Reply:
    function = {"name": name, "arguments": arguments}
    return answer("", tool_calls=[{"id": "call-1", "type": "function", "function": function}])


async def test_an_agent_uses_its_tools_and_each_call_is_booked(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([tool_call("weather", '{"city": "Oslo"}'), answer("It snows.")])
    async with deployment_on(upstream, tmp_path) as deployment:
        model = FarthingModel(deployment, labels=Labels(key="team-a", tags=("weather",)), session_id="talk-1")
        agent = Agent(model, instructions="Be brief.", model_settings=ModelSettings(temperature=0.2))

        @agent.tool_plain
        def weather(city: str) -> str:
            """The weather of a city."""
            return f"snow in {city}"

        run = await agent.run("How is it in Oslo?")
        report = deployment.get_cost_report()
    assert run.output == "It snows."
    first, second = sent(upstream), sent(upstream, 1)
    assert first["temperature"] == 0.2
    assert [one["role"] for one in cast("list[dict[str, object]]", first["messages"])] == ["system", "user"]
    tools = cast("list[dict[str, dict[str, object]]]", first["tools"])
    assert tools[0]["function"]["description"] == "The weather of a city."
    told = cast("list[dict[str, object]]", second["messages"])[-1]
    assert (told["role"], told["content"]) == ("tool", "snow in Oslo")
    responses = [one for one in run.all_messages() if isinstance(one, ModelResponse)]
    costs = [Decimal(str((one.provider_details or {})["cost_usd"])) for one in responses]
    assert report.total_spend == sum(costs) > 0
    assert run.usage.input_tokens > 0


@pytest.mark.parametrize("native", [True, False])
async def test_typed_output_by_schema_and_by_tool(tmp_path: Path, *, native: bool) -> None:
    said = '{"name": "Oslo", "people": 700000}'
    upstream = ScriptedUpstream([answer(said) if native else tool_call("final_result", said)])
    async with deployment_on(upstream, tmp_path) as deployment:
        kind = NativeOutput(City) if native else City
        run = await Agent(FarthingModel(deployment), output_type=kind).run("Where?")
    assert run.output == City(name="Oslo", people=700_000)
    assert ("response_format" in sent(upstream)) is native
    assert sent(upstream).get("tool_choice") == (None if native else "required")


async def test_text_comes_as_it_is_written(tmp_path: Path) -> None:
    async with SimulatorProcess(seed=4, time_scale=0.05) as simulator:
        settings = {"models": {"primary": "deepseek/deepseek-chat"}}
        environ = {"OPENROUTER_BASE_URL": simulator.base_url, "XDG_STATE_HOME": str(tmp_path)}
        async with Deployment(settings, environ=environ) as deployment:
            agent = Agent(FarthingModel(deployment))
            async with agent.run_stream("Explain tides.") as run:
                pieces = [piece async for piece in run.stream_text(delta=True, debounce_by=None)]
                whole = await run.get_output()
    assert len(pieces) > 1
    assert "".join(pieces) == whole
    assert whole.startswith("[simulated]")
    response = run.all_messages()[-1]
    assert isinstance(response, ModelResponse)
    assert response.model_name == "deepseek/deepseek-chat"
    assert (response.provider_details or {})["simulated"] is True
    assert ModelMessagesTypeAdapter.dump_json(run.all_messages())


async def test_a_budget_stops_an_agent(tmp_path: Path) -> None:
    async with deployment_on(
        ScriptedUpstream([]), tmp_path, overrides={"budget.monthlyLimit": "0.0000001"}
    ) as deployment:
        with pytest.raises(BudgetExceededError, match="deployment"):
            await Agent(FarthingModel(deployment)).run("Explain tides.", model_settings={"max_tokens": 300})


async def test_images_go_along(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("a dot")])
    overrides = {"budget.mediaPartTokens": 2000}
    async with deployment_on(upstream, tmp_path, overrides=overrides) as deployment:
        picture = BinaryContent(data=b"\x89PNG", media_type="image/png")
        run = await Agent(FarthingModel(deployment)).run(["What is it?", picture])
    assert run.output == "a dot"
    content = cast("list[dict[str, object]]", sent(upstream)["messages"])[-1]["content"]
    assert [part["type"] for part in cast("list[dict[str, object]]", content)] == ["text", "image_url"]
