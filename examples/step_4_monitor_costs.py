"""Step 4: what this month has cost so far, over all processes on this ledger."""

import asyncio

from farthing import Deployment


async def main() -> None:
    async with Deployment("balanced") as deployment:
        await deployment.execute_task(
            type="general", description="Explain what a ledger is in two sentences."
        )
        report = deployment.get_cost_report()
    print(f"Total spend: ${report.total_spend:f}")
    print(f"Held by calls under way: ${report.held:f}; uncertain: ${report.uncertain:f}")
    print(f"Budget remaining: ${report.remaining:f}" if report.remaining is not None else "No limit")
    if report.savings_percent is not None:
        print(f"Savings against {report.baseline_model}: {report.savings_percent:.1f} %")
    print(f"Projected for the month: ${report.projected_monthly:.2f}")
    if report.simulated:
        print("This money is simulated.")


if __name__ == "__main__":
    asyncio.run(main())
