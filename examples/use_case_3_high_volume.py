"""Use case 3: many tasks through one deployment, with alerts at 80 % and 95 % of a budget.

    python examples/use_case_3_high_volume.py 10000

Without a number it runs 20. With a key each task is real and is paid for: some $0.0001.
"""

import asyncio
import sys
from collections.abc import Iterator

from farthing import BudgetExceededError, Deployment, Task

WORKERS = 20


def generate_tasks(count: int) -> Iterator[Task]:
    for number in range(count):
        yield Task(
            type="general", description=f"Write a one-line summary for ticket {number}.", max_tokens=80
        )


async def work(deployment: Deployment, tasks: Iterator[Task]) -> int:
    """Takes tasks until none is left or the budget is spent; says how many were done."""
    done = 0
    for task in tasks:
        try:
            await deployment.execute_task(task)
        except BudgetExceededError as refused:
            print("Stopped:", refused)
            break
        done += 1
    return done


async def main(count: int) -> None:
    async with Deployment("balanced") as deployment:
        deployment.set_cost_alert(
            monthly_budget=200,
            warning_threshold=0.80,
            critical_threshold=0.95,
            on_warning=lambda: print("80 % of the budget is used"),
            on_critical=lambda: print("95 % of the budget is used: fewer calls at once from here on"),
        )
        tasks = generate_tasks(count)
        done = sum(await asyncio.gather(*(work(deployment, tasks) for _ in range(WORKERS))))
        report = await deployment.cost_report()
    print(f"Tasks done: {done} of {count}")
    print(f"Spent this month: ${report.total_spend:f}{' (simulated)' if report.simulated else ''}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
