"""One of several processes that ask the same at once: started by `test_processes.py`.

Arguments: the simulator's address, the database's URL, how many tasks, the seconds after which a silent
process counts as gone. Says `ready`, waits for a line, and prints one line of JSON: how tasks were answered.
"""

import asyncio
import json
import sys
from collections import Counter

from farthing.deployment import Deployment

ASK = "What is the capital of France?"


async def main(base_url: str, database_url: str, count: int, lease_s: float) -> None:
    overrides = {
        "upstream.baseUrl": base_url,
        "storage.databaseUrl": database_url,
        "storage.lease": lease_s,
        "optimization.caching.enabled": True,
    }
    async with Deployment("balanced", overrides=overrides) as deployment:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        results = await asyncio.gather(*(deployment.execute_task(ASK) for _ in range(count)))
    hows = Counter(result.reused.how if result.reused else "asked" for result in results)
    texts = {result.output for result in results}
    sys.stdout.write(json.dumps({"hows": hows, "texts": sorted(texts)}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
