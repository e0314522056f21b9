"""Tools of functions of many signatures, and tools by capability."""

import asyncio
import functools
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Optional, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from farthing.config.tooling import RoleTools
from farthing.errors import InvalidTaskError, SwarmError
from farthing.swarm.agent import AgentSpec, StageTools
from farthing.swarm.allowed import Inventory
from farthing.swarm.calls import ReadyCall, check_call, toolbox
from farthing.swarm.toolcall import run_tool
from farthing.swarm.tools import names_wanted, stage_tools, tool_from
from farthing.task import Tool, ToolCall

pytestmark = pytest.mark.usefixtures("no_task_left_behind")


@dataclass
class Place:
    city: str
    country: str = "IT"


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


def weather(city: str, unit: Literal["c", "f"] = "c", days: int = 1) -> str:
    """The weather of a city.

    Args:
        city: Its name.
    """
    return f"{city} {unit} {days}"


def optional(note: Optional[str] = None, tags: list[str] | None = None) -> str:  # noqa: UP045 - the older spelling
    return f"{note} {tags}"


def structured(place: Place, others: list[Place], limits: dict[str, float]) -> str:
    return f"{place.city} {[other.country for other in others]} {sum(limits.values())}"


def own_types(when: date, colour: Colour, amount: Decimal, pair: tuple[int, str]) -> str:
    return f"{when.year} {colour.name} {amount + 1} {pair[0] + 1}"


def described_twice(size: Annotated[int, Field(ge=1, description="Of the annotation.")]) -> int:
    """Sizes.

    Args:
        size: Of the docstring.
    """
    return size


def keyword_only(*, key: str) -> str:
    return key


def nothing() -> None:
    """Does nothing."""


async def slow_sum(numbers: list[int]) -> int:
    await asyncio.sleep(0)
    return sum(numbers)


class Counter:
    """Counts."""

    def __init__(self) -> None:
        self.total = 0

    def add(self, by: int) -> int:
        """Adds."""
        self.total += by
        return self.total

    def __call__(self, by: int) -> int:
        return self.add(by)


async def run(source: Callable[..., object], arguments: Mapping[str, object] | str) -> str:
    """Through the whole way of a call: schema, check, run."""
    tool = tool_from(source)
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    checked = check_call(ToolCall(id="1", name=tool.name, arguments=text), toolbox([tool]))
    assert isinstance(checked, ReadyCall), checked
    outcome = await run_tool(tool, text)
    assert outcome.ok, outcome
    return outcome.text


def properties(tool: Tool) -> dict[str, dict[str, object]]:
    return cast("dict[str, dict[str, object]]", tool.parameters["properties"])


def test_a_schema_has_types_defaults_and_words() -> None:
    tool = tool_from(weather)
    assert (tool.name, tool.description) == ("weather", "The weather of a city.")
    assert tool.parameters["required"] == ["city"]
    assert tool.parameters["additionalProperties"] is False
    assert properties(tool)["city"] == {"type": "string", "description": "Its name."}
    assert properties(tool)["unit"] == {"enum": ["c", "f"], "type": "string", "default": "c"}
    assert properties(tool)["days"] == {"type": "integer", "default": 1}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (Counter(), "Counter"),
        (Counter().add, "add"),
        (functools.partial(weather, days=9), "weather"),
    ],
)
def test_a_tool_has_the_name_of_what_it_is_made_of(source: Callable[..., object], name: str) -> None:
    assert tool_from(source).name == name


def test_an_annotations_description_comes_before_the_docstrings() -> None:
    assert properties(tool_from(described_twice))["size"]["description"] == "Of the annotation."
    assert properties(tool_from(described_twice))["size"]["minimum"] == 1


