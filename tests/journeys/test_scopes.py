"""Limits by scope and period: each holds for whom it names; soft ones turn to cheaper models and tell."""

from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.journeys.books import read_ledger

from farthing.errors import BudgetExceededError
from farthing.spend import store
from farthing.spend.batch import RollupByKey, RollupSums
from farthing.spend.budget import AccountKey, Balance
from farthing.storage.database import Database, sqlite_url
from farthing.storage.tables import alert
from farthing.swarm.agent import AgentSpec
from farthing.task import Labels
from farthing.testing import ScriptedUpstream, VirtualClock, answer, deployment_on

MICRO = 1_000


def limits(*given: dict[str, object]) -> dict[str, object]:
    return {"budget.limits": list(given)}


async def test_a_keys_limit_stops_that_key_alone(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(
        [answer("1", cost="0.0003"), answer("2", cost="0.0003"), answer("3", cost="0")]
    )
    settings = limits({"scope": "key:alice", "period": "day", "amount": "0.0004"})
    clock = VirtualClock()
    async with deployment_on(upstream, tmp_path, clock=clock, overrides=settings) as deployment:
        await deployment.execute_task("Explain it.", key="alice")
        with pytest.raises(BudgetExceededError, match=r"day limit of key:alice, "):
            await deployment.execute_task("Explain it again.", key="alice", max_tokens=1000)
        await deployment.execute_task("Explain it.", key="bob")
        clock.advance(86_400)
        await deployment.execute_task("Explain it again.", key="alice", max_tokens=1000)  # a day later
    assert len(upstream.requests) == 3


async def test_each_key_has_a_limit_of_its_own(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer(name, cost="0.0003") for name in "ab"])
    settings = limits({"scope": "key", "period": "total", "amount": "0.0004"})
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=settings) as deployment:
        for name in ("alice", "bob"):
            await deployment.execute_task("Explain it.", key=name)
            with pytest.raises(BudgetExceededError, match=f"key:{name}"):
                await deployment.execute_task("Explain it again.", key=name, max_tokens=1000)
        upstream.script.append(answer("c", cost="0.0003"))
        await deployment.execute_task("Explain it.")  # a task without a key has no such limit
    assert len(upstream.requests) == 3


async def test_a_passed_soft_limit_turns_to_cheaper_models_and_is_told_once(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer(str(n), cost="0.0001") for n in range(5)])
    settings = limits({"scope": "deployment", "period": "week", "amount": "0.00015", "kind": "soft"})
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=settings) as deployment:
        results = [
            await deployment.execute_task("Fix the bug in this function.", type="coding") for _ in range(5)
        ]
    assert "only soft ones let calls go on" in results[-1].route.reason
    database = Database(sqlite_url(tmp_path / "ledger.db"))
    with database.read() as connection:
        rows = connection.execute(sa.select(alert.c.scope, alert.c.period, alert.c.base)).all()
        week = store.read_accounts(connection, scope="deployment")[AccountKey("deployment", "week:2026-W48")]
    database.close()
    assert [tuple(row) for row in rows] == [("deployment", "week:2026-W48", 150 * MICRO)]
    assert week == Balance(settled=500 * MICRO)


async def test_a_rows_facts_say_whom_it_was_charged_to_and_under_which_limits(tmp_path: Path) -> None:
    settings = {
        **limits(
            {"scope": "agent", "period": "day", "amount": "0.5"},
            {"scope": "deployment", "period": "month", "amount": 3, "kind": "soft"},
        ),
        "budget.monthlyLimit": 7,
    }
    labels = Labels(key="alice", tags=("nightly",), metadata={"ticket": "F-7"})
    async with deployment_on(
        ScriptedUpstream(["built", "done"]), tmp_path, clock=VirtualClock(), overrides=settings
    ) as deployment:
        swarm = await deployment.deploy_swarm(
            [AgentSpec(type="coder")], goal="Build it.", budget_usd=Decimal(1), labels=labels
        )
    fold = read_ledger(tmp_path / "ledger.db")
    call = next(iter(fold.calls.values()))
    intent, run = call.intent, swarm.run_id
    assert dict(zip([scope for scope, _ in intent.accounts], intent.limits, strict=True)) == {
        "deployment": 7_000_000_000,
        f"agent:{run}/{intent.agent_id}": 500_000_000,
        f"swarm:{run}": 1_000_000_000,
    }
    assert (intent.key, intent.tags, intent.metadata) == ("alice", ("nightly",), {"ticket": "F-7"})
    assert intent.baseline_model == "claude-3.5-sonnet"
    kept = kept_groups(tmp_path)
    assert kept == fold.rollups_by()
    assert {(key.dimension, key.name) for key in kept} == {
        ("swarm", run),
        ("agent", intent.agent_id),
        ("agent", "synthesis"),
        ("key", "alice"),
        ("tag", "nightly"),
    }


def kept_groups(folder: Path) -> dict[RollupByKey, RollupSums]:
    """The roll-ups by agent, swarm, key and tag as the database keeps them."""
    database = Database(sqlite_url(folder / "ledger.db"))
    month = {"first_day": "2026-11-01", "last_day": "2026-11-30"}
    with database.read() as connection:
        kept = {
            key: sums
            for dimension in ("swarm", "agent", "key", "tag")
            for key, sums in store.read_rollups_by(connection, **month, dimension=dimension)
        }
    database.close()
    return kept
