"""All tools of a deployment: of MCP servers, of Farthing's own, and functions named by import path.

Opens what is wanted when it is wanted first, and closes it with the deployment. What serves what, and who may
use it, is `allowed.py`'s.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import TypeAlias, cast

from farthing.clock import Clock
from farthing.config.tooling import McpServer
from farthing.config.tooling import Tools as ToolSettings
from farthing.errors import ConfigError, ConfigFault, DeploymentClosedError, SwarmError
from farthing.result import Notice
from farthing.swarm.agent import ToolSource
from farthing.swarm.allowed import EMPTY, Inventory, inventory_of, is_function, servers_wanted
from farthing.swarm.tools import expanded, tool_from
from farthing.task import Task, Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenServers:
    """Servers that are open: what they offer at this moment, and what is wrong with them."""

    tools: Callable[[], Awaitable[tuple[Tool, ...]]]
    notices: Callable[[], tuple[Notice, ...]]


Open: TypeAlias = Callable[[AsyncExitStack], Awaitable[OpenServers]]
"""Opens the configured servers, and puts their end on a stack."""


class Toolset:
    """The tools, found by name or capability. Costs nothing until something is asked for.

    `further` are tools of Farthing's own by capability that need no folder, such as those of its memory.
    """

    def __init__(
        self,
        settings: ToolSettings,
        *,
        servers: Mapping[str, McpServer] | None = None,
        open_servers: Open | None = None,
        further: Mapping[str, Sequence[Tool]] | None = None,
    ) -> None:
        self.settings = settings
        self._servers = servers or {}
        self._open_servers = open_servers
        self._further = further or {}
        self._built_in: Mapping[str, tuple[Tool, ...]] | None = None
        self._functions: dict[str, Tool] = {}
        self._opening = asyncio.Lock()
        self._holding: asyncio.Task[None] | None = None
        self._opened: asyncio.Future[OpenServers] | None = None
        self._notices: tuple[Notice, ...] = ()
        self._leave = asyncio.Event()

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a person should know of the tools that were asked for: a server that is not there, a shell
        that cannot be isolated."""
        opened = self._opened
        of_servers = opened.result().notices() if opened is not None and opened.done() else ()
        return (*of_servers, *self._notices)

    async def inventory(self, wanted: Iterable[str]) -> Inventory:
        """The tools for names and capabilities; nothing that is not wanted is opened.

        Raises `SwarmError` for a function that cannot be imported, `ConfigError` for a wrong `tools.workdir`,
        and what opening a server raises.
        """
        names = tuple(wanted)
        if not names:
            return EMPTY
        async with self._opening:  # two agents that come first wait for the same servers
            if self._leave.is_set():
                raise DeploymentClosedError("the deployment's tools are closed")
            of_servers: tuple[Tool, ...] = ()
            if servers_wanted(names, self._servers):
                of_servers = await self._tools_of_servers()
            if self._built_in is None and self.settings.built_in and self.settings.workdir is not None:
                await self._make_built_in(self.settings.workdir)
            for name in names:
                if is_function(name) and name not in self._functions:
                    self._functions[name] = function_named(name)
        own = {**self._further, **(self._built_in or {})} if self.settings.built_in else {}
        return inventory_of(of_servers, self._servers, own, self._functions)

    async def named(self, sources: Sequence[ToolSource], *, role: str | None) -> tuple[Tool, ...]:
        """The tools of one task: each name among the sources replaced by the tools it stands for."""
        inventory = await self.inventory([one for one in sources if isinstance(one, str)])
        return expanded(sources, inventory, role=role or "", rules=self.settings.roles)

    async def supplied(self, task: str | Task | None, fields: Mapping[str, object]) -> Mapping[str, object]:
        """The fields that a caller gave for a task, with tools in place of their names."""
        sources = cast("Sequence[ToolSource]", fields.get("tools") or ())
        if not any(isinstance(source, str) for source in sources):
            return fields
        role = fields.get("role", task.role if isinstance(task, Task) else None)
        return {**fields, "tools": await self.named(sources, role=cast("str | None", role))}

    async def aclose(self) -> None:
        """Closes the servers that were opened."""
        self._leave.set()
        if self._holding is not None:
            await asyncio.gather(self._holding, return_exceptions=True)

    async def _make_built_in(self, workdir: str) -> None:
        from farthing.swarm.builtin.beneath import Folder, PathError
        from farthing.swarm.builtin.offer import built_in_tools

        try:
            folder = Folder(Path(workdir))
        except PathError as error:
            fault = ConfigFault(path="tools.workdir", value=workdir, problem=f"{error}")
            raise ConfigError("the configuration", [fault]) from None
        self._built_in, self._notices = await built_in_tools(folder, shell=self.settings.shell)

    async def _tools_of_servers(self) -> tuple[Tool, ...]:
        """The servers live in a task of their own, which opens and closes them: whoever asked first may be
        gone, or cancelled, long before they are closed."""
        if self._open_servers is None:
            return ()
        opened, holding = self._opened, self._holding
        if opened is None or holding is None or holding.done():
            opened = self._opened = asyncio.get_running_loop().create_future()
            holding = self._holding = asyncio.create_task(_hold(self._open_servers, opened, self._leave))
        await asyncio.wait({holding, opened}, return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            await holding  # raises what opening raised
        return await opened.result().tools()


async def _hold(open_servers: Open, opened: "asyncio.Future[OpenServers]", leave: asyncio.Event) -> None:
    async with AsyncExitStack() as stack:
        opened.set_result(await open_servers(stack))
        await leave.wait()


def opening_mcp(servers: Mapping[str, McpServer], *, environ: Mapping[str, str], clock: Clock) -> Open:
    """What opens MCP servers. Raises, when it is called, `FarthingError` where the extra `mcp` is missing."""

    async def open_servers(stack: AsyncExitStack) -> OpenServers:
        from farthing.swarm.mcp import McpServers

        pool = await stack.enter_async_context(McpServers(servers, environ=environ, clock=clock))
        return OpenServers(tools=pool.tools, notices=lambda: pool.notices)

    return open_servers


def function_named(name: str) -> Tool:
    """The tool of a function named as `package.module:function`. Raises `SwarmError`."""
    module, _, attribute = name.partition(":")
    try:
        found = cast(object, reduce(getattr, attribute.split("."), importlib.import_module(module)))
    except (ImportError, AttributeError) as error:
        raise SwarmError(f"the tool {name!r} cannot be imported: {error}") from None
    if not callable(found) and not isinstance(found, Tool):
        raise SwarmError(f"the tool {name!r} is {type(found).__name__}; name a function or a Tool")
    return replace(tool_from(found), source=name)
