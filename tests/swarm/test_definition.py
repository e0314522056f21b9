"""A swarm written down and made again: what is kept, and what cannot be."""

import json
from decimal import Decimal

import pytest
from pydantic import BaseModel
from tests.swarm import scripted

from farthing.config.patterns import Debate, MapReduce, Pattern, Stages, Supervisor, Vote
from farthing.errors import SwarmError
from farthing.swarm.agent import AgentSpec, ToolSource
from farthing.swarm.definition import Ordered, definition_of, order_of, read, written
from farthing.swarm.importing import path_of
from farthing.task import Labels, Tool

PATTERNS: list[Pattern] = [
    Stages(),
    MapReduce(items=("a", "b"), mapper="coder", fan_in=3, quorum=0.25),
    MapReduce(items_file="rows.jsonl"),
    Supervisor(supervisor="planner", workers=("coder",), rounds=5),
    Debate(rounds=3, judge="reviewer"),
    Vote(choices=("yes", "no"), decide="judge"),
]


def remade(order: Ordered) -> Ordered:
    return order_of(read(written(definition_of(order, path_of))))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_is_kept_comes_back(pattern: Pattern) -> None:
    order = Ordered(
        specs=(
            AgentSpec(type="coder", count=2, tools=("mcp:git", "tests.swarm.scripted:call")),
            AgentSpec(
                type="writer", model="deepseek-v3", budget_usd=Decimal("0.0000001"), handoffs=("coder",)
            ),
            AgentSpec(type="tester", tools={"search": ("web",)}, output_schema={"type": "object"}),
        ),
        goal="a naïve goal",
        pattern=pattern,
        budget_usd=Decimal("0.05"),
        labels=Labels(key="team", tags=("a",), metadata={"b": "c"}),
        tools={"search": ("tests.swarm.scripted:call",)},
    )
    assert remade(order) == order


def test_only_what_is_said_is_written() -> None:
    text = written(definition_of(Ordered(specs=(AgentSpec(type="coder"),), pattern=Debate()), path_of))
    assert json.loads(text) == {"agents": [{"role": "coder"}], "pattern": {"type": "debate"}}


def test_a_function_of_a_module_is_kept_by_its_path_and_a_tool_by_its_source() -> None:
    of_server = Tool(name="git__log", description="", parameters={}, source="mcp:git")
    specs = (AgentSpec(type="coder", tools=(scripted.in_turn, of_server)),)
    assert remade(Ordered(specs=specs)).specs[0].tools == ("tests.swarm.scripted:in_turn", "mcp:git")


def test_a_type_is_kept_as_its_schema() -> None:
    class Verdict(BaseModel):
        good: bool

    spec = remade(Ordered(specs=(AgentSpec(type="coder", output_type=Verdict),))).specs[0]
    assert spec.output_type is None
    assert spec.output_schema == Verdict.model_json_schema()


def _inside() -> ToolSource:
    def inner(text: str) -> str:
        return text

    return inner


ONLY_HERE: list[tuple[ToolSource, str]] = [
    (_inside(), "<locals>.inner"),
    (Tool(name="mine", description="", parameters={}), "'mine'"),
    ({"name": "bare", "parameters": {}}, "bare"),
]


@pytest.mark.parametrize(("source", "named"), ONLY_HERE)
def test_what_only_this_process_has_is_refused_by_name(source: ToolSource, named: str) -> None:
    with pytest.raises(SwarmError, match="of coder cannot be kept with the run") as caught:
        definition_of(Ordered(specs=(AgentSpec(type="coder", tools=(source,)),)), path_of)
    assert named in caught.value.message
    assert "MODULE:FUNCTION" in str(caught.value)


def test_a_colleague_with_a_spec_of_its_own_is_refused() -> None:
    specs = (AgentSpec(type="coder", delegates=(AgentSpec(type="writer"),)),)
    with pytest.raises(SwarmError, match="writer, whom coder works with"):
        definition_of(Ordered(specs=specs), path_of)


def test_another_form_is_refused_with_its_place() -> None:
    with pytest.raises(SwarmError, match=r"agents\.0\.count"):
        read('{"agents": [{"role": "coder", "count": 0}]}')
