"""A hundred identical requests at once, from several processes on one database: how many calls go upstream.

`gathered` is the parent's side; `python -m farthing.bench.saving.herd` is one of the processes. It opens its
deployment, says `ready`, waits for a line, and then asks all at once. The first reply is held for a second:
all the others come while it is under way.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from farthing.bench.law import billed_by_id, hold_against_bill
from farthing.bench.saving.levers import BASE, PROFILE
from farthing.bench.saving.measure import SCENARIO
from farthing.deployment import Deployment
from farthing.errors import FarthingError
from farthing.simulator.process import SimulatorProcess
from farthing.storage.database import Database, sqlite_url

PROMPT = "How do I send back a jacket that I ordered in two sizes?"
_ON: Mapping[str, object] = {
    "optimization.caching.enabled": True,
    "optimization.caching.singleFlight": True,
}
_HELD: Mapping[str, object] = {
    **SCENARIO,
    "rules": [{"match": {"nth": 1}, "fault": {"kind": "slow_headers", "delay_s": 1.0}}],
}
_READY_S, _DONE_S = 60.0, 120.0


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What one process got."""

    answers: list[str]
    errors: list[str]


class Herd(msgspec.Struct, frozen=True, kw_only=True):
    """How the requests ended, over all processes."""

    requests: int
    processes: int
    upstream_calls: int
    answered: int
    texts: int
    """Different answers among them."""
    errors: tuple[str, ...]
    law: tuple[str, ...]


async def gathered(
    simulator: SimulatorProcess, folder: Path, *, requests: int = 100, processes: int = 4
) -> Herd:
    """Asks so often in all. Raises `FarthingError` where a process does not get ready."""
    await simulator.reset()
    await simulator.set_scenario(_HELD)
    url = sqlite_url(folder / "ledger.db")
    async with _deployment(simulator.base_url, url):
        pass  # the tables are there before the processes meet at them
    shares = [requests // processes + (at < requests % processes) for at in range(processes)]
    children = [await _started(simulator.base_url, url, share) for share in shares]
    try:
        await asyncio.gather(*(_until_ready(child) for child in children))
        said = await asyncio.gather(*(_let_go(child) for child in children))
    finally:
        for child in children:
            if child.returncode is None:
                child.kill()
                await child.wait()
    await simulator.idle(60.0)
    database = Database(url)
    try:
        accord = hold_against_bill(database, billed_by_id(await simulator.bill()))
    finally:
        database.close()
    answers = [answer for one in said for answer in one.answers]
    return Herd(
        requests=requests,
        processes=processes,
        upstream_calls=(await simulator.stats())["chat_requests"],
        answered=len(answers),
        texts=len(set(answers)),
        errors=tuple(dict.fromkeys(error for one in said for error in one.errors)),
        law=accord.faults,
    )


def _deployment(base_url: str, database_url: str) -> Deployment:
    places = {"upstream.baseUrl": base_url, "storage.databaseUrl": database_url}
    return Deployment(PROFILE, environ={}, overrides={**BASE, **_ON, **places})


async def _started(base_url: str, database_url: str, requests: int) -> asyncio.subprocess.Process:
    environment = {name: value for name, value in os.environ.items() if "API_KEY" not in name}
    root = str(Path(__file__).parents[3])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "farthing.bench.saving.herd",
        base_url,
        database_url,
        str(requests),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        limit=2**24,
    )


async def _until_ready(child: asyncio.subprocess.Process) -> None:
    line = b"" if child.stdout is None else await asyncio.wait_for(child.stdout.readline(), _READY_S)
    if line != b"ready\n":
        raise FarthingError(f"a process of the herd said {line!r} instead of ready")


async def _let_go(child: asyncio.subprocess.Process) -> Said:
    out, _ = await asyncio.wait_for(child.communicate(b"go\n"), _DONE_S)
    return msgspec.json.decode(out, type=Said)


async def _ask(base_url: str, database_url: str, requests: int) -> Said:
    async with _deployment(base_url, database_url) as deployment:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        ends = await asyncio.gather(*(_one(deployment) for _ in range(requests)))
    return Said(
        answers=[text for text, error in ends if not error], errors=[error for _, error in ends if error]
    )


async def _one(deployment: Deployment) -> tuple[str, str]:
    try:
        return (await deployment.execute_task(PROMPT, type="general")).output, ""
    except FarthingError as error:
        return "", f"{type(error).__name__}: {error}".splitlines()[0]


def main(arguments: list[str]) -> None:
    """One process of the herd: the simulator's address, the database's, and how many requests."""
    base_url, database_url, requests = arguments
    said = asyncio.run(_ask(base_url, database_url, int(requests)))
    sys.stdout.write(msgspec.json.encode(said).decode() + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
