"""A server over streamable HTTP, in a process of its own on loopback, built on the official SDK."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from tests.swarm.mcp.odd import SERVERS, called, until

from farthing.clock import VirtualClock
from farthing.config.tooling import McpServer
from farthing.swarm.mcp import McpServers

TOKEN = "tok-en-4f9a77aa21"


@asynccontextmanager
async def memory_at(folder: Path, port: int = 0) -> AsyncGenerator[str]:
    """The server, running; its address. It ends without a word."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(SERVERS / "memory.py"), "--http", str(port)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "MEMORY_FILE": str(folder / "memory.json"), "MEMORY_TOKEN": TOKEN},
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    async with memory_at(tmp_path) as url:
        yield url


def server(url: str, token: str = TOKEN) -> McpServer:
    return McpServer(url=url, headers={"Authorization": f"Bearer {token}"}, start_timeout=20)


async def test_tools_over_http_with_a_header(address: str, tmp_path: Path) -> None:
    async with McpServers({"memory": server(address)}) as servers:
        tools = {tool.name: tool for tool in await servers.tools()}
        kept = await called(servers, "memory__remember", '{"key": "a", "value": "1"}')
        recalled = await called(servers, "memory__recall", '{"key": "a"}')
        (state,) = servers.by_server()
    assert (kept.text, recalled.text) == ("kept a", "1")
    assert (tools["memory__remember"].effects, tools["memory__recall"].effects) == (True, False)
    assert state.version == "memory 2.0.0"
    assert (tmp_path / "memory.json").read_text(encoding="utf-8") == '{"a": "1"}'


async def test_who_is_refused_is_told_so_without_the_token(address: str) -> None:
    async with McpServers({"memory": server(address, token="wrong-token-9")}) as servers:
        assert await servers.tools() == ()
        (notice,) = servers.notices
    assert notice.text.startswith(f"the MCP server 'memory' ({address}) did not start:")
    assert "wrong-token-9" not in notice.text


class Paced(VirtualClock):
    """A virtual clock that gives the other process a little of the machine."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await asyncio.sleep(0.02)


async def test_a_server_that_goes_away_is_found_again_when_it_is_back(tmp_path: Path) -> None:
    clock = Paced()
    async with AsyncExitStack() as stack:
        async with memory_at(tmp_path) as address:
            servers = await stack.enter_async_context(McpServers({"m": server(address)}, clock=clock))
            await servers.tools()
        lost = await called(servers, "m__remember", '{"key": "a", "value": "1"}')
        await until(lambda: len(clock.slept) > 1)
        meanwhile = await called(servers, "m__recall", '{"key": "a"}')
        async with memory_at(tmp_path, int(address.split(":")[2].partition("/")[0])):
            await until(lambda: servers.by_server()[0].fault is None)
            back = await called(servers, "m__recall", '{"key": "a"}')
    assert "whether the call was done is not known" in lost.text or "is not there" in lost.text
    assert "the MCP server 'm' is not there: did not start: ConnectError" in meanwhile.text
    assert back.text == "nothing is kept under that key"
