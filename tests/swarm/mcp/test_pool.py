"""The pool: what it offers of which server, and that one server's fault is only its own."""

import sys
from pathlib import Path

import pytest
from tests.swarm.mcp.odd import Odd, called

from farthing.config.tooling import McpServer
from farthing.errors import FarthingError
from farthing.swarm.mcp import McpServers, link
from farthing.swarm.toolcall import MAX_RESULT_CHARS


async def test_all_pages_are_read_and_tools_come_with_source_and_effects(odd: Odd) -> None:
    async with McpServers({"odd": odd.server()}) as servers:
        tools = {tool.name: tool for tool in await servers.tools()}
    assert odd.noted("pages") == ["0", "3", "6", "9", "12", "15"]
    assert tools["odd__echo"].source == "mcp:odd"
    assert tools["odd__echo"].description == "Says it again."
    assert tools["odd__echo"].parameters == {"type": "object", "properties": {"text": {"type": "string"}}}
    assert not tools["odd__echo"].effects, "it says that it only reads"
    assert tools["odd__crash"].effects, "what says nothing has effects"
    assert tools["odd__crash_once_idempotent"].effects, "what may be repeated has effects all the same"


async def test_a_tool_whose_schema_cannot_be_used_is_left_out_and_told(odd: Odd) -> None:
    async with McpServers({"odd": odd.server()}) as servers:
        names = {tool.name for tool in await servers.tools()}
        told = [notice.text for notice in servers.notices]
    assert not names & {"odd__remote_schema", "odd__no_object"}
    assert len(names) == 16
    assert told == [
        "the tool 'remote_schema' of the MCP server 'odd' is left out: its schema cannot be used: it"
        " refers to 'https://example.com/schema.json', which is outside of it",
        "the tool 'no_object' of the MCP server 'odd' is left out: its schema cannot be used: it is of"
        " type array, and arguments are an object",
    ]


async def test_a_server_says_what_it_serves(odd: Odd) -> None:
    async with McpServers({"odd": odd.server(capabilities=["search", "files"])}) as servers:
        (state,) = servers.by_server()
    assert state.capabilities == ("odd", "search", "files")


async def test_tools_stay_the_same_values_until_the_server_tells_others(odd: Odd) -> None:
    async with McpServers({"odd": odd.server()}) as servers:
        first, again = await servers.tools(), await servers.tools()
    assert all(one is other for one, other in zip(first, again, strict=True))


async def test_nothing_starts_until_tools_are_wanted(odd: Odd) -> None:
    async with McpServers({"odd": odd.server()}) as servers:
        assert servers.current() == ()
        assert servers.notices == ()
    assert odd.noted("starts") == []


async def test_without_servers_nothing_is_needed() -> None:
    async with McpServers({}) as servers:
        assert await servers.tools() == ()


async def test_a_disabled_server_is_not_there(odd: Odd) -> None:
    async with McpServers({"odd": odd.server(disabled=True)}) as servers:
        assert await servers.tools() == ()
    assert odd.noted("starts") == []


async def test_two_servers_may_have_the_same_tool(odd: Odd) -> None:
    async with McpServers({"one": odd.server(), "two": odd.server()}) as servers:
        names = [tool.name for tool in await servers.tools()]
        assert (await called(servers, "one__echo", '{"text": "1"}')).text == "1"
        assert (await called(servers, "two__echo", '{"text": "2"}')).text == "2"
    assert len(set(names)) == len(names) == 32


async def test_a_server_that_does_not_start_is_told_with_its_last_words_and_others_go_on(
    odd: Odd,
) -> None:
    broken = McpServer(
        command=sys.executable,
        args=("-c", "import sys; sys.exit('cannot read /nowhere/at/all')"),
    )
    absent = McpServer(command="no-such-program-here")
    lost = McpServer(url="http://127.0.0.1:9/mcp?token=abcdef")
    async with McpServers({"b": broken, "a": absent, "w": lost, "odd": odd.server()}) as servers:
        assert "odd__echo" in {tool.name for tool in await servers.tools()}
        b, a, w = (notice.text for notice in servers.notices if notice.code == "mcp_server")
    assert b == (
        f"the MCP server 'b' ({sys.executable}) did not start: its process ended with exit code 1; it said:"
        " cannot read /nowhere/at/all"
    )
    assert a == (
        "the MCP server 'a' (no-such-program-here) did not start: its program 'no-such-program-here'"
        " cannot be run: No such file or directory"
    )
    assert w.startswith("the MCP server 'w' (http://127.0.0.1:9/mcp) did not start: ConnectError")


