"""A run's order made of what code handed over, and what code must hand over again; see `resuming.py`.

A run is taken over only when all its tools are there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple, cast

from pydantic import TypeAdapter, ValidationError

from farthing.config.patterns import Pattern, PatternSection, Stages
from farthing.config.schema import RoleSpec
from farthing.config.schema import Swarm as SwarmSettings
from farthing.errors import SwarmError
from farthing.swarm.agent import AgentSpec, ToolSource
from farthing.swarm.importing import function_at, path_of
from farthing.swarm.keeping import Durable, RunKeeper
from farthing.swarm.resuming import RunOrder, SpecOrder, ToolOrder, by_capability, spec_of, tool_order
from farthing.swarm.tools import tool_from
from farthing.task import Labels, Tool

_NAMED = "name"
"""Source of a tool that was asked for by its name, and is looked up again when the run goes on."""
_PATTERN: TypeAdapter[Pattern] = TypeAdapter(PatternSection)


def order_of(
    specs: Sequence[AgentSpec],
    *,
    goal: str,
    pattern: Pattern | None = None,
    tools: Mapping[str, Sequence[ToolSource]],
    budget_usd: Decimal | None,
    labels: Labels | None,
    profile: str | None,
    roles: Mapping[str, RoleSpec] | None = None,
) -> RunOrder:
    """What is written down of a run. `roles`: those of its own, which the configuration lacks."""
    return RunOrder(
        goal=goal,
        specs=tuple(_spec_order(spec) for spec in specs),
        tools={capability: _orders(given) for capability, given in tools.items()},
        budget_usd=budget_usd,
        labels=labels,
        profile=profile,
        roles={name: role.model_dump(mode="json", by_alias=True) for name, role in (roles or {}).items()},
        orchestration=None
        if pattern is None or isinstance(pattern, Stages)
        else pattern.model_dump(mode="json", by_alias=True),
    )


def with_roles(settings: SwarmSettings, order: RunOrder) -> SwarmSettings:
    """The configuration's settings with the roles of a run."""
    if not order.roles:
        return settings
    own = {name: RoleSpec.model_validate(role) for name, role in order.roles.items()}
    return settings.model_copy(update={"roles": {**settings.roles, **own}})


def pattern_of(order: RunOrder) -> Pattern:
    """How the agents of a run work together. Raises `SwarmError` for what another version wrote."""
    if order.orchestration is None:
        return Stages()
    try:
        return _PATTERN.validate_python(order.orchestration)
    except ValidationError as error:
        raise SwarmError(f"the pattern of the run cannot be read: {error.errors()[0]['msg']}") from None


def tools_of(order: RunOrder, handed: Iterable[ToolSource]) -> dict[str, ToolSource]:
    """Every tool of a run by name: those that are handed over, and those that can be imported.

    Raises `SwarmError` where neither gives one.
    """
    found = {source if isinstance(source, str) else tool_from(source).name: source for source in handed}
    missing = [name for name in order.to_hand_over if name not in found]
    if missing:
        raise SwarmError(
            f"the tools {', '.join(missing)} of this run are functions that no other process can import",
            hint=f"resume it from the code that has them: resume_swarm(run_id, tools=[{', '.join(missing)}])",
        )
    return {**{one.name: _tool(one) for one in order.all_tools if one.name not in found}, **found}


class Taken(NamedTuple):
    """A run that was taken over, ready for its swarm."""

    specs: list[AgentSpec]
    tools: dict[str, Sequence[ToolSource]]
    order: RunOrder
    durable: Durable


async def taken_over(
    keeper: RunKeeper, run_id: str, *, handed: Iterable[ToolSource], budget_usd: Decimal | None
) -> Taken:
    """Takes over a run, once all its tools are there. Raises `SwarmError` where either cannot be."""
    tools = tools_of(await keeper.order(run_id), handed)
    journal = await keeper.take(run_id, budget_usd=budget_usd)
    order = journal.order
    specs = [spec_of(spec, tools, function_at) for spec in order.specs]
    durable = Durable(keeper, order, resumed=journal)
    return Taken(specs, by_capability(order.tools, tools), order, durable)


def _spec_order(spec: AgentSpec) -> SpecOrder:
    by_name = () if isinstance(spec.tools, Mapping) else _orders(spec.tools)
    by_capability = None
    if isinstance(spec.tools, Mapping):
        by_capability = {name: _orders(given) for name, given in spec.tools.items()}
    output, schema = _output(spec)
    return SpecOrder(
        type=spec.type,
        count=spec.count,
        capabilities=tuple(spec.capabilities),
        instructions=spec.instructions,
        tools=by_name,
        tools_by=by_capability,
        model=spec.model,
        budget_usd=spec.budget_usd,
        handoffs=_others(spec.handoffs),
        delegates=_others(spec.delegates),
        output=output,
        output_schema=schema,
    )


def _output(spec: AgentSpec) -> tuple[str | None, Mapping[str, object] | None]:
    """The path of the output's type, or the schema where no other process can import it."""
    kind = spec.output_type
    if kind is None:
        return None, spec.output_schema
    path = path_of(kind) if callable(kind) else None
    return (
        (path, None)
        if path is not None
        else (None, TypeAdapter[object](cast("type[object]", kind)).json_schema())
    )


def _others(specs: Sequence[str | AgentSpec]) -> tuple[str | SpecOrder, ...]:
    return tuple(one if isinstance(one, str) else _spec_order(one) for one in specs)


def _orders(sources: Sequence[ToolSource]) -> tuple[ToolOrder, ...]:
    return tuple(_order(source) for source in sources)


def _order(source: ToolSource) -> ToolOrder:
    if isinstance(source, str):
        return ToolOrder(name=source, source=_NAMED)
    tool = tool_from(source)
    if isinstance(source, Tool | Mapping):
        return tool_order(tool, None if tool.run is None else path_of(tool.run), whole=False)
    return tool_order(tool, path_of(source), whole=True)


def _tool(order: ToolOrder) -> ToolSource:
    if order.source == _NAMED:
        return order.name
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
