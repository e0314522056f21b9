"""All MCP servers of a deployment, and their tools as an agent's.

Decides which of them can be used and under which name. A server that does not start, and a tool whose schema
cannot be used, are told in `notices` and keep nobody else from working.
"""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from farthing.clock import Clock, SystemClock
from farthing.config.tooling import McpServer
from farthing.content.redact import redactor
from farthing.result import Notice
from farthing.swarm.keywords import bounded_text
from farthing.swarm.mcp.connection import Connection
from farthing.swarm.mcp.link import check_installed
from farthing.swarm.mcp.offered import OfferedTool, tool_name
from farthing.swarm.mcp.process import GRACE_S
from farthing.swarm.schemas import UnusableSchema, normalised
from farthing.task import Tool

MAX_DESCRIPTION_CHARS = 2_000
"""Of one tool: some servers tell a manual, and every step would pay for it."""
_SLACK_S = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """One server as it is now. `fault` says why it is not there; `unusable` maps its tools that are left out
    to the reason; `capabilities` are what its tools serve, its name among them."""

    name: str
    address: str
    capabilities: tuple[str, ...]
    tools: tuple[Tool, ...]
    unusable: Mapping[str, str]
    version: str
    protocol: str
    start_s: float | None
    fault: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Usable:
    """What was made of a list of tools, until the server tells another one."""

    offered: tuple[OfferedTool, ...]
    tools: tuple[Tool, ...]
    unusable: Mapping[str, str]


class McpServers:
    """The servers of `config.mcp_servers`, and their tools.

        async with McpServers(config.mcp_servers, environ=environ, clock=clock) as servers:
            tools = await servers.tools()

    Costs nothing until `tools` is first awaited: then all start at once, each in a process of its own. A
    deployment enters it when it opens, gives `tools()` to its toolset, adds `notices` to its own, and leaves
    it when it closes, after its last agent. A server that is lost is started again behind the tools, which
    stay the same values; `tools()` tells what each server offers now.
    """

    def __init__(
        self,
        servers: Mapping[str, McpServer],
        *,
        environ: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
        grace_s: float = GRACE_S,
    ) -> None:
        """`environ` None is the process's. `grace_s` is what a server is given to end by itself. Raises
        `FarthingError` where there are servers, and the extra `mcp` is not installed."""
        given = os.environ if environ is None else environ
        self._grace_s = grace_s
        self._connections = [
            Connection(
                name, server, environ=given, clock=clock or SystemClock(), jitter=jitter, grace_s=grace_s
            )
            for name, server in servers.items()
            if not server.disabled
        ]
        self._usable: dict[str, _Usable] = {}
        if self._connections:
            check_installed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends all servers within a few seconds, also where this is cancelled: then at once."""
        for connection in self._connections:
            connection.ask_to_end()
        lives = [one.life for one in self._connections if one.life is not None]
        try:
            if lives:
                await asyncio.wait(lives, timeout=3 * self._grace_s + _SLACK_S)
        finally:
            left = [life for one in self._connections if (life := one.kill()) is not None]
            if left:
                await asyncio.wait(left, timeout=_SLACK_S)

    async def tools(self) -> tuple[Tool, ...]:
        """What all servers offer, in the order of the configuration; those that are not there offer nothing.

        Waits for the first start of each, and for nothing afterwards.
        """
        await asyncio.gather(*(connection.started() for connection in self._connections))
        return self.current()

    def current(self) -> tuple[Tool, ...]:
        """`tools()` without waiting: nothing of a server that has not been started."""
        return tuple(tool for state in self.by_server() for tool in state.tools)

    def by_server(self) -> tuple[ServerState, ...]:
        """Every server that is not disabled, as it is now."""
        return tuple(self._state(connection) for connection in self._connections)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Servers that are not there, and tools that cannot be used."""
        found: list[Notice] = []
        for state in self.by_server():
            if state.fault is not None:
                text = f"the MCP server {state.name!r} ({state.address}) {state.fault}"
                found.append(Notice(code="mcp_server", text=text))
            for tool, reason in state.unusable.items():
                text = f"the tool {tool!r} of the MCP server {state.name!r} is left out: {reason}"
                found.append(Notice(code="mcp_tool", text=text))
        return tuple(found)

    def _state(self, connection: Connection) -> ServerState:
        found = self._usable.get(connection.name)
        if found is None or found.offered is not connection.tools:
            found = self._usable[connection.name] = _usable(connection)
        return ServerState(
            name=connection.name,
            address=connection.server.address,
            capabilities=(connection.name, *connection.server.capabilities),
            tools=found.tools,
            unusable=found.unusable,
            version=connection.version,
            protocol=connection.protocol,
            start_s=connection.start_s,
            fault=connection.fault,
        )


def _usable(connection: Connection) -> _Usable:
    """Its tools as an agent's, and why others are left out."""
    unseen = redactor((), secrets=connection.server.secrets())
    by_name: dict[str, Tool] = {}
    unusable: dict[str, str] = {}
    offered = connection.tools
    for one in offered:
        name = tool_name(connection.name, one.name)
        schema = normalised(one.schema)
        if isinstance(schema, UnusableSchema):
            unusable[one.name] = f"its schema cannot be used: {schema.reason}"
        elif name in by_name:
            unusable[one.name] = "it has told two of that name"
        else:
            by_name[name] = Tool(
                name=name,
                description=bounded_text(unseen(one.description), MAX_DESCRIPTION_CHARS),
                parameters=schema,
                run=_runner(connection, one),
                effects=not one.read_only,
                source=f"mcp:{connection.name}",
            )
    return _Usable(offered=offered, tools=tuple(by_name.values()), unusable=unusable)


def _runner(connection: Connection, tool: OfferedTool) -> Callable[..., Awaitable[str]]:
    async def run(**arguments: object) -> str:
        return await connection.call(tool, arguments)

    return run