async def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    silent = McpServer(command="sleep", args=("60",), start_timeout=0.05)
    async with McpServers({"s": silent}, grace_s=0.05) as servers:
        assert await servers.tools() == ()
        (notice,) = servers.notices
    assert notice.text.endswith("did not start: it did not tell its tools within 0.05 seconds")


async def test_a_program_that_speaks_no_mcp_is_told_from_one_that_is_only_slow() -> None:
    async with McpServers({"y": McpServer(command="yes")}, grace_s=0.05) as servers:
        assert await servers.tools() == ()
        (notice,) = servers.notices
    assert "what it writes on standard output is no MCP" in notice.text
    assert "on standard output, and no message: y" in notice.text


async def test_a_line_that_is_no_message_is_borne(odd: Odd) -> None:
    async with McpServers({"odd": odd.server()}) as servers:
        await servers.tools()
        assert (await called(servers, "odd__noise")).text == "noisy"
    assert len(odd.noted("starts")) == 1


async def test_results_are_text_whatever_they_are(odd: Odd) -> None:
    async with McpServers({"odd": odd.server()}) as servers:
        await servers.tools()
        mixed = await called(servers, "odd__mixed")
        structured = await called(servers, "odd__structured")
        huge = await called(servers, "odd__huge", '{"chars": 3000000}')
        failed = await called(servers, "odd__fail")
        refused = await called(servers, "odd__refuse")
    assert mixed.text == (
        "a picture:\n[image, image/png, 3 bytes, not shown]\n[resource file:///a.txt: a]\n"
        "[resource file:///b.txt]\ninside"
    )
    assert structured.text == '{"degrees":21.5}'
    assert huge.cut
    assert huge.text.endswith("[cut: 16,000 of 3,000,000 characters are shown]")
    assert len(huge.text) < MAX_RESULT_CHARS + 100
    assert (failed.ok, failed.text) == (False, "error: ToolError: no such file; the token was ")
    assert (refused.ok, refused.text) == (False, "error: ToolError: not today")


async def test_tools_that_come_later_are_offered_later(odd: Odd) -> None:
    async with McpServers({"odd": odd.server()}) as servers:
        before = {tool.name for tool in await servers.tools()}
        pages = len(odd.noted("pages"))
        await called(servers, "odd__grow")
        while len(odd.noted("pages")) < pages + 6 or "odd__grown" not in names(servers):
            assert (await called(servers, "odd__echo")).ok  # gives both sides a turn
        assert names(servers) - before == {"odd__grown"}
        assert (await called(servers, "odd__grown")).text == "grown ran"


async def test_a_name_with_signs_is_made_sound_and_still_reaches_its_tool(odd: Odd) -> None:
    async with McpServers({"odd": odd.server()}) as servers:
        (name,) = [tool.name for tool in await servers.tools() if "signs" in tool.name]
        assert name.startswith("odd__a_name_with_signs_")
        assert (await called(servers, name)).text == "a name/with signs ran"


async def test_after_closing_a_call_is_a_tool_error(odd: Odd) -> None:
    async with McpServers({"odd": odd.server()}) as servers:
        await servers.tools()
    outcome = await called(servers, "odd__echo")
    assert outcome.text == "error: ToolError: the MCP server 'odd' is not there: it was closed"


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link.importlib.util, "find_spec", lambda name: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    with pytest.raises(FarthingError, match=r"pip install 'farthing\[mcp\]'"):
        McpServers({"odd": McpServer(command="true")})


def names(servers: McpServers) -> set[str]:
    return {tool.name for tool in servers.current()}


async def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    server = McpServer(command="cat", cwd=str(tmp_path / "nowhere"))
    async with McpServers({"c": server}) as servers:
        await servers.tools()
        (notice,) = servers.notices
    assert "cannot be run in" in notice.text
    assert "nowhere: No such file or directory" in notice.text
