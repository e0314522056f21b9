"""What agents are told: roles, parts, and a digest that never cuts without saying so."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.config.schema import RoleSpec
from farthing.simulator.compose import role_of, topic_of
from farthing.simulator.request import ChatBody, read_body
from farthing.swarm.agent import Agent, AgentSpec, StageTools, make_agents, roles_of
from farthing.swarm.brief import Earlier, digest, stage_messages, synthesis_messages, system_prompt
from farthing.swarm.roles import BUILT_IN_ROLES
from farthing.task import Message


def agent_of(
    spec: AgentSpec, given: StageTools | None = None, roles: dict[str, RoleSpec] | None = None
) -> Agent:
    return make_agents([spec], roles_of([spec], roles or {}), [given or StageTools()])[0]


def body_of(messages: tuple[Message, ...]) -> ChatBody:
    sent = {"model": "m", "messages": [{"role": one.role, "content": one.text} for one in messages]}
    body = read_body(json.dumps(sent).encode())
    assert isinstance(body, ChatBody)
    return body


@pytest.mark.parametrize("role", sorted(BUILT_IN_ROLES))
def test_the_simulator_recognises_every_role_and_the_goal(role: str) -> None:
    body = body_of(stage_messages(agent_of(AgentSpec(type=role)), "a URL shortener", ()))
    assert role_of(body) == role
    assert topic_of(body) == "a URL shortener"
    article = "an" if role == "analyst" else "a"
    assert body.system_text.startswith(f"You are {article} {role} ")


def test_the_simulator_recognises_the_synthesis() -> None:
    piece = Earlier(agent_id="coder-1", stage=1, title="coder", text="code")
    assert role_of(body_of(synthesis_messages("a URL shortener", [piece]))) == "synthesis"


def test_an_agent_is_told_its_part_and_that_others_take_theirs() -> None:
    told = stage_messages(agent_of(AgentSpec(type="coder", count=3)), "a clock", ())[1].text
    assert "Your part: the data model and its storage" in told
    assert "number 1 of 3" in told
    assert "Results so far" not in told


def test_an_agent_without_a_tool_is_told_not_to_pretend() -> None:
    spec = AgentSpec(type="researcher", capabilities=["search", "analyze"], instructions="Mind the cost.")
    prompt = system_prompt(agent_of(spec, StageTools(untooled=("search",))))
    assert "You are here for: search, analyze." in prompt
    assert "You have no tool for: search." in prompt
    assert "Mind the cost." in prompt


def test_a_custom_roles_description_becomes_a_sentence() -> None:
    roles = {"editor": RoleSpec(description="Cuts every text by half")}
    prompt = system_prompt(agent_of(AgentSpec(type="editor"), roles=roles))
    assert prompt == "You are an editor in a team: Cuts every text by half."


def test_a_digest_has_the_newest_stage_first_and_in_it_the_most_relevant() -> None:
    pieces = [
        Earlier(agent_id="planner-1", stage=1, title="planner", text="steps"),
        Earlier(agent_id="coder-1", stage=2, title="coder", text="configuration files"),
        Earlier(agent_id="coder-2", stage=2, title="coder", text="storage and schema"),
    ]
    text = digest(pieces, about="review the storage schema", bound=10_000)
    assert [line.split()[1] for line in text.splitlines() if line.startswith("## ")] == [
        "coder-2",
        "coder-1",
        "planner-1",
    ]
    assert "cut to" not in text


@given(
    sizes=st.lists(st.integers(0, 5_000), min_size=1, max_size=12),
    bound=st.integers(1, 20_000),
)
def test_a_digest_keeps_its_bound_and_says_what_it_cut(sizes: list[int], bound: int) -> None:
    pieces = [
        Earlier(agent_id=f"a{at}", stage=at % 3, title="t", text="x" * size) for at, size in enumerate(sizes)
    ]
    text = digest(pieces, about="goal", bound=bound)
    kept = text.count("x") - text.count("next")
    assert kept <= bound
    assert ("were cut to" in text) == (kept < sum(sizes) or text.count("## ") < len(sizes))
    if sum(sizes) <= bound and len(sizes) * 400 <= bound:
        assert kept == sum(sizes)


def test_a_digest_names_what_is_left_out_and_what_is_shortened() -> None:
    pieces = [Earlier(agent_id=f"a{at}", stage=at, title="t", text="y" * 1_000) for at in range(4)]
    text = digest(pieces, about="", bound=800)
    assert "cut to 800 of 4,000 characters; shortened: a3, a2; left out: a1, a0" in text
