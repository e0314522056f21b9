"""Step 2: a configuration from a file, and what it would do with four tasks. Nothing is sent.

`balanced.json` beside this file changes two settings of the balanced profile.
"""

import asyncio
from pathlib import Path

from farthing import Deployment, load_config
from farthing.routing.route import NoRoute

QUESTIONS = {
    "coding": "Write a function that merges two sorted lists.",
    "analysis": "Compare the risks of two release plans.",
    "general": "Draft a welcome note for new colleagues.",
    "simple": "What is the capital of Portugal?",
}


async def main() -> None:
    config = load_config(Path(__file__).with_name("balanced.json"))
    async with Deployment(config) as deployment:
        for kind, question in QUESTIONS.items():
            route = deployment.explain(question, type=kind)
            if isinstance(route, NoRoute):
                print(f"{kind}: {route.message}")
                continue
            first = route.candidates[0]
            print(f"{kind}: {first.model}, about ${first.expected_cost:f} ({first.reason})")


if __name__ == "__main__":
    asyncio.run(main())
