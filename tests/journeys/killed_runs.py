"""Kills a swarm's process at random moments by SIGKILL, goes on with its run each time, and proves the rest.

`make kill-test` does it twenty times to 200 agents; `test_killed_runs.py` a few times to a dozen. Real
processes, real HTTP, faults on the way. What must hold at the end:

- every piece is done, and its tools came to the same as in a run that nobody disturbed;
- no step that was journalled was asked of a model again: by the simulator's own log of requests, and because
  each accepted call of the ledger is one step of the journal;
- what the journal says that the run has cost is what the ledger says;
- no tool whose step was journalled ran again: by the file that each run of a tool leaves a line in;
- the law of money holds against the simulator's bill.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa
from rich.console import Console
from tests.journeys import killed_worker
from tests.journeys.killed_tools import EFFECTS

from farthing.bench.law import billed_by_id, hold_against_bill, read_fold
from farthing.bench.postgresql import own_server
from farthing.money import format_usd, from_nano
from farthing.proof import reconcile
from farthing.simulator.process import SimulatorProcess
from farthing.storage.database import Database, sqlite_url
from farthing.storage.tables import piece, step
from farthing.upstream.client import Client
from farthing.upstream.direct import DirectTransport

FAULTS: Mapping[str, object] = {
    "overrun_rate": 0.0,  # a provider can bill above any bound: booked whole, and proved elsewhere
    "random": {"rate": 0.04, "kinds": ["rate_limit", "server_error", "cut", "cut_before_first", "empty"]},
}
WORKER = killed_worker.__name__
ROOT = Path(__file__).parents[2]
_LONG_S = 120.0
_ASKED = 2  # messages of the first model call of an agent: system and user

Step = tuple[str, int]
"""A piece and the number of a step in it."""


@dataclass(slots=True, kw_only=True)
class Found:
    """What the kills left. Money in nano-dollars."""

    database: str
    agents: int
    kills: int = 0
    in_commit: int = 0
    """Of those kills: inside the transaction that wrote a step, before its commit."""
    starting: int = 0
    """Of those kills: before the process had done anything."""
    took_s: float = 0.0
    steps: int = 0
    pieces: int = 0
    requests: int = 0
    repeated: int = 0
    """Calls that were on the wire when their process was killed, and were billed: asked again."""
    tools_run: int = 0
    tools_repeated: int = 0
    bill: int = 0
    settled: int = 0
    uncertain: int = 0
    undisturbed: int = 0
    """The bill of the run that nobody disturbed."""
    faults: list[str] = field(default_factory=list[str])


class Scene:
    """One database, one simulator, and the file of effects."""

    def __init__(self, simulator: SimulatorProcess, url: str, effects: Path, agents: int) -> None:
        self.simulator, self.url, self.effects, self.agents = simulator, url, effects, agents
        self.run_id = "new"

    async def start(self, *, after_steps: int = 0) -> asyncio.subprocess.Process:
        arguments = ["-m", WORKER, self.url, str(self.agents), self.run_id, str(after_steps)]
        environ = {
            **os.environ,
            "OPENROUTER_BASE_URL": self.simulator.base_url,
            EFFECTS: str(self.effects),
        }
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environ,
            cwd=ROOT,
        )

    async def said(self, process: asyncio.subprocess.Process) -> str:
        """Its next line; empty when it has ended."""
        if process.stdout is None:
            raise RuntimeError("the worker has no output")
        return (await asyncio.wait_for(process.stdout.readline(), _LONG_S)).decode().strip()

    def journalled(self) -> dict[Step, tuple[str, str]]:
        """Every step with its kind and body."""
        with _opened(self.url) as database, database.read() as connection:
            query = sa.select(step.c.piece, step.c.number, step.c.kind, step.c.body)
            return {(row.piece, row.number): (row.kind, row.body) for row in connection.execute(query)}

    def traces(self) -> Counter[str]:
        """How often each agent's tool has run."""
        return Counter(self.effects.read_text().split()) if self.effects.exists() else Counter()


@contextmanager
def _opened(url: str) -> Generator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


