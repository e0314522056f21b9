"""A swarm with filesystem, git and memory tools on MCP servers really started, checked on the disk."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.journeys.real_tools import Hands, check, make_repository, travel

SERVERS = Path(__file__).parent.parent / "swarm/mcp/servers"
HANDS = Hands(
    folder=".",
    list_folder="files__list_directory",
    read="files__read_text_file",
    write="files__write_file",
    remember="memory__remember",
)


@asynccontextmanager
async def memory_over_http(memory: Path) -> AsyncGenerator[dict[str, object]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(SERVERS / "memory.py"), "--http", "0"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "MEMORY_FILE": str(memory), "MEMORY_TOKEN": "tok-en-for-tests"},
    )
    assert process.stdout is not None
    try:
        url = (await process.stdout.readline()).decode().strip()
        yield {"url": url, "headers": {"Authorization": "Bearer ${MEMORY_TOKEN}"}}
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()


@asynccontextmanager
async def memory_over_stdio(memory: Path) -> AsyncGenerator[dict[str, object]]:
    program = str(SERVERS / "memory.py")
    yield {"command": sys.executable, "args": [program], "env": {"MEMORY_FILE": str(memory)}}


@pytest.mark.parametrize("served", [memory_over_stdio, memory_over_http])
async def test_a_swarm_reads_a_repository_writes_a_report_and_remembers_it(
    served: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMORY_TOKEN", "tok-en-for-tests")
    repository, memory, config = tmp_path / "coins", tmp_path / "memory.json", tmp_path / "farthing.json"
    make_repository(repository)
    opened = memory_over_http(memory) if served is memory_over_http else memory_over_stdio(memory)
    async with opened as server:
        servers = {
            "files": {"command": sys.executable, "args": [str(SERVERS / "files.py"), str(repository)]},
            "git": {"command": sys.executable, "args": ["-m", "mcp_server_git"]},
            "memory": server,
        }
        config.write_text(json.dumps({"extends": "balanced", "mcpServers": servers}), encoding="utf-8")
        result = await travel(config, tmp_path, repository, HANDS)
    check(result, repository)
    assert json.loads(memory.read_text(encoding="utf-8")) == {"coins": "6 facts in REPORT.md"}
    assert [work.tools_run for work in result.results] == [5, 2, 0]
