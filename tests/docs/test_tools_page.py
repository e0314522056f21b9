"""What the guide to tools says of a configuration, held against the configuration."""

import json
import re

from tests.docs.blocks import ROOT, blocks_of

from farthing.config.load import load_config
from farthing.config.tooling import McpServer
from farthing.swarm import keywords, schemas, toolcall
from farthing.swarm.mcp import connection, process

GUIDE = "docs/guides/tools.md"
TEXT = (ROOT / GUIDE).read_text(encoding="utf-8")


def test_the_servers_of_the_guide_are_a_valid_configuration() -> None:
    block = blocks_of(GUIDE, "json")[0]
    servers = load_config(json.loads(block.text), environ={}).mcp_servers
    assert list(servers) == ["files", "git", "github"]
    assert servers["github"].timeout == 30


def test_every_key_of_a_server_is_explained() -> None:
    keys = {str(field.alias) for field in McpServer.model_fields.values()}
    servers = TEXT.partition("| `type` |")
    explained = re.findall(r"^\|((?: `\w+`,?)+) \|", servers[0] + servers[1], re.MULTILINE)
    assert {key for cell in explained for key in re.findall(r"\w+", cell)} == keys


def test_the_bounds_it_states_are_those_of_the_code() -> None:
    assert f"{schemas.MAX_CHARS:,} characters, {schemas.MAX_NODES:,} parts" in TEXT
    assert (
        f"cut at {keywords.MAX_DESCRIPTION_CHARS} characters, lists of more than {keywords.MAX_ENUM}" in TEXT
    )
    assert f"most {toolcall.MAX_RESULT_CHARS:,} characters" in TEXT
    assert f"after {connection.FIRST_DELAY_S:g} seconds" in TEXT
    assert (connection.LONGEST_DELAY_S, process.GRACE_S) == (60, 2), "a minute; two seconds, twice"
