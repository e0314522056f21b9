"""What the swarm's tests share: that nothing they started is still running when they end."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.spend.conftest import database, postgresql_url, server, url

__all__ = ["database", "no_task_left_behind", "postgresql_url", "server", "url"]


@pytest.fixture
async def no_task_left_behind() -> AsyncIterator[None]:
    yield
    for _ in range(5):  # an abandoned generator is closed in a task of its own, which needs a turn or two
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, left
