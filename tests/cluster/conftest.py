"""A real PostgreSQL, and a deployment on it whose upstream is a script."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.spend.conftest import postgresql_url, server

from farthing.deployment import Deployment
from farthing.testing import ScriptedUpstream, deployment_on

__all__ = ["deployment", "postgresql_url", "server"]


@pytest.fixture
async def deployment(postgresql_url: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    overrides = {"storage.databaseUrl": postgresql_url}
    async with deployment_on(ScriptedUpstream(), tmp_path, overrides=overrides) as opened:
        yield opened
