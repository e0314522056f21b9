"""The tutorial's samples as a newcomer runs them: each a process of its own, against the simulator's."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.journeys.books import billed_by_id, differing, read_ledger

from farthing.money import from_nano
from farthing.simulator.process import SimulatorProcess

EXAMPLES = Path(__file__).parents[2] / "examples"
LLAMA = "meta-llama/llama-3.3-70b-instruct"
QWEN = "qwen/qwen-2.5-coder-32b-instruct"
DEEPSEEK = "deepseek/deepseek-chat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """Somebody in an empty folder, with a simulator in place of OpenRouter."""

    simulator: SimulatorProcess
    folder: Path

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.db"

    async def run(self, name: str, *arguments: str, **variables: str) -> str:
        """What the example prints. It must succeed and complain of nothing."""
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, str(EXAMPLES / name), *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.folder,
            env={
                **os.environ,
                "OPENROUTER_BASE_URL": self.simulator.base_url,
                "FARTHING_DATABASE_URL": f"sqlite:///{self.ledger}",
                **variables,
            },
        )
        said, complaint = await child.communicate()
        assert (child.returncode, complaint.decode()) == (0, "")
        return said.decode()

    async def asked_models(self) -> list[object]:
        return [request["model"] for request in await self.simulator.requests()]


@pytest.fixture
async def newcomer(tmp_path: Path) -> AsyncIterator[Newcomer]:
    async with SimulatorProcess(seed=11) as simulator:
        # No overruns: their warnings would be on the example's standard error.
        await simulator.set_scenario({"overrun_rate": 0.0})
        yield Newcomer(simulator=simulator, folder=tmp_path)


def test_every_example_is_run_here() -> None:
    here = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.glob("*.py") if f'"{path.name}"' not in here] == []


async def test_step_1_the_environment(newcomer: Newcomer) -> None:
    dotenv = (EXAMPLES / "env.example").read_text(encoding="utf-8")
    (newcomer.folder / ".env").write_text(dotenv.replace("MONTHLY_BUDGET=200", "MONTHLY_BUDGET=120"))
    said = await newcomer.run("step_1_environment.py")
    assert "Profile: balanced" in said
    assert "Hard monthly limit in dollars: 120" in said
    assert "Cost reports and alerts: on" in said
    assert "API key: found" in said
    assert "sk-or" not in said
    assert "limit in dollars: 7" in await newcomer.run("step_1_environment.py", MONTHLY_BUDGET="7")


async def test_step_2_a_configuration_from_a_file(newcomer: Newcomer) -> None:
    said = await newcomer.run("step_2_load_configuration.py")
    routes = [line.partition(",")[0] for line in said.splitlines()]
    assert routes == [f"coding: {QWEN}", f"analysis: {LLAMA}", f"general: {LLAMA}", f"simple: {DEEPSEEK}"]
    assert await newcomer.asked_models() == []


async def test_step_3_a_task_with_a_tool(newcomer: Newcomer) -> None:
    said = await newcomer.run("step_3_execute_task.py")
    (request,) = await newcomer.simulator.requests()
    assert (request["model"], request["tools"]) == (QWEN, 1)
    assert "Tool asked for: run_tests {" in said
    assert f"Model used: {QWEN}" in said
    assert "This answer is simulated." in said


async def test_step_4_the_cost_report(newcomer: Newcomer) -> None:
    said = await newcomer.run("step_4_monitor_costs.py")
    bill = await newcomer.simulator.bill()
    (cost,) = billed_by_id(bill).values()
    assert f"Total spend: ${from_nano(cost):f}" in said
    assert "Savings against claude-3.5-sonnet: 9" in said
    assert "This money is simulated." in said


async def test_use_case_1_a_swarm_of_eight(newcomer: Newcomer) -> None:
    said = await newcomer.run("use_case_1_swarm.py")
    requests = await newcomer.simulator.requests()
    models = {LLAMA: ["researcher", "reviewer", "synthesis"], QWEN: ["coder"]}
    for model, roles in models.items():
        assert {request["role"] for request in requests if request["model"] == model} == set(roles)
    counts = Counter(request["role"] for request in requests)
    assert counts == {"researcher": 3, "coder": 3, "reviewer": 2, "synthesis": 1}
    assert [request["role"] for request in requests[:3]] == ["researcher"] * 3
    assert "Swarm deployed: 8 agents" in said
    assert "These answers and this money are simulated." in said
    book = read_ledger(newcomer.ledger)
    assert differing(book.calls, billed_by_id(await newcomer.simulator.bill())) == []
    assert {call.intent.role for call in book.calls.values()} >= {"researcher", "coder", "reviewer"}
    assert f"Total cost: ${from_nano(book.total().settled):f}" in said


async def test_use_case_2_routes_as_the_tutorial_says(newcomer: Newcomer) -> None:
    said = await newcomer.run("use_case_2_code_pipeline.py")
    assert await newcomer.asked_models() == [LLAMA, QWEN, QWEN, LLAMA]
    assert "(simulated)" in said
    assert differing(read_ledger(newcomer.ledger).calls, billed_by_id(await newcomer.simulator.bill())) == []


async def test_use_case_3_many_tasks(newcomer: Newcomer) -> None:
    said = await newcomer.run("use_case_3_high_volume.py", "300")
    assert "Tasks done: 300 of 300" in said
    assert set(await newcomer.asked_models()) == {LLAMA}
    assert differing(read_ledger(newcomer.ledger).calls, billed_by_id(await newcomer.simulator.bill())) == []


async def test_use_case_3_stops_at_its_limit(newcomer: Newcomer) -> None:
    said = await newcomer.run("use_case_3_high_volume.py", "300", MONTHLY_BUDGET="0.002")
    assert "Stopped: the month limit of deployment, $0.0020" in said
    assert sum(billed_by_id(await newcomer.simulator.bill()).values()) <= 2_000_000


async def test_rate_limits_lead_to_another_model(newcomer: Newcomer) -> None:
    rule = {"match": {"model": QWEN, "nth": 1}, "fault": {"kind": "rate_limit", "retry_after": 30}}
    await newcomer.simulator.set_scenario({"rules": [rule], "overrun_rate": 0.0})
    said = await newcomer.run("rate_limits.py")
    assert await newcomer.asked_models() == [QWEN, LLAMA]
    assert f"{QWEN}: rate_limited 429, retry after 30 s, $0" in said
    assert f"Answered by: {LLAMA}" in said


async def test_high_costs_by_model_and_task_type(newcomer: Newcomer) -> None:
    said = await newcomer.run("high_costs.py")
    assert await newcomer.asked_models() == [QWEN, LLAMA, DEEPSEEK]
    for name in (QWEN, LLAMA, DEEPSEEK, "coding", "analysis", "simple"):
        assert f"  {name}: $0.0000" in said
    assert "Lost to failed attempts: $0" in said
