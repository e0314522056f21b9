"""A run that was stopped goes on in another process: what was done is neither done nor paid again."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from farthing.config.patterns import Debate
from farthing.errors import SwarmError
from farthing.money import from_nano
from farthing.storage.database import Database, sqlite_url
from farthing.storage.tables import piece, run, step
from farthing.swarm.agent import AgentSpec
from farthing.swarm.approvals import decide, read
from farthing.swarm.company import Approved
from farthing.swarm.events import AgentFinished, ToolRan
from farthing.swarm.results import SwarmResult
from farthing.swarm.run import Swarm
from farthing.swarm.tools import tool_from
from farthing.testing import Reply, ScriptedUpstream, answer, deployment_on, failure, hang

GOAL = "Find out how it is"
RAN: list[str] = []


def look_up(word: str) -> str:
    """Looks a word up."""
    RAN.append(word)
    return f"{word} is known"


def calling(word: str, number: int, cost: str = "0.000010") -> Reply:
    call = {"id": f"call-{word}", "function": {"name": "look_up", "arguments": f'{{"word":"{word}"}}'}}
    return answer("", tool_calls=[call], generation_id=f"gen-{number}", cost=cost)


def said(text: str, number: int) -> Reply:
    return answer(text, generation_id=f"gen-{number}", cost="0.000010")


SPECS = [AgentSpec(type="researcher", tools=[look_up]), AgentSpec(type="reviewer")]


async def stop_at(swarm: Swarm, upstream: ScriptedUpstream, requests: int) -> SwarmResult:
    """Runs it until so many requests have come, then stops as Ctrl-C does."""
    running = asyncio.create_task(swarm.run())
    await upstream.received(requests)
    swarm.cancel()
    return await running


async def stopped_after(folder: Path, script: Sequence[Reply | str], requests: int) -> str:
    upstream = ScriptedUpstream(script)
    async with deployment_on(upstream, folder) as deployment:
        swarm = deployment.prepare_swarm(SPECS, goal=GOAL)
        return (await stop_at(swarm, upstream, requests)).run_id


async def resumed(
    folder: Path, run_id: str, script: Sequence[Reply | str]
) -> tuple[SwarmResult, ScriptedUpstream, Decimal]:
    upstream = ScriptedUpstream(script)
    async with deployment_on(upstream, folder) as deployment:
        swarm = await deployment.resume_swarm(run_id)
        result = await swarm.resume()
        total = deployment.run_ledger(run_id).total()
        return result, upstream, from_nano(total.committed)


def rows(folder: Path, table: sa.Table) -> list[sa.Row[tuple[object, ...]]]:
    database = Database(sqlite_url(folder / "ledger.db"))
    with database.read() as connection:
        found = list(connection.execute(sa.select(table)))
    database.close()
    return found


async def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    RAN.clear()
    begun = [calling("snow", 1), said("Snow is known.", 2), hang(generation_id=None)]
    run_id = await stopped_after(tmp_path, begun, 3)
    (row,) = rows(tmp_path, run)
    assert (row.state, row.epoch) == ("stopped", 0)
    assert sorted((one.piece, one.number, one.kind) for one in rows(tmp_path, step)) == [
        ("researcher-1", 0, "model"),
        ("researcher-1", 1, "tools"),
        ("researcher-1", 2, "model"),
    ]
    result, upstream, in_ledger = await resumed(tmp_path, run_id, [said("Fine.", 3), said("It is so.", 4)])
    assert RAN == ["snow"]
    assert len(upstream.requests) == 2
    assert (result.run_id, result.output, result.stopped) == (run_id, "It is so.", None)
    assert [one.agent_id for one in result.results] == ["researcher-1", "reviewer-1", "synthesis"]
    assert result.results[0].tools_run == 1
    assert [one.reason for one in result.interrupted] == ["cancelled"]
    assert result.total_cost == in_ledger > Decimal("0.000040")
    (row,) = rows(tmp_path, run)
    assert (row.state, row.epoch) == ("finished", 0)


async def test_what_was_journalled_is_told_as_events_again(tmp_path: Path) -> None:
    begun = [calling("snow", 1), said("Snow is known.", 2), hang(generation_id=None)]
    run_id = await stopped_after(tmp_path, begun, 3)
    upstream = ScriptedUpstream([said("Fine.", 3), said("It is so.", 4)])
    async with deployment_on(upstream, tmp_path) as deployment:
        events = [event async for event in (await deployment.resume_swarm(run_id)).stream()]
    assert [event.text for event in events if isinstance(event, ToolRan)] == ["snow is known"]
    assert [event.agent_id for event in events if isinstance(event, AgentFinished)] == [
        "researcher-1",
        "reviewer-1",
        "synthesis",
    ]


async def test_a_finished_run_forgets_its_texts_and_cannot_be_resumed(tmp_path: Path) -> None:
    run_id = await finished(tmp_path)
    assert rows(tmp_path, step) == []
    (row,) = rows(tmp_path, run)
    assert GOAL not in row.body
    assert {one.state for one in rows(tmp_path, piece)} == {"done"}
    async with deployment_on(ScriptedUpstream(), tmp_path) as deployment:
        with pytest.raises(SwarmError, match="finished, and cannot be resumed"):
            await deployment.resume_swarm(run_id)
        with pytest.raises(SwarmError, match="forgotten at its end"):
            await deployment.replay_swarm(run_id)
        with pytest.raises(SwarmError, match="there is no run 'run-0'"):
            await deployment.resume_swarm("run-0")


async def finished(folder: Path, **overrides: object) -> str:
    script = [calling("snow", 1), said("Snow is known.", 2), said("Fine.", 3), said("It is so.", 4)]
    async with deployment_on(ScriptedUpstream(script), folder, overrides=overrides) as deployment:
        return (await deployment.deploy_swarm(SPECS, goal=GOAL)).run_id


async def test_a_run_whose_journal_is_kept_is_replayed_and_sends_nothing(tmp_path: Path) -> None:
    RAN.clear()
    run_id = await finished(tmp_path, **{"swarm.keepDays": 7})
    upstream = ScriptedUpstream()
    async with deployment_on(upstream, tmp_path) as deployment:
        swarm = await deployment.replay_swarm(run_id)
        result = await swarm.run()
    assert upstream.requests == []
    assert RAN == ["snow"]
    assert (result.output, result.stopped) == ("It is so.", None)
    assert result.total_cost == Decimal("0.000040")


async def test_a_replay_says_where_the_journal_ends(tmp_path: Path) -> None:
    run_id = await stopped_after(tmp_path, [calling("snow", 1), hang(generation_id=None)], 2)
    upstream = ScriptedUpstream()
    async with deployment_on(upstream, tmp_path) as deployment:
        result = await (await deployment.replay_swarm(run_id)).run()
    assert upstream.requests == []
    assert f"the journal ends at step 2 of researcher-1 in {run_id}" in str(result.stopped)
    assert rows(tmp_path, run)[0].state == "stopped"


async def test_a_failure_that_nothing_was_built_on_is_tried_again(tmp_path: Path) -> None:
    folder = tmp_path
    upstream = ScriptedUpstream([calling("snow", 1), *[failure(400) for _ in range(9)]])
    async with deployment_on(upstream, folder) as deployment:
        swarm = await deployment.deploy_swarm(SPECS, goal=GOAL)
    assert "all agents of stage 1" in str(swarm.results[0].error) or swarm.results[0].error is not None
    script = [said("Snow is known.", 2), said("Fine.", 3), said("It is so.", 4)]
    result, asked, in_ledger = await resumed(folder, swarm.run_id, script)
    assert (result.stopped, len(asked.requests)) == (None, 3)
    assert result.total_cost == in_ledger


async def test_a_failure_that_was_built_on_stands(tmp_path: Path) -> None:
    specs = [AgentSpec(type="researcher", count=2), AgentSpec(type="reviewer")]
    script: list[Reply | str] = [said("One.", 1), *[failure(400) for _ in range(3)]]
    upstream = ScriptedUpstream([*script, hang(generation_id=None)])
    async with deployment_on(upstream, tmp_path) as deployment:
        swarm = deployment.prepare_swarm(specs, goal=GOAL)
        await stop_at(swarm, upstream, 5)
    failed = [one.agent_id for one in swarm.results if one.error is not None and one.stage == 1]
    result, asked, in_ledger = await resumed(tmp_path, swarm.run_id, [said("Fine.", 3), said("So.", 4)])
    assert [one.agent_id for one in result.results if one.error is not None] == failed != []
    assert len(asked.requests) == 2
    assert result.total_cost == in_ledger


async def test_the_budget_of_a_run_holds_over_its_resumption(tmp_path: Path) -> None:
    first = calling("snow", 1, cost="0.000400")
    upstream = ScriptedUpstream([first, hang(generation_id=None)])
    async with deployment_on(upstream, tmp_path) as deployment:
        swarm = deployment.prepare_swarm(SPECS, goal=GOAL, budget_usd="0.001")
        await stop_at(swarm, upstream, 2)
    result, _, in_ledger = await resumed(tmp_path, swarm.run_id, [])
    assert "the budget is exhausted" in str(result.stopped)
    assert f"swarm:{swarm.run_id}" in str(result.stopped)
    assert in_ledger <= Decimal("0.001")
    assert rows(tmp_path, run)[0].state == "stopped"


async def test_a_run_with_a_living_conductor_is_not_taken(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([hang(generation_id=None)])
    async with deployment_on(upstream, tmp_path) as deployment:
        swarm = deployment.prepare_swarm(SPECS, goal=GOAL)
        running = asyncio.create_task(swarm.run())
        await upstream.received()
        async with deployment_on(ScriptedUpstream(), tmp_path) as other:
            with pytest.raises(SwarmError, match="is conducted by"):
                await other.resume_swarm(swarm.run_id)
        swarm.cancel()
        await running


async def test_tools_that_no_other_process_can_import_must_be_handed_over(tmp_path: Path) -> None:
    def local(word: str) -> str:
        """Looks a word up."""
        return word

    specs = [AgentSpec(type="researcher", tools=[local])]
    upstream = ScriptedUpstream([hang(generation_id=None)])
    async with deployment_on(upstream, tmp_path) as deployment:
        swarm = deployment.prepare_swarm(specs, goal=GOAL)
        await stop_at(swarm, upstream, 1)
    script = [said("One.", 1), said("So.", 2)]
    async with deployment_on(ScriptedUpstream(script), tmp_path) as deployment:
        with pytest.raises(SwarmError, match="the tools local of this run are functions"):
            await deployment.resume_swarm(swarm.run_id)
        assert rows(tmp_path, run)[0].state == "stopped"
        again = await deployment.resume_swarm(swarm.run_id, tools=[local])
        assert (await again.resume()).output == "So."


async def test_a_paused_run_goes_on_when_a_person_has_decided(tmp_path: Path) -> None:
    RAN.clear()
    looking = replace(tool_from(look_up), effects=True)
    upstream = ScriptedUpstream([calling("snow", 1)])
    async with deployment_on(upstream, tmp_path) as deployment:
        specs = [AgentSpec(type="researcher", tools=[looking])]
        swarm = deployment.prepare_swarm(specs, goal=GOAL, on_pause="stop")
        assert (await swarm.run()).paused
    assert ([one.state for one in rows(tmp_path, run)], RAN) == (["paused"], [])
    assert [one.state for one in rows(tmp_path, piece)] == ["ready"]
    database = Database(sqlite_url(tmp_path / "ledger.db"))
    with database.read() as connection:
        (asked,) = read(connection)
    decide(database, asked.approval, Approved(), now_us=1)
    database.close()
    upstream = ScriptedUpstream([said("Snow is known.", 2), said("It is so.", 3)])
    async with deployment_on(upstream, tmp_path) as deployment:
        again = await deployment.resume_swarm(swarm.run_id, tools=[looking], on_pause="stop")
        result = await again.resume()
    assert (result.stopped, result.output, RAN) == (None, "It is so.", ["snow"])
    assert len(upstream.requests) == 2


async def test_runs_that_need_not_last_write_nothing_of_themselves(tmp_path: Path) -> None:
    await finished(tmp_path, **{"swarm.durable": False})
    assert rows(tmp_path, run) == rows(tmp_path, piece) == rows(tmp_path, step) == []


async def test_a_debate_that_was_stopped_goes_on_as_a_debate(tmp_path: Path) -> None:
    hanging = [hang(generation_id=None)] * 2
    begun = ScriptedUpstream([said("Split it.", 1), said("Keep it.", 2), *hanging])
    async with deployment_on(begun, tmp_path) as deployment:
        team = [AgentSpec(type="analyst", count=2)]
        swarm = deployment.prepare_swarm(team, goal=GOAL, pattern=Debate(rounds=2))
        run_id = (await stop_at(swarm, begun, 4)).run_id
    rest = [said("Still split.", 3), said("Still keep.", 4), said("Keep it, then.", 5)]
    result, upstream, in_ledger = await resumed(tmp_path, run_id, rest)
    assert (result.output, result.stopped) == ("Keep it, then.", None)
    assert len(upstream.requests) == 3
    assert [one.piece for one in rows(tmp_path, piece)].count("judge") == 1
    assert result.total_cost == in_ledger
