"""Sends a batch and kills itself once the batch's id is in its ledger: started by `test_batches.py`.

Arguments: the upstream's URL, a folder for the ledger, and the seconds after which a silent process is gone.
"""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from farthing.routing.deferral import GATHER_S
from farthing.spend import store
from farthing.storage.database import Database
from farthing.task import Task
from farthing.testing import VirtualClock, deployment_at

MODEL = "acme/plain"
TASKS = 3
ONE: dict[str, object] = {
    "models.primary": MODEL,
    "models.secondary": None,
    "models.tertiary": None,
    "models.fallback": None,
    "routing.taskTypeMapping": {},
    "routing.qualityThreshold": 0,
}


class StandingClock(VirtualClock):
    """Lets a batch be gathered for; after that no time passes, so that it is never late."""

    async def sleep(self, seconds: float) -> None:
        if seconds > GATHER_S:
            await asyncio.Event().wait()
        await super().sleep(seconds)


async def main(base_url: str, folder: Path, lease_s: float) -> None:
    clock = StandingClock()
    settings: dict[str, object] = {**ONE, "storage.lease": lease_s}
    async with deployment_at(base_url, folder, clock=clock, overrides=settings) as deployment:
        deadline = clock.now() + timedelta(days=1000)
        asked = [
            asyncio.ensure_future(
                deployment.execute_task(Task(description=f"Explain {i}.", deadline=deadline))
            )
            for i in range(TASKS)
        ]
        database = Database(f"sqlite:///{folder / 'ledger.db'}")
        while True:
            with database.read() as connection:
                if sum(row.kind == "seen" for row in store.read_rows(connection)) == TASKS:
                    os.kill(os.getpid(), signal.SIGKILL)
            await asyncio.wait(asked, timeout=0.001)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])))
