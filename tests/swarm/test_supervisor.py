"""A supervisor with workers: assignments in rounds, what it reads between them, and where it must end."""

import pytest
from tests.swarm.patterned import form_of, plan, run, swarm_of, titles, told
from tests.swarm.scripted import Answer, Say, refused

from farthing.config.patterns import Supervisor
from farthing.errors import TaskFailedError
from farthing.swarm.agent import AgentSpec
from farthing.task import Task

pytestmark = pytest.mark.usefixtures("no_task_left_behind")

TEAM = (AgentSpec(type="coder", count=2), AgentSpec(type="tester"))


def with_plans(*plans: Answer, worker: Answer | None = None):
    """Plans in their order; workers say what they were assigned."""
    left = list(plans)

    def script(task: Task) -> Answer:
        if form_of(task) == "plan":
            return left.pop(0)
        if task.role == "supervisor":
            return Say(text="the conclusion")
        return worker or Say(text=f"{task.agent_id} did {told(task).rpartition(chr(10))[2]}")

    return script


async def test_it_assigns_reads_assigns_anew_and_concludes() -> None:
    script = with_plans(
        plan(("coder-1", "write it"), ("coder-2", "write more")),
        plan(("tester-1", "test it")),
        plan(done=True),
    )
    swarm, journey = swarm_of(script, Supervisor(rounds=5), *TEAM)
    result, events = await run(swarm)
    assert (result.output, result.stopped) == ("the conclusion", None)
    assert titles(events) == ["round 1 of 5", "round 2 of 5"]
    assert [task.agent_id for task in journey.tasks] == [
        *("supervisor", "coder-1", "coder-2", "supervisor", "tester-1", "supervisor", "supervisor")
    ]
    assert "coder-1 did write it" in told(journey.tasks[3])
    assert "coder-2 did write more" in told(journey.tasks[4])
    assert all(
        f"{one}" in told(journey.tasks[-1]) for one in ("write it", "write more", "tester-1 did test it")
    )
    assert "- tester-1: tester, who shows" in told(journey.tasks[0])


async def test_rounds_are_bounded_and_the_last_is_told() -> None:
    again = plan(("coder-1", "write it"))
    swarm, journey = swarm_of(with_plans(again, again, again), Supervisor(rounds=2), *TEAM)
    result, _ = await run(swarm)
    assert result.output == "the conclusion"
    plans = [task for task in journey.tasks if form_of(task) == "plan"]
    assert len(plans) == 2
    assert "this is the last time" in told(plans[-1])


async def test_assignments_beyond_the_bound_are_left_and_told() -> None:
    many = plan(*[("coder-1", f"part {number}") for number in range(5)])
    swarm, journey = swarm_of(with_plans(many, plan(done=True)), Supervisor(rounds=3, assignments=2), *TEAM)
    await run(swarm)
    assert [task.agent_id for task in journey.tasks].count("coder-1") == 2
    plans = [task for task in journey.tasks if form_of(task) == "plan"]
    assert "3 of your last assignments were not done" in told(plans[1])


async def test_a_worker_that_fails_is_told_to_the_supervisor() -> None:
    def script(task: Task) -> Answer:
        return TaskFailedError("no") if task.agent_id == "coder-1" else answers(task)

    answers = with_plans(plan(("coder-1", "a"), ("coder-2", "b")), plan(done=True))
    swarm, journey = swarm_of(script, Supervisor(), *TEAM)
    result, _ = await run(swarm)
    assert result.stopped is None
    assert "coder-1 failed at: a (no)" in told(journey.tasks[3])


@pytest.mark.parametrize(
    ("plans", "worker", "stopped"),
    [
        ([plan()], None, "the supervisor assigned nothing that can be done"),
        ([plan(("nobody", "x"))], None, "the supervisor assigned nothing that can be done"),
        ([TaskFailedError("no")], None, "the supervisor failed: no"),
        (
            [refused("swarm:run-1")],
            None,
            "the budget is exhausted: the limit of swarm:run-1 would be passed",
        ),
        ([plan(("coder-1", "x"))], TaskFailedError("no"), "no assignment succeeded in 1 rounds"),
    ],
)
async def test_it_stops_where_nothing_was_done(
    plans: list[Answer], worker: Answer | None, stopped: str
) -> None:
    result, _ = await run(swarm_of(with_plans(*plans, worker=worker), Supervisor(rounds=1), *TEAM)[0])
    assert (result.output, result.stopped) == ("", stopped)


async def test_a_plan_that_fails_later_leads_to_the_conclusion() -> None:
    script = with_plans(plan(("coder-1", "write it")), TaskFailedError("no"))
    swarm, journey = swarm_of(script, Supervisor(rounds=3), *TEAM)
    result, _ = await run(swarm)
    assert result.output == "the conclusion"
    assert "The next plan could not be made." in told(journey.tasks[-1])


async def test_only_named_workers_are_offered() -> None:
    swarm, journey = swarm_of(
        with_plans(plan(("tester-1", "x")), plan(done=True)), Supervisor(workers=("tester",)), *TEAM
    )
    await run(swarm)
    assert "coder" not in told(journey.tasks[0])
