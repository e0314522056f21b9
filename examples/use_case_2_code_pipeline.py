"""Use case 2: four steps of a feature, each on the model that suits it; later steps read the earlier ones.

analysis → Llama 3.3 70B · coding (implementation, tests) → Qwen 2.5 Coder · general (review) → Llama 3.3 70B,
or their successors where OpenRouter no longer has them.
"""

import asyncio
from decimal import Decimal

from farthing import Deployment, TaskResult

FEATURE = "a function that returns the longest common prefix of a list of words"


async def main() -> None:
    async with Deployment("balanced") as deployment:
        analyze = await deployment.execute_task(
            type="analysis", description=f"List the requirements and edge cases of {FEATURE}."
        )
        implement = await deployment.execute_task(
            type="coding", description=f"Implement {FEATURE} in Python.\n\nRequirements:\n{analyze.output}"
        )
        test = await deployment.execute_task(
            type="coding", description=f"Write unit tests for this code:\n\n{implement.output}"
        )
        review = await deployment.execute_task(
            type="general",
            description=f"Review this code and its tests:\n\n{implement.output}\n\n{test.output}",
        )
    steps: dict[str, TaskResult] = {
        "analyze": analyze,
        "implement": implement,
        "test": test,
        "review": review,
    }
    for name, result in steps.items():
        print(f"{name}: {result.model}, ${result.metrics.cost:f}")
    total = sum((result.metrics.cost for result in steps.values()), Decimal(0))
    print(f"Total: ${total:f}{' (simulated)' if review.simulated else ''}")


if __name__ == "__main__":
    asyncio.run(main())
