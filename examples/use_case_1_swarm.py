"""Use case 1: eight agents on the balanced profile: researchers, coders, reviewers, then a synthesis.

Agents of one kind work side by side; each kind reads what the one before it wrote.
"""

import asyncio
from decimal import Decimal

from farthing import AgentSpec, Deployment

GOAL = "Design and review a rate limiter for a small web service."
TEAM = [
    AgentSpec(type="researcher", count=3, capabilities=["search", "analyze"]),
    AgentSpec(type="coder", count=3, capabilities=["implement", "refactor"]),
    AgentSpec(type="reviewer", count=2, capabilities=["review", "validate"]),
]


def dollars(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"${amount:f}"


async def main() -> None:
    async with Deployment("balanced") as deployment:
        swarm = await deployment.deploy_swarm(TEAM)
        print("Swarm deployed:", len(swarm.agents), "agents")
        print("Expected for one run:", dollars(swarm.expected_run_cost(GOAL)))
        result = await swarm.run(GOAL)
        for piece in result.results:
            model = piece.result.model if piece.result else f"failed: {piece.error}"
            print(f"{piece.agent_id}: {model}, {dollars(piece.cost)}")
        print(f"Total cost: {dollars(swarm.total_cost)} ({swarm.totals.cost_basis})")
        print(f"At {swarm.runs_per_month} runs a month:", dollars(swarm.estimated_monthly_cost))
    if result.simulated:
        print("These answers and this money are simulated.")
    print()
    print(result.output)


if __name__ == "__main__":
    asyncio.run(main())
