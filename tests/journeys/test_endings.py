"""Calls that end early: cancelled, abandoned, or open when the deployment closes. All are accounted for."""

import asyncio
from pathlib import Path

import pytest
from tests.journeys.books import read_ledger

from farthing.deployment import Deployment
from farthing.errors import DeploymentClosedError
from farthing.result import TaskResult, TokenReceived
from farthing.spend.budget import Balance
from farthing.spend.runs import Call
from farthing.testing import Reply, ScriptedUpstream, VirtualClock, answer, deployment_on, hang

SILENT = Reply(headers={"content-type": "text/event-stream"}, hang=True)
"""A reply without an id and without a byte of text."""


def only_call(folder: Path) -> Call:
    (call,) = read_ledger(folder / "ledger.db").calls.values()
    return call


async def on_the_wire(upstream: ScriptedUpstream) -> None:
    """Until the call's reply has begun and nothing of it is left to read."""
    await upstream.received()
    for _ in range(10):
        await asyncio.sleep(0)


async def cancelled(deployment: Deployment, upstream: ScriptedUpstream) -> None:
    task = asyncio.ensure_future(deployment.execute_task("Explain it.", max_tokens=100))
    await on_the_wire(upstream)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert upstream.open_exchanges == 0


async def test_a_cancelled_call_is_settled_by_its_id_without_its_caller(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([hang("The answer", generation_id="gen-left")])
    upstream.bills["gen-left"] = "0.0000007"
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        await cancelled(deployment, upstream)
    call = only_call(tmp_path)
    assert (call.generation_id, call.cost, call.doubted) == ("gen-left", 700, False)
    assert call.outcome is not None
    assert (call.outcome.reason, call.outcome.basis) == ("cancelled", "reported")


async def test_a_cancelled_call_that_nobody_bills_stays_uncertain(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([hang("The answer", generation_id="gen-left")])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        await cancelled(deployment, upstream)
    call = only_call(tmp_path)
    assert (call.cost, call.balance) == (None, Balance(uncertain=call.worst))


async def test_a_call_cancelled_before_any_id_came_keeps_its_worst_case(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([SILENT])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        await cancelled(deployment, upstream)
        report = deployment.get_cost_report()
    call = only_call(tmp_path)
    assert (call.generation_id, call.balance) == (None, Balance(uncertain=call.worst))
    assert report.uncertain > 0
    assert (report.held, report.total_spend) == (0, 0)


async def test_a_call_cancelled_while_it_waits_for_its_turn_costs_nothing(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([hang("first"), answer("second")])
    limit = {"scaling.maxConcurrency": 1}
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=limit) as deployment:
        first = asyncio.ensure_future(deployment.execute_task("First."))
        await on_the_wire(upstream)
        waiting = asyncio.ensure_future(deployment.execute_task("Second."))
        for _ in range(5):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        first.cancel()
        await asyncio.wait([first])
    assert len(upstream.requests) == len(read_ledger(tmp_path / "ledger.db").calls) == 1


async def test_an_abandoned_stream_is_closed_and_settled(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([hang("The first words", generation_id="gen-left")])
    upstream.bills["gen-left"] = "0.0000003"
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        stream = deployment.stream_task("Explain it.")
        async for event in stream:
            if isinstance(event, TokenReceived):
                break
        await stream.aclose()
    assert upstream.open_exchanges == 0
    assert only_call(tmp_path).cost == 300


async def test_closing_waits_for_calls_in_flight(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("in time", cost="0.000005")])
    deployment = deployment_on(upstream, tmp_path)
    await deployment.__aenter__()
    task = asyncio.ensure_future(deployment.execute_task("Explain it."))
    await upstream.received()
    await deployment.__aexit__()
    assert (await task).output == "in time"
    assert only_call(tmp_path).cost == 5000


async def test_what_does_not_end_in_time_is_left_uncertain_and_its_caller_told(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([hang("The answer"), hang("Another"), SILENT])
    drain = {"upstream.drainTimeout": 0.01}
    deployment = deployment_on(upstream, tmp_path, overrides=drain)
    await deployment.__aenter__()
    callers: list[asyncio.Future[TaskResult]] = []
    for number in range(3):
        callers.append(asyncio.ensure_future(deployment.execute_task(f"Explain {number}.")))
        await upstream.received(number + 1)
    await deployment.__aexit__()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DeploymentClosedError] * 3
    assert upstream.open_exchanges == 0
    total = read_ledger(tmp_path / "ledger.db").total()
    assert (total.settled, total.held) == (0, 0)
    assert total.uncertain > 0


async def test_a_deployment_that_closes_begins_no_new_attempt(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([hang("half")])
    slow = {"upstream.drainTimeout": 5, "upstream.betweenTokensTimeout": 0.05}
    deployment = deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=slow)
    await deployment.__aenter__()
    task = asyncio.ensure_future(deployment.execute_task("Explain it."))
    await on_the_wire(upstream)
    await deployment.__aexit__()
    with pytest.raises(DeploymentClosedError):
        await task
    assert len(upstream.requests) == 1


async def test_a_closed_deployment_says_so(tmp_path: Path) -> None:
    deployment = deployment_on(ScriptedUpstream(), tmp_path)
    with pytest.raises(DeploymentClosedError):
        await deployment.execute_task("Too early.")
    async with deployment:
        pass
    with pytest.raises(DeploymentClosedError):
        deployment.get_cost_report()
    await deployment.__aexit__()
