"""An agent with many tools, from the configuration to the wire: few are sent, and the beginning stays."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

from farthing.swarm.agent import AgentSpec
from farthing.testing import ScriptedUpstream, VirtualClock, answer, deployment_on

THINGS = ("invoice", "parcel", "meeting", "photo", "song", "recipe", "ticket", "contract", "plant", "planet")
GLM = {"models.primary": "glm-4-9b", "models.fallback": None, "environment": "development"}


def tools() -> list[Callable[..., str]]:
    def made(verb: str, thing: str) -> Callable[..., str]:
        def run(title: str = "") -> str:
            return f"{verb} {thing} {title}"

        run.__name__, run.__doc__ = f"{verb}_{thing}", f"To {verb} a {thing}."
        return run

    return [made(verb, thing) for thing in THINGS for verb in ("make", "drop", "list")]


def tool_call(name: str, **arguments: object) -> dict[str, object]:
    return {
        "id": f"call_{name}",
        "type": "function",
        "function": {"name": name, "arguments": json.dumps(arguments)},
    }


def sent(request: dict[str, object]) -> list[str]:
    told = cast("list[dict[str, dict[str, str]]]", request.get("tools", []))
    return [tool["function"]["name"] for tool in told]


async def test_ten_of_thirty_are_sent_and_what_is_found_comes_behind_them(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(
        [
            answer("", tool_calls=[tool_call("search_tools", query="a planet to drop", limit=1)]),
            answer("", tool_calls=[tool_call("drop_planet", title="Pluto")]),
            answer("Pluto is gone."),
        ]
    )
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        result = await deployment.execute_task("Make an invoice.", tools=tools())
    assert result.output == "Pluto is gone."
    first, second, third = map(sent, upstream.requests)
    assert first[:2] == ["search_tools", "make_invoice"]
    assert len(first) == 11
    assert second == third == [*first, "drop_planet"]
    beginnings = [json.dumps(request["tools"])[:-1] for request in upstream.requests]
    assert beginnings[1].startswith(beginnings[0])  # what the provider has cached stays good
    assert "drop planet Pluto" in str(upstream.requests[2]["messages"])


async def test_the_configuration_says_how_many(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("done")])
    offered = {"tools.offered": 30}
    async with deployment_on(upstream, tmp_path, clock=VirtualClock(), overrides=offered) as deployment:
        await deployment.execute_task("Make an invoice.", tools=tools())
    assert len(sent(upstream.requests[0])) == 30
    assert "search_tools" not in sent(upstream.requests[0])


async def test_who_has_the_same_part_begins_with_the_same_tools_whatever_was_found_before(
    tmp_path: Path,
) -> None:
    upstream = ScriptedUpstream([answer("Drop the song list."), answer("b"), answer("c")])
    async with deployment_on(upstream, tmp_path, clock=VirtualClock()) as deployment:
        agents = [AgentSpec(type="coder", tools=tools()), AgentSpec(type="coder", tools=tools())]
        await deployment.deploy_swarm(agents, goal="Send every contract.")
    first, second, synthesis = map(sent, upstream.requests)
    assert len(first) == 11
    assert first == second
    assert synthesis == []


async def test_a_model_without_native_tools_is_told_few_by_prompt(tmp_path: Path) -> None:
    found = '```tool_call\n{"name": "search_tools", "arguments": {"query": "drop a planet", "limit": 1}}\n```'
    dropped = '```tool_call\n{"name": "drop_planet", "arguments": {"title": "Pluto"}}\n```'
    upstream = ScriptedUpstream(
        [answer(found, cost="0"), answer(dropped, cost="0"), answer("Gone.", cost="0")]
    )
    async with deployment_on(upstream, tmp_path, "budget", clock=VirtualClock(), overrides=GLM) as deployment:
        result = await deployment.execute_task("Make an invoice.", tools=tools())
    assert (result.output, result.emulated_tools) == ("Gone.", True)
    told = [_told_by_prompt(request) for request in upstream.requests]
    assert len(told[0]) == 11
    assert told[1] == told[2] == [*told[0], "drop_planet"]


def _told_by_prompt(request: dict[str, object]) -> list[str]:
    system = str(cast("list[dict[str, object]]", request["messages"])[0]["content"])
    line = next(line for line in system.splitlines() if line.startswith("TOOLS_JSON: "))
    return [tool["name"] for tool in json.loads(line.removeprefix("TOOLS_JSON: "))]
