"""Which tools there are for whom: what serves a capability, what a name means, what a role may use.

Pure: tools, servers and rules are values. Opening servers and importing functions is `toolset.py`'s.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from farthing.config.tooling import McpServer, RoleTools
from farthing.errors import SwarmError, nearest
from farthing.task import Tool

EVERY = "*"
"""As a name or capability: all tools of the deployment. As a role: every one without rules of its own."""

MCP = "mcp:"
"""Before the name of a server, and the beginning of its tools' source."""

Tools = tuple[Tool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All tools of a deployment that have been asked for so far, by what they are found by."""

    by_capability: Mapping[str, Tools] = field(default_factory=dict[str, Tools])
    by_source: Mapping[str, Tools] = field(default_factory=dict[str, Tools])
    """By `mcp:SERVER` or `MODULE:FUNCTION`."""

    @property
    def tools(self) -> Tools:
        """Each tool once, by name: a server's comes before one of Farthing's own."""
        found: dict[str, Tool] = {}
        for tools in (*self.by_source.values(), *self.by_capability.values()):
            for tool in tools:
                found.setdefault(tool.name, tool)
        return tuple(found.values())

    def named(self, name: str) -> Tools:
        """What a server (`mcp:github`), a function (`module:function`), a capability, or `*` stands for.

        Raises `SwarmError` where it is nothing.
        """
        if name == EVERY:
            return self.tools
        found = self.by_source.get(name) or self.by_capability.get(name)
        if found is None:
            known = [*self.by_source, *self.by_capability]
            close = nearest(name, known)
            meant = f"; did you mean {close!r}?" if close else ""
            raise SwarmError(
                f"there are no tools named {name!r}{meant}",
                hint="name a server (mcp:NAME), a function (module:function) or a capability"
                f" ({', '.join(sorted(self.by_capability)) or 'none is served here'});"
                " files, git, search and shell need tools.workdir",
            )
        return found


EMPTY = Inventory()


def inventory_of(
    of_servers: Sequence[Tool],
    servers: Mapping[str, McpServer],
    own: Mapping[str, Sequence[Tool]],
    functions: Mapping[str, Tool],
) -> Inventory:
    """What serves what. `own` are Farthing's tools by capability: they serve it where no server does."""
    by_source: dict[str, Tools] = {}
    by_capability: dict[str, Tools] = {}
    for name, server in servers.items():
        tools = tuple(tool for tool in of_servers if tool.source == f"{MCP}{name}")
        if not tools:
            continue
        by_source[f"{MCP}{name}"] = tools
        for capability in capabilities_of_server(name, server):
            by_capability[capability] = (*by_capability.get(capability, ()), *tools)
    for capability, tools in own.items():
        by_capability.setdefault(capability, tuple(tools))
    by_source |= {name: (tool,) for name, tool in functions.items()}
    return Inventory(
        by_capability={name: tools for name, tools in by_capability.items() if tools}, by_source=by_source
    )


def capabilities_of_server(name: str, server: McpServer) -> tuple[str, ...]:
    """What a server serves: its own name always."""
    return tuple(dict.fromkeys((name, *server.capabilities)))


def servers_wanted(names: Iterable[str], servers: Mapping[str, McpServer]) -> bool:
    """Whether any of these names may mean a server's tools, so that servers must be asked for theirs."""
    usable = {name: server for name, server in servers.items() if not server.disabled}
    meant = {word for name, server in usable.items() for word in capabilities_of_server(name, server)}
    meant |= {f"{MCP}{name}" for name in usable}
    return bool(usable) and any(name == EVERY or name in meant for name in names)


def is_function(name: str) -> bool:
    """Whether a name is an import path, as `app.tools:look_up`."""
    module, colon, function = name.partition(":")
    return bool(module and colon and function) and not name.startswith(MCP)


def may_use(role: str, tool: Tool, rules: Mapping[str, RoleTools]) -> bool:
    """Whether a role may use a tool. Patterns are held against its name and its source; `deny` wins."""
    rule = rules.get(role) or rules.get(EVERY)
    if rule is None:
        return True
    return _fits(tool, rule.allow) and not _fits(tool, rule.deny)


def permitted(tools: Iterable[Tool], role: str, rules: Mapping[str, RoleTools]) -> Tools:
    """Those of the tools that a role may use."""
    return tuple(tool for tool in tools if may_use(role, tool, rules))


def unused_patterns(rules: Mapping[str, RoleTools], tools: Sequence[Tool]) -> tuple[str, ...]:
    """Patterns that fit none of these tools, as `tools.roles.coder.deny: gti_*`: most likely slips."""
    return tuple(
        f"tools.roles.{role}.{word}: {pattern}"
        for role, rule in rules.items()
        for word, patterns in (("allow", rule.allow), ("deny", rule.deny))
        for pattern in patterns
        if pattern != EVERY and not any(_fits(tool, (pattern,)) for tool in tools)
    )


def unknown_roles(rules: Mapping[str, RoleTools], roles: Iterable[str]) -> tuple[str, ...]:
    """Roles that have rules and that no agent can have."""
    known = {*roles, EVERY}
    return tuple(role for role in rules if role not in known)


def _fits(tool: Tool, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(tool.name, one) or fnmatchcase(tool.source, one) for one in patterns)
