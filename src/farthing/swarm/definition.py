"""A swarm as it is written down, and a swarm made again of what was written: for runs that go on later or
elsewhere.

The form is the swarm file's (`config/swarmfile.py`), so that a kept swarm can be read, edited and run. A
tool is kept by where it comes from: its server, its capability or its module's function. What only this
process has cannot be kept: a lambda, a function made inside another or in `__main__`, a tool without a
source. Those raise `SwarmError` here, which names the tool. A bare schema has no one who runs it, and is
refused likewise; an `output_type` is kept as its JSON Schema, so that answers come back as plain data.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias, cast

from pydantic import ValidationError

from farthing.config.patterns import Pattern, Stages
from farthing.config.schema import DeploymentConfig
from farthing.config.schema import Swarm as SwarmSettings
from farthing.config.swarmfile import AgentEntry, FileLabels, SwarmFile
from farthing.errors import SwarmError
from farthing.prompt.outputs import format_of
from farthing.swarm.agent import AgentSpec, ToolSource, ToolSources
from farthing.task import Labels, Tool

SwarmDefinition: TypeAlias = SwarmFile
"""One concept, written by hand or kept by a run."""

Named: TypeAlias = "Callable[[Callable[..., object]], str | None]"
"""The path by which another process finds a function, `MODULE:NAME`; None where there is none."""

_HINT = "write it as a function of a module, and name it as MODULE:FUNCTION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """A swarm as it is asked for: what `Deployment.deploy_swarm` takes, in one value."""

    specs: tuple[AgentSpec, ...]
    goal: str = ""
    pattern: Pattern = Stages()  # noqa: RUF009 - an immutable value
    budget_usd: Decimal | None = None
    labels: Labels | None = None
    tools: Mapping[str, Sequence[ToolSource]] | None = None


Team: TypeAlias = Sequence[AgentSpec] | SwarmFile
"""Who works: specs, or a swarm file."""


def ordered(
    team: Team,
    *,
    goal: str = "",
    pattern: Pattern | None = None,
    budget_usd: Decimal | None = None,
    labels: Labels | None = None,
    tools: Mapping[str, Sequence[ToolSource]] | None = None,
) -> Ordered:
    """The swarm that is asked for; what is said beside a swarm file wins over it."""
    order = order_of(team) if isinstance(team, SwarmFile) else Ordered(specs=tuple(team))
    return Ordered(
        specs=order.specs,
        goal=goal or order.goal,
        pattern=pattern or order.pattern,
        budget_usd=order.budget_usd if budget_usd is None else budget_usd,
        labels=labels or order.labels,
        tools={**(order.tools or {}), **(tools or {})} or None,
    )


def settings_for(team: Team, config: DeploymentConfig) -> SwarmSettings:
    """The swarm's settings, with a swarm file's roles.

    Raises `SwarmError` for a file whose servers or rules of tools the deployment was opened without.
    """
    if not isinstance(team, SwarmFile):
        return config.swarm
    missing = [name for name, one in team.mcp_servers.items() if config.mcp_servers.get(name) != one]
    if missing or (team.tools is not None and team.tools != config.tools):
        what = f"the MCP servers {', '.join(missing)}" if missing else "rules of tools"
        raise SwarmError(
            f"the swarm file has {what}, which this deployment was opened without",
            hint="Deployment(file.profile, overrides=file.overrides())",
        )
    return config.swarm.model_copy(update={"roles": {**config.swarm.roles, **team.roles}})


def definition_of(order: Ordered, named: Named) -> SwarmDefinition:
    """The swarm as it can be kept. Raises `SwarmError` for a tool that cannot be found again."""
    labels = order.labels or Labels()
    return SwarmFile(
        goal=order.goal,
        agents=tuple(_entry(spec, named) for spec in order.specs),
        pattern=order.pattern,
        budget_usd=order.budget_usd,
        labels=FileLabels(key=labels.key, tags=labels.tags, metadata=dict(labels.metadata)),
        capability_tools={
            one: tuple(_name(source, one, named) for source in sources)
            for one, sources in (order.tools or {}).items()
        },
    )


def order_of(definition: SwarmDefinition) -> Ordered:
    """The swarm that a definition asks for. Its tools are names, which a deployment looks up."""
    said = definition.labels
    labels = Labels(key=said.key, tags=said.tags, metadata=said.metadata)
    return Ordered(
        specs=tuple(spec_of(entry) for entry in definition.agents),
        goal=definition.goal,
        pattern=definition.pattern,
        budget_usd=definition.budget_usd,
        labels=None if labels == Labels() else labels,
        tools=dict(definition.capability_tools) or None,
    )


def written(definition: SwarmDefinition) -> str:
    """The definition as JSON, without what is not said in it."""
    said = definition.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if "pattern" in said:
        said["pattern"]["type"] = definition.pattern.type  # a default as well, and what tells patterns apart
    return json.dumps(said, ensure_ascii=False)


def read(text: str) -> SwarmDefinition:
    """The definition of its JSON. Raises `SwarmError` for what is none."""
    try:
        return SwarmFile.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the whole"
        raise SwarmError(
            f"the kept swarm cannot be read: {where}: {fault['msg']}",
            hint="it was written by another version of Farthing, or changed",
        ) from None


def spec_of(entry: AgentEntry) -> AgentSpec:
    """A group of agents, as code would ask for it."""
    return AgentSpec(
        type=entry.role,
        count=entry.count,
        capabilities=entry.capabilities,
        instructions=entry.instructions,
        tools=entry.tools,
        model=entry.model,
        budget_usd=entry.budget_usd,
        handoffs=entry.handoffs,
        delegates=entry.delegates,
        output_schema=entry.output_schema,
    )


def _entry(spec: AgentSpec, named: Named) -> AgentEntry:
    return AgentEntry(
        role=spec.type,
        count=spec.count,
        capabilities=tuple(spec.capabilities),
        instructions=spec.instructions,
        tools=_tools(spec.tools, spec.type, named),
        model=spec.model,
        budget_usd=spec.budget_usd,
        output_schema=_schema(spec),
        handoffs=_roles(spec.handoffs, spec.type),
        delegates=_roles(spec.delegates, spec.type),
    )


def _tools(sources: ToolSources, owner: str, named: Named) -> tuple[str, ...] | dict[str, tuple[str, ...]]:
    if isinstance(sources, Mapping):
        return {one: tuple(_name(source, owner, named) for source in given) for one, given in sources.items()}
    return tuple(_name(source, owner, named) for source in sources)


def _name(source: ToolSource, owner: str, named: Named) -> str:
    """By what another process finds the tool."""
    if isinstance(source, str):
        return source
    if isinstance(source, Tool):
        # `mcp:SERVER` and `MODULE:FUNCTION` name where it comes from; `built-in` is had by its capability.
        if ":" in source.source:
            return source.source
        raise SwarmError(f"the tool {source.name!r} of {owner} cannot be kept with the run", hint=_HINT)
    path = named(source) if callable(source) else None
    if path is None:
        shown = getattr(source, "__qualname__", None) or repr(source)[:80]
        raise SwarmError(f"the tool {shown} of {owner} cannot be kept with the run", hint=_HINT)
    return path


def _schema(spec: AgentSpec) -> dict[str, object] | None:
    if spec.output_schema is not None:
        return dict(spec.output_schema)
    if spec.output_type is None:
        return None
    form = cast("Mapping[str, Mapping[str, object]]", format_of(spec.output_type))
    return dict(cast("Mapping[str, object]", form["json_schema"]["schema"]))


def _roles(named: Sequence[str | AgentSpec], owner: str) -> tuple[str, ...]:
    specs = [one.type for one in named if isinstance(one, AgentSpec)]
    if specs:
        raise SwarmError(
            f"{specs[0]}, whom {owner} works with, is a spec of its own and cannot be kept with the run",
            hint="name it by role, and add its role to the configuration or the swarm file",
        )
    return tuple(cast("Sequence[str]", named))
