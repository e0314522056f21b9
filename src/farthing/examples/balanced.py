"""A feature in four steps on the balanced profile: mixed coding and general work of a production service.

Analysis and review go to Llama 3.3 70B, coding to Qwen 2.5 Coder; DeepSeek V3 stands by.
"""

import asyncio

from farthing import Deployment

FEATURE = "a function that groups log lines by request id and reports the slowest ten requests"


async def work(deployment: Deployment, run_id: str) -> str:
    """Requirements, code, tests and review, each step reading the ones before it."""
    analysis = await deployment.execute_task(
        description=f"List requirements and edge cases of {FEATURE}.",
        type="analysis",
        max_tokens=800,
        run_id=run_id,
    )
    code = await deployment.execute_task(
        description=f"Implement {FEATURE} in Python.\n\nRequirements:\n{analysis.output}",
        type="coding",
        max_tokens=1200,
        run_id=run_id,
    )
    tests = await deployment.execute_task(
        description=f"Write unit tests for this code:\n\n{code.output}",
        type="coding",
        max_tokens=1200,
        run_id=run_id,
    )
    review = await deployment.execute_task(
        description=f"Review this code and its tests.\n\n{code.output}\n\n{tests.output}",
        type="general",
        max_tokens=800,
        run_id=run_id,
    )
    return review.output


async def main() -> None:
    async with Deployment("balanced") as deployment:
        print(await work(deployment, "example-balanced"))
        print(f"Spent this month: ${deployment.get_cost_report().total_spend:f}")


if __name__ == "__main__":
    asyncio.run(main())