@pytest.mark.parametrize(
    ("source", "arguments", "text"),
    [
        (weather, {"city": "Rome", "unit": "f"}, "Rome f 1"),
        (optional, {}, "None None"),
        (optional, "", "None None"),
        (optional, {"note": None, "tags": ["a"]}, "None ['a']"),
        (
            structured,
            {"place": {"city": "Rome"}, "others": [{"city": "Wien", "country": "AT"}], "limits": {"a": 1.5}},
            "Rome ['AT'] 1.5",
        ),
        (
            own_types,
            {"when": "2026-11-23", "colour": "blue", "amount": "0.1", "pair": [1, "x"]},
            "2026 BLUE 1.1 2",
        ),
        (keyword_only, {"key": "k"}, "k"),
        (nothing, {}, "done"),
        (slow_sum, {"numbers": [1, 2]}, "3"),
        (Counter().add, {"by": 2}, "2"),
        (Counter(), {"by": 3}, "3"),
        (functools.partial(weather, days=9), {"city": "Rome"}, "Rome c 9"),
    ],
)
async def test_functions_of_many_signatures_run(
    source: Callable[..., object], arguments: Mapping[str, object] | str, text: str
) -> None:
    assert await run(source, arguments) == text


@given(place=st.builds(Place, city=st.text(max_size=20), country=st.sampled_from(["IT", "AT"])))
async def test_a_dataclass_comes_back_as_it_was(place: Place) -> None:
    def echo(place: Place) -> Place:
        return place

    told = await run(echo, {"place": {"city": place.city, "country": place.country}})
    assert json.loads(told) == {"city": place.city, "country": place.country}


def star(*names: str) -> None: ...
def double_star(**names: str) -> None: ...
def positional(a: int, /) -> None: ...
def bare(a: int, b: int) -> None: ...
def callback(done: Callable[[], None]) -> None: ...
def foreign(lock: threading.Event) -> None: ...
def unreadable(a: int) -> None: ...


# Hints that a type checker would refuse can only be made afterwards.
del bare.__annotations__["a"]
unreadable.__annotations__["a"] = "Nowhere"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (star, r"star: parameter \*names: str cannot be passed by name"),
        (double_star, "cannot be passed by name"),
        (positional, "cannot be passed by name"),
        (bare, "parameter 'a' has no type hint"),
        (callback, "has no JSON Schema"),
        (foreign, "parameter 'lock' has the type .*Event"),
        (unreadable, "type hints cannot be read"),
        (lambda: None, "a lambda"),
        (7, "a tool is int 7"),
        ({"type": "function", "function": {}}, "has no name"),
        ({"type": "function", "function": 3}, "`function` is int"),
        ({"name": "x", "parameters": []}, "are list"),
        ({"name": "x", "parameters": {"type": "objct"}}, "no usable schema"),
        ({"name": "a tool"}, "named 'a tool'"),
    ],
)
def test_what_cannot_be_a_tool_says_why(source: Any, said: str) -> None:
    with pytest.raises(InvalidTaskError, match=said):
        tool_from(source)


def test_a_schema_in_the_wires_shape_is_a_tool_without_a_function() -> None:
    schema = {"type": "object", "properties": {"q": {"type": "string"}}}
    tool = tool_from({"type": "function", "function": {"name": "find", "parameters": schema}})
    assert (tool.name, tool.parameters, tool.run) == ("find", schema, None)
    assert tool_from(tool) is tool


def names(given: StageTools) -> list[str]:
    return [tool.name for tool in given.tools]


def web_search(query: str) -> str:
    return query


def test_capabilities_are_served_by_mapped_tools_and_by_name() -> None:
    spec = AgentSpec(type="researcher", tools=[web_search])
    given = stage_tools(spec, ["search", "analyze", "files"], {"files": [weather], "other": [optional]})
    assert (names(given), given.untooled) == (["web_search", "weather"], ("analyze",))


def test_a_specs_own_mapping_comes_before_the_swarms() -> None:
    spec = AgentSpec(type="researcher", tools={"search": [web_search]})
    given = stage_tools(spec, ["search"], {"search": [weather]})
    assert (names(given), given.untooled) == (["web_search"], ())


