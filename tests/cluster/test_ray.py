"""A real Ray of two nodes, one of which is killed with its worker. `farthing bench cluster` is bigger."""

import asyncio
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from tests.spend.conftest import postgresql_url, server

from farthing.bench.law import billed_by_id, hold_against_bill
from farthing.bench.nodes import Nodes, own_nodes
from farthing.cluster import Ray
from farthing.deployment import Deployment
from farthing.simulator.process import SimulatorProcess
from farthing.storage.database import Database
from farthing.storage.tables import piece
from farthing.swarm.agent import AgentSpec

__all__ = ["postgresql_url", "server"]

pytestmark = [pytest.mark.xdist_group("ray"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    pytest.importorskip("ray")
    with own_nodes(2) as opened:
        yield opened


def _epochs(database: Database) -> set[int]:
    """Who has claimed something."""
    with database.read() as connection:
        return set(connection.execute(sa.select(piece.c.epoch).where(piece.c.state == "claimed")).scalars())


async def test_what_a_killed_node_had_is_done_on_another(nodes: Nodes, postgresql_url: str) -> None:
    database = Database(postgresql_url)
    async with SimulatorProcess(seed=5) as simulator:
        await simulator.set_scenario({"overrun_rate": 0.0, "rules": [{"fault": "slow_headers"}]})
        settings = {
            "upstream.baseUrl": simulator.base_url,
            "storage.databaseUrl": postgresql_url,
            "storage.lease": 2.0,
        }
        async with Deployment("balanced", environ={}, overrides=settings) as deployment:
            place = Ray(address=nodes.address, concurrency=4)
            swarm = deployment.prepare_swarm([AgentSpec(type="coder", count=8)], budget_usd="0.05", on=place)
            running = asyncio.create_task(swarm.run("Build it"))
            async with asyncio.timeout(180):
                while (await simulator.stats())["held"] < 8:
                    assert not running.done()
                    await asyncio.sleep(0.05)
                assert len(_epochs(database)) == 2  # both nodes are at work
                nodes.kill()
                await simulator.set_scenario({"overrun_rate": 0.0})
                while not running.done():
                    await simulator.release()
                    await asyncio.sleep(0.1)
            result = await running
            with database.read() as connection:
                claimed = sorted(connection.execute(sa.select(piece.c.claims)).scalars())
        await simulator.idle()
        accord = hold_against_bill(database, billed_by_id(await simulator.bill()))
    database.close()
    assert result.stopped is None
    assert (result.totals.finished, result.totals.failed) == (9, 0)
    assert claimed == [1] * 5 + [2] * 4
    assert accord.faults == ()
    assert accord.settled + accord.uncertain <= 50_000_000
