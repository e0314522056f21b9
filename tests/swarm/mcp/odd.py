"""The odd server as tests configure and read it."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from farthing.config.tooling import McpServer
from farthing.swarm.mcp import McpServers
from farthing.swarm.toolcall import ToolOutcome, run_tool

SERVERS = Path(__file__).parent / "servers"


class Odd:
    """The odd server, with its state in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "odd"
        self._folder.mkdir()

    def server(self, *, env: Mapping[str, str] | None = None, **settings: object) -> McpServer:
        return McpServer.model_validate(
            {
                "command": sys.executable,
                "args": ["-S", "-E", str(SERVERS / "odd.py")],
                "env": {"ODD_STATE": str(self._folder), **(env or {})},
                **settings,
            }
        )

    def noted(self, fact: str) -> list[str]:
        path = self._folder / fact
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def pids(self) -> list[int]:
        """Of every process that it ever was, or has started."""
        return [int(pid) for pid in (*self.noted("starts"), *self.noted("child"))]


async def called(servers: McpServers, name: str, arguments: str = "{}") -> ToolOutcome:
    """One call as an agent's loop makes it."""
    tool = next(tool for tool in servers.current() if tool.name == name)
    return await run_tool(tool, arguments)


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what another process does, which sets no event of ours; gives no verdict on how long."""
    while not condition():  # noqa: ASYNC110 - see above
        await asyncio.sleep(0.001)
