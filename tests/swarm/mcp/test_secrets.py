"""What a server is given, and what nobody is shown of it."""

import json
import logging
import sys

import pytest
from tests.swarm.mcp.odd import Odd, called

from farthing.cli.work.config import shown_settings
from farthing.config.load import load_config
from farthing.config.tooling import McpServer
from farthing.errors import ConfigError
from farthing.swarm.mcp import McpServers
from farthing.swarm.mcp.process import HARMLESS
from farthing.telemetry.secrets import known_secrets

TOKEN = "tok-en-4f9a77aa21"
OURS = {
    "OPENROUTER_API_KEY": "sk-or-v1-ours",
    "OPENROUTER_MANAGEMENT_KEY": "sk-or-v1-managing",
    "FARTHING_DATABASE_URL": "postgresql://me:pass@host/db",
    "AWS_SECRET_ACCESS_KEY": "other",
    "PATH": "/usr/bin:/bin",
    "HOME": "/home/me",
    "LANG": "C.UTF-8",
}


async def test_a_server_sees_only_what_is_harmless_and_what_its_env_says(odd: Odd) -> None:
    server = odd.server(env={"ODD_TOKEN": TOKEN, "ODD_PLACE": "here"})
    async with McpServers({"odd": server}, environ=OURS) as servers:
        await servers.tools()
        seen = json.loads((await called(servers, "odd__environment")).text)
    assert seen.pop("ODD_STATE")
    seen.pop("LC_CTYPE", None)  # Python sets it itself, where LANG is C
    assert seen == {
        "PATH": "/usr/bin:/bin",
        "HOME": "/home/me",
        "LANG": "C.UTF-8",
        "ODD_TOKEN": "[key]",
        "ODD_PLACE": "here",
    }
    assert not [name for name in HARMLESS if name.startswith(("OPENROUTER", "FARTHING"))]


async def test_secrets_are_cut_out_of_results_errors_and_notices(
    odd: Odd, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = odd.server(env={"ODD_TOKEN": TOKEN, "ODD_FAILED_RESTARTS": "0"})
    async with McpServers({"odd": server}) as servers:
        tools = await servers.tools()
        failed = await called(servers, "odd__fail")
        await called(servers, "odd__crash")
        crashed = await called(servers, "odd__echo")
        shown = repr((server, servers.by_server(), servers.notices, tools))
    assert failed.text == "error: ToolError: no such file; the token was [key]"
    assert TOKEN not in crashed.text + shown + caplog.text


async def test_what_a_server_says_before_it_dies_has_none_of_its_env(odd: Odd) -> None:
    program = "import os, sys; sys.exit('bad: ' + os.environ['PLACE'] + ' ' + os.environ['MY_KEY'])"
    server = McpServer(
        command=sys.executable, args=("-c", program), env={"PLACE": "/secret/place", "MY_KEY": TOKEN}
    )
    async with McpServers({"s": server}) as servers:
        await servers.tools()
        (notice,) = servers.notices
    assert notice.text.endswith("it said: bad: [key] [key]")


def configured() -> dict[str, object]:
    return {
        "extends": "balanced",
        "mcpServers": {
            "git": {"command": "git-server", "env": {"GIT_TOKEN": TOKEN, "PLACE": "/secret/place"}},
            "web": {
                "url": f"https://me:{TOKEN}@example.com/mcp?api_key={TOKEN}",
                "headers": {"Authorization": f"Bearer {TOKEN}"},
            },
        },
    }


def test_the_configuration_is_shown_without_them() -> None:
    config = load_config(configured(), environ={})
    shown = json.dumps(shown_settings(config)) + repr(config.mcp_servers["git"])
    assert TOKEN not in shown
    assert "/secret/place" not in shown
    assert '"GIT_TOKEN": "***"' in shown
    assert '"Authorization": "***"' in shown
    assert '"url": "https://example.com/mcp"' in shown
    assert TOKEN in config.mcp_servers["web"].headers["Authorization"], "what is used keeps them"


@pytest.mark.parametrize(
    "server",
    [
        {"command": "x", "url": "https://e.com", "env": {"A": TOKEN}},
        {"command": "x", "env": {"A": [TOKEN]}},
        {"command": "x", "env": TOKEN},
        {"url": "https://e.com", "headers": {"X": [TOKEN]}},
        {"command": "x", "env": {"A": "1"}, "enviroment": {"B": TOKEN}},
        {"command": "x", "env": {"A": f"{TOKEN}${{NOT_SET_ANYWHERE}}"}},
    ],
)
def test_a_fault_in_the_configuration_never_repeats_them(server: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as raised:
        load_config({"extends": "balanced", "mcpServers": {"s": server}}, environ={})
    assert TOKEN not in str(raised.value)
    assert TOKEN not in repr(raised.value.faults)


def test_logs_and_kept_texts_are_told_of_them() -> None:
    found = known_secrets(load_config(configured(), environ={}), environ={}, api_keys=())
    assert TOKEN in found
    assert "/secret/place" not in found, "a path in a prompt is no secret"
