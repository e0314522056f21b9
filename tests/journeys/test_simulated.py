"""Whole ways through over real HTTP, against the simulator in its own process and with its own bill."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from tests.journeys.books import billed_by_id, differing, read_ledger

from farthing import AgentSpec, Deployment, TokenReceived, load_config
from farthing.money import from_nano
from farthing.simulator.process import SimulatorProcess

GLM = "thudm/glm-4-9b:free"
CITY = {
    "type": "json_schema",
    "json_schema": {
        "name": "city",
        "schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
            "required": ["city", "people"],
        },
    },
}
SEARCH = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Searches the library.",
        "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
    },
}


@pytest.fixture
async def simulator() -> AsyncIterator[SimulatorProcess]:
    async with SimulatorProcess(seed=3) as process:
        yield process


def deployed(
    simulator: SimulatorProcess, folder: Path, source: str = "balanced", **overrides: object
) -> Deployment:
    environ = {
        "OPENROUTER_BASE_URL": simulator.base_url,
        "FARTHING_DATABASE_URL": f"sqlite:///{folder / 'ledger.db'}",
    }
    settings = {name.replace("__", "."): value for name, value in overrides.items()}
    return Deployment(load_config(source, environ=environ, overrides=settings), environ=environ)


async def books_agree(simulator: SimulatorProcess, folder: Path) -> None:
    """Equal row by row where the id is known, and the bill within settled and uncertain."""
    await simulator.idle()
    billed = billed_by_id(await simulator.bill())
    book = read_ledger(folder / "ledger.db")
    assert differing(book.calls, billed) == []
    total = book.total()
    assert total.held == 0
    assert total.settled <= sum(billed.values()) <= total.settled + total.uncertain


def always(kind: str, **fields: object) -> Mapping[str, object]:
    return {"rules": [{"fault": {"kind": kind, **fields}}], "overrun_rate": 0.0}


async def test_a_stream_left_in_the_middle_is_settled_by_its_bill(
    simulator: SimulatorProcess, tmp_path: Path
) -> None:
    await simulator.set_scenario(always("stall"))
    async with deployed(simulator, tmp_path) as deployment:
        stream = deployment.stream_task("Explain how bridges stand.")
        async for event in stream:
            if isinstance(event, TokenReceived):
                break
        await stream.aclose()
        await simulator.idle()  # the exchange is closed at once: the simulator sees its client leave
    (call,) = read_ledger(tmp_path / "ledger.db").calls.values()
    assert call.cost
    await books_agree(simulator, tmp_path)


async def test_a_call_cancelled_before_any_header_stays_within_its_worst_case(
    simulator: SimulatorProcess, tmp_path: Path
) -> None:
    await simulator.set_scenario(always("slow_headers"))
    async with deployed(simulator, tmp_path) as deployment:
        task = asyncio.ensure_future(deployment.execute_task("Explain how bridges stand."))
        while not (await simulator.stats())["held"]:  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
    (call,) = read_ledger(tmp_path / "ledger.db").calls.values()
    assert (call.cost, call.generation_id, call.balance.uncertain) == (None, None, call.worst)
    await books_agree(simulator, tmp_path)


async def test_a_request_that_stays_silent_meets_its_deadline_and_falls_back(
    simulator: SimulatorProcess, tmp_path: Path
) -> None:
    rule = {"match": {"nth": 1}, "fault": {"kind": "comments"}}
    await simulator.set_scenario({"rules": [rule], "overrun_rate": 0.0})
    async with deployed(simulator, tmp_path, upstream__firstTokenTimeout=0.5) as deployment:
        result = await deployment.execute_task(type="coding", description="Write a sort.")
    assert [attempt.reason.split()[0] for attempt in result.attempts] == ["timeout", "ok"]
    assert result.attempts[0].model != result.attempts[1].model
    await books_agree(simulator, tmp_path)


@pytest.mark.parametrize("stream", [True, False])
async def test_every_irregularity_of_metering_is_settled(
    simulator: SimulatorProcess, tmp_path: Path, stream: bool
) -> None:
    kinds = ["late_usage", "no_usage", "missing_cost", "garbled", "byok", "length", "overrun", "empty", "cut"]
    rules = [{"match": {"contains": f"[{kind}]"}, "fault": kind, "times": 1} for kind in kinds]
    await simulator.set_scenario({"rules": rules})
    async with deployed(simulator, tmp_path, upstream__stream=stream) as deployment:
        tasks = [deployment.execute_task(f"[{kind}] Explain how bridges stand.") for kind in kinds]
        results = await asyncio.gather(*tasks)
    assert all(result.output and result.simulated for result in results)
    await books_agree(simulator, tmp_path)


async def test_development_costs_nothing_and_gives_tools_by_prompt(
    simulator: SimulatorProcess, tmp_path: Path
) -> None:
    settings = {"environment": "development", "models__primary": "glm-4-9b", "models__fallback": None}
    async with deployed(simulator, tmp_path, "budget", **settings) as deployment:
        result = await deployment.execute_task("Search for bees.", tools=[SEARCH], tool_choice="required")
    (request,) = await simulator.requests()
    assert (request["model"], request["tools"]) == (GLM, 0)
    assert (result.emulated_tools, [call.name for call in result.tool_calls]) == (True, ["search"])
    assert (result.metrics.cost, (await simulator.bill())["total"]) == (0, "0")


async def test_structured_output_has_its_schemas_shape(simulator: SimulatorProcess, tmp_path: Path) -> None:
    async with deployed(simulator, tmp_path, "premium") as deployment:
        result = await deployment.execute_task(
            "Name a city.", type="structured", response_format=CITY, max_tokens=400
        )
    (request,) = await simulator.requests()
    assert request["model"] == "mistralai/mistral-small-3.1-24b-instruct"
    assert set(cast("dict[str, object]", result.data)) == {"city", "people"}


def test_a_swarm_through_the_sync_door_on_its_own_budget(tmp_path: Path) -> None:
    team = [AgentSpec(type="researcher", count=2), AgentSpec(type="writer")]
    with SimulatorProcess(seed=3) as simulator, deployed(simulator, tmp_path) as deployment:
        swarm = deployment.deploy_swarm_sync(team, goal="Explain how bridges stand.", budget_usd="0.05")
        spent = deployment.run_ledger(swarm.run_id).total()
        report = deployment.get_cost_report()
    assert [piece.ok for piece in swarm.results] == [True] * 4
    assert from_nano(spent.settled + spent.held + spent.uncertain) <= Decimal("0.05")
    assert set(report.by_role) == {"researcher", "writer", "synthesis"}
