"""An earlier answer in place of a new one: what it costs, what is told, and who may have it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import pytest
from tests.journeys.books import read_ledger

from farthing.bench.law import verified
from farthing.deployment import Deployment
from farthing.errors import BudgetExceededError, ConfigError, TaskFailedError
from farthing.result import TaskFinished, TaskResult, TokenReceived
from farthing.storage.database import Database, sqlite_url
from farthing.task import Tool
from farthing.testing import ScriptedUpstream, VirtualClock, answer, cut, deployment_on, failure, hang

ON = {"optimization.caching.enabled": True, "fallbackRules.retryDelay": 0}
ASK = "What is the capital of France?"


def dear() -> ScriptedUpstream:
    return ScriptedUpstream([answer("Paris", cost="0.0002")])


def opened(
    upstream: ScriptedUpstream,
    folder: Path,
    clock: VirtualClock | None = None,
    *,
    settings: Mapping[str, object] = MappingProxyType({}),
) -> Deployment:
    overrides: Mapping[str, object] = {**ON, **settings}
    return deployment_on(upstream, folder, clock=clock or VirtualClock(), overrides=overrides)


async def test_the_same_task_is_paid_once(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with opened(dear(), tmp_path, clock) as deployment:
        first = await deployment.execute_task(ASK)
        clock.advance(60)
        again = await deployment.execute_task(ASK, tags=("other",))
        report = deployment.get_cost_report()
    assert (first.cached, first.reused, first.metrics.cost) == (False, None, Decimal("0.0002"))
    assert (again.output, again.model, again.finish_reason) == (first.output, first.model, "stop")
    assert again.cached
    assert again.reused is not None
    assert (again.reused.how, again.reused.age_s) == ("exact", 60)
    assert (again.reused.saved, again.reused.call_id) == (Decimal("0.0002"), first.attempts[0].call_id)
    assert (again.metrics.cost, again.attempts, again.metrics.tokens.total_tokens) == (0, (), 0)
    assert again.metrics.baseline_cost == first.metrics.baseline_cost
    assert (report.calls, report.total_spend, report.reused) == (1, Decimal("0.0002"), 1)
    assert report.saved_by_reuse == Decimal("0.0002")
    assert first.metrics.baseline_cost is not None
    assert report.savings == 2 * first.metrics.baseline_cost - Decimal("0.0002")


async def test_a_hit_has_a_row_that_names_the_call_it_reused(tmp_path: Path) -> None:
    async with opened(dear(), tmp_path) as deployment:
        first = await deployment.execute_task(ASK)
        again = await deployment.execute_task(ASK, run_id="run-1", agent_id="ann", role="coder")
        run = deployment.run_ledger("run-1")
    fold = read_ledger(tmp_path / "ledger.db")
    (reuse,) = fold.reuses
    assert run.reuses == (reuse,)
    assert (reuse.body.task_id, reuse.body.source) == (again.task_id, first.attempts[0].call_id)
    assert (reuse.body.saved, reuse.body.agent_id, reuse.body.role) == (200_000, "ann", "coder")
    database = Database(sqlite_url(tmp_path / "ledger.db"))
    assert verified(database).findings == []
    database.close()


async def test_a_spent_budget_still_gives_what_is_there(tmp_path: Path) -> None:
    limit = {"budget.monthlyLimit": Decimal("0.0003")}
    async with opened(dear(), tmp_path, settings=limit) as deployment:
        await deployment.execute_task(ASK, max_tokens=200)
        with pytest.raises(BudgetExceededError):
            await deployment.execute_task("What is the capital of Spain?", max_tokens=1000)
        again = await deployment.execute_task(ASK, max_tokens=200)
    assert again.cached


async def test_a_stream_is_replayed(tmp_path: Path) -> None:
    async with opened(dear(), tmp_path) as deployment:
        await deployment.execute_task(ASK)
        events = [event async for event in deployment.stream_task(ASK)]
    text = "".join(event.text for event in events if isinstance(event, TokenReceived))
    assert text == "Paris"
    assert isinstance(events[-1], TaskFinished)
    assert events[-1].result.cached


async def test_an_answer_that_was_streamed_is_kept(tmp_path: Path) -> None:
    async with opened(dear(), tmp_path) as deployment:
        async for _ in deployment.stream_task(ASK):
            pass
        assert (await deployment.execute_task(ASK)).cached


async def test_a_restart_and_another_process_find_it(tmp_path: Path) -> None:
    async with opened(dear(), tmp_path) as deployment:
        await deployment.execute_task(ASK)
    async with opened(ScriptedUpstream(), tmp_path) as one, opened(ScriptedUpstream(), tmp_path) as two:
        assert (await one.execute_task(ASK)).cached
        assert (await two.execute_task(ASK)).cached


async def test_without_persist_it_is_this_process_alone(tmp_path: Path) -> None:
    alone = {"optimization.caching.persist": False}
    async with opened(dear(), tmp_path, settings=alone) as deployment:
        await deployment.execute_task(ASK)
        assert (await deployment.execute_task(ASK)).cached
    async with opened(dear(), tmp_path, settings=alone) as deployment:
        assert not (await deployment.execute_task(ASK)).cached


async def test_an_answer_is_given_for_its_types_lifetime(tmp_path: Path) -> None:
    clock, upstream = VirtualClock(), ScriptedUpstream(["a", "b", "c"])
    lifetimes = {"optimization.caching.ttlByTaskType": {"simple": 10}, "optimization.caching.ttl": 100}
    async with opened(upstream, tmp_path, clock, settings=lifetimes) as deployment:
        for kind in ("simple", "general"):
            await deployment.execute_task(ASK, type=kind)
        clock.advance(11)
        assert not (await deployment.execute_task(ASK, type="simple")).cached
        assert (await deployment.execute_task(ASK, type="general")).cached


async def test_the_one_used_longest_ago_makes_room(tmp_path: Path) -> None:
    clock, upstream = VirtualClock(), ScriptedUpstream(["a", "b", "c", "a again"])
    async with opened(upstream, tmp_path, clock, settings={"optimization.caching.maxSize": 2}) as deployment:
        for question in "abc":
            await deployment.execute_task(question)
            clock.advance(1)
        assert (await deployment.execute_task("c")).cached
        assert not (await deployment.execute_task("a")).cached


@dataclass(frozen=True, slots=True)
class Pair:
    """A task, and another one that must not be given its answer."""

    first: Mapping[str, object]
    second: Mapping[str, object]


APART = {
    "another tenant": Pair({"key": "acme"}, {"key": "other"}),
    "no tenant": Pair({"key": "acme"}, {}),
    "a fresh one is wanted": Pair({}, {"cache": False}),
    "another temperature": Pair({"temperature": 0.1}, {"temperature": 0.2}),
    "a judge's": Pair({}, {"purpose": "judge"}),
}


@pytest.mark.parametrize("pair", APART.values(), ids=APART)
async def test_who_must_not_be_given_it(tmp_path: Path, pair: Pair) -> None:
    async with opened(ScriptedUpstream(["one", "two"]), tmp_path) as deployment:
        await deployment.execute_task(ASK, **pair.first)
        assert (await deployment.execute_task(ASK, **pair.second)).output == "two"


async def test_what_is_cut_or_clamped_is_kept_for_nobody(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(
        [answer("Par", finish_reason="length"), answer("whole", cost="0.0001"), "again"]
    )
    limit = {"budget.taskLimit": Decimal("0.0003")}
    async with opened(upstream, tmp_path, settings=limit) as deployment:
        short = await deployment.execute_task(ASK, max_tokens=100)
        assert short.finish_reason == "length"
        clamped = await deployment.execute_task(ASK, model="meta-llama/llama-3.3-70b-instruct")
        assert clamped.clamped
        again = await deployment.execute_task(ASK, model="meta-llama/llama-3.3-70b-instruct")
        assert (again.output, again.cached) == ("again", False)


async def test_json_is_checked_again_and_comes_as_data(tmp_path: Path) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    async with opened(ScriptedUpstream(['{"a": 1}']), tmp_path) as deployment:
        await deployment.execute_task(ASK, response_format=schema)
        again = await deployment.execute_task(ASK, response_format=schema)
    assert (again.cached, again.data) == (True, {"a": 1})


async def test_tool_calls_come_from_the_cache(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
    tool = Tool(name="search", description="s", parameters={"type": "object"})
    async with opened(ScriptedUpstream([answer("", tool_calls=[call])]), tmp_path) as deployment:
        first = await deployment.execute_task(ASK, tools=[tool])
        again = await deployment.execute_task(ASK, tools=[tool])
    assert again.cached
    assert again.tool_calls == first.tool_calls


async def test_clearing_reaches_another_process_within_seconds(tmp_path: Path) -> None:
    clock = VirtualClock()
    one, two = ScriptedUpstream(["old"]), ScriptedUpstream(["new"])
    async with opened(one, tmp_path, clock) as here, opened(two, tmp_path, clock) as there:
        await here.execute_task(ASK)
        assert (await there.execute_task(ASK)).cached
        assert await here.clear_cache(task_type="coding") == 0
        assert await here.clear_cache() == 1
        clock.advance(5)
        assert (await there.execute_task(ASK)).output == "new"


async def test_enabling_is_for_later_tasks_and_wrong_settings_are_named(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(["one", "two"])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        await deployment.execute_task(ASK)
        with pytest.raises(ConfigError, match="ttl"):
            deployment.enable_caching(ttl=0)
        deployment.enable_caching(ttl=60, max_size=5, cache_by_task_type=False)
        assert not (await deployment.execute_task(ASK)).cached
        assert (await deployment.execute_task(ASK)).cached
        caching = deployment.config.optimization.caching
    assert (caching.enabled, caching.ttl, caching.max_size, caching.cache_by_task_type) == (
        True,
        60,
        5,
        False,
    )


async def together(deployment: Deployment, upstream: ScriptedUpstream, count: int) -> list[TaskResult]:
    """So many at once; the upstream is asked when all of them are under way."""
    return await asyncio.gather(*(deployment.execute_task(ASK) for _ in range(count)))


async def test_equal_tasks_at_once_are_sent_once(tmp_path: Path) -> None:
    upstream = dear()
    async with opened(upstream, tmp_path) as deployment:
        results = await together(deployment, upstream, 20)
    assert len(upstream.requests) == 1
    assert sorted(result.reused.how if result.reused else "" for result in results) == ["", *["flight"] * 19]
    assert sum(result.metrics.cost for result in results) == Decimal("0.0002")
    assert len(read_ledger(tmp_path / "ledger.db").reuses) == 19


async def test_who_waits_for_a_flight_that_failed_tries_itself(tmp_path: Path) -> None:
    """One after another leads until one has an answer, which all who are left are given."""
    upstream = ScriptedUpstream([failure(400), "Paris"])
    async with opened(upstream, tmp_path, settings={"fallbackRules.maxRetries": 0}) as deployment:
        tasks = [deployment.execute_task(ASK) for _ in range(5)]
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(result, TaskFailedError) for result in results] == [True, *[False] * 4]
    assert len(upstream.requests) == 2


async def test_who_is_refused_for_money_takes_nobody_along(tmp_path: Path) -> None:
    upstream = dear()
    async with opened(upstream, tmp_path) as deployment:
        poor = asyncio.ensure_future(deployment.execute_task(ASK, max_cost_usd="0.000001"))
        await asyncio.sleep(0)
        rich = asyncio.ensure_future(deployment.execute_task(ASK))
        with pytest.raises(BudgetExceededError):
            await poor
        assert (await rich).output == "Paris"


async def test_a_leader_who_leaves_hands_the_lead_on(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([hang("Pa"), "Paris"])
    async with opened(upstream, tmp_path) as deployment:
        leader = asyncio.ensure_future(deployment.execute_task(ASK))
        await upstream.received()
        followers = [asyncio.ensure_future(deployment.execute_task(ASK)) for _ in range(3)]
        await asyncio.sleep(0)
        leader.cancel()
        results = await asyncio.gather(*followers)
    assert [result.output for result in results] == ["Paris"] * 3
    assert len(upstream.requests) == 2


async def test_another_process_waits_for_this_ones_answer(tmp_path: Path) -> None:
    one, two = ScriptedUpstream([cut("Pa", generation_id="g"), "Paris"]), ScriptedUpstream()
    async with opened(one, tmp_path) as here, opened(two, tmp_path) as there:
        first = asyncio.ensure_future(here.execute_task(ASK))
        await one.received()
        results = [await there.execute_task(ASK), await first]
    assert [result.output for result in results] == ["Paris", "Paris"]
    assert results[0].reused is not None
    assert results[0].reused.how in ("flight", "exact")


async def test_without_single_flight_each_is_sent(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(["a", "b"])
    async with opened(
        upstream, tmp_path, settings={"optimization.caching.singleFlight": False}
    ) as deployment:
        await asyncio.gather(deployment.execute_task(ASK), deployment.execute_task(ASK))
    assert len(upstream.requests) == 2


async def test_work_that_waits_takes_what_is_there_and_holds_nobody_up(tmp_path: Path) -> None:
    clock = VirtualClock()
    soon = clock.now() + timedelta(hours=30)
    async with opened(ScriptedUpstream(["now"]), tmp_path, clock) as deployment:
        await deployment.execute_task(ASK)
        late = await deployment.execute_task(ASK, deadline=soon)
    assert (late.output, late.cached) == ("now", True)


async def test_what_is_asked_for_our_own_sake_saves_nothing(tmp_path: Path) -> None:
    async with opened(ScriptedUpstream(["a", "b"]), tmp_path) as deployment:
        mine = await deployment.execute_task(ASK)
        ours = await deployment.execute_task(ASK, purpose="recheck")
        report = deployment.get_cost_report()
    assert (ours.cached, ours.metrics.baseline_cost) == (False, None)
    assert report.baseline_cost == mine.metrics.baseline_cost


async def test_a_continued_answer_is_worth_what_both_its_calls_cost(tmp_path: Path) -> None:
    halves = [answer("Par", finish_reason="length", cost="0.0002"), answer("is", cost="0.0001")]
    on = {"optimization.outputControl.continueTruncated": True}
    async with opened(ScriptedUpstream(halves), tmp_path, settings=on) as deployment:
        first = await deployment.execute_task(ASK)
        again = await deployment.execute_task(ASK)
    assert first.continued
    assert again.reused is not None
    assert again.reused.saved == first.metrics.cost == Decimal("0.0003")
    assert again.metrics.baseline_cost == first.metrics.baseline_cost
