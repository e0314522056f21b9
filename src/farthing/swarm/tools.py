"""Tools: of functions or schemas, and found by capability.

Decides which tools an agent has. What a function's schema is, is `signature.py`'s; running one is
`toolcall.py`'s; which tools a deployment has, `toolset.py`'s.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import cast

from farthing.config.tooling import RoleTools
from farthing.errors import InvalidTaskError, SwarmError
from farthing.swarm.agent import AgentSpec, StageTools, ToolSource
from farthing.swarm.allowed import EMPTY, EVERY, Inventory, permitted
from farthing.swarm.calls import compiled
from farthing.swarm.signature import tool_of_function
from farthing.task import Tool

_NO_RULES: Mapping[str, RoleTools] = MappingProxyType({})


def tool_from(source: ToolSource) -> Tool:
    """A `Tool` of a function, a `Tool`, or a mapping in the chat completions shape.

    A function's schema comes from its type hints and defaults, its description from the first line of its
    docstring, its parameters' from a Google-style `Args:` section. Raises `InvalidTaskError` where a
    parameter has no type hint, cannot be passed by name, or has a type without a JSON Schema.
    """
    if isinstance(source, str):
        raise InvalidTaskError(
            f"the tool {source!r} is a name, which only execute_task, stream_task and swarms of a deployment"
            " look up; give a function, a Tool or a mapping"
        )
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
    spec: AgentSpec,
    capabilities: Sequence[str],
    by_capability: Mapping[str, Sequence[ToolSource]],
    inventory: Inventory | None = EMPTY,
    rules: Mapping[str, RoleTools] = _NO_RULES,
) -> StageTools:
    """The tools of a spec's agents: its own, and those of its capabilities, as far as its role may use them.

    A capability is served by tools mapped to it, by one of the spec's own tools that has it in its name
    (`web_search` serves `search`), or else by the inventory's. Where a tool of code has the name of one from
    the inventory, the code's counts. An `inventory` of None is not known yet: what it would give is left out.
    Raises `SwarmError` when two different tools of code have one name, or a name stands for no tools.
    """
    mapped, own = _given(spec, by_capability)
    code, found = _sorted_out(own, inventory)
    words = {word for tool in code for word in (tool.name, *tool.name.lower().replace("-", "_").split("_"))}
    served: dict[str, tuple[Tool, ...]] = {}
    for capability in capabilities:
        of_code, of_inventory = _sorted_out(mapped.get(capability, ()), inventory)
        if not of_code and not of_inventory and capability.lower() not in words:
            of_inventory = _by_capability(inventory, capability)
            served[capability] = tuple(of_inventory)
        elif of_code or of_inventory:
            served[capability] = (*of_code, *of_inventory)
        code.extend(of_code)
        found.extend(of_inventory)
    tools = {tool.name: tool for tool in _distinct(code, spec.type)}
    for tool in found:
        tools.setdefault(tool.name, tool)
    untooled = tuple(one for one, tools in served.items() if not permitted(tools, spec.type, rules))
    return StageTools(tools=permitted(tools.values(), spec.type, rules), untooled=untooled)


def names_wanted(
    spec: AgentSpec, capabilities: Sequence[str], by_capability: Mapping[str, Sequence[ToolSource]]
) -> tuple[str, ...]:
    """What of the inventory `stage_tools` may ask for: names given as tools, and capabilities without any."""
    mapped, own = _given(spec, by_capability)
    given = [*own, *(source for one in capabilities for source in mapped.get(one, ()))]
    texts = [source for source in given if isinstance(source, str)]
    return (*texts, *(one for one in capabilities if not mapped.get(one)))


def expanded(
    sources: Sequence[ToolSource], inventory: Inventory, *, role: str, rules: Mapping[str, RoleTools]
) -> tuple[Tool, ...]:
    """The tools of one task: those that code hands over, and in place of each name the tools it stands for
    and the role may use. Raises as `stage_tools` does."""
    code, found = _sorted_out(sources, inventory)
    tools = {tool.name: tool for tool in permitted(found, role, rules)}
    return tuple((tools | {tool.name: tool for tool in code}).values())


def _given(
    spec: AgentSpec, by_capability: Mapping[str, Sequence[ToolSource]]
) -> tuple[Mapping[str, Sequence[ToolSource]], Sequence[ToolSource]]:
    """What is mapped to capabilities, the spec's mapping first, and what it has besides."""
    if isinstance(spec.tools, Mapping):
        return {**by_capability, **spec.tools}, ()
    return by_capability, spec.tools


def _sorted_out(sources: Sequence[ToolSource], inventory: Inventory | None) -> tuple[list[Tool], list[Tool]]:
    """Tools of code, and those that the inventory has under the names among the sources."""
    code = [tool_from(source) for source in sources if not isinstance(source, str)]
    if inventory is None:
        return code, []
    return code, [tool for name in sources if isinstance(name, str) for tool in inventory.named(name)]


def _by_capability(inventory: Inventory | None, capability: str) -> list[Tool]:
    if inventory is None:
        return []
    return list(inventory.tools if capability == EVERY else inventory.by_capability.get(capability, ()))


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
