"""Support mail on the budget profile: much simple work, where cost comes first.

Every task goes to DeepSeek V3; were it to fail, a free model would answer.
"""

import asyncio

from farthing import Deployment, Task

MAILS = (
    "The invoice of October has been charged twice. Please refund one of them.",
    "How do I export my projects as CSV?",
    "Since the update the app closes as soon as I open a photo.",
)


async def work(deployment: Deployment, run_id: str) -> str:
    """Sorts the mails side by side, then drafts one reply for all of them."""
    sorting = [
        deployment.execute_task(
            Task(
                description=f"Which of billing, question, bug is this mail? Answer with one word.\n\n{mail}",
                type="simple",
                max_tokens=300,
                run_id=run_id,
            )
        )
        for mail in MAILS
    ]
    kinds = [result.output for result in await asyncio.gather(*sorting)]
    found = "\n".join(f"- {mail} ({kind})" for mail, kind in zip(MAILS, kinds, strict=True))
    reply = await deployment.execute_task(
        description=f"Write a short status note for the team about these mails.\n\n{found}",
        type="general",
        max_tokens=600,
        run_id=run_id,
    )
    return reply.output


async def main() -> None:
    async with Deployment("budget") as deployment:
        print(await work(deployment, "example-budget"))
        print(f"Spent this month: ${deployment.get_cost_report().total_spend:f}")


if __name__ == "__main__":
    asyncio.run(main())
