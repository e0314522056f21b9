"""Step 3: one coding task with a tool. The calls that the model asks for come back to you.

Without a key, start `farthing simulator` and set OPENROUTER_BASE_URL to what it prints.
"""

import asyncio

from farthing import Deployment

RUN_TESTS = {
    "type": "function",
    "function": {
        "name": "run_tests",
        "description": "Runs the test suite of a folder and returns what failed.",
        "parameters": {
            "type": "object",
            "properties": {"folder": {"type": "string"}},
            "required": ["folder"],
        },
    },
}


async def main() -> None:
    async with Deployment("balanced") as deployment:
        result = await deployment.execute_task(
            type="coding",
            description="A memoized Fibonacci function",
            messages=[
                {"role": "user", "content": "Write fib(n) in Python so that no value is computed twice."}
            ],
            tools=[RUN_TESTS],
        )
    print("Output:", result.output or "(the model asks for a tool first)")
    for call in result.tool_calls:
        print("Tool asked for:", call.name, call.arguments)
    print(f"Cost: ${result.metrics.cost:f} ({result.metrics.cost_basis})")
    print("Model used:", result.model)
    print("Why:", result.route.reason)
    if result.simulated:
        print("This answer is simulated.")


if __name__ == "__main__":
    asyncio.run(main())
