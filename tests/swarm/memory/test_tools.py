"""What an agent can do with shared memory, and how a swarm's agents get it."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.swarm.memory.conftest import StandingClock
from tests.swarm.scripted import Say, Scripted, call

from farthing.errors import SwarmError
from farthing.swarm.agent import AgentSpec
from farthing.swarm.calls import toolbox
from farthing.swarm.memory.entry import Lease, MemoryEntry
from farthing.swarm.memory.shared import Memories, Memory
from farthing.swarm.memory.tools import memory_tools
from farthing.swarm.run import Swarm
from farthing.swarm.surroundings import Surroundings
from farthing.swarm.toolcall import run_tool
from farthing.task import Task, Tool
from farthing.testing import ScriptedUpstream, answer, deployment_on


async def told(tools: Mapping[str, Tool], name: str, **arguments: object) -> object:
    outcome = await run_tool(tools[f"memory_{name}"], json.dumps(arguments))
    if not outcome.ok or not outcome.text.startswith(("{", "[")):
        return outcome.text
    return json.loads(outcome.text)


def by_name(notes: Memory, agent_id: str) -> dict[str, Tool]:
    return {tool.name: tool for tool in memory_tools(notes, agent_id)}


def test_there_are_ten_with_schemas_and_without_effects(notes: Memory) -> None:
    tools = memory_tools(notes, "writer-1")
    assert sorted(tool.name for tool in tools) == [
        f"memory_{name}"
        for name in (
            *("append", "claim", "compare_and_set", "delete", "get"),
            *("increment", "list", "put", "release", "search"),
        )
    ]
    toolbox(tools)  # raises for a schema that cannot be checked
    assert {(tool.effects, tool.source) for tool in tools} == {(False, "built-in")}
    assert all(len(tool.description) < 100 for tool in tools)


async def test_values(notes: Memory) -> None:
    one, two = by_name(notes, "writer-1"), by_name(notes, "writer-2")
    assert await told(one, "put", key="plan", value={"step": 1}) == {"version": 1}
    entry = {"key": "plan", "value": {"step": 1}, "version": 1, "by": "writer-1"}
    assert await told(two, "get", key="plan") == entry
    assert await told(two, "get", key="nothing") == "nothing is kept under 'nothing'"
    assert await told(two, "compare_and_set", key="plan", value=2, version=9) == {
        "kept": False,
        "present_version": 1,
        "present_value": {"step": 1},
    }
    assert await told(two, "compare_and_set", key="plan", value="ready", version=1) == {
        "kept": True,
        "version": 2,
    }
    assert await told(one, "append", key="log", item="a") == {"length": 1}
    assert await told(one, "increment", key="n", by=2) == {"total": 2}
    assert await told(one, "increment", key="n", by=0.5) == {"total": 2.5}
    page = await told(one, "list", limit=2)
    assert isinstance(page, dict)
    assert page["more_after"] == "n"
    assert await told(one, "search", words="READY") == [{"key": "plan", "snippet": "ready"}]
    assert await told(one, "search", words="absent") == "nothing was found"
    assert await told(two, "delete", key="plan") == {"deleted": True}


async def test_claims_are_the_agents_own(notes: Memory) -> None:
    one, two = by_name(notes, "writer-1"), by_name(notes, "writer-2")
    claimed = await told(one, "claim", key="chapter", seconds=30)
    assert isinstance(claimed, dict)
    assert claimed["claimed"]
    refused = await told(two, "claim", key="chapter")
    assert isinstance(refused, dict)
    assert (refused["claimed"], refused["holder"]) == (False, "writer-1")
    assert await told(two, "release", key="chapter") == {"released": False}
    assert await told(one, "release", key="chapter") == {"released": True}


async def test_what_cannot_be_done_is_told_to_the_model(notes: Memory) -> None:
    tools = by_name(notes, "writer-1")
    await notes.put("a", "text")
    said = await told(tools, "increment", key="a")
    assert isinstance(said, str)
    assert said.startswith("error: SharedMemoryError: 'a' has \"text\", which is no number to add to")


async def test_agents_of_a_swarm_have_it_in_the_runs_namespace(memories: Memories) -> None:
    def script(task: Task) -> Say:
        if task.messages[-1].role == "tool":
            return Say(text="done")
        return Say(calls=(call("memory_append", '{"key": "who", "item": 1}', id="c1"),))

    swarm = Swarm(
        [AgentSpec(type="researcher", count=2, capabilities=["memory"])],
        journey=Scripted(script=script),
        goal="remember",
        within=Surroundings(memory=memories.open),
    )
    assert [agent.untooled for agent in swarm.agents] == [(), ()]
    await swarm.run()
    assert swarm.memory.namespace == f"run:{swarm.run_id}"
    entry = await swarm.memory.get("who")
    assert isinstance(entry, MemoryEntry)
    assert entry.value == [1, 1]
    assert entry.changed_by in ("researcher-1", "researcher-2")
    first = swarm.run_id
    await swarm.run()
    assert swarm.run_id != first
    again = await swarm.memory.get("who")
    assert isinstance(again, MemoryEntry)
    assert again.value == [1, 1]  # a run's memory is its own


async def test_tools_that_the_caller_names_serve_it_instead(memories: Memories) -> None:
    def remember(word: str) -> str:
        """Remember a word."""
        return word

    swarm = Swarm(
        [AgentSpec(type="researcher", capabilities=["memory"])],
        journey=Scripted(script=lambda _: Say(text="x")),
        tools={"memory": [remember]},
        within=Surroundings(memory=memories.open),
    )
    assert [tool.name for tool in swarm.agents[0].tools] == ["remember"]


def test_a_swarm_of_no_deployment_has_none() -> None:
    swarm = Swarm([AgentSpec(type="researcher")], journey=Scripted(script=lambda _: Say(text="x")))
    with pytest.raises(SwarmError, match="no shared memory"):
        _ = swarm.memory


async def test_a_deployments_memory_outlasts_it_and_keeps_tenants_apart(tmp_path: Path) -> None:
    asked = {
        "id": "c1",
        "type": "function",
        "function": {"name": "memory_put", "arguments": '{"key": "a", "value": 1}'},
    }
    upstream = ScriptedUpstream([answer("", tool_calls=[asked]), "done", "all of it"])
    async with deployment_on(upstream, tmp_path) as deployment:
        swarm = await deployment.deploy_swarm(
            [AgentSpec(type="researcher", capabilities=["memory"])], goal="remember"
        )
        assert (await swarm.memory.get("a")) is not None
        await deployment.memory("shared:notes", key="acme").put("secret", 1)
        waiting = asyncio.ensure_future(anext(deployment.memory("shared:notes").watch(), None))
        await asyncio.sleep(0)
    assert await waiting is None
    async with deployment_on(ScriptedUpstream([]), tmp_path) as deployment:
        entry = await deployment.memory(f"run:{swarm.run_id}").get("a")
        assert isinstance(entry, MemoryEntry)
        assert (entry.value, entry.changed_by) == (1, "researcher-1")
        assert await deployment.memory("shared:notes").list() == ()
        assert isinstance(await deployment.memory("shared:notes").claim("x", "y", 1), Lease)


def test_the_clock_of_these_tests_stands(database: StandingClock) -> None:
    with database.read() as connection:
        assert database.now(connection) == database.seconds
