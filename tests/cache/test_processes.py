"""Real processes that ask the same at once: one call is sent, whoever sends it, and though one is killed."""

import asyncio
import json
import signal
import sys
from collections import Counter
from pathlib import Path

from farthing.bench.law import billed_by_id, hold_against_bill, read_fold
from farthing.simulator.process import SimulatorProcess
from farthing.storage.database import Database

ASKER = Path(__file__).with_name("asker.py")
LONG_S = 60.0


async def started(
    base_url: str, url: str, *, count: int, lease_s: float = 30.0
) -> asyncio.subprocess.Process:
    arguments = [str(ASKER), base_url, url, str(count), str(lease_s)]
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    said = await asyncio.wait_for(child.stdout.readline(), LONG_S)
    assert said == b"ready\n", (await child.communicate())[1].decode()
    return child


async def finished(child: asyncio.subprocess.Process) -> dict[str, dict[str, int]]:
    out, complaint = await asyncio.wait_for(child.communicate(b"go\n"), LONG_S)
    assert child.returncode == 0, complaint.decode()[-2000:]
    return json.loads(out)


async def test_a_hundred_equal_tasks_of_four_processes_are_one_call(url: str) -> None:
    async with SimulatorProcess() as simulator:
        children = [await started(simulator.base_url, url, count=25) for _ in range(4)]
        said = await asyncio.gather(*map(finished, children))
        await simulator.idle()
        bill = billed_by_id(await simulator.bill())
    hows = sum((Counter(one["hows"]) for one in said), Counter[str]())
    assert hows.total() == 100
    assert hows["asked"] == len(bill) == 1
    assert len({tuple(one["texts"]) for one in said}) == 1
    database = Database(url)
    assert len(read_fold(database).reuses) == 99
    assert hold_against_bill(database, bill).faults == ()
    database.close()


async def test_a_killed_leader_is_followed_by_another_process(url: str) -> None:
    async with SimulatorProcess() as simulator:
        await simulator.set_scenario(
            {"rules": [{"match": {"nth": 1}, "fault": {"kind": "stall", "at": 0.5}}]}
        )
        leader = await started(simulator.base_url, url, count=1, lease_s=1.0)
        assert leader.stdin is not None
        leader.stdin.write(b"go\n")
        while not await simulator.requests():  # noqa: ASYNC110 - the event is in another process
            await asyncio.sleep(0.01)
        follower = await started(simulator.base_url, url, count=3, lease_s=1.0)
        leader.send_signal(signal.SIGKILL)
        said = await finished(follower)
        await leader.wait()
    assert said["hows"] == {"asked": 1, "flight": 2}