async def killed_often(scene: Scene, *, kills: int, draw: random.Random, found: Found) -> None:
    """Kills and goes on, then lets the last process finish; checks each one against what was there before."""
    total = scene.agents * 3 + 1
    for number in range(kills):
        before, traces, seen = scene.journalled(), scene.traces(), len(await _log(scene))
        left = max(1, (total - len(before)) // (kills - number + 1))
        way = "commit" if number % 3 == 1 else "start" if number % 5 == 3 else "count"
        steps = max(1, round(left * draw.uniform(0.3, 1.2)))
        process = await scene.start(after_steps=steps if way == "commit" else 0)
        if scene.run_id == "new" or way != "start":
            scene.run_id = await scene.said(process) or scene.run_id
        if way == "count":
            await _until(scene, process, len(before) + steps)
        elif way == "start":
            await asyncio.sleep(draw.uniform(0.05, 1.0))
        if way != "commit" and process.returncode is None:
            process.kill()
        _, errors = await asyncio.wait_for(process.communicate(), _LONG_S)
        if process.returncode == 0:
            found.faults.append(f"kill {number + 1} came too late: the run was done")
            break
        if process.returncode != -9:
            found.faults.append(f"process {number + 1} failed: {errors.decode()[-500:]}")
            break
        found.kills += 1
        found.in_commit += way == "commit"
        found.starting += way == "start"
        await _check_incarnation(scene, before, traces, seen, found)
    before, traces, seen = scene.journalled(), scene.traces(), len(await _log(scene))
    await _finish(scene, found)
    await _check_incarnation(scene, before, traces, seen, found)


async def _until(scene: Scene, process: asyncio.subprocess.Process, steps: int) -> None:
    while process.returncode is None and len(scene.journalled()) < steps:  # noqa: ASYNC110 - of another process
        await asyncio.sleep(0.01)


async def _finish(scene: Scene, found: Found) -> None:
    process = await scene.start()
    output, errors = await asyncio.wait_for(process.communicate(), _LONG_S)
    lines = output.decode().split("\n")
    scene.run_id = lines[0].strip() or scene.run_id
    if "done None" not in lines:
        found.faults.append(f"the run did not finish: {lines[-2:]} {errors.decode()[-1500:]}")
    for line in lines:
        if line.startswith("cost "):
            _, cost, committed, held = line.split()
            if Decimal(cost) != from_nano(int(committed)) or int(held):
                found.faults.append(f"the journal says ${cost}, the ledger {committed} and {held} held")


async def _log(scene: Scene) -> list[dict[str, object]]:
    return await scene.simulator.requests()


async def _check_incarnation(
    scene: Scene,
    before: Mapping[Step, tuple[str, str]],
    traces: Counter[str],
    seen: int,
    found: Found,
) -> None:
    """What one process did: nothing that was journalled before it began."""
    log = (await _log(scene))[seen:]
    found.requests += len(log)
    for entry in log:
        agent = str(entry["session_id"]).rpartition(":")[2]
        number = 0 if agent == "synthesis" or entry["messages"] == _ASKED else 2
        if (agent, number) in before:
            found.faults.append(f"step {number} of {agent} was asked again after it was journalled")
    for agent, count in (scene.traces() - traces).items():
        if (agent, 1) in before:
            found.faults.append(f"the tool of {agent} ran {count} times more after it was journalled")


async def _check_end(scene: Scene, found: Found) -> None:
    """The journal, the pieces, the ledger and the bill, when all is over."""
    journal = scene.journalled()
    with _opened(scene.url) as database:
        await scene.simulator.idle()
        await _reconciled(database, scene.simulator.base_url)
        billed = billed_by_id(await scene.simulator.bill())
        accord = hold_against_bill(database, billed)
        book = read_fold(database)
        with database.read() as connection:
            states = list(connection.execute(sa.select(piece.c.state)).scalars())
            paid = set(connection.execute(sa.select(step.c.call_id).where(step.c.kind == "model")).scalars())
    accepted = {name for name, call in book.calls.items() if call.outcome and call.outcome.accepted}
    # A step whose bill is still asked for is journalled before it is settled: killed then, its call is none
    # that was accepted, and is settled by its id.
    if not accepted <= paid or not paid <= book.calls.keys():
        found.faults.append(f"of {len(accepted)} accepted calls {len(accepted - paid)} are not journalled")
    found.faults += [f"the law of money: {fault}" for fault in accord.faults]
    if states != ["done"] * (scene.agents + 1):
        found.faults.append(f"pieces are {Counter(states)}, not {scene.agents + 1} done")
    traces = scene.traces()
    found.steps, found.pieces, found.tools_run = len(journal), len(states), sum(traces.values())
    found.tools_repeated = found.tools_run - len(traces)
    found.repeated = sum(call.doubted and bool(call.cost) for call in book.calls.values())
    found.bill, found.settled, found.uncertain = accord.bill, accord.settled, accord.uncertain


async def _reconciled(database: Database, base_url: str) -> None:
    client = Client(DirectTransport(), base_url=base_url, api_key="sk-or-simulated")
    try:
        async with reconcile.writing(database, label="the end", now_us=_now_us) as writer:
            delays_s = (0.0, *[0.05] * 20)
            await reconcile.reconcile_open(database, client, writer, now_us=_now_us, delays_s=delays_s)
    finally:
        await client.aclose()


def _now_us() -> int:
    return time.time_ns() // 1000


def final_state(scene: Scene) -> dict[str, list[object]]:
    """What a run came to: each piece's steps by kind, and what its tools came to. Texts are drawn anew for a
    question that is asked again, so they are not compared."""
    state: dict[str, list[object]] = {}
    for (name, number), (kind, body) in sorted(scene.journalled().items()):
        told: object = kind
        if kind == "tools":
            told = [(one["text"], one["ok"]) for one in json.loads(body)]
        state.setdefault(name, []).append((number, told))
    return state


async def prove(*, url: str, other_url: str, agents: int, kills: int, seed: int, folder: Path) -> Found:
    """A run that nobody disturbs, then one that is killed so often, each on a new database."""
    found = Found(database=sa.make_url(url).get_backend_name(), agents=agents)
    async with SimulatorProcess(seed=seed, time_scale=0.05) as simulator:
        await simulator.set_scenario(FAULTS)
        calm = Scene(simulator, other_url, folder / "calm", agents)
        await _finish(calm, found)
        expected = final_state(calm)
        found.undisturbed = sum(billed_by_id(await simulator.bill()).values())
        await simulator.reset()
        await simulator.set_scenario(FAULTS)
        scene = Scene(simulator, url, folder / "effects", agents)
        began = time.monotonic()
        await killed_often(scene, kills=kills, draw=random.Random(seed), found=found)
        found.took_s = round(time.monotonic() - began, 1)
        await _check_end(scene, found)
        if final_state(scene) != expected:
            found.faults.append("the final state is not that of an undisturbed run")
    return found


async def prove_on(database: str, *, agents: int, kills: int, seed: int) -> Found:
    """`prove` on new databases of a kind: `sqlite`, or `postgresql` on a server of our own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if database == "sqlite":
            urls = [sqlite_url(folder / f"{part}.db") for part in ("killed", "calm")]
            return await prove(
                url=urls[0], other_url=urls[1], agents=agents, kills=kills, seed=seed, folder=folder
            )
        with own_server() as server:
            admin = sa.create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT")
            with admin.connect() as connection:
                for part in ("killed", "calm"):
                    connection.execute(sa.text(f"CREATE DATABASE {part}"))
            admin.dispose()
            return await prove(
                url=server.format("killed"),
                other_url=server.format("calm"),
                agents=agents,
                kills=kills,
                seed=seed,
                folder=folder,
            )


def show(found: Found, console: Console) -> None:
    money = {name: format_usd(from_nano(getattr(found, name))) for name in ("bill", "settled", "uncertain")}
    calm = format_usd(from_nano(found.undisturbed))
    console.print(
        f"{found.database}: {found.agents} agents, {found.kills} kills by SIGKILL in {found.took_s} s "
        f"({found.in_commit} inside a commit, {found.starting} while starting)"
    )
    console.print(f"  {found.pieces} pieces, {found.steps} steps journalled, {found.requests} requests")
    console.print(
        f"  repeated, in flight when killed: {found.repeated} billed calls, {found.tools_repeated} tools "
        f"of {found.tools_run}"
    )
    console.print(
        f"  bill {money['bill']}, settled {money['settled']}, uncertain {money['uncertain']}; "
        f"undisturbed {calm}"
    )
    for fault in found.faults:
        console.print(f"  VIOLATION: {fault}", style="red")
    if not found.faults:
        console.print("  same final state; no completed step was asked or run again; the law of money holds")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--json", type=Path, default=None)
    given = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=160)
    kinds = ["sqlite", "postgresql"] if given.database == "both" else [given.database]
    all_found: list[Found] = []
    for kind in kinds:
        found = asyncio.run(prove_on(kind, agents=given.agents, kills=given.kills, seed=given.seed))
        show(found, console)
        all_found.append(found)
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(one) for one in all_found], indent=2))
    return 1 if any(one.faults for one in all_found) else 0


if __name__ == "__main__":
    sys.exit(main())
