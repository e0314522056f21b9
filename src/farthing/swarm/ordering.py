"""A run's order made of what code handed over, and what code must hand over again; see `resuming.py`.

Reads functions and modules, and changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from farthing.errors import SwarmError
from farthing.swarm.agent import AgentSpec, ToolSource
from farthing.swarm.importing import function_at, path_of
from farthing.swarm.resuming import RunOrder, SpecOrder, ToolOrder, tool_order
from farthing.swarm.tools import tool_from
from farthing.task import Labels, Tool


def order_of(
    specs: Sequence[AgentSpec],
    *,
    goal: str,
    tools: Mapping[str, Sequence[ToolSource]],
    budget_usd: Decimal | None,
    labels: Labels | None,
    profile: str | None,
) -> RunOrder:
    """What is written down of a run."""
    return RunOrder(
        goal=goal,
        specs=tuple(_spec_order(spec) for spec in specs),
        tools={capability: _orders(given) for capability, given in tools.items()},
        budget_usd=budget_usd,
        labels=labels,
        profile=profile,
    )


def tools_of(order: RunOrder, handed: Iterable[ToolSource]) -> dict[str, ToolSource]:
    """Every tool of a run by name: those that are handed over, and those that can be imported.

    Raises `SwarmError` where neither gives one.
    """
    found: dict[str, ToolSource] = {tool_from(source).name: source for source in handed}
    missing = [name for name in order.to_hand_over if name not in found]
    if missing:
        raise SwarmError(
            f"the tools {', '.join(missing)} of this run are functions that no other process can import",
            hint=f"resume it from the code that has them: resume_swarm(run_id, tools=[{', '.join(missing)}])",
        )
    return {**{one.name: _tool(one) for one in order.all_tools if one.name not in found}, **found}


def _spec_order(spec: AgentSpec) -> SpecOrder:
    by_name = () if isinstance(spec.tools, Mapping) else _orders(spec.tools)
    by_capability = None
    if isinstance(spec.tools, Mapping):
        by_capability = {name: _orders(given) for name, given in spec.tools.items()}
    return SpecOrder(
        type=spec.type,
        count=spec.count,
        capabilities=tuple(spec.capabilities),
        instructions=spec.instructions,
        tools=by_name,
        tools_by=by_capability,
        model=spec.model,
        budget_usd=spec.budget_usd,
    )


def _orders(sources: Sequence[ToolSource]) -> tuple[ToolOrder, ...]:
    return tuple(_order(source) for source in sources)


def _order(source: ToolSource) -> ToolOrder:
    tool = tool_from(source)
    if isinstance(source, Tool | Mapping):
        return tool_order(tool, None if tool.run is None else path_of(tool.run), whole=False)
    return tool_order(tool, path_of(source), whole=True)


def _tool(order: ToolOrder) -> ToolSource:
    if order.whole and order.run is not None:
        return function_at(order.run)
    tool = Tool(
        name=order.name,
        description=order.description,
        parameters=order.parameters,
        effects=order.effects,
        source=order.source,
    )
    return tool if order.run is None else replace(tool, run=function_at(order.run))
