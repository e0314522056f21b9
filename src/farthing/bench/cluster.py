"""Benchmark of many machines: Ray nodes on this one, thousands of agents, and one node killed midway.

The same work on one, two and three nodes, as ratios; then the whole crowd on three of which one is killed:
its raylet and its workers, by SIGKILL. What must hold: every agent finishes, the run's budget is kept, and
the ledger agrees with the simulator's bill. The nodes are processes of one machine and share its cores, so
the work is made to wait as real models let one wait.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa

from farthing.bench.figures import Figure, missed, show_figures, write_figures
from farthing.bench.law import Accord, billed_by_id, hold_against_bill
from farthing.bench.machine import this_machine
from farthing.bench.nodes import Nodes, own_nodes
from farthing.bench.postgresql import own_server
from farthing.bench.progress import Told, console, told
from farthing.clock import SystemClock
from farthing.cluster import Ray
from farthing.deployment import Deployment
from farthing.money import format_usd, from_nano
from farthing.proof import reconcile
from farthing.simulator.process import SimulatorProcess
from farthing.spend import store
from farthing.storage.database import Database
from farthing.storage.tables import piece, writer
from farthing.swarm.agent import AgentSpec
from farthing.swarm.results import SwarmResult
from farthing.task import Task
from farthing.upstream.client import Client
from farthing.upstream.direct import DirectTransport

NODES = 3
LEASE_S = 4.0
CONCURRENCY = 24
BUDGET_USD = Decimal("0.60")
_TIME_SCALE = 0.25
_KILL_AT = 0.4
_WATCH_S = 0.1
_QUIET = {"overrun_rate": 0.0}  # a bill above any bound is booked whole, and proved elsewhere


def look_up(word: str) -> str:
    """Looks a word up in the archive."""
    return f"{word}: filed under {len(word)}, last seen in 1961"


@dataclass(slots=True, kw_only=True)
class Crowd:
    """What was seen of one run."""

    nodes: int
    agents: int
    seconds: float = 0.0
    steps: int = 0
    finished: int = 0
    errors: dict[str, int] = field(default_factory=dict[str, int])
    claimed_again: int = 0
    taken_over_s: float | None = None
    lost: int = 0
    """Pieces that the killed node had under way."""

    @property
    def agents_a_second(self) -> float:
        return self.finished / self.seconds if self.seconds else 0.0

    @property
    def steps_a_second(self) -> float:
        return self.steps / self.seconds if self.seconds else 0.0


def main(
    *,
    agents: int = 2_000,
    share: int = 300,
    budget_usd: Decimal = BUDGET_USD,
    seed: int = 1,
    json_path: Path | None = None,
) -> bool:
    """Runs it and prints its table; whether all that is committed was met."""
    out, machine = console(), this_machine()
    out.print(f"Workload: {agents:,} agents, each with a tool and two steps, at {NODES} Ray nodes;")
    out.print(f"one worker a node, {CONCURRENCY} agents at once in each; one node is killed when")
    out.print(
        f"{_KILL_AT:.0%} of the agents have finished; before it {share:,} agents on 1, 2 and {NODES} nodes;"
    )
    out.print(f"upstream: the simulator, its times × {_TIME_SCALE:g}; ledger and queue: PostgreSQL;")
    out.print(f"storage.lease {LEASE_S:g} s in place of 30; budget of the run ${budget_usd}")
    out.print(f"Machine: {machine}\n", highlight=False, soft_wrap=True)
    crowds, accord, spent = asyncio.run(_measured(agents, share, budget_usd, seed))
    figures = _figures(crowds, accord, budget_usd, spent)
    show_figures("farthing bench cluster", figures, out, legend="")
    if json_path is not None:
        workload = {
            "agents": agents,
            "share": share,
            "nodes": NODES,
            "concurrency": CONCURRENCY,
            "lease_s": LEASE_S,
            "time_scale": _TIME_SCALE,
            "budget_usd": str(budget_usd),
            "seed": seed,
        }
        write_figures(json_path, figures, machine=machine, workload=workload, console=out)
    return not missed(figures)


async def _measured(
    agents: int, share: int, budget_usd: Decimal, seed: int
) -> tuple[list[Crowd], Accord, Decimal]:
    out, crowds = console(), list[Crowd]()
    with own_server() as server, own_nodes() as nodes:
        url = server.format("postgres")
        async with SimulatorProcess(seed=seed, time_scale=_TIME_SCALE) as simulator:
            await simulator.set_scenario(_QUIET)
            async with _opened(url, simulator) as deployment:
                for count in range(1, NODES + 1):
                    if count > 1:
                        nodes.add()  # in the main thread: it sets signal handlers
                    with told(f"agents finished on {count} nodes", share, out) as line:
                        crowds.append(await _share(deployment, nodes, count, share, line))
                with told("agents finished, one node killed", agents, out) as line:
                    crowd, result = await _killed(deployment, nodes, url, agents, budget_usd, line)
                crowds.append(crowd)
            await simulator.idle()
            database = Database(url)
            try:
                spent = _spent(database, result.run_id)
                await _reconcile(database, simulator.base_url)
                accord = hold_against_bill(database, billed_by_id(await simulator.bill()))
            finally:
                database.close()
    return crowds, accord, spent


@asynccontextmanager
async def _opened(url: str, simulator: SimulatorProcess) -> AsyncGenerator[Deployment]:
    settings: dict[str, object] = {
        "upstream.baseUrl": simulator.base_url,
        "storage.databaseUrl": url,
        "storage.lease": LEASE_S,
        "budget.monthlyLimit": 1_000_000,
    }
    async with Deployment("balanced", environ={}, overrides=settings) as deployment:
        yield deployment


def _specs(agents: int) -> list[AgentSpec]:
    instructions = "Call look_up for each word you need, then answer in one sentence."
    return [AgentSpec(type="researcher", count=agents, tools=[look_up], instructions=instructions)]


async def _share(deployment: Deployment, nodes: Nodes, count: int, agents: int, line: Told) -> Crowd:
    """Independent tasks, so that nothing but their number tells how fast it goes."""
    crowd = Crowd(nodes=count, agents=agents)
    place = Ray(address=nodes.address, concurrency=CONCURRENCY)
    swarm = deployment.prepare_swarm(_specs(agents), on=place)
    tasks = [
        Task(description=f"Where is record {number} of the archive?", max_tokens=64)
        for number in range(agents)
    ]
    began = 0.0
    async for done in swarm.map(tasks, concurrency=agents):
        if not began:  # the workers' start is not what is measured
            began = time.perf_counter()
            continue
        crowd.finished += done.work.ok
        crowd.steps += len(done.work.attempts)
        line.report(crowd.finished)
    crowd.seconds = time.perf_counter() - began
    return crowd


async def _killed(
    deployment: Deployment, nodes: Nodes, url: str, agents: int, budget_usd: Decimal, line: Told
) -> tuple[Crowd, SwarmResult]:
    """One run of all agents, whose last node is killed midway."""
    crowd = Crowd(nodes=NODES, agents=agents)
    place = Ray(address=nodes.address, concurrency=CONCURRENCY)
    swarm = deployment.prepare_swarm(_specs(agents), budget_usd=budget_usd, on=place)
    database = Database(url)
    running = asyncio.create_task(swarm.run("Find every record of the archive"))
    try:
        while not running.done() and len(swarm.results) < agents * _KILL_AT:
            line.report(len(swarm.results))
            await asyncio.sleep(_WATCH_S)
        began = time.perf_counter()
        watching = asyncio.create_task(_take_over(database, nodes, crowd))
        while not running.done():
            line.report(len(swarm.results), "one node is gone")
            await asyncio.sleep(_WATCH_S)
        crowd.seconds = time.perf_counter() - began
        result = await running
        await watching
        crowd.claimed_again = await asyncio.to_thread(_claimed_again, database, result.run_id)
    finally:
        running.cancel()
        database.close()
    _count(crowd, result)
    return crowd, result


def _count(crowd: Crowd, result: SwarmResult) -> None:
    for work in result.results[:]:
        if work.role == "synthesis":
            continue
        crowd.finished += work.ok
        crowd.steps += len(work.attempts)
        if work.error is not None:
            text = work.error.message.partition("\n")[0]
            crowd.errors[text] = crowd.errors.get(text, 0) + 1
    if result.stopped:
        crowd.errors[result.stopped] = 1


async def _take_over(database: Database, nodes: Nodes, crowd: Crowd) -> None:
    """Kills the node, and sees how long its pieces stay with it."""
    began, gone = time.perf_counter(), nodes.kill()
    while True:
        left = await asyncio.to_thread(_held_by, database, gone)
        crowd.lost = max(crowd.lost, left)
        if not left:
            break
        await asyncio.sleep(_WATCH_S)
    crowd.taken_over_s = time.perf_counter() - began


def _held_by(database: Database, pids: Sequence[int]) -> int:
    """How many pieces the writers of these processes have claimed."""
    theirs = sa.select(writer.c.epoch).where(
        sa.or_(*(writer.c.label.endswith(f":{pid}", autoescape=True) for pid in pids))
    )
    query = sa.select(sa.func.count()).where(piece.c.state == "claimed", piece.c.epoch.in_(theirs))
    with database.read() as connection:
        return connection.execute(query).scalar_one()


def _claimed_again(database: Database, run_id: str) -> int:
    query = sa.select(sa.func.count()).where(piece.c.run_id == run_id, piece.c.claims > 1)
    with database.read() as connection:
        return connection.execute(query).scalar_one()


async def _reconcile(database: Database, base_url: str) -> None:
    """What `farthing ledger reconcile` does: the killed node's calls whose id is known are settled by it."""
    client = Client(DirectTransport(), base_url=base_url, api_key="sk-or-simulated")
    now_us = SystemClock().now_us
    try:
        async with reconcile.writing(database, label="reconcile", now_us=now_us) as ledger:
            await reconcile.reconcile_open(
                database, client, ledger, now_us=now_us, delays_s=(0.0, *[0.05] * 20)
            )
    finally:
        await client.aclose()


