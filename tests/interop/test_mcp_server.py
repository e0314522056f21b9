"""`farthing mcp`, started as a client starts it, driven by the official client."""

import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from tests.cli.spawned import ended, environment, spawn

from farthing.simulator.process import SimulatorProcess

Reply = dict[str, object]


@pytest.fixture
async def simulator() -> AsyncIterator[SimulatorProcess]:
    async with SimulatorProcess(seed=3) as process:
        yield process


@asynccontextmanager
async def served(simulator: SimulatorProcess, home: Path, *options: str) -> AsyncGenerator[Client]:
    started = StdioServerParameters(
        command=sys.executable,
        args=["-m", "farthing", "mcp", *options],
        env=environment(home, OPENROUTER_BASE_URL=simulator.base_url),
        cwd=home,
    )
    async with Client(started) as client:
        yield client


async def called(client: Client, name: str, **arguments: object) -> Reply:
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result.content
    return cast(Reply, result.structured_content)


async def refused(client: Client, name: str, **arguments: object) -> str:
    result = await client.call_tool(name, arguments)
    assert result.is_error
    return str(result.content)


async def test_another_agent_runs_tasks_and_swarms_and_sees_what_they_cost(
    simulator: SimulatorProcess, tmp_path: Path
) -> None:
    told: list[str] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append(f"{progress:g}/{total:g} {message}")

    async with served(simulator, tmp_path, "--budget", "0.5") as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"run_task", "run_swarm", "cost_report"}
        assert all(tool.description and tool.output_schema for tool in tools.values())
        task = await called(client, "run_task", prompt="Write a function that adds.", type="coding")
        run = await client.call_tool(
            "run_swarm", {"goal": "Design a queue", "agents": "planner,coder:2"}, progress_callback=note
        )
        report = await called(client, "cost_report")
    assert (task["model"], task["simulated"]) == ("qwen/qwen-2.5-coder-32b-instruct", True)
    assert Decimal(str(task["cost_usd"])) > 0
    reply = cast(Reply, run.structured_content)
    assert (reply["finished"], reply["failed"], reply["stopped"]) == (4, 0, None)
    assert str(reply["output"]).startswith("[simulated]")
    assert told[0] == f"0/4 run {reply['run_id']}"
    assert told[-1] == "4/4 synthesis done"
    spent = Decimal(str(task["cost_usd"])) + Decimal(str(reply["cost_usd"]))
    assert Decimal(str(report["spent_usd"])) + Decimal(str(report["uncertain_usd"])) == spent
    assert Decimal(str(report["budget_left_usd"])) == Decimal("0.5") - spent


async def test_the_budget_holds_and_says_what_to_do(simulator: SimulatorProcess, tmp_path: Path) -> None:
    async with served(simulator, tmp_path, "--budget", "0.000001", "--period", "total") as client:
        said = await refused(client, "run_task", prompt="Explain budgets.", max_tokens=400)
        report = await called(client, "cost_report")
    assert "key:mcp" in said
    assert Decimal(str(report["spent_usd"])) == 0
    assert report["budget_left_usd"] == "0.000001000"


async def test_a_mistake_is_told_with_the_nearest_name(simulator: SimulatorProcess, tmp_path: Path) -> None:
    async with served(simulator, tmp_path) as client:
        assert "did you mean 'coder'" in await refused(client, "run_swarm", goal="x", agents="codr")
        assert "max_cost_usd" in await refused(client, "run_task", prompt="x", max_cost_usd="much")
        assert "budget_usd is 'much'" in await refused(client, "run_swarm", goal="x", budget_usd="much")


async def test_several_servers_share_the_budget_of_their_key(
    simulator: SimulatorProcess, tmp_path: Path
) -> None:
    async with served(simulator, tmp_path, "--key", "one") as client:
        spent = Decimal(str((await called(client, "run_task", prompt="Say hello."))["cost_usd"]))
    async with served(simulator, tmp_path, "--key", "one") as again:
        assert Decimal(str((await called(again, "cost_report"))["budget_left_usd"])) == 1 - spent
    async with served(simulator, tmp_path, "--key", "two") as other:
        assert Decimal(str((await called(other, "cost_report"))["budget_left_usd"])) == 1


def test_without_a_key_it_ends_before_it_serves(tmp_path: Path) -> None:
    code, out, err = ended(spawn("mcp", home=tmp_path))
    assert (code, out) == (3, "")
    assert "OPENROUTER_API_KEY" in err
