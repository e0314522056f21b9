"""The page for Prometheus, read over HTTP and parsed as Prometheus does."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from farthing import Deployment
from farthing.errors import BudgetExceededError, NoCandidateError
from farthing.simulator.process import SimulatorProcess
from farthing.storage.database import Database, sqlite_url
from farthing.telemetry.prometheus import Counts
from farthing.testing import ScriptedUpstream, VirtualClock, answer, deployment_at, deployment_on, failure

QWEN = "qwen/qwen-2.5-coder-32b-instruct"
LLAMA = "meta-llama/llama-3.3-70b-instruct"
ON: Mapping[str, object] = {"monitoring.telemetry.prometheusPort": 0}
Page = dict[tuple[str, frozenset[tuple[str, str]]], float]


def served(upstream: ScriptedUpstream, folder: Path, **overrides: object) -> Deployment:
    named = {name.replace("__", "."): value for name, value in overrides.items()}
    return deployment_on(upstream, folder, clock=VirtualClock(), overrides={**ON, **named})


async def page_of(deployment: Deployment) -> Page:
    (notice,) = (one for one in deployment.notices if one.code == "prometheus")
    async with ClientSession() as session, session.get(notice.text.rpartition(" ")[2]) as response:
        assert response.status == 200
        text = await response.text()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(page: Page, name: str, **labels: str) -> float | None:
    return page.get((name, frozenset(labels.items())))


async def test_calls_failures_tokens_and_durations(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([failure(429), answer("a", input_tokens=7, output_tokens=3)])
    async with served(upstream, tmp_path) as deployment:
        await deployment.execute_task(type="coding", description="Write a sort.")
        page = await page_of(deployment)
    both = {"task_type": "coding", "purpose": "task"}
    assert value(page, "farthing_calls_total", model=QWEN, status="failed", **both) == 1
    assert value(page, "farthing_calls_total", model=LLAMA, status="accepted", **both) == 1
    assert value(page, "farthing_failures_total", model=QWEN, kind="rate_limited") == 1
    assert value(page, "farthing_tokens_total", model=LLAMA, type="input") == 7
    assert value(page, "farthing_tokens_total", model=LLAMA, type="output") == 3
    assert value(page, "farthing_tasks_total", task_type="coding", outcome="done") == 1
    assert value(page, "farthing_call_duration_seconds_count", model=LLAMA, status="accepted") == 1
    assert value(page, "farthing_first_token_seconds_count", model=LLAMA) == 1


async def test_the_accounts_are_the_ledgers(tmp_path: Path) -> None:
    limits = [
        {"scope": "deployment", "period": "day", "amount": "0.5"},
        {"scope": "key:acme", "period": "month", "amount": "0.25", "kind": "soft"},
        {"scope": "key", "period": "month", "amount": "9"},
    ]
    upstream = ScriptedUpstream([answer("a", cost="0.001"), answer("b", cost="0.002")])
    async with served(upstream, tmp_path, budget__limits=limits, budget__monthlyLimit=1) as deployment:
        await deployment.execute_task("One.", key="acme")
        await deployment.execute_task("Two.", key="another")
        deployment.get_cost_report()  # all that was settled is in the ledger when it has answered
        page = await page_of(deployment)
    month, day = ({"scope": "deployment", "period": period} for period in ("month", "day"))
    acme = {"scope": "key:acme", "period": "month"}
    assert value(page, "farthing_settled_dollars", **month) == pytest.approx(0.003)
    assert value(page, "farthing_limit_dollars", **month) == 1
    assert value(page, "farthing_remaining_dollars", **month) == pytest.approx(0.997)
    assert value(page, "farthing_remaining_dollars", **day) == pytest.approx(0.497)
    assert value(page, "farthing_settled_dollars", **acme) == pytest.approx(0.001)
    assert value(page, "farthing_remaining_dollars", **acme) == pytest.approx(0.249)
    assert value(page, "farthing_held_dollars", **month) == 0
    assert value(page, "farthing_uncertain_dollars", **month) == 0
    assert value(page, "farthing_ledger_up") == 1
    assert {dict(labels)["scope"] for name, labels in page if name == "farthing_settled_dollars"} == {
        "deployment",
        "key:acme",
    }


async def test_what_is_on_the_wire_is_held_and_has_a_permit(tmp_path: Path) -> None:
    """Over real HTTP, while the simulator holds its answer."""
    async with SimulatorProcess() as simulator:
        await simulator.set_scenario({"rules": [{"fault": {"kind": "slow_headers"}}]})
        async with deployment_at(simulator.base_url, tmp_path, overrides=ON) as deployment:
            stream = deployment.stream_task("Say it.")
            await anext(stream)
            rest = asyncio.ensure_future(_drain(stream))
            while not await simulator.requests():  # noqa: ASYNC110 - the event is in another process
                await asyncio.sleep(0.01)
            page = await page_of(deployment)
            await simulator.release()
            await rest
            after = await page_of(deployment)
    month = {"scope": "deployment", "period": "month"}
    held = value(page, "farthing_held_dollars", **month)
    assert held is not None
    assert held > 0
    assert (value(page, "farthing_permits_in_use"), value(after, "farthing_permits_in_use")) == (1, 0)


async def _drain(stream: AsyncIterator[object]) -> None:
    async for _ in stream:
        pass


async def test_a_ledger_that_does_not_answer_is_said_and_the_counts_stay(tmp_path: Path) -> None:
    async with served(ScriptedUpstream(["four"]), tmp_path) as deployment:
        await deployment.execute_task("What is two and two?")
        deployment.get_cost_report()
        database = Database(sqlite_url(tmp_path / "ledger.db"))
        with database.write() as connection:
            connection.execute(sa.text("ALTER TABLE account RENAME TO gone"))
        page = await page_of(deployment)
        with database.write() as connection:
            connection.execute(sa.text("ALTER TABLE gone RENAME TO account"))
        after = await page_of(deployment)
        database.close()
    assert (value(page, "farthing_ledger_up"), value(after, "farthing_ledger_up")) == (0, 1)
    assert [name for name, _ in page if name == "farthing_settled_dollars"] == []
    assert value(page, "farthing_tasks_total", task_type="simple", outcome="done") == 1


async def test_a_refusal_is_counted_and_has_no_duration(tmp_path: Path) -> None:
    async with served(ScriptedUpstream(), tmp_path, budget__monthlyLimit=0) as deployment:
        with pytest.raises((BudgetExceededError, NoCandidateError)):
            await deployment.execute_task("Explain it.")
        page = await page_of(deployment)
    assert sum(count for (name, _), count in page.items() if name == "farthing_tasks_total") == 1
    assert [name for name, _ in page if name == "farthing_call_duration_seconds_count"] == []


async def test_no_label_names_a_call_a_task_a_run_or_an_agent(tmp_path: Path) -> None:
    async with served(ScriptedUpstream(["a", "b"]), tmp_path) as deployment:
        await deployment.execute_task("One.", run_id="run-1", agent_id="agent-1")
        await deployment.execute_task("Two.", run_id="run-2", agent_id="agent-2")
        page = await page_of(deployment)
    labels = {label for _, labels in page for label in labels}
    assert {name for name, _ in labels} == {
        *(
            "model",
            "task_type",
            "purpose",
            "status",
            "type",
            "outcome",
            "scope",
            "period",
            "le",
            "of",
            "level",
        )
    }
    assert [text for _, text in labels if text.startswith(("run-", "agent-", "call-", "task-"))] == []


def test_models_beyond_the_first_are_others() -> None:
    counts = Counts()
    names = [counts.label(f"model-{number}") for number in range(100)]
    assert names[:64] == [f"model-{number}" for number in range(64)]
    assert set(names[64:]) == {"other"}
    assert counts.label("model-3") == "model-3"


async def test_each_deployment_has_a_page_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    async with (
        served(ScriptedUpstream(["a"]), tmp_path) as one,
        served(ScriptedUpstream(), tmp_path / "b") as other,
    ):
        await one.execute_task("One.")
        first, second = await page_of(one), await page_of(other)
    assert [name for name, _ in first if name == "farthing_tasks_total"] == ["farthing_tasks_total"]
    assert [name for name, _ in second if name == "farthing_tasks_total"] == []


async def test_a_port_that_is_taken_is_a_notice_and_no_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        upstream = ScriptedUpstream(["four"])
        settings = {"monitoring__telemetry__prometheusPort": port}
        async with served(upstream, tmp_path, **settings) as deployment:
            result = await deployment.execute_task("What is two and two?")
    assert result.output == "four"
    assert [one.code for one in deployment.notices if "rometheus" in one.text] == ["prometheus_not_served"]


async def test_it_listens_on_this_machine_only(tmp_path: Path) -> None:
    async with served(ScriptedUpstream(), tmp_path) as deployment:
        (notice,) = (one for one in deployment.notices if one.code == "prometheus")
    assert "http://127.0.0.1:" in notice.text
