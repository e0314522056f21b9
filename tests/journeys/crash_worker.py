"""Works without end, sixteen tasks at a time, until it is killed: started by `crashes.py`.

Arguments: the ledger's URL, and the seconds after which a silent process counts as gone. The upstream comes
from the environment. Says `ready` before its first task.
"""

import asyncio
import contextlib
import itertools
import sys

from farthing import Deployment, FarthingError
from farthing.result import TokenReceived

CALLERS = 16
OVERRIDES = {
    "fallbackRules.retryDelay": 1,
    "upstream.betweenTokensTimeout": 0.3,
    "upstream.firstTokenTimeout": 0.5,
    "budget.limits": [{"scope": "key", "period": "day", "amount": 50}],
}


async def main(database_url: str, lease_s: float) -> None:
    overrides = {**OVERRIDES, "storage.databaseUrl": database_url, "storage.lease": lease_s}
    numbers = itertools.count()
    async with Deployment("balanced", overrides=overrides) as deployment:
        sys.stdout.write("ready\n")
        sys.stdout.flush()

        async def caller(name: str) -> None:
            for number in numbers:
                prompt = f"Explain step {number} of the plan."
                with contextlib.suppress(FarthingError):
                    if number % 4 == 0:  # a stream that its reader leaves
                        async for event in deployment.stream_task(prompt, key=name, max_tokens=64):
                            if isinstance(event, TokenReceived):
                                break
                    else:
                        await deployment.execute_task(prompt, key=name, max_tokens=64)

        await asyncio.gather(*(caller(f"caller-{number}") for number in range(CALLERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
