"""The MCP servers that the benchmark of tools starts, and what tools they tell. Theirs is not kept.

`make tool-servers` installs them, pinned, in a folder; each lists its tools without a key and without a
network. Where a server would not start without a token it is given a word in its place.
"""

import asyncio
import logging
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from farthing.errors import FarthingError
from farthing.task import Tool

if TYPE_CHECKING:
    from mcp import ClientSession

_START_S = 60.0
_AT_ONCE = 3
_NODE = "node_modules"
_REFERENCE = f"{_NODE}/@modelcontextprotocol/server"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolServer:
    """`command` is a program in the folder, or a script there for `node`.

    `{home}` in an argument stands for an empty folder.
    """

    name: str
    command: str
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])


SERVERS = (
    ToolServer(name="everything", command=f"{_REFERENCE}-everything/dist/index.js", args=("stdio",)),
    ToolServer(name="excel", command="python/bin/excel-mcp-server", args=("stdio",)),
    ToolServer(name="fetch", command="python/bin/mcp-server-fetch"),
    ToolServer(name="filesystem", command=f"{_REFERENCE}-filesystem/dist/index.js", args=("{home}",)),
    ToolServer(name="git", command="python/bin/mcp-server-git"),
    ToolServer(name="github", command=f"{_REFERENCE}-github/dist/index.js"),
    ToolServer(name="kubernetes", command=f"{_NODE}/mcp-server-kubernetes/dist/index.js"),
    ToolServer(
        name="maps",
        command=f"{_REFERENCE}-google-maps/dist/index.js",
        env={"GOOGLE_MAPS_API_KEY": "none"},
    ),
    ToolServer(name="memory", command=f"{_REFERENCE}-memory/dist/index.js"),
    ToolServer(
        name="mongodb",
        command=f"{_NODE}/mongodb-mcp-server/dist/esm/index.js",
        env={"MDB_MCP_TELEMETRY": "disabled"},
    ),
    ToolServer(name="notion", command=f"{_NODE}/@notionhq/notion-mcp-server/bin/cli.mjs"),
    ToolServer(
        name="playwright",
        command=f"{_NODE}/@playwright/mcp/cli.js",
        args=("--caps=vision,pdf,testing,tracing",),
    ),
    ToolServer(
        name="slack",
        command=f"{_REFERENCE}-slack/dist/index.js",
        env={"SLACK_BOT_TOKEN": "none", "SLACK_TEAM_ID": "none"},
    ),
    ToolServer(name="time", command="python/bin/mcp-server-time", args=("--local-timezone=UTC",)),
    ToolServer(name="word", command="python/bin/word_mcp_server"),
)


def list_all_tools(folder: Path, servers: Sequence[ToolServer] = SERVERS) -> tuple[Tool, ...]:
    """Starts every server and gives the tools of all, named `SERVER__TOOL`, in the order of the servers.

    Raises `FarthingError` where one is not installed or does not tell its tools.
    """
    missing = [server.name for server in servers if not (folder / server.command).exists()]
    if missing:
        raise FarthingError(
            f"no MCP server in {folder} for: {', '.join(missing)}", hint="make tool-servers installs them"
        )
    # One of them greets on its standard output, which the SDK would report each time.
    logging.getLogger("mcp").addHandler(logging.NullHandler())
    with tempfile.TemporaryDirectory() as home, Path(os.devnull).open("w") as silence:
        listed = asyncio.run(_list_all(folder.resolve(), servers, home, silence))
    return tuple(tool for tools in listed for tool in tools)


async def _list_all(
    folder: Path, servers: Sequence[ToolServer], home: str, silence: TextIO
) -> list[list[Tool]]:
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(server: ToolServer) -> list[Tool]:
        async with room:
            try:
                return await asyncio.wait_for(_listed(folder, server, home, silence), _START_S)
            except TimeoutError:
                raise FarthingError(
                    f"the MCP server {server.name} did not tell its tools within {_START_S:g} s"
                ) from None

    return await asyncio.gather(*map(one, servers))


async def _listed(folder: Path, server: ToolServer, home: str, silence: TextIO) -> list[Tool]:
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    path = str(folder / server.command)
    args = [arg.format(home=home) for arg in server.args]
    scripted = path.endswith((".js", ".mjs"))
    parameters = StdioServerParameters(
        command="node" if scripted else path,
        args=[path, *args] if scripted else args,
        env={"PATH": os.environ.get("PATH", os.defpath), "HOME": home, **server.env},
        cwd=home,
    )
    async with (
        stdio_client(parameters, errlog=silence) as (incoming, outgoing),
        ClientSession(incoming, outgoing) as session,
    ):
        await session.initialize()
        return await _pages(session, server.name)


async def _pages(session: "ClientSession", name: str) -> list[Tool]:
    from mcp.types import PaginatedRequestParams

    tools: list[Tool] = []
    asked: PaginatedRequestParams | None = None
    while True:
        page = await session.list_tools(params=asked)
        tools += [
            Tool(
                name=f"{name}__{tool.name}"[:64],
                description=tool.description or "",
                parameters=tool.input_schema,
                run=_never,
                source=f"mcp:{name}",
            )
            for tool in page.tools
        ]
        if page.next_cursor is None:
            return tools
        asked = PaginatedRequestParams(cursor=page.next_cursor)


def _never(**_: object) -> str:
    raise FarthingError("the benchmark calls no tool")


def venv_server(name: str, program: str, *args: str) -> ToolServer:
    """A server that is installed beside this interpreter; for tests."""
    return ToolServer(name=name, command=str(Path(sys.executable).with_name(program)), args=args)
