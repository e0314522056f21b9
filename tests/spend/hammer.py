"""One of four processes that hammer a budget: started by `test_hammer.py` with a JSON object.

Says `ready`, waits for a line, asks for all its tasks some at a time, and prints one line of JSON: how many
were answered and how many were refused.
"""

import asyncio
import json
import sys
from collections import Counter
from decimal import Decimal
from typing import TypedDict, cast

from farthing import Attempt, BudgetExceededError, Deployment, TaskFailedError

MODEL = "anthropic/claude-3.5-sonnet"  # the dearest of the tutorial's: some hundred calls cost a dollar
MAX_TOKENS = 300
CALLERS = 12


class Part(TypedDict):
    """What one process is told."""

    database_url: str
    limit: str
    lease_s: float
    tasks: int


async def main(part: Part) -> None:
    overrides: dict[str, object] = {
        "storage.databaseUrl": part["database_url"],
        "storage.lease": part["lease_s"],
        "budget.totalLimit": Decimal(part["limit"]),
        "budget.monthlyLimit": Decimal(1000),
        "upstream.totalTimeout": 60,
    }
    left = iter(range(part["tasks"]))
    outcomes: Counter[str] = Counter()
    async with Deployment("premium", overrides=overrides) as deployment:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)

        async def caller() -> None:
            for number in left:
                outcomes[await _outcome(deployment, number)] += 1

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
    sys.stdout.write(json.dumps(outcomes))


async def _outcome(deployment: Deployment, number: int) -> str:
    try:
        await deployment.execute_task(
            f"Explain entry {number} of the register.", model=MODEL, max_tokens=MAX_TOKENS
        )
    except BudgetExceededError:
        return "refused"
    except TaskFailedError as failed:
        last = cast("Attempt", failed.attempts[-1])
        return "refused" if last.status == "refused" else "failed"
    return "done"


if __name__ == "__main__":
    asyncio.run(main(cast("Part", json.loads(sys.argv[1]))))
