"""Tools: of functions or schemas, and found by capability.

Decides which tools an agent has. What a function's schema is, is `signature.py`'s; running one is
`toolcall.py`'s; no tool ships here.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from farthing.errors import InvalidTaskError, SwarmError
from farthing.swarm.agent import AgentSpec, StageTools, ToolSource
from farthing.swarm.calls import compiled
from farthing.swarm.signature import tool_of_function
from farthing.task import Tool


def tool_from(source: ToolSource) -> Tool:
    """A `Tool` of a function, a `Tool`, or a mapping in the chat completions shape.

    A function's schema comes from its type hints and defaults, its description from the first line of its
    docstring, its parameters' from a Google-style `Args:` section. Raises `InvalidTaskError` where a
    parameter has no type hint, cannot be passed by name, or has a type without a JSON Schema.
    """
    if isinstance(source, Tool):
        tool = source
    elif isinstance(source, Mapping):
        tool = _from_mapping(cast(Mapping[str, object], source))
    elif callable(source):
        tool = tool_of_function(source)
    else:
        raise InvalidTaskError(
            f"a tool is {type(source).__name__} {source!r}; give a function, a Tool or a mapping"
        )
    compiled(tool)
    return tool


def stage_tools(
    spec: AgentSpec, capabilities: Sequence[str], by_capability: Mapping[str, Sequence[ToolSource]]
) -> StageTools:
    """The tools of a spec's agents: its own, and those of its capabilities.

    A capability is served by tools mapped to it, or by one of the spec's own tools that has it in its name
    (`web_search` serves `search`). Raises `SwarmError` when two different tools have one name.
    """
    mapped: dict[str, Sequence[ToolSource]] = dict(by_capability)
    own: Sequence[ToolSource] = ()
    if isinstance(spec.tools, Mapping):
        mapped.update(spec.tools)
    else:
        own = spec.tools
    tools = [tool_from(source) for source in own]
    words = {word for tool in tools for word in (tool.name, *tool.name.lower().replace("-", "_").split("_"))}
    untooled: list[str] = []
    for capability in capabilities:
        found = mapped.get(capability, ())
        tools.extend(tool_from(source) for source in found)
        if not found and capability.lower() not in words:
            untooled.append(capability)
    return StageTools(tools=_distinct(tools, spec.type), untooled=tuple(untooled))


def _distinct(tools: Sequence[Tool], role: str) -> tuple[Tool, ...]:
    by_name: dict[str, Tool] = {}
    for tool in tools:
        if by_name.setdefault(tool.name, tool) != tool:
            raise SwarmError(f"AgentSpec({role!r}) has two different tools named {tool.name!r}")
    return tuple(by_name.values())


def _from_mapping(source: Mapping[str, object]) -> Tool:
    function = source.get("function", source)
    if not isinstance(function, Mapping):
        raise InvalidTaskError(
            f"a tool's `function` is {type(function).__name__}; give an object with a name"
        )
    fields = cast(Mapping[str, object], function)
    name = fields.get("name")
    parameters: object = fields.get("parameters")
    if not isinstance(name, str):
        raise InvalidTaskError(f"a tool has no name: {dict(source)!r}"[:300])
    if parameters is None:
        parameters = dict[str, object](type="object", properties={})
    if not isinstance(parameters, Mapping):
        raise InvalidTaskError(
            f"the parameters of tool {name!r} are {type(parameters).__name__}; give a schema"
        )
    return Tool(
        name=name,
        description=str(fields.get("description") or ""),
        parameters=cast(Mapping[str, object], parameters),
    )
