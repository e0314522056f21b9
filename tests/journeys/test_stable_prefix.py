"""What is sent begins with what changes least: successive steps share all that the earlier one told."""

from itertools import pairwise
from pathlib import Path
from typing import cast

import msgspec
import pytest
from tests.swarm.scripted import call

from farthing.swarm.agent import AgentSpec
from farthing.testing import Reply, ScriptedUpstream, answer, deployment_on

CODER = "qwen/qwen-2.5-coder-32b-instruct"
WITHOUT_TOOLS = "thudm/glm-4-9b:free"


def look_up(word: str) -> str:
    """Looks a word up."""
    return f"{word} is a word"


def asks(word: str, number: int, *, native: bool) -> Reply:
    made = call("look_up", f'{{"word": "{word}"}}', f"c{number}")
    if native:
        function = {"name": made.name, "arguments": made.arguments}
        return answer("", tool_calls=[{"id": made.id, "type": "function", "function": function}])
    block = f'```tool_call\n{{"name": "look_up", "arguments": {made.arguments}}}\n```'
    return answer(block, generation_id=f"gen-{number}")


def told(request: dict[str, object]) -> bytes:
    """The request up to the end of its last message."""
    whole = msgspec.json.encode(request)
    last = msgspec.json.encode(cast("list[object]", request["messages"])[-1])
    return whole[: whole.index(last) + len(last)]


def test_the_messages_come_after_all_that_stays() -> None:
    request: dict[str, object] = {"model": "m", "messages": [{"a": 1}, {"b": 2}], "max_tokens": 3}
    assert told(request) == b'{"model":"m","messages":[{"a":1},{"b":2}'


@pytest.mark.parametrize("native", [True, False])
async def test_each_step_of_an_agent_begins_with_the_whole_step_before(native: bool, tmp_path: Path) -> None:
    model = CODER if native else WITHOUT_TOOLS
    script = [asks("tree", 1, native=native), asks("leaf", 2, native=native), answer("Done."), answer("All.")]
    upstream = ScriptedUpstream(script)
    async with deployment_on(upstream, tmp_path, overrides={"swarm.maxSteps": 3}) as deployment:
        specs = [AgentSpec(type="researcher", tools=[look_up], model=model)]
        swarm = await deployment.deploy_swarm(specs, goal="Words.")
    steps = upstream.requests[:3]
    assert swarm.results[0].tools_run == 2
    assert {step["session_id"] for step in steps} == {f"{swarm.run_id}:researcher-1"}
    for before, after in pairwise(steps):
        assert msgspec.json.encode(after).startswith(told(before))
    forbids = "must not use any tool" in str(steps[2]["messages"])
    assert forbids is not native  # the capped step says so natively, or last of all
    assert steps[2].get("tool_choice") == ("none" if native else None)


@pytest.mark.parametrize("native", [True, False])
async def test_a_forced_tool_costs_no_more_than_the_message_it_is_told_in(
    native: bool, tmp_path: Path
) -> None:
    upstream = ScriptedUpstream([asks("tree", 1, native=native), answer("Done.")])
    async with deployment_on(upstream, tmp_path) as deployment:
        await deployment.execute_task(
            messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Look."}],
            tools=[look_up],
            tool_choice="required",
            model=CODER if native else WITHOUT_TOOLS,
        )
    first, second = upstream.requests
    system = told({**first, "messages": cast("list[object]", first["messages"])[:1]})
    assert msgspec.json.encode(second).startswith(system)
    assert msgspec.json.encode(second).startswith(told(first)) is native
