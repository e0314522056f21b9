"""Troubleshooting, rate limits: which rules lead to another model, and a task that meets a limit.

Every attempt is on the result: the model, how it ended, and what it cost.
"""

import asyncio

from farthing import Deployment, load_config

RULES = {
    "fallbackRules.onRateLimit": True,  # another model at once, where one is healthy
    "fallbackRules.maxRetries": 3,  # attempts after the first, over all models together
    "fallbackRules.retryDelay": 2000,  # milliseconds before the same model again; Retry-After wins
}


async def main() -> None:
    config = load_config("balanced", overrides=RULES)
    async with Deployment(config) as deployment:
        result = await deployment.execute_task(
            type="coding", description="Write a function that parses a date."
        )
    for attempt in result.attempts:
        print(f"{attempt.model}: {attempt.reason}, ${attempt.cost:f}")
    print("Answered by:", result.model)


if __name__ == "__main__":
    asyncio.run(main())
