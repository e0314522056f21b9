"""Who works in a swarm: ids, parts of the work, limits, and who gets a task."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.config.schema import RoleSpec
from farthing.errors import SwarmError
from farthing.swarm.agent import (
    Agent,
    AgentSpec,
    StageTools,
    choose_agent,
    limits_of,
    make_agents,
    parts_of,
    roles_of,
)
from farthing.swarm.roles import BUILT_IN_ROLES, role_profile
from farthing.task import Task


def agents_of(*specs: AgentSpec, custom: dict[str, RoleSpec] | None = None) -> tuple[Agent, ...]:
    return make_agents(specs, roles_of(specs, custom or {}), [StageTools()] * len(specs))


def test_the_tutorials_swarm_has_eight_agents_in_three_stages() -> None:
    agents = agents_of(
        AgentSpec(type="researcher", count=3, capabilities=["search", "analyze"]),
        AgentSpec(type="coder", count=3),
        AgentSpec(type="reviewer", count=2),
    )
    assert [agent.id for agent in agents] == [
        *("researcher-1", "researcher-2", "researcher-3", "coder-1", "coder-2", "coder-3"),
        *("reviewer-1", "reviewer-2"),
    ]
    assert [agent.stage for agent in agents] == [1, 1, 1, 2, 2, 2, 3, 3]
    assert agents[0].capabilities == ("search", "analyze")


@pytest.mark.parametrize(
    ("role", "task_type"),
    [
        ("researcher", "analysis"),
        ("coder", "coding"),
        ("reviewer", "general"),
        ("tester", "coding"),
        ("planner", "analysis"),
        ("analyst", "analysis"),
        ("writer", "general"),
    ],
)
def test_a_role_has_its_task_type(role: str, task_type: str) -> None:
    assert agents_of(AgentSpec(type=role))[0].task_type == task_type


def test_ids_count_per_role_across_stages() -> None:
    agents = agents_of(AgentSpec(type="coder"), AgentSpec(type="tester"), AgentSpec(type="coder", count=2))
    assert [(agent.id, agent.stage) for agent in agents] == [
        ("coder-1", 1),
        ("tester-1", 2),
        ("coder-2", 3),
        ("coder-3", 3),
    ]


@given(role=st.sampled_from(sorted(BUILT_IN_ROLES)), count=st.integers(1, 20))
def test_agents_of_a_stage_take_distinct_parts(role: str, count: int) -> None:
    parts = parts_of(BUILT_IN_ROLES[role], count)
    assert len(parts) == len(set(parts)) == count
    if count > 1:
        assert all(any(facet in part for part in parts) for facet in BUILT_IN_ROLES[role].facets)


def test_a_role_without_facets_is_shared_equally() -> None:
    custom = {"chemist": RoleSpec(description="mixes things")}
    agents = agents_of(AgentSpec(type="chemist", count=2), custom=custom)
    assert [agent.part for agent in agents] == ["share 1 of 2 equal shares", "share 2 of 2 equal shares"]


def test_an_unknown_role_names_the_nearest() -> None:
    with pytest.raises(SwarmError, match=r"no role 'reseacher'; did you mean 'researcher'\?"):
        agents_of(AgentSpec(type="reseacher"))


def test_a_configured_role_overrides_a_built_in_one_and_keeps_its_facets() -> None:
    custom = {"coder": RoleSpec(description="Writes Rust.", task_type="structured", capabilities=("cargo",))}
    profile = role_profile("coder", custom)
    assert (profile.description, profile.task_type) == ("Writes Rust.", "structured")
    assert profile.facets == BUILT_IN_ROLES["coder"].facets
    assert agents_of(AgentSpec(type="coder", capabilities=["cargo", "x"]), custom=custom)[0].capabilities == (
        "cargo",
        "x",
    )


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"count": 0}, "count is 0"),
        ({"capabilities": "search"}, "capabilities is 'search'"),
        ({"budget_usd": Decimal(-1)}, "budget_usd is -1"),
    ],
)
def test_a_wrong_spec_says_what_is_wrong(fault: dict[str, object], said: str) -> None:
    with pytest.raises(SwarmError, match=said):
        AgentSpec(type="coder", **fault)  # pyright: ignore[reportArgumentType] - the fault is the test


def test_a_swarm_without_agents_is_refused() -> None:
    with pytest.raises(SwarmError, match="at least one"):
        roles_of([], {})


def test_limits_name_the_scopes_that_have_a_budget() -> None:
    spec = AgentSpec(type="coder", budget_usd=Decimal("0.10"))
    agent = agents_of(spec)[0]
    assert limits_of(agent, "r1", swarm_budget_usd=Decimal(2)) == (
        ("swarm:r1", Decimal(2)),
        ("agent:r1/coder-1", Decimal("0.10")),
    )
    assert limits_of(None, "r1", swarm_budget_usd=None) == ()


def test_the_default_agent_budget_holds_where_a_spec_sets_none() -> None:
    specs = [AgentSpec(type="coder"), AgentSpec(type="coder", budget_usd=Decimal(0))]
    agents = make_agents(
        specs, roles_of(specs, {}), [StageTools(), StageTools()], agent_budget_usd=Decimal(5)
    )
    assert [agent.budget_usd for agent in agents] == [Decimal(5), Decimal(0)]


TEAM = agents_of(
    AgentSpec(type="researcher", count=2, capabilities=["search"]),
    AgentSpec(type="coder", count=2, capabilities=["refactor"]),
)


@pytest.mark.parametrize(
    ("task", "agent_id", "suits"),
    [
        (Task(description="do it", role="coder"), "coder-2", True),
        (Task(description="do it", type="coding"), "coder-2", True),
        (Task(description="search the archive"), "researcher-1", True),
        (Task(description="refactoring of the parser"), "coder-2", True),
        (Task(description="search it", type="coding"), "coder-2", True),
        (Task(description="anything else"), "researcher-1", False),
    ],
)
def test_a_task_goes_to_the_least_busy_agent_that_suits(task: Task, agent_id: str, suits: bool) -> None:
    agent, suited = choose_agent(TEAM, task, {"coder-1": 3, "coder-2": 1})
    assert (agent.id, suited) == (agent_id, suits)
