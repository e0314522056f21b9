"""Debates: who reads what, who concludes, and which failures are survived."""

import pytest
from tests.swarm.patterned import run, started, swarm_of, titles, told
from tests.swarm.scripted import Answer, Say, refused

from farthing.config.patterns import Debate
from farthing.errors import SwarmError, TaskFailedError
from farthing.swarm.agent import AgentSpec
from farthing.task import Task

pytestmark = pytest.mark.usefixtures("no_task_left_behind")

THREE = AgentSpec(type="analyst", count=3)


def argues(task: Task) -> Answer:
    round_number = 1 if "Round 1" in told(task) else 2
    return Say(text="the conclusion" if task.role == "judge" else f"{task.agent_id} in {round_number}")


async def test_each_reads_the_others_last_arguments_and_the_judge_concludes() -> None:
    swarm, journey = swarm_of(argues, Debate(rounds=2), THREE)
    result, events = await run(swarm)
    assert (result.output, result.stopped) == ("the conclusion", None)
    assert titles(events) == ["round 1 of 2", "round 2 of 2"]
    assert started(events) == ["analyst-1", "analyst-2", "analyst-3"] * 2 + ["judge"]
    first, second = journey.tasks[:3], journey.tasks[3:6]
    assert not any("in 1" in told(task) for task in first)
    for task in second:
        assert all(f"analyst-{number} in 1" in told(task) for number in (1, 2, 3))
        assert "Your own argument of the round before:\n" + f"{task.agent_id} in 1" in told(task)
    verdict = journey.tasks[-1]
    assert all(f"analyst-{number} in 2" in told(verdict) for number in (1, 2, 3))
    assert "in 1" not in told(verdict)
    assert (verdict.purpose, {task.purpose for task in first}) == ("synthesis", {"task"})


async def test_a_role_may_judge_and_then_does_not_argue() -> None:
    swarm, journey = swarm_of(argues, Debate(rounds=1, judge="reviewer"), THREE, AgentSpec(type="reviewer"))
    await run(swarm)
    assert [task.agent_id for task in journey.tasks] == ["analyst-1", "analyst-2", "analyst-3", "reviewer-1"]


async def test_who_failed_in_a_round_keeps_the_last_argument_and_may_argue_again() -> None:
    failed = False

    def script(task: Task) -> Answer:
        nonlocal failed
        if task.agent_id == "analyst-2" and "Round 2" in told(task):
            failed = True
            return TaskFailedError("no")
        return argues(task)

    swarm, journey = swarm_of(script, Debate(rounds=2), THREE)
    result, _ = await run(swarm)
    assert failed
    assert result.stopped is None
    assert "analyst-2 in 1" in told(journey.tasks[-1])
    assert "analyst-1 in 2" in told(journey.tasks[-1])


async def test_a_round_without_its_quorum_stops_the_run() -> None:
    def script(task: Task) -> Answer:
        return argues(task) if task.agent_id == "analyst-1" else TaskFailedError("no")

    swarm, journey = swarm_of(script, Debate(rounds=2, quorum=0.5), THREE)
    result, _ = await run(swarm)
    assert result.stopped == "only 1 of 3 succeeded in round 1, and the quorum is 50%; analyst-2: no"
    assert (result.output, len(journey.tasks)) == ("", 3)


async def test_an_exhausted_budget_stops_the_run_with_what_there_is() -> None:
    def script(task: Task) -> Answer:
        return refused("swarm:run-1") if "Round 2" in told(task) else argues(task)

    result, _ = await run(swarm_of(script, Debate(rounds=3), THREE)[0])
    assert result.stopped == "the budget is exhausted: the limit of swarm:run-1 would be passed"
    assert [piece.agent_id for piece in result.results if piece.ok] == ["analyst-1", "analyst-2", "analyst-3"]


async def test_a_judge_that_fails_is_told() -> None:
    def script(task: Task) -> Answer:
        return TaskFailedError("no") if task.role == "judge" else argues(task)

    result, _ = await run(swarm_of(script, Debate(rounds=1), THREE)[0])
    assert (result.output, result.stopped) == ("", "the judge failed: no")


@pytest.mark.parametrize(
    ("pattern", "specs", "problem"),
    [
        (Debate(judge="reviewr"), (THREE, AgentSpec(type="reviewer")), "no agents have that role"),
        (Debate(judge="analyst"), (THREE,), "of whom there are 3"),
        (Debate(judge="analyst"), (AgentSpec(type="analyst"), AgentSpec(type="coder")), "at least 2"),
    ],
)
def test_a_pattern_that_does_not_suit_the_agents_is_refused_at_once(
    pattern: Debate, specs: tuple[AgentSpec, ...], problem: str
) -> None:
    with pytest.raises(SwarmError, match=problem):
        swarm_of(argues, pattern, *specs)
