"""Cost alerts on their way: once a threshold, to the caller's functions, and fewer attempts at critical."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.spend.receiver import receiving

from farthing.deployment import Deployment
from farthing.errors import BudgetExceededError
from farthing.spend.alerts import Alert
from farthing.storage.database import Database, sqlite_url
from farthing.storage.tables import alert as alert_table
from farthing.testing import ScriptedUpstream, VirtualClock, answer, deployment_on, hang


async def test_each_threshold_calls_back_once(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("ok", cost="0.03") for _ in range(5)])
    called: list[str] = []
    seen: list[Alert] = []
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        deployment.set_cost_alert(
            monthly_budget="0.1",
            warning_threshold=0.5,
            critical_threshold=0.8,
            on_warning=lambda: called.append("warning"),
            on_critical=seen.append,
        )
        levels: list[tuple[int, int]] = []
        for _ in range(5):
            await deployment.execute_task("Explain it.")
            await all_delivered(deployment)
            levels.append((len(called), len(seen)))
        assert deployment.config.budget.monthly_limit == Decimal(200)
    assert levels == [(0, 0), (1, 0), (1, 1), (1, 1), (1, 1)]
    assert (seen[0].level, seen[0].committed, seen[0].base) == ("critical", 90_000_000, 100_000_000)


async def all_delivered(deployment: Deployment) -> None:
    """Until all that was recorded is committed, and what follows from it has happened."""
    deployment.get_cost_report()
    for _ in range(20):
        await asyncio.sleep(0)


async def most_at_once(deployment: Deployment, upstream: ScriptedUpstream, *, tasks: int) -> int:
    """How many of `tasks` are on the wire together. Every reply must be one that hangs."""
    callers = [asyncio.ensure_future(deployment.execute_task(f"Part {n}.")) for n in range(tasks)]
    await upstream.received(len(upstream.requests) + 1)
    await all_delivered(deployment)  # every intent that was let through is decided by now
    most = upstream.open_exchanges
    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)
    return most


async def test_at_critical_fewer_attempts_run_at_once_and_a_new_start_remembers(tmp_path: Path) -> None:
    budget = {"budget.monthlyLimit": Decimal("0.1"), "alerts.criticalConcurrency": 3}
    paid = ScriptedUpstream([answer("ok", cost="0.0955"), *(hang("...") for _ in range(5))])
    async with deployment_on(paid, tmp_path, clock=VirtualClock(), overrides=budget) as deployment:
        await deployment.execute_task("Explain it.")
        await all_delivered(deployment)
        assert await most_at_once(deployment, paid, tasks=5) == 3
    later = ScriptedUpstream([hang("...") for _ in range(5)])
    async with deployment_on(later, tmp_path, clock=VirtualClock(), overrides=budget) as deployment:
        assert await most_at_once(deployment, later, tasks=5) == 3


async def test_a_critical_alert_of_the_last_moment_leaves_nothing_behind(tmp_path: Path) -> None:
    """Its outcome is booked as the deployment closes, and the month's end is then nobody's to wait for."""
    upstream = ScriptedUpstream([answer("ok", cost="0.0955")])
    budget = {"budget.monthlyLimit": Decimal("0.1")}
    before = asyncio.all_tasks()
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=budget) as deployment:
        await deployment.execute_task("Explain it.")
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_the_next_month_begins_with_the_usual_concurrency(tmp_path: Path) -> None:
    clock = VirtualClock()
    budget = {"budget.monthlyLimit": Decimal("0.1"), "scaling.maxConcurrency": 4}
    upstream = ScriptedUpstream([answer("ok", cost="0.0955"), *(hang("...") for _ in range(4))])
    async with deployment_on(upstream, tmp_path, clock=clock, overrides=budget) as deployment:
        await deployment.execute_task("Explain it.")
        await all_delivered(deployment)
        clock.advance(8 * 86_400)
        await all_delivered(deployment)
        assert await most_at_once(deployment, upstream, tasks=5) == 4


async def test_a_callback_that_raises_is_tried_again_and_harms_nothing(tmp_path: Path) -> None:
    tries: list[int] = []

    async def on_warning() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError("the pager is away")

    upstream = ScriptedUpstream([answer("ok", cost="0.06"), answer("ok")])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        deployment.set_cost_alert(monthly_budget="0.1", warning_threshold=0.5, on_warning=on_warning)
        await deployment.execute_task("Explain it.")
        assert (await deployment.execute_task("And again.")).output == "ok"
    assert len(tries) == 3


async def test_an_alert_that_was_delivered_is_not_sent_again_by_the_next_process(tmp_path: Path) -> None:
    seen: list[str] = []
    for _ in range(2):
        upstream = ScriptedUpstream([answer("ok", cost="0.03")])
        async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
            deployment.set_cost_alert(
                monthly_budget="0.05",
                warning_threshold=0.5,
                critical_threshold=1.0,
                on_warning=lambda: seen.append("warning"),
                on_critical=lambda: seen.append("critical"),
            )
            await deployment.execute_task("Explain it.")
            await all_delivered(deployment)
    assert seen == ["warning", "critical"]


async def test_without_cost_tracking_no_alert_is_told_and_the_limits_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    upstream = ScriptedUpstream([answer("ok", cost="0.03")])
    settings = {"monitoring.costTracking": False, "budget.totalLimit": "0.02"}
    seen: list[str] = []
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=settings) as deployment:
        deployment.set_cost_alert(monthly_budget="0.01", on_critical=lambda: seen.append("critical"))
        await deployment.execute_task("Explain it.")  # it costs more than its bound: an overrun
        await all_delivered(deployment)
        with pytest.raises(BudgetExceededError):
            await deployment.execute_task("And again.")
    assert seen == []
    assert [record for record in caplog.records if record.name == "farthing.alerts"] == []


async def test_an_overrun_is_told_with_what_was_reserved_and_billed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    upstream = ScriptedUpstream([answer("ok", cost="0.03")])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        await deployment.execute_task("Explain it.")
        await all_delivered(deployment)
    (told,) = [line for line in caplog.messages if line.startswith("overrun")]
    assert "billed $0.0300 for a call that reserved $" in told


async def test_any_number_of_thresholds_reach_a_webhook_once_for_two_deployments(tmp_path: Path) -> None:
    async with receiving() as receiver:
        settings = {
            "alerts.monthlyBudget": "0.0004",
            "alerts.thresholds": ["0.05", "0.1", "0.5"],
            "alerts.webhooks": [f"{receiver.url}/hook"],
            "alerts.webhookSecret": "sesame",
            "alerts.runaway.enabled": False,
        }
        upstreams = [ScriptedUpstream([answer("ok", cost="0.00004") for _ in range(3)]) for _ in range(2)]
        first, second = (
            deployment_on(one, tmp_path, clock=VirtualClock(), overrides=settings) for one in upstreams
        )
        async with first, second:
            for _ in range(3):
                await first.execute_task("Explain it.")
                await second.execute_task("Explain it.")
                await all_delivered(first)
                await all_delivered(second)
    levels = [json.loads(one.body)["level"] for one in receiver.deliveries]
    assert sorted(levels) == ["10 %", "5 %", "50 %"]


async def test_an_alert_that_no_receiver_took_is_sent_by_the_next_process(tmp_path: Path) -> None:
    async with receiving(404) as receiver:
        settings = {
            "budget.monthlyLimit": "0.1",
            "alerts.webhooks": [receiver.url],
            "alerts.runaway.enabled": False,
        }
        for _ in range(2):
            upstream = ScriptedUpstream([answer("ok", cost="0.0000001")])
            async with deployment_on(
                upstream, tmp_path, clock=VirtualClock(), overrides=settings
            ) as deployment:
                deployment.set_cost_alert(monthly_budget="0.0000001")
                await deployment.execute_task("Explain it.")
                await all_delivered(deployment)
    told = [json.loads(one.body) for one in receiver.deliveries]
    assert sorted(one["level"] for one in told) == ["critical", "critical", "warning"] or sorted(
        one["level"] for one in told
    ) == ["critical", "warning", "warning"]
    assert len({one["id"] for one in told}) == 2
    database = Database(sqlite_url(tmp_path / "ledger.db"))
    try:
        with database.read() as connection:
            states = connection.execute(sa.select(alert_table.c.delivered, alert_table.c.tries)).all()
    finally:
        database.close()
    assert sorted(map(tuple, states)) == [(True, 1), (True, 2)]


async def test_a_key_and_a_swarm_have_alerts_of_their_own(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("ok", cost="0.00001") for _ in range(2)])
    settings = {
        "budget.limits": [{"scope": "key", "period": "day", "amount": "0.00002", "kind": "soft"}],
        "alerts.scopes": ["key"],
        "alerts.thresholds": ["0.4"],
        "alerts.runaway.enabled": False,
    }
    seen: list[Alert] = []
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=settings) as deployment:
        deployment.set_cost_alert(monthly_budget=100, on_alert=seen.append)
        await deployment.execute_task("Explain it.", key="alice")
        await deployment.execute_task("Explain it.", key="bob")
        await all_delivered(deployment)
    assert [(one.level, one.key.scope) for one in seen] == [("40 %", "key:alice"), ("40 %", "key:bob")]


async def test_spend_that_runs_away_is_told_when_the_deployment_closes(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("ok", cost="0.04"), answer("ok", cost="0.04")])
    settings = {"budget.monthlyLimit": "0.09", "alerts.runaway.minimum": "0.01"}
    seen: list[Alert] = []
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=settings) as deployment:
        deployment.set_cost_alert(monthly_budget="0.09", on_alert=seen.append)
        await deployment.execute_task("Explain it.")
        await deployment.execute_task("Explain it.")
    told = [one for one in seen if one.level == "runaway"]
    assert len(told) == 1
    assert "times the usual $0.00300 (a 30th of the month's budget for a day)" in told[0].detail
