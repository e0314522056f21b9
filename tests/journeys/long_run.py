"""Ten thousand tasks through one deployment, in a process of its own so that its memory can be weighed.

Started by `test_ten_thousand.py` with the ledger's URL and the count; the upstream comes from the
environment. Prints one line of JSON.
"""

import asyncio
import gc
import json
import sys
from collections.abc import Iterator

import psutil

from farthing import Deployment, FarthingError, Task

KINDS = ("coding", "analysis", "general", "structured", "simple")
WORKERS = 32
FIRST_WEIGHING = 2_000
OVERRIDES = {
    # Nine tries: at one failing attempt in ten, all of them fail once in a thousand million tasks.
    "fallbackRules.maxRetries": 8,
    "fallbackRules.retryDelay": 1,
    "upstream.drainTimeout": 60,
}


class Run:
    """What happened so far: counts only, so that the test does not weigh its own notes."""

    def __init__(self, count: int) -> None:
        self.left: Iterator[int] = iter(range(count))
        self.done = self.failed = self.attempts = self.unsuccessful = 0
        self.resident: dict[int, int] = {}

    async def work(self, deployment: Deployment) -> None:
        for number in self.left:
            kind = KINDS[number % len(KINDS)]
            task = Task(description=f"Explain step {number} of the plan.", type=kind, max_tokens=64)
            try:
                result = await deployment.execute_task(task)
            except FarthingError:
                self.failed += 1
                continue
            self.done += 1
            self.attempts += len(result.attempts)
            self.unsuccessful += sum(attempt.status == "failed" for attempt in result.attempts)
            if self.done == FIRST_WEIGHING:
                self.weigh()

    def weigh(self) -> None:
        gc.collect()
        self.resident[self.done] = psutil.Process().memory_info().rss


async def main(database_url: str, count: int) -> None:
    run = Run(count)
    overrides = {**OVERRIDES, "storage.databaseUrl": database_url}
    async with Deployment("balanced", overrides=overrides) as deployment:
        await asyncio.gather(*(run.work(deployment) for _ in range(WORKERS)))
        run.weigh()
    sys.stdout.write(
        json.dumps(
            {
                "done": run.done,
                "failed": run.failed,
                "attempts": run.attempts,
                "unsuccessful": run.unsuccessful,
                "resident_first": run.resident[FIRST_WEIGHING],
                "resident_last": run.resident[count],
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
