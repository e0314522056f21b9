"""Troubleshooting, high costs: where the money goes, by model and by task type.

Asks three small questions first, so that a new ledger has something to show.
"""

import asyncio
from collections.abc import Mapping

from farthing import Deployment
from farthing.spend.report import CostLine


def show(title: str, lines: Mapping[str, CostLine]) -> None:
    print(title)
    for name, line in lines.items():
        saved = "" if line.savings_percent is None else f", {line.savings_percent:.0f} % saved"
        print(f"  {name}: ${line.cost:f} in {line.calls} calls{saved}")


async def main() -> None:
    async with Deployment("balanced") as deployment:
        await deployment.execute_task(type="coding", description="Write a function that reverses a string.")
        await deployment.execute_task(type="analysis", description="Compare two ways to store sessions.")
        await deployment.execute_task(type="simple", description="Name a prime number above 100.")
        report = deployment.get_cost_report()
    show("Cost by model", report.by_model)
    show("Cost by task type", report.by_task_type)
    print(f"Lost to failed attempts: ${report.wasted:f}")


if __name__ == "__main__":
    asyncio.run(main())
