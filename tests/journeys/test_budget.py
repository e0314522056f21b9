"""What a limit does to a task: refused with the figures, clamped, held apart from what is spent."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from tests.journeys.books import read_ledger

from farthing.errors import BudgetExceededError, NoCandidateError, TaskFailedError, UnboundedCostError
from farthing.money import from_nano
from farthing.result import Attempt
from farthing.spend.budget import Denied
from farthing.testing import ScriptedUpstream, VirtualClock, answer, deployment_on, failure, hang

FREE_ONLY = {"environment": "development"}


def model_row(name: str, pricing: dict[str, str]) -> dict[str, object]:
    return {"id": name, "name": name, "context_length": 32_000, "pricing": pricing}


async def test_a_refusal_names_the_limit_and_what_would_fit(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("paid", cost="0.0009")])
    limit = {"budget.monthlyLimit": Decimal("0.001")}
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=limit) as deployment:
        await deployment.execute_task("Explain it.")
        with pytest.raises(BudgetExceededError) as refused:
            await deployment.execute_task("Explain it again.", max_tokens=1000)
        report = deployment.get_cost_report()
    denied = refused.value.refusal
    assert isinstance(denied, Denied)
    assert (denied.key.scope, denied.key.period) == ("deployment", "month:2026-11")
    assert (denied.limit, denied.balance.settled, denied.balance.held) == (1_000_000, 900_000, 0)
    assert denied.fits == 100_000 < denied.wanted
    for said in ("month limit of deployment, $0.0010", "$0.000900 settled", "$0.00 held", "$0.00 uncertain"):
        assert said in str(refused.value)
    assert (report.remaining, len(upstream.requests)) == (Decimal("0.0001"), 1)


async def test_every_attempt_has_its_own_reservation(tmp_path: Path) -> None:
    """A dear attempt that failed after it was billed leaves no money for the next one."""
    upstream = ScriptedUpstream([answer("", cost="0.00048")])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        with pytest.raises(TaskFailedError, match="limit of task:") as failed:
            await deployment.execute_task("Explain it.", max_tokens=800, max_cost_usd="0.0005")
    statuses = [cast("Attempt", attempt).status for attempt in failed.value.attempts]
    assert (statuses[0], set(statuses[1:])) == ("failed", {"refused"})
    assert len(upstream.requests) == 1


async def test_a_request_is_clamped_to_what_is_left_and_says_so(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("short", cost="0.0001")])
    limit = {"budget.taskLimit": Decimal("0.0003")}
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=limit) as deployment:
        result = await deployment.execute_task("Explain it.", model="meta-llama/llama-3.3-70b-instruct")
    (call,) = read_ledger(tmp_path / "ledger.db").calls.values()
    assert result.clamped
    assert call.worst == 300_000
    sent = upstream.requests[0]["max_tokens"]
    assert isinstance(sent, int)
    assert 256 <= sent < 1024


async def test_a_callers_own_max_tokens_is_never_lowered(tmp_path: Path) -> None:
    limit = {"budget.taskLimit": Decimal("0.0001")}
    upstream = ScriptedUpstream()
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=limit) as deployment:
        with pytest.raises(BudgetExceededError):
            await deployment.execute_task("Explain it.", max_tokens=1024)
        with pytest.raises(BudgetExceededError):
            await deployment.execute_task("Explain it.", response_format={"type": "json_object"})
    assert upstream.requests == []


async def test_money_that_a_call_only_holds_is_waited_for(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([hang("half"), answer("second")])
    upstream.bills["gen-hang"] = "0.0000001"
    limit = {"budget.totalLimit": Decimal("0.0008")}
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=limit) as deployment:
        first = asyncio.ensure_future(deployment.execute_task("First.", max_tokens=1024))
        await upstream.received()
        second = asyncio.ensure_future(deployment.execute_task("Second.", max_tokens=1024))
        report = await deployment.cost_report()
        assert report.held > 0
        first.cancel()
        assert (await second).output == "second"
    assert len(upstream.requests) == 2


async def test_a_missing_price_is_refused_and_never_zero(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(models=[model_row("house/unpriced", {"prompt": "-1", "completion": "-1"})])
    source = {"models": {"primary": "house/unpriced"}}
    async with deployment_on(upstream, tmp_path, source, clock=VirtualClock()) as deployment:
        with pytest.raises(NoCandidateError, match="price is unknown"):
            await deployment.execute_task("Explain it.")
    assert upstream.requests == []


async def test_a_stated_ceiling_is_reserved_for_a_missing_price(tmp_path: Path) -> None:
    row = model_row("house/unpriced", {"prompt": "-1", "completion": "-1"})
    upstream = ScriptedUpstream([answer("ok", cost="0.03")], models=[row])
    source = {"models": {"primary": "house/unpriced"}}
    ceiling = {"budget.unknownPriceCeiling": Decimal("0.05")}
    async with deployment_on(
        upstream, tmp_path, source, clock=VirtualClock(), overrides=ceiling
    ) as deployment:
        result = await deployment.execute_task("Explain it.")
    (call,) = read_ledger(tmp_path / "ledger.db").calls.values()
    assert (call.worst, result.metrics.cost) == (50_000_000, Decimal("0.03"))


async def test_an_image_without_a_stated_bound_is_refused(tmp_path: Path) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    async with deployment_on(ScriptedUpstream(), tmp_path, clock=VirtualClock()) as deployment:
        with pytest.raises(UnboundedCostError, match="mediaPartTokens"):
            await deployment.execute_task(messages=[{"role": "user", "content": [picture]}])


async def test_development_uses_free_models_only(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("free", cost="0")])
    async with deployment_on(
        upstream, tmp_path, "budget", clock=VirtualClock(), overrides=FREE_ONLY
    ) as deployment:
        result = await deployment.execute_task("Explain it.")
        report = deployment.get_cost_report()
    (request,) = upstream.requests
    assert str(request["model"]).endswith(":free")
    assert request["provider"] == {"max_price": {"prompt": 0, "completion": 0}}
    assert (result.metrics.cost, result.metrics.cost_basis) == (0, "reported")
    assert (report.limit, report.total_spend, report.uncertain) == (0, 0, 0)


async def test_a_paid_request_is_held_to_the_reserved_rates(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([failure(404, "No endpoints found within max_price"), answer("ok")])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        result = await deployment.execute_task(type="coding", description="Write a sort.")
    ceilings = [request["provider"] for request in upstream.requests]
    assert ceilings == [
        {"max_price": {"prompt": 0.23, "completion": 0.23}},
        {"max_price": {"prompt": 0.1, "completion": 0.4}},
    ]
    assert not any("models" in request for request in upstream.requests)
    assert result.attempts[0].reason.startswith("price_refused")


async def test_costs_that_no_bill_states_are_computed_and_called_so(tmp_path: Path) -> None:
    reply = answer("ok", generation_id=None, cost=None, input_tokens=1000, output_tokens=100)
    upstream = ScriptedUpstream([reply])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        result = await deployment.execute_task(type="coding", description="Write a sort.")
        report = deployment.get_cost_report()
    assert (result.metrics.cost, result.metrics.cost_basis) == (Decimal("0.000253"), "computed")
    assert report.computed == report.total_spend == Decimal("0.000253")


async def test_a_zero_bill_for_a_priced_model_is_no_evidence(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("ok", generation_id=None, cost="0")])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        result = await deployment.execute_task("Explain it.")
    assert result.metrics.cost > 0


async def test_an_overrun_is_booked_whole_and_stops_what_follows(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("dear", cost="0.02")])
    limit = {"budget.monthlyLimit": Decimal("0.01")}
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=limit) as deployment:
        result = await deployment.execute_task("Explain it.")
        with pytest.raises(BudgetExceededError):
            await deployment.execute_task("Explain it again.")
        report = deployment.get_cost_report()
    (call,) = read_ledger(tmp_path / "ledger.db").calls.values()
    assert call.outcome is not None
    assert call.outcome.overrun
    assert from_nano(call.worst) < result.metrics.cost == report.total_spend == Decimal("0.02")
    assert report.remaining == 0


async def test_switched_off_cost_tracking_still_keeps_the_limit(tmp_path: Path) -> None:
    """`ENABLE_COST_TRACKING=false` silences reports and alerts, never the ledger (money.md, law 15)."""
    upstream = ScriptedUpstream([answer("paid", cost="0.0009")])
    settings = {"monitoring.costTracking": False, "budget.monthlyLimit": Decimal("0.001")}
    alerts: list[str] = []
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=settings) as deployment:
        deployment.set_cost_alert(monthly_budget="0.0001", on_critical=lambda: alerts.append("critical"))
        await deployment.execute_task("Explain it.")
        with pytest.raises(BudgetExceededError):
            await deployment.execute_task("Explain it again.", max_tokens=1000)
    assert len(read_ledger(tmp_path / "ledger.db").calls) == 1
    assert alerts == []
