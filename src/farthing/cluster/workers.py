"""Workers that somebody else starts, with `farthing worker` on any machine that reaches the database."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from farthing.swarm.placing import Ground


@dataclass(frozen=True, slots=True)
class Workers:
    """`deploy_swarm(…, on=Workers())`: whoever has claimed a piece does it. Without any, the run waits."""

    @asynccontextmanager
    async def staffed(self, ground: Ground) -> AsyncGenerator[None, None]:
        yield
