"""A part of a crowd of tasks, all asked at once in a process of its own, on a budget too small for them.

Started by `test_small_budget.py` with a JSON object: the ledger's URL, the limit in dollars, which tasks of
the crowd are this process's. Says `ready`, waits for a line, and prints one line of JSON.
"""

import asyncio
import json
import sys
from collections import Counter
from decimal import Decimal
from typing import TypedDict, cast

from farthing import Attempt, BudgetExceededError, Deployment, Task, TaskFailedError

WORDS = "the sum of all that is due to us can be had at the end of the day if it is met in full "
"""Short words, so that a bound by bytes is not far above the tokens that are counted."""


class Part(TypedDict):
    """What one process is told."""

    database_url: str
    limit: str
    numbers: list[int]


def overrides(part: Part) -> dict[str, object]:
    return {
        "storage.databaseUrl": part["database_url"],
        "budget.totalLimit": Decimal(part["limit"]),
        "fallbackRules.retryDelay": 1,
        "upstream.drainTimeout": 60,
    }


def crowd_task(number: int) -> Task:
    """Task `number` of a crowd of 500: 120 that cost next to nothing, then long reads and long writes.

    A short one may cost $0.0002 and does cost $0.00005; a long read (180) $0.0013 and $0.0004; a long write
    (200) may cost $0.007, costs $0.0002, and is what the total worst case is made of.
    """
    if number < 120:
        return Task(description=f"Explain entry {number}.", type="general", max_tokens=128)
    if number % 2 and number < 480:
        return Task(description=f"Read {number}: {WORDS * 140}", type="general", max_tokens=128)
    return Task(description=f"Write {number}: {WORDS * 45}", type="analysis", max_tokens=16_000)


async def outcome_of(deployment: Deployment, task: Task) -> str:
    try:
        await deployment.execute_task(task)
    except BudgetExceededError:
        return "refused"
    except TaskFailedError as failed:  # an attempt failed, and there was no money for another
        last = cast("Attempt", failed.attempts[-1])
        return "refused" if last.status == "refused" else "failed"
    return "done"


async def main(part: Part) -> None:
    async with Deployment("balanced", overrides=overrides(part)) as deployment:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        tasks = [crowd_task(number) for number in part["numbers"]]
        outcomes = Counter(await asyncio.gather(*(outcome_of(deployment, task) for task in tasks)))
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    asyncio.run(main(cast("Part", json.loads(sys.argv[1]))))
