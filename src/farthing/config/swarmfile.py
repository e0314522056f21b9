"""What a swarm file may say: a goal, a team, how it works together, and what it may spend.

Shapes and bounds; JSON or TOML, camelCase keys as in a configuration, unknown keys refused. Reading one is
`swarmload.py`'s, making a swarm of it `swarm/definition.py`'s. A run keeps its swarm in this form.
"""

from typing import Annotated, TypeAlias

from pydantic import Field, field_validator

from farthing.config.patterns import PatternSection, Stages
from farthing.config.schema import RoleSpec
from farthing.config.section import Dollars, Section
from farthing.config.tooling import McpServer, ServerName, Tools

ToolNames: TypeAlias = tuple[str, ...]
InputName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$")]


class AgentEntry(Section):
    """A group of agents of one role."""

    role: Annotated[str, Field(min_length=1)]
    count: Annotated[int, Field(ge=1)] = 1
    capabilities: tuple[str, ...] = ()
    instructions: str = ""
    """Added to the role's."""
    tools: ToolNames | dict[str, ToolNames] = ()
    """By name: a server's (`mcp:github`), a capability's, or a function's (`MODULE:FUNCTION`); or by the
    capability that they serve."""
    model: str | None = None
    """An OpenRouter model id or an alias of the catalogue; None: routed by type of task."""
    budget_usd: Dollars | None = None
    """The most each of these agents may spend in one run, in dollars."""
    output_schema: dict[str, object] | None = None
    """A JSON Schema that their answers must meet."""
    handoffs: tuple[str, ...] = ()
    """Roles that they may hand their work over to."""
    delegates: tuple[str, ...] = ()
    """Roles that they may ask for help."""


class FileLabels(Section):
    """Whom the calls are charged to, and what they are grouped by."""

    key: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = Field(default_factory=dict[str, str])


class SwarmFile(Section):
    """A swarm as it can be written down, kept and made again."""

    schema_: str | None = Field(default=None, alias="$schema")
    name: str = ""
    goal: str = ""
    """What is to be brought about. `{NAME}` stands for the input of that name."""
    inputs: dict[InputName, str | None] = Field(default_factory=dict[InputName, str | None])
    """What goal, instructions and items may refer to as `{NAME}`, with its value; null: it must be given."""
    agents: Annotated[tuple[AgentEntry, ...], Field(json_schema_extra={"minItems": 1})]
    pattern: PatternSection = Stages()
    budget_usd: Dollars | None = None
    """The most one run may spend, in dollars."""
    labels: FileLabels = FileLabels()
    profile: str | None = None
    """The profile or configuration that it runs on, where none is named."""
    mcp_servers: dict[ServerName, McpServer] = Field(default_factory=dict[ServerName, McpServer])
    """MCP servers of this swarm, beside the configuration's."""
    tools: Tools | None = None
    """Which tools there are and who may use them, in place of the configuration's `tools`."""
    capability_tools: dict[str, ToolNames] = Field(default_factory=dict[str, ToolNames])
    """By capability: the tools that serve it for all agents, by name as in `agents[].tools`."""
    roles: dict[str, RoleSpec] = Field(default_factory=dict[str, RoleSpec])
    """Roles of this swarm, beside the configuration's."""

    @field_validator("agents")
    @classmethod
    def _is_a_team(cls, value: tuple[AgentEntry, ...]) -> tuple[AgentEntry, ...]:
        # Not by `min_length`, which would count entries that have faults of their own as none.
        if not value:
            raise ValueError('has no agents; give at least one, as {"role": "researcher"}')
        return value

    def overrides(self) -> dict[str, object]:
        """What of it is the deployment's, as `Deployment(…, overrides=…)` takes it."""
        said: dict[str, object] = {}
        if self.mcp_servers:
            said["mcpServers"] = {name: _plain(one) for name, one in self.mcp_servers.items()}
        if self.roles:
            said["swarm"] = {"roles": {name: _plain(one) for name, one in self.roles.items()}}
        if self.tools is not None:
            said["tools"] = _plain(self.tools)
        return said


def _plain(section: Section) -> dict[str, object]:
    return section.model_dump(by_alias=True, exclude_unset=True)
