"""`farthing tools` on servers that are really started."""

import json
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Command
from tests.swarm.mcp.odd import SERVERS

TOKEN = "tok-en-4f9a77aa21"


@pytest.fixture
def config(tmp_path: Path) -> str:
    state = tmp_path / "state"
    state.mkdir()
    odd = {
        "command": sys.executable,
        "args": ["-S", "-E", str(SERVERS / "odd.py")],
        "env": {"ODD_STATE": str(state), "ODD_TOKEN": TOKEN},
    }
    broken = {"command": sys.executable, "args": ["-c", "import os, sys; sys.exit(os.environ['A_KEY'])"]}
    servers = {"odd": odd, "broken": {**broken, "env": {"A_KEY": TOKEN}}}
    path = tmp_path / "farthing.json"
    path.write_text(json.dumps({"extends": "balanced", "mcpServers": servers}), encoding="utf-8")
    return str(path)


def test_list_tells_tools_effects_and_tokens_and_what_is_not_there(farthing: Command, config: str) -> None:
    said = farthing("tools", "list", "--config", config)
    assert said.code == 0
    line = next(line for line in said.out.splitlines() if "odd__echo" in line).split()
    assert line[:3] == ["odd__echo", "mcp:odd", "no"]
    assert int(line[3]) > 5
    assert line[4:] == ["Says", "it", "again."]
    assert "16 tools of 2 sources" in said.out
    assert "mcp:broken:" in said.err
    assert "the tool 'no_object' is left out" in said.err
    assert TOKEN not in said.out + said.err


def test_list_of_one_server_as_json(farthing: Command, config: str) -> None:
    tools = farthing("tools", "list", "--config", config, "--server", "odd", "--json").json
    (echo,) = [tool for tool in tools if tool["name"] == "odd__echo"]
    assert echo["parameters"] == {"type": "object", "properties": {"text": {"type": "string"}}}
    assert (echo["effects"], echo["source"]) == (False, "mcp:odd")
    wrong = farthing("tools", "list", "--config", config, "--server", "od")
    assert (wrong.code, wrong.err) == (6, "error: no MCP server is named 'od' (did you mean 'odd'?)\n")


def test_list_without_servers_says_where_they_are_named(farthing: Command) -> None:
    said = farthing("tools", "list", "--profile", "balanced")
    assert (said.code, "`mcpServers` in the configuration" in said.err) == (0, True)


def test_call_runs_a_tool_for_real(farthing: Command, config: str) -> None:
    said = farthing("tools", "call", "odd__echo", "-a", '{"text": "hello"}', "--config", config)
    assert (said.code, said.out) == (0, "hello\n")
    told = farthing("tools", "call", "odd__structured", "--config", config, "--json").json
    assert (told["ok"], told["text"], told["source"]) == (True, '{"degrees":21.5}', "mcp:odd")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("odd__echo", "-a", '{"text": 7}'), 2, 'text: 7 is not of type "string"'),
        (("odd__echo", "-a", "text=7"), 2, "the arguments are no JSON object"),
        (("odd__ecko",), 2, "did you mean 'odd__echo'?"),
        (("odd__fail",), 6, "odd__fail: no such file; the token was [key]"),
        (("broken__any",), 2, "did not start: its process ended with exit code 1; it said: [key]"),
    ],
)
def test_a_call_that_cannot_be_says_why(
    farthing: Command, config: str, arguments: tuple[str, ...], code: int, words: str
) -> None:
    said = farthing("tools", "call", *arguments, "--config", config)
    assert (said.code, said.out) == (code, "")
    assert words in said.err
    assert TOKEN not in said.err


def test_a_call_that_fails_is_json_too(farthing: Command, config: str) -> None:
    said = farthing("tools", "call", "odd__fail", "--config", config, "--json")
    assert (said.code, said.json["ok"]) == (6, False)


def test_check_starts_everything_and_leaves_with_6_where_something_is_at_fault(
    farthing: Command, config: str
) -> None:
    said = farthing("tools", "check", "--config", config, "--json")
    assert said.code == 6
    odd, broken = said.json
    assert (odd["version"], odd["protocol"], odd["tools"]) == ("odd 1.2.3", "2025-06-18", 16)
    assert odd["start_s"] > 0
    assert [fault.partition(" is left out")[0] for fault in odd["faults"]] == [
        "the tool 'remote_schema'",
        "the tool 'no_object'",
    ]
    assert broken["faults"] == [
        f"{sys.executable} did not start: its process ended with exit code 1; it said: [key]"
    ]
    table = farthing("tools", "check", "--config", config)
    assert (table.code, "odd 1.2.3" in table.out) == (6, True)


def test_check_without_a_fault_leaves_with_0(farthing: Command, tmp_path: Path) -> None:
    path = tmp_path / "farthing.json"
    time = {"command": sys.executable, "args": ["-m", "mcp_server_time"]}
    path.write_text(json.dumps({"extends": "balanced", "mcpServers": {"time": time}}), encoding="utf-8")
    (checked,) = farthing("tools", "check", "--config", str(path), "--json").json
    assert (checked["faults"], checked["tools"]) == ([], 2)
    assert farthing("tools", "check", "--profile", "balanced").code == 0


def test_config_show_masks_what_servers_are_given(farthing: Command, config: str) -> None:
    for form in ((), ("--json",)):
        said = farthing("config", "show", "--config", config, *form)
        assert said.code == 0
        assert TOKEN not in said.out
        assert "ODD_TOKEN" in said.out
