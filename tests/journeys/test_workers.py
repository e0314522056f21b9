"""Real worker processes on one PostgreSQL: killed, drained, and held to one budget and one rate limit."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.spend.conftest import postgresql_url, server

from farthing.bench.law import billed_by_id, hold_against_bill
from farthing.cli.main import main
from farthing.cluster import Ray, Workers
from farthing.deployment import Deployment
from farthing.errors import SwarmError
from farthing.simulator.process import SimulatorProcess
from farthing.storage.database import Database
from farthing.storage.tables import piece
from farthing.swarm import claims
from farthing.swarm.agent import AgentSpec
from farthing.swarm.placing import Place
from farthing.testing import ScriptedUpstream, deployment_on

__all__ = ["postgresql_url", "server"]

LEASE_S = 2.0
_HELD = {"overrun_rate": 0.0, "rules": [{"fault": "slow_headers"}]}
_FREE = {"overrun_rate": 0.0}


def look_up(word: str) -> str:
    """Looks a word up."""
    return f"{word}: found"


@asynccontextmanager
async def _worker(
    simulator: SimulatorProcess, url: str, folder: Path, *arguments: str
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """A `farthing worker` that is ready to work; killed at the end if it still runs."""
    config = folder / "worker.json"
    config.write_text(json.dumps({"extends": "balanced", "storage": {"lease": LEASE_S}}))
    root = str(Path(__file__).parents[2])
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "farthing", "worker", "--config", str(config), "--json", "--tools-from", __name__),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "OPENROUTER_BASE_URL": simulator.base_url,
            "FARTHING_DATABASE_URL": url,
            "PYTHONPATH": os.pathsep.join([root, str(Path(root) / "src")]),
        },
    )
    try:
        assert child.stdout is not None
        assert json.loads(await child.stdout.readline())["event"] == "started"
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


def _conductor(simulator: SimulatorProcess, url: str, **more: object) -> Deployment:
    settings = {"upstream.baseUrl": simulator.base_url, "storage.databaseUrl": url, **more}
    return Deployment("balanced", environ={}, overrides=settings)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for is in other processes
            await asyncio.sleep(0.02)


async def test_what_a_killed_worker_had_is_gone_on_with_by_another(
    postgresql_url: str, tmp_path: Path
) -> None:
    """It is killed while its agents wait for their second answers: their first ones are not asked again."""
    database = Database(postgresql_url)
    second_steps = {"match": {"contains": ": found"}, "fault": "slow_headers"}
    async with SimulatorProcess(seed=3) as simulator:
        await simulator.set_scenario({"overrun_rate": 0.0, "rules": [second_steps]})
        async with _conductor(simulator, postgresql_url) as deployment:
            swarm = deployment.prepare_swarm(
                [AgentSpec(type="coder", count=8, tools=[look_up])], budget_usd="0.05", on=Workers()
            )
            async with _worker(simulator, postgresql_url, tmp_path, "--concurrency", "3") as doomed:
                running = asyncio.create_task(swarm.run("Build it"))
                await _until(lambda: simulator.call("GET", "/stats").get("held") == 3)
                doomed.kill()
                await doomed.wait()
            await simulator.set_scenario(_FREE)
            async with _worker(simulator, postgresql_url, tmp_path) as second:
                result = await running
                second.terminate()
                assert await second.wait() == 0
            with database.read() as connection:
                claimed = sorted(connection.execute(sa.select(piece.c.claims)).scalars())
        await simulator.release()
        await simulator.idle()
        accord = hold_against_bill(database, billed_by_id(await simulator.bill()))
        requests = await simulator.requests()
    database.close()
    assert result.stopped is None
    assert len(requests) == 8 * 2 + 3 + 1  # two steps each, the three that were cut off, and the synthesis
    assert (result.totals.finished, result.totals.failed) == (9, 0)
    assert claimed == [1] * 6 + [2] * 3
    assert sum(work.tools_run for work in result.results) >= 8
    assert accord.faults == ()
    assert accord.settled + accord.uncertain <= 50_000_000


async def test_a_worker_that_is_told_to_end_finishes_what_it_has_begun(
    postgresql_url: str, tmp_path: Path
) -> None:
    database = Database(postgresql_url)
    async with SimulatorProcess(seed=3) as simulator:
        await simulator.set_scenario(_HELD)
        async with _conductor(simulator, postgresql_url) as deployment:
            swarm = deployment.prepare_swarm([AgentSpec(type="coder", count=5)], on=Workers())
            async with _worker(simulator, postgresql_url, tmp_path, "--concurrency", "2") as worker:
                running = asyncio.create_task(swarm.run("Build it"))
                await _until(lambda: simulator.call("GET", "/stats").get("held") == 2)
                worker.terminate()
                await simulator.release()
                said, _ = await worker.communicate()
                assert worker.returncode == 0
            assert json.loads(said.splitlines()[-1])["done"] == 2
            assert claims.counts(database, swarm.run_id) == {"done": 2, "ready": 3}
            swarm.cancel()
            assert (await running).stopped == "cancelled"
            assert claims.counts(database, swarm.run_id) == {"done": 2}
    database.close()


async def test_one_budget_holds_for_all_workers(postgresql_url: str, tmp_path: Path) -> None:
    limit = Decimal("0.0004")
    database = Database(postgresql_url)
    async with SimulatorProcess(seed=3) as simulator:
        await simulator.set_scenario(_FREE)
        async with (
            _conductor(simulator, postgresql_url) as deployment,
            _worker(simulator, postgresql_url, tmp_path),
            _worker(simulator, postgresql_url, tmp_path),
        ):
            swarm = deployment.prepare_swarm(
                [AgentSpec(type="coder", count=30)], budget_usd=limit, on=Workers()
            )
            result = await swarm.run("Build it")
        await simulator.idle()
        accord = hold_against_bill(database, billed_by_id(await simulator.bill()))
    database.close()
    assert "budget" in (result.stopped or "")
    assert accord.faults == ()
    assert accord.settled + accord.uncertain <= limit * 10**9


@pytest.mark.parametrize("place", [Workers(), Ray()], ids=["workers", "ray"])
async def test_a_database_of_one_machine_is_refused(tmp_path: Path, place: Place) -> None:
    async with deployment_on(ScriptedUpstream(), tmp_path) as deployment:
        with pytest.raises(SwarmError, match=r"SQLite.*\n.*postgresql\+psycopg"):
            await deployment.deploy_swarm([AgentSpec(type="coder")], goal="Build it", on=place)


def test_the_commands_refuse_it_too(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with SimulatorProcess() as simulator:
        monkeypatch.setenv("OPENROUTER_BASE_URL", simulator.base_url)
        for command in (["worker"], ["swarm", "run", "Build it", "--on", "ray=auto"]):
            assert main(command) == 6
            assert "SQLite file" in capfd.readouterr().err
    assert main(["swarm", "run", "Build it", "--on", "mars"]) == 2
    assert "give ray, ray=ADDRESS or workers" in capfd.readouterr().err
