"""A swarm at work: stages, failures, budgets, cancellation, and what it says about money."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.swarm.patterned import each
from tests.swarm.scripted import Answer, Say, Scripted, call, in_turn, refused

from farthing.config.schema import RoleSpec
from farthing.config.schema import Swarm as SwarmSettings
from farthing.errors import FarthingError, InvalidTaskError, SwarmError, TaskFailedError
from farthing.swarm.agent import AgentSpec
from farthing.swarm.events import (
    AgentFailed,
    AgentFinished,
    AgentProgress,
    AgentStarted,
    CapabilityWithoutTool,
    StageStarted,
    SwarmEvent,
    SwarmFinished,
    SwarmStarted,
    SynthesisStarted,
    ToolRan,
)
from farthing.swarm.run import Swarm
from farthing.task import Task

pytestmark = pytest.mark.usefixtures("no_task_left_behind")

TEAM = (
    AgentSpec(type="researcher", count=3),
    AgentSpec(type="coder", count=3),
    AgentSpec(type="reviewer", count=2),
)
AT = datetime(2026, 11, 23, tzinfo=UTC)


def by_agent(task: Task) -> Answer:
    return Say(text=f"work of {task.agent_id}")


def failing(*agent_ids: str, error: FarthingError | None = None) -> "dict[str, Answer]":
    return dict.fromkeys(agent_ids, error or TaskFailedError("all candidates failed"))


def scripted(answers: "dict[str, Answer] | None" = None) -> Scripted:
    return Scripted(script=lambda task: (answers or {}).get(task.agent_id or "") or by_agent(task))


def swarm_of(
    journey: Scripted, specs: tuple[AgentSpec, ...] = TEAM, *, budget: Decimal | None = None
) -> Swarm:
    numbers = count(1)
    return Swarm(
        specs, journey=journey, budget_usd=budget, new_id=lambda: f"run-{next(numbers)}", now=lambda: AT
    )


async def test_stages_run_in_order_and_end_in_a_synthesis() -> None:
    journey = scripted()
    result = await swarm_of(journey).run("a URL shortener")
    assert result.output == "work of synthesis"
    assert result.stopped is None
    assert len(result.results) == 9
    roles = [task.role for task in journey.tasks]
    assert roles == ["researcher"] * 3 + ["coder"] * 3 + ["reviewer"] * 2 + ["synthesis"]
    assert [task.purpose for task in journey.tasks] == ["task"] * 8 + ["synthesis"]
    assert {task.run_id for task in journey.tasks} == {"run-1"}
    assert len({task.session_id for task in journey.tasks}) == 9
    assert journey.tasks[0].session_id == f"{journey.tasks[0].run_id}:{journey.tasks[0].agent_id}"


async def test_each_stage_reads_the_earlier_results() -> None:
    journey = scripted()
    await swarm_of(journey).run("a URL shortener")
    for task in journey.tasks:
        told = task.messages[-1].text
        assert ("work of researcher-2" in told) == (task.role != "researcher")
        assert ("work of coder-3" in told) == (task.role in {"reviewer", "synthesis"})
        assert ("work of reviewer-1" in told) == (task.role == "synthesis")


async def test_agents_of_a_stage_work_side_by_side_on_distinct_parts() -> None:
    gate = asyncio.Event()
    journey = Scripted(script=by_agent, gate=gate)
    running = asyncio.create_task(swarm_of(journey).run("x"))
    for _ in range(100):
        await asyncio.sleep(0)
    assert len({task.messages[-1].text for task in journey.tasks}) == 3
    gate.set()
    await running
    assert journey.peak == 3


async def test_everything_that_happens_is_an_event() -> None:
    spec = AgentSpec(type="researcher", capabilities=["search"])
    swarm = swarm_of(scripted(), (spec, AgentSpec(type="coder")))
    events = [event async for event in swarm.stream("x")]
    kinds = [type(event) for event in events if not isinstance(event, AgentProgress)]
    one = [StageStarted, AgentStarted, AgentFinished]
    synthesis = [SynthesisStarted, AgentStarted, AgentFinished, SwarmFinished]
    assert kinds == [SwarmStarted, CapabilityWithoutTool, *one, *one, *synthesis]
    notice = events[1]
    assert isinstance(notice, CapabilityWithoutTool)
    assert "'search' of researcher" in notice.text
    assert swarm.notices == (notice,)


async def test_an_agents_tools_are_run_and_told() -> None:
    def search(query: str) -> str:
        return f"found {query}"

    asks = Say(calls=(call("search", '{"query": "x"}'),))

    def script(task: Task) -> Answer:
        return asks if task.tools and task.purpose == "task" else by_agent(task)

    spec = AgentSpec(type="researcher", capabilities=["search"])
    swarm = Swarm([spec], journey=Scripted(script=script), tools={"search": [search]})
    events = [event async for event in swarm.stream("x")]
    assert [(e.agent_id, e.text) for e in events if isinstance(e, ToolRan)] == [("researcher-1", "found x")]
    assert (swarm.results[0].tools_run, swarm.results[0].cost) == (1, Decimal("0.002"))
    assert swarm.notices == ()


@given(failed=st.sets(st.sampled_from(["researcher-1", "researcher-2", "coder-1", "coder-3", "reviewer-2"])))
async def test_an_agents_failure_is_recorded_and_the_others_go_on(failed: set[str]) -> None:
    journey = scripted(failing(*failed))
    swarm = swarm_of(journey)
    events = [event async for event in swarm.stream("x")]
    assert {event.agent_id for event in events if isinstance(event, AgentFailed)} == failed
    last = events[-1]
    assert isinstance(last, SwarmFinished)
    assert last.result.stopped is None
    assert {piece.agent_id for piece in last.result.results if not piece.ok} == failed
    told = journey.tasks[-1].messages[-1].text
    assert all(f"work of {agent_id}" not in told for agent_id in failed)
    # A failed piece has cost its attempts: half a thousandth each in the script, uncertain.
    assert last.result.total_cost == Decimal("0.001") * (9 - len(failed)) + Decimal("0.0005") * len(failed)
    assert last.result.totals.cost_basis == ("uncertain" if failed else "reported")


async def test_a_stage_that_fails_wholly_stops_the_run() -> None:
    journey = scripted(failing("coder-1", "coder-2", "coder-3"))
    result = await swarm_of(journey).run("x")
    assert result.stopped == "all agents of stage 2 (coder) failed; coder-1: all candidates failed"
    assert (result.output, len(result.results)) == ("", 6)
    assert not [task for task in journey.tasks if task.role in {"reviewer", "synthesis"}]


@pytest.mark.parametrize("scope", ["swarm:run-1", "deployment"])
async def test_an_exhausted_budget_stops_the_run_and_keeps_what_was_done(scope: str) -> None:
    journey = scripted(failing("coder-2", error=refused(scope)))
    result = await swarm_of(journey).run("x")
    assert result.stopped == f"the budget is exhausted: the limit of {scope} would be passed"
    assert [piece.agent_id for piece in result.results if piece.ok] == [
        *("researcher-1", "researcher-2", "researcher-3", "coder-1", "coder-3"),
    ]
    assert len(journey.tasks) == 6


async def test_an_agents_own_limit_stops_only_that_agent() -> None:
    result = await swarm_of(scripted(failing("coder-2", error=refused("agent:run-1/coder-2")))).run("x")
    assert result.stopped is None
    assert result.totals.failed == 1


@pytest.mark.parametrize(
    ("error", "stopped"),
    [
        (TaskFailedError("no"), "the synthesis failed: no"),
        (refused("deployment"), "the budget is exhausted: the limit of deployment would be passed"),
    ],
)
async def test_a_failed_synthesis_keeps_the_parts(error: FarthingError, stopped: str) -> None:
    result = await swarm_of(scripted(failing("synthesis", error=error))).run("x")
    assert (result.output, result.stopped, result.totals.finished) == ("", stopped, 8)


async def test_tasks_carry_the_limits_of_their_scopes() -> None:
    journey = scripted()
    specs = (AgentSpec(type="coder", budget_usd=Decimal("0.2")), AgentSpec(type="writer"))
    await swarm_of(journey, specs, budget=Decimal(1)).run("x")
    assert [task.limits for task in journey.tasks] == [
        (("swarm:run-1", Decimal(1)), ("agent:run-1/coder-1", Decimal("0.2"))),
        (("swarm:run-1", Decimal(1)),),
        (("swarm:run-1", Decimal(1)),),
    ]


async def test_cancel_ends_the_run_with_what_was_done() -> None:
    gate = asyncio.Event()
    journey = Scripted(script=by_agent)
    swarm = swarm_of(journey)
    events: list[SwarmEvent] = []
    async for event in swarm.stream("x"):
        events.append(event)
        if isinstance(event, StageStarted) and event.number == 2:
            journey.gate = gate
        if len(journey.tasks) == 6 and not gate.is_set():
            swarm.cancel()
            gate.set()
    last = events[-1]
    assert isinstance(last, SwarmFinished)
    assert last.result.stopped == "cancelled"
    assert last.result.totals.finished == 3
    assert {p.agent_id: str(p.error) for p in last.result.results if not p.ok} == dict.fromkeys(
        ("coder-1", "coder-2", "coder-3"), "cancelled while it was under way"
    )
    assert journey.running == 0


@pytest.mark.parametrize("turns", range(36))
async def test_a_cancelled_caller_leaves_nothing_behind(turns: int) -> None:
    journey = Scripted(script=by_agent)
    running = asyncio.create_task(swarm_of(journey).run("x"))
    for _ in range(turns):
        await asyncio.sleep(0)
    under_way = running.cancel()
    ended = await asyncio.gather(running, return_exceptions=True)
    assert isinstance(ended[0], asyncio.CancelledError) == under_way
    assert (journey.running, journey.ended) == (0, len(journey.tasks))


@pytest.mark.parametrize("turns", range(36))
async def test_cancel_at_any_moment_gives_a_result(turns: int) -> None:
    journey = Scripted(script=by_agent)
    swarm = swarm_of(journey)
    running = asyncio.create_task(swarm.run("x"))
    for _ in range(turns):
        await asyncio.sleep(0)
    swarm.cancel()
    result = await running
    assert result.stopped in {None, "cancelled"}
    assert journey.running == 0
    assert result.total_cost == swarm.total_cost


async def test_cancel_before_the_first_step_is_not_lost() -> None:
    journey = Scripted(script=by_agent)
    swarm = swarm_of(journey)
    running = asyncio.create_task(swarm.run("x"))
    await asyncio.sleep(0)  # the run has begun, and nothing of it has had its turn
    swarm.cancel()
    assert (await running).stopped == "cancelled"
    assert journey.tasks == []


async def test_leaving_the_stream_cancels_the_run_and_frees_the_swarm() -> None:
    journey = scripted()
    swarm = swarm_of(journey)
    async with aclosing(swarm.stream("x")) as events:
        async for event in events:
            if isinstance(event, AgentProgress):
                break
    assert journey.running == 0
    assert (await swarm.run("y")).run_id == "run-2"


async def test_a_slow_reader_of_events_loses_none() -> None:
    specs = (AgentSpec(type="coder", count=200),)
    events: list[SwarmEvent] = []
    async for event in swarm_of(scripted(), specs).stream("x"):
        await asyncio.sleep(0)
        events.append(event)
    assert sum(isinstance(event, AgentFinished) for event in events) == 201


async def test_one_swarm_does_one_thing_at_a_time() -> None:
    gate = asyncio.Event()
    swarm = swarm_of(Scripted(script=by_agent, gate=gate))
    running = asyncio.create_task(swarm.run("x"))
    await asyncio.sleep(0)
    with pytest.raises(SwarmError, match="already at work"):
        await swarm.run("y")
    gate.set()
    assert (await running).stopped is None


async def test_a_bug_in_a_journey_is_raised_and_leaves_nothing_behind() -> None:
    def script(task: Task) -> Answer:
        if task.agent_id == "researcher-2":
            raise ZeroDivisionError
        return by_agent(task)

    journey = Scripted(script=script)
    with pytest.raises(ZeroDivisionError):
        await swarm_of(journey).run("x")
    assert journey.running == 0


async def test_a_run_needs_a_goal() -> None:
    with pytest.raises(SwarmError, match="needs a goal"):
        await swarm_of(scripted()).run()
    assert (await Swarm(TEAM, journey=scripted(), goal="given before").run()).goal == "given before"


async def test_money_is_estimated_before_a_run_and_measured_after() -> None:
    swarm = Swarm(
        TEAM, journey=scripted(), goal="x", reckon=each(lambda task: Decimal("0.01")), runs_per_month=10
    )
    assert (swarm.total_cost, swarm.estimated_monthly_cost) == (0, Decimal("0.90"))
    await swarm.run()
    assert (swarm.total_cost, swarm.estimated_monthly_cost) == (Decimal("0.009"), Decimal("0.090"))
    await swarm.run()
    assert (swarm.total_cost, swarm.estimated_monthly_cost) == (Decimal("0.018"), Decimal("0.090"))


def test_an_unknown_expected_cost_is_none_not_zero() -> None:
    assert Swarm(TEAM, journey=scripted()).estimated_monthly_cost is None
    unknown = Swarm(
        TEAM, journey=scripted(), reckon=each(lambda task: None if task.role == "coder" else Decimal(1))
    )
    assert unknown.estimated_monthly_cost is None


def test_the_plan_has_a_task_for_every_piece_of_work() -> None:
    plan = Swarm(TEAM, journey=scripted(), goal="a clock").plan()
    assert [task.role for task in plan] == ["researcher"] * 3 + ["coder"] * 3 + ["reviewer"] * 2 + [
        "synthesis"
    ]
    sizes = [len(task.messages[-1].text) for task in plan]
    assert sizes[0] < sizes[3] < sizes[6] < sizes[8]


async def test_roles_of_the_configuration_work_like_the_others() -> None:
    settings = SwarmSettings(roles={"chemist": RoleSpec(description="Mixes.", task_type="analysis")})
    journey = Scripted(script=in_turn([Say(text="boom")]))
    await Swarm([AgentSpec(type="chemist")], journey=journey, settings=settings).run("x")
    assert (journey.tasks[0].type, journey.tasks[0].role) == ("analysis", "chemist")
    assert journey.tasks[0].messages[0].text.startswith("You are a chemist in a team: Mixes.")


def test_a_tool_that_cannot_be_used_is_refused_when_the_swarm_is_made() -> None:
    with pytest.raises(InvalidTaskError, match="lambda"):
        Swarm([AgentSpec(type="coder", tools=[lambda: None])], journey=scripted())
