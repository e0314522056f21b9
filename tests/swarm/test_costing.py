"""Plans of runs against the bills of a simulator: the worst case is never below, the expected is near."""

from decimal import Decimal
from pathlib import Path

import pytest

from farthing.config.patterns import Debate, MapReduce, Pattern, Stages, Supervisor, Vote
from farthing.simulator.process import SimulatorProcess
from farthing.swarm.agent import AgentSpec
from farthing.testing import ScriptedUpstream, deployment_at, deployment_on

TEAM = (AgentSpec(type="researcher", count=2), AgentSpec(type="coder"))
GOAL = "Design a rate limiter for a small HTTP API."
PATTERNS: list[Pattern] = [
    Stages(),
    MapReduce(items=tuple(f"case {number}: a burst of {number} calls" for number in range(15)), fan_in=4),
    Supervisor(rounds=2, assignments=3),
    Debate(rounds=2),
    Vote(choices=("token bucket", "sliding window")),
]
NEAR = 6
"""The expected cost is within this factor of what is billed, either way, where answers are text. A simulator
answers a form with a few words, and its supervisor may find nothing to do: there only the bound is held."""


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.type)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_no_run_is_billed_above_its_plan(pattern: Pattern, seed: int, tmp_path: Path) -> None:
    with SimulatorProcess(seed=seed) as simulator:
        async with deployment_at(simulator.base_url, tmp_path) as deployment:
            plan = deployment.plan_swarm(TEAM, goal=GOAL, pattern=pattern)
            await deployment.deploy_swarm(TEAM, goal=GOAL, pattern=pattern)
        billed = Decimal(str(simulator.call("GET", "/bill")["total"]))
    assert plan.worst_usd is not None
    assert plan.expected_usd is not None
    assert 0 < billed <= plan.worst_usd
    if isinstance(pattern, Supervisor | Vote):
        return
    assert plan.expected_usd / NEAR < billed < plan.expected_usd * NEAR


async def test_a_budget_below_the_worst_case_is_the_most(tmp_path: Path) -> None:
    async with deployment_on(ScriptedUpstream(), tmp_path) as deployment:
        plan = deployment.plan_swarm(TEAM, goal=GOAL, budget_usd="0.001")
    assert plan.at_most_usd == Decimal("0.001")
    assert [limit.name for limit in plan.limits] == ["the budget of the run"]


async def test_agents_budgets_bound_their_parts(tmp_path: Path) -> None:
    spec = AgentSpec(type="researcher", count=2, budget_usd=Decimal("0.0001"))
    async with deployment_on(ScriptedUpstream(), tmp_path) as deployment:
        plan = deployment.plan_swarm([spec], goal=GOAL)
        synthesis = next(piece for piece in plan.pieces if piece.name == "synthesis")
    assert plan.worst_usd == Decimal("0.0002") + (synthesis.worst_usd or 0)


async def test_tools_make_a_piece_dearer(tmp_path: Path) -> None:
    bare, tooled = AgentSpec(type="coder"), AgentSpec(type="coder", capabilities=["search"])
    async with deployment_on(ScriptedUpstream(), tmp_path) as deployment:
        plans = [deployment.plan_swarm([spec], goal=GOAL).pieces[0] for spec in (bare, tooled)]
    assert [plan.calls_expected for plan in plans] == [1, 3]
    assert (plans[0].worst_usd or 0) * 8 < (plans[1].worst_usd or 0)
    assert (plans[0].expected_usd or 0) * 3 < (plans[1].expected_usd or 0)


async def test_the_dearest_worker_may_do_all_assignments(tmp_path: Path) -> None:
    dear = AgentSpec(type="coder", model="claude-3.5-sonnet")
    pattern = Supervisor(rounds=1, assignments=4)
    async with deployment_on(ScriptedUpstream(), tmp_path) as deployment:
        alone = deployment.plan_swarm([dear], goal=GOAL, pattern=pattern)
        mixed = deployment.plan_swarm([dear, AgentSpec(type="writer")], goal=GOAL, pattern=pattern)
    assert (mixed.worst_usd or 0) >= (alone.worst_usd or 0) * Decimal("0.99")
