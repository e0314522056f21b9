"""Servers that crash, hang and will not go: what a call comes to meanwhile, and what is left of them."""

import asyncio

import pytest
from tests.swarm.mcp.conftest import runs
from tests.swarm.mcp.odd import Odd, called, until

from farthing.clock import VirtualClock
from farthing.swarm.mcp import McpServers
from farthing.swarm.mcp.connection import FIRST_DELAY_S, LONGEST_DELAY_S, backoff_s
from farthing.swarm.toolcall import run_tool


class Gate(VirtualClock):
    """A clock whose sleeps wait until they are let through, one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self._may = asyncio.Semaphore(0)

    def let_one_through(self) -> None:
        self._may.release()

    async def sleep(self, seconds: float) -> None:
        self.asked.set()
        await self._may.acquire()
        self.asked.clear()
        await super().sleep(seconds)


async def until_back(servers: McpServers) -> None:
    """Waits until no server is missing."""
    await until(lambda: all(state.fault is None for state in servers.by_server()))


async def test_a_crashed_server_is_started_again_and_calls_meanwhile_say_so(odd: Odd) -> None:
    clock = Gate()
    async with McpServers({"odd": odd.server()}, clock=clock, jitter=lambda: 1.0) as servers:
        await servers.tools()
        crashed = await called(servers, "odd__crash")
        await clock.asked.wait()
        meanwhile = await called(servers, "odd__echo")
        (notice,) = [one.text for one in servers.notices if one.code == "mcp_server"]
        clock.let_one_through()
        await until_back(servers)
        after = await called(servers, "odd__echo", '{"text": "here"}')
    assert crashed.text == (
        "error: ToolError: the MCP server 'odd' was lost while crash ran; whether the call was done is not"
        " known, so it was not repeated"
    )
    assert meanwhile.text.startswith("error: ToolError: the MCP server 'odd' is not there: was lost:")
    assert "it is started again in 0.5 s" in meanwhile.text
    assert "its process ended with exit code 3; it said: a fault; the token was" in notice
    assert after.text == "here"
    assert odd.noted("calls") == ["crash", "echo"], "nothing was called twice"
    assert len(odd.noted("starts")) == 2


@pytest.mark.parametrize("tool", ["crash_once", "crash_once_idempotent"])
async def test_what_does_no_harm_twice_is_called_once_more(odd: Odd, tool: str) -> None:
    async with McpServers({"odd": odd.server()}, clock=VirtualClock()) as servers:
        await servers.tools()
        outcome = await called(servers, f"odd__{tool}")
    assert outcome.text == "back"
    assert odd.noted("calls") == [tool, tool]


async def test_restarts_come_ever_later_and_begin_anew_once_a_call_was_served(odd: Odd) -> None:
    clock = VirtualClock()
    server = odd.server(env={"ODD_FAILED_RESTARTS": "4"})
    async with McpServers({"odd": server}, clock=clock, jitter=lambda: 0.0) as servers:
        await servers.tools()
        await called(servers, "odd__crash")
        await until_back(servers)
        assert clock.slept == [0.25, 0.5, 1.0, 2.0, 4.0]
        await called(servers, "odd__echo")
        await called(servers, "odd__crash")
        await until_back(servers)
        assert clock.slept[5:] == [0.25]


def test_the_wait_is_jittered_and_capped() -> None:
    assert backoff_s(1, 0.0) == FIRST_DELAY_S / 2
    assert backoff_s(1, 1.0) == FIRST_DELAY_S
    assert backoff_s(3, 1.0) == FIRST_DELAY_S * 4
    assert backoff_s(10_000, 1.0) == LONGEST_DELAY_S
    assert backoff_s(10_000, 0.0) == LONGEST_DELAY_S / 2


async def test_a_server_that_begins_to_babble_is_started_again(odd: Odd) -> None:
    async with McpServers({"odd": odd.server()}, clock=VirtualClock()) as servers:
        await servers.tools()
        outcome = await called(servers, "odd__babble")
        await until_back(servers)
        assert (await called(servers, "odd__echo", '{"text": "sane"}')).text == "sane"
    assert "was lost while babble ran" in outcome.text
    assert len(odd.noted("starts")) == 2


async def test_a_server_that_only_says_that_it_is_gone_stays(odd: Odd) -> None:
    async with McpServers({"odd": odd.server()}) as servers:
        await servers.tools()
        outcome = await called(servers, "odd__lie")
        await until_back(servers)
        assert (await called(servers, "odd__echo", '{"text": "still here"}')).text == "still here"
    assert "was lost while lie ran" in outcome.text
    assert len(odd.noted("starts")) == 1


async def test_a_call_without_an_answer_ends_in_time_and_is_cancelled_there(odd: Odd) -> None:
    async with McpServers({"odd": odd.server(timeout=0.05)}) as servers:
        await servers.tools()
        outcome = await called(servers, "odd__hang")
        await until(lambda: bool(odd.noted("cancelled")))
        assert (await servers.tools()) != (), "the server stays"
    assert outcome.text == "error: ToolError: hang did not answer within 0.05 seconds"
    assert len(odd.noted("starts")) == 1


async def test_a_caller_who_leaves_cancels_the_call_there(odd: Odd) -> None:
    async with McpServers({"odd": odd.server()}) as servers:
        tools = {tool.name: tool for tool in await servers.tools()}
        call = asyncio.create_task(run_tool(tools["odd__hang"], "{}"))
        await until(lambda: bool(odd.noted("calls")))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: bool(odd.noted("cancelled")))
        assert (await called(servers, "odd__echo", '{"text": "still here"}')).text == "still here"


async def test_a_server_that_will_not_go_is_killed_with_what_it_started(odd: Odd) -> None:
    async with McpServers({"odd": odd.server(env={"ODD_STUBBORN": "1"})}, grace_s=0.05) as servers:
        await servers.tools()
        assert [runs(pid) for pid in odd.pids()] == [True, True]
    assert [runs(pid) for pid in odd.pids()] == [False, False]


async def test_closing_while_a_call_runs_ends_the_call(odd: Odd) -> None:
    async with McpServers({"odd": odd.server()}) as servers:
        await servers.tools()
        call = asyncio.create_task(called(servers, "odd__hang"))
        await until(lambda: bool(odd.noted("calls")))
    outcome = await call
    assert outcome.ok is False
    assert "the MCP server 'odd'" in outcome.text


async def test_whoever_is_cancelled_while_closing_leaves_no_process(odd: Odd) -> None:
    servers = McpServers({"odd": odd.server(env={"ODD_STUBBORN": "1"})}, grace_s=30.0)

    async def live() -> None:
        async with servers:
            await servers.tools()

    living = asyncio.create_task(live())
    await until(lambda: bool(odd.noted("child")))
    await servers.tools()
    for _ in range(20):  # now it is closing, for which the server would take a minute
        await asyncio.sleep(0)
    living.cancel()
    with pytest.raises(asyncio.CancelledError):
        await living
    await until(lambda: not any(runs(pid) for pid in odd.pids()))


async def test_whoever_is_cancelled_while_starting_leaves_no_process(odd: Odd) -> None:
    async def live() -> None:
        async with McpServers({"odd": odd.server()}) as servers:
            await servers.tools()
            await asyncio.Event().wait()

    living = asyncio.create_task(live())
    await until(lambda: bool(odd.noted("starts")))
    living.cancel()
    with pytest.raises(asyncio.CancelledError):
        await living


def test_a_loop_that_ends_takes_its_servers_with_it(odd: Odd) -> None:
    async def forget_to_close() -> None:
        servers = McpServers({"odd": odd.server(env={"ODD_STUBBORN": "1"})}, grace_s=0.05)
        await servers.__aenter__()
        await servers.tools()

    asyncio.run(forget_to_close())
    assert [runs(pid) for pid in odd.pids()] == [False, False]
