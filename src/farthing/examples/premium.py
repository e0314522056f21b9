"""An incident on the premium profile: each kind of work with its specialist, and data that must be valid.

Facts as JSON by Mistral Small, cause and note by Llama 3.3 70B, the fix by Qwen 2.5 Coder.
"""

import asyncio
import json

from farthing import Deployment

REPORT = (
    "On 3 November from 09:12 to 09:47 UTC checkout failed for about 4 % of the customers. A deployment at "
    "09:10 had raised the pool of database connections to 200, and the database allows 100."
)
FACTS = {
    "type": "json_schema",
    "json_schema": {
        "name": "incident",
        "schema": {
            "type": "object",
            "properties": {"service": {"type": "string"}, "minutes": {"type": "integer"}},
            "required": ["service", "minutes"],
            "additionalProperties": False,
        },
    },
}


async def work(deployment: Deployment, run_id: str) -> str:
    """Extracts the facts, finds the cause, writes the fix, and sums up for customers."""
    facts = await deployment.execute_task(
        description=f"Extract service and duration in minutes:\n\n{REPORT}",
        type="structured",
        response_format=FACTS,
        max_tokens=300,
        run_id=run_id,
    )
    cause = await deployment.execute_task(
        description=f"Explain the cause step by step:\n\n{REPORT}\n\nFacts: {json.dumps(facts.data)}",
        type="analysis",
        max_tokens=1000,
        run_id=run_id,
    )
    fix = await deployment.execute_task(
        description=f"Write a check in Python that would have refused this deployment:\n\n{cause.output}",
        type="coding",
        max_tokens=1200,
        run_id=run_id,
    )
    note = await deployment.execute_task(
        description=f"Write a note to customers about cause and fix.\n\n{cause.output}\n\n{fix.output}",
        type="general",
        max_tokens=600,
        run_id=run_id,
    )
    return note.output


async def main() -> None:
    async with Deployment("premium") as deployment:
        print(await work(deployment, "example-premium"))
        print(f"Spent this month: ${deployment.get_cost_report().total_spend:f}")


if __name__ == "__main__":
    asyncio.run(main())
