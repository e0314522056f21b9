"""MCP servers in real processes for the tests of the pool, and the proof that none is left behind."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.swarm.mcp.odd import Odd


@pytest.fixture
def odd(tmp_path: Path) -> Odd:
    return Odd(tmp_path)


@pytest.fixture(autouse=True)
async def nothing_left_behind(odd: Odd) -> AsyncIterator[None]:
    """Neither a task of ours nor a process of the odd server, whatever a test did."""
    yield
    for _ in range(5):
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, left
    alive = [pid for pid in odd.pids() if runs(pid)]
    assert not alive, alive


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return _answers(pid)
    return state != "Z"


def _answers(pid: int) -> bool:
    if Path("/proc/self").exists():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