def test_the_same_tool_for_two_capabilities_is_one_tool() -> None:
    given = stage_tools(AgentSpec(type="coder"), ["a", "b"], {"a": [weather], "b": [weather]})
    assert names(given) == ["weather"]


def test_two_tools_of_one_name_are_refused() -> None:
    other = Tool(name="weather", description="another", parameters={"type": "object"})
    with pytest.raises(SwarmError, match="two different tools named 'weather'"):
        stage_tools(AgentSpec(type="coder", tools=[weather, other]), [], {})


def built_in(name: str) -> Tool:
    return Tool(name=name, description="", parameters={"type": "object"}, source="built-in")


READ, WRITE, RECALL = built_in("read_file"), built_in("write_file"), built_in("weather")
OURS = Inventory(
    by_capability={"files": (READ, WRITE), "search": (READ,), "sky": (RECALL,)},
    by_source={"mcp:disk": (WRITE,)},
)


@pytest.mark.parametrize(
    ("spec", "capabilities", "expected", "untooled"),
    [
        (AgentSpec(type="coder"), ["files"], ["read_file", "write_file"], ()),
        (AgentSpec(type="coder"), ["files", "search", "analyze"], ["read_file", "write_file"], ("analyze",)),
        (AgentSpec(type="coder", tools={"files": [weather]}), ["files"], ["weather"], ()),
        (AgentSpec(type="coder", tools=[web_search]), ["search"], ["web_search"], ()),
        (AgentSpec(type="coder", tools=[weather]), ["sky"], ["weather"], ()),
        (AgentSpec(type="coder", tools=["mcp:disk", weather]), [], ["weather", "write_file"], ()),
        (AgentSpec(type="coder", tools={"own": ["files"]}), ["own"], ["read_file", "write_file"], ()),
        (AgentSpec(type="coder"), ["*"], ["read_file", "write_file", "weather"], ()),
        (AgentSpec(type="coder", tools=["*"]), [], ["read_file", "write_file", "weather"], ()),
    ],
)
def test_code_serves_before_the_deployment(
    spec: AgentSpec, capabilities: list[str], expected: list[str], untooled: tuple[str, ...]
) -> None:
    given = stage_tools(spec, capabilities, {}, OURS)
    assert (sorted(names(given)), given.untooled) == (sorted(expected), untooled)


def test_a_tool_of_code_counts_before_one_of_the_same_name() -> None:
    given = stage_tools(AgentSpec(type="coder", tools=[weather]), ["sky"], {}, OURS)
    assert given.tools[0].source not in {one.source for one in OURS.tools}


def test_what_a_role_may_not_use_is_not_there() -> None:
    rules = {"coder": RoleTools(deny=("write_*", "web_*")), "*": RoleTools(allow=())}
    given = stage_tools(AgentSpec(type="coder", tools=[web_search]), ["files", "sky"], {}, OURS, rules)
    assert (names(given), given.untooled) == (["read_file", "weather"], ())
    given = stage_tools(AgentSpec(type="tester"), ["files"], {}, OURS, rules)
    assert (names(given), given.untooled) == ([], ("files",))


def test_what_is_not_known_yet_is_left_out() -> None:
    spec = AgentSpec(type="coder", tools=["mcp:disk", weather])
    given = stage_tools(spec, ["files", "sky"], {"x": [optional]}, None)
    assert names(given) == ["weather"]
    assert names_wanted(spec, ["files", "x"], {"x": [optional]}) == ("mcp:disk", "files")


def test_a_name_alone_is_no_tool_without_a_deployment() -> None:
    with pytest.raises(InvalidTaskError, match="'files' is a name, which only execute_task"):
        tool_from("files")
    with pytest.raises(SwarmError, match="tools is 'files'; give a list"):
        AgentSpec(type="coder", tools="files")