def _spent(database: Database, run_id: str) -> Decimal:
    """What the run's own limit has counted: settled and uncertain."""
    with database.read() as connection:
        accounts = store.read_accounts(connection, scope=f"swarm:{run_id}")
    return sum((from_nano(one.settled + one.uncertain) for one in accounts.values()), Decimal(0))


def _figures(crowds: Sequence[Crowd], accord: Accord, limit: Decimal, spent: Decimal) -> list[Figure]:
    *shares, killed = crowds
    return [*_ratios(shares), *_of_killed(killed), *_money(accord, limit, spent)]


def _of_killed(killed: Crowd) -> list[Figure]:
    failed = "".join(f"; {times:,} × {why}" for why, times in killed.errors.items())
    took = killed.taken_over_s
    return [
        Figure(
            name="agents finished, one of the nodes killed midway",
            value=f"{killed.finished:,}{failed}",
            commit=f"{killed.agents:,}",
            met=killed.finished == killed.agents and not killed.errors,
        ),
        Figure(name="pieces that the killed node had under way", value=f"{killed.lost:,}"),
        Figure(name="pieces claimed twice", value=f"{killed.claimed_again:,}"),
        Figure(
            name="until others had taken them over, s",
            value="never" if took is None else f"{took:.1f}",
            commit=f"≤ {2 * LEASE_S + 4:g}",
            met=took is not None and took <= 2 * LEASE_S + 4,
        ),
    ]


def _money(accord: Accord, limit: Decimal, spent: Decimal) -> list[Figure]:
    return [
        Figure(
            name="spent by the run, uncertain included",
            value=format_usd(spent),
            commit=f"≤ {format_usd(limit)}",
            met=spent <= limit,
        ),
        Figure(
            name="settled ≤ bill ≤ settled + uncertain, all runs",
            value=" ≤ ".join(
                format_usd(from_nano(nano))
                for nano in (accord.settled, accord.bill, accord.settled + accord.uncertain)
            ),
        ),
        Figure(
            name="the law of money holds",
            value="; ".join(accord.faults) or "true",
            commit="true",
            met=not accord.faults,
        ),
    ]


def _ratios(shares: Sequence[Crowd]) -> list[Figure]:
    first = shares[0].agents_a_second
    return [
        Figure(
            name=f"{one.nodes} node{'s' if one.nodes > 1 else ''}: agents/s, steps/s, ratio to one node",
            value=f"{one.agents_a_second:,.1f}, {one.steps_a_second:,.1f}, {one.agents_a_second / first:.2f}",
        )
        for one in shares
    ]
