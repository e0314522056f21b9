"""What is written down of a run reads back as it was: orders, tools, ends of pieces, money."""

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from pydantic import TypeAdapter
from tests.swarm.scripted import Say, result_of

from farthing.config.schema import RoleSpec
from farthing.config.schema import Swarm as SwarmSettings
from farthing.errors import BudgetExceededError, FarthingError, SwarmError, TaskFailedError
from farthing.result import Attempt
from farthing.swarm import ordering
from farthing.swarm.agent import AgentSpec
from farthing.swarm.importing import function_at, path_of
from farthing.swarm.keeping import is_open, without_texts
from farthing.swarm.ordering import order_of, tools_of, with_roles
from farthing.swarm.results import WorkResult
from farthing.swarm.resuming import (
    RefusalRead,
    RefusedScope,
    decode_order,
    decode_piece_end,
    encode,
    failed_work,
    piece_end,
    spec_of,
)
from farthing.swarm.stages import stop_reason
from farthing.task import Labels, Tool


def look_up(word: str) -> str:
    """Looks a word up."""
    return word


SCHEMA = Tool(name="send", description="Sends it.", parameters={"type": "object"}, effects=True)


def test_an_order_reads_back_with_its_tools() -> None:
    specs = [
        AgentSpec(type="coder", count=2, tools=[look_up, SCHEMA], budget_usd=Decimal("0.01")),
        AgentSpec(
            type="tester", tools={"search": [look_up]}, capabilities=["search"], instructions="Be brief."
        ),
    ]
    order = order_of(
        specs,
        goal="Make it",
        tools={"search": [look_up]},
        budget_usd=Decimal("0.5"),
        labels=Labels(key="acme", tags=("x",)),
        profile="budget",
    )
    again = decode_order(encode(order))
    assert again == order
    assert again.to_hand_over == ()
    tools = tools_of(again, ())
    assert tools["look_up"] is look_up
    assert tools["send"] == SCHEMA
    made = [spec_of(spec, tools) for spec in again.specs]
    assert made[0] == AgentSpec(type="coder", count=2, tools=[look_up, SCHEMA], budget_usd=Decimal("0.01"))
    assert made[1].tools == {"search": [look_up]}
    assert made[1].instructions == "Be brief."


@dataclass
class Verdict:
    good: bool


def test_an_order_reads_back_with_whom_its_agents_may_turn_to_and_what_they_give() -> None:
    @dataclass
    class Local:
        good: bool

    helper = AgentSpec(type="analyst", tools=[look_up], output_type=Verdict)
    specs = [
        AgentSpec(type="coder", handoffs=["reviewer"], delegates=[helper], output_type=Verdict),
        AgentSpec(type="reviewer", output_type=Local),
    ]
    role = RoleSpec(description="who digs", task_type="analysis")
    order = order_of(
        specs, goal="Make it", tools={}, budget_usd=None, labels=None, profile=None, roles={"digger": role}
    )
    again = decode_order(encode(order))
    assert again == order
    made = [spec_of(spec, tools_of(again, ()), function_at) for spec in again.specs]
    assert made[0] == replace(specs[0], tools=[], handoffs=("reviewer",), delegates=(helper,))
    assert (made[1].output_type, made[1].output_schema) == (None, TypeAdapter(Local).json_schema())
    assert with_roles(SwarmSettings(), again).roles == {"digger": role}


def test_only_functions_under_their_own_name_have_a_path() -> None:
    def local() -> None: ...

    assert path_of(local) is None
    assert path_of(lambda: None) is None
    assert path_of(order_of) == "farthing.swarm.ordering:order_of"
    assert function_at("farthing.swarm.ordering:order_of") is order_of
    with pytest.raises(SwarmError, match="cannot be imported"):
        function_at("farthing.swarm.ordering:gone")
    with pytest.raises(SwarmError, match="is str, and no function"):
        function_at("farthing.swarm.ordering:__name__")


def test_what_no_other_process_finds_must_be_handed_over() -> None:
    order = order_of(
        [AgentSpec(type="coder", tools=[Tool(name="look", description="", parameters={}, run=lambda: "")])],
        goal="g",
        tools={},
        budget_usd=None,
        labels=None,
        profile=None,
    )
    assert order.to_hand_over == ("look",)
    with pytest.raises(SwarmError, match="the tools look of this run"):
        tools_of(order, ())
    handed = Tool(name="look", description="", parameters={"type": "object"}, run=lambda: "")
    assert tools_of(order, [handed]) == {"look": handed}


def test_texts_of_an_order_go_and_who_was_there_stays() -> None:
    spec = AgentSpec(type="coder", count=3, instructions="secret", tools=[look_up])
    order = order_of([spec], goal="secret", tools={}, budget_usd=None, labels=None, profile="budget")
    left = encode(without_texts(order))
    assert "secret" not in left
    assert decode_order(left).specs[0].count == 3


ATTEMPT = Attempt(
    call_id="c1",
    model="m",
    status="failed",
    reason="x",
    cost=Decimal("0.1"),
    cost_basis="reported",
    latency_ms=1.0,
)


@pytest.mark.parametrize(
    "error",
    [
        TaskFailedError("it failed", hint="try again"),
        SwarmError("the cap was reached"),
        BudgetExceededError("no money", refusal=RefusalRead(RefusedScope("agent:run-1/coder-1"))),
    ],
)
def test_a_failed_piece_reads_back_as_a_stage_judges_it(error: FarthingError) -> None:
    work = WorkResult(
        agent_id="coder-1", role="coder", stage=1, title="t", error=error, attempts=(ATTEMPT,), tools_run=2
    )
    again = failed_work(decode_piece_end(encode(piece_end(work, at_us=7))))
    assert type(again.error) is type(error)
    assert str(again.error) == str(error)
    assert (again.cost, again.tools_run) == (Decimal("0.1"), 2)
    assert stop_reason([again]) == stop_reason([work])


def test_the_end_of_a_finished_piece_has_no_text() -> None:
    result = result_of(Say(text="the answer"), "task-1", ATTEMPT)
    work = WorkResult(agent_id="a", role="r", stage=1, title="t", result=result)
    assert "the answer" not in encode(piece_end(work, at_us=7))


def test_a_refusal_of_the_runs_own_budget_leaves_a_piece_open() -> None:
    ours = BudgetExceededError("no", refusal=RefusalRead(RefusedScope("swarm:run-1")))
    theirs = BudgetExceededError("no", refusal=RefusalRead(RefusedScope("agent:run-1/a")))
    assert (is_open(ours), is_open(theirs), is_open(None)) == (True, False, False)


def test_an_order_that_cannot_be_read_is_told() -> None:
    with pytest.raises(SwarmError, match="cannot be read"):
        decode_order('{"specs": 1}')
    assert ordering.tools_of(decode_order('{"goal":"g","specs":[]}'), ()) == {}
