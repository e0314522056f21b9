"""Which tools serve what, and who may use them: tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.config.tooling import McpServer, RoleTools
from farthing.errors import SwarmError
from farthing.swarm.allowed import (
    Inventory,
    inventory_of,
    is_function,
    may_use,
    permitted,
    servers_wanted,
    unknown_roles,
    unused_patterns,
)
from farthing.task import Tool


def tool(name: str, source: str = "built-in") -> Tool:
    return Tool(name=name, description="", parameters={"type": "object"}, source=source)


ISSUE = tool("github__issue", "mcp:github")
PULL = tool("github__pull", "mcp:github")
READ = tool("disk__read", "mcp:disk")
SERVERS = {
    "github": McpServer(url="http://localhost/mcp", capabilities=("git", "issues")),
    "disk": McpServer(command="disk", capabilities=("files",)),
}
OWN = {
    "files": (tool("read_file"), tool("write_file")),
    "git": (tool("git_log"),),
    "shell": (tool("shell"),),
    "search": (),
}
LOOK_UP = tool("look_up", "app.tools:look_up")


def names(tools: tuple[Tool, ...]) -> list[str]:
    return [one.name for one in tools]


def whole(of_servers: tuple[Tool, ...] = (ISSUE, PULL, READ)) -> Inventory:
    return inventory_of(of_servers, SERVERS, OWN, {"app.tools:look_up": LOOK_UP})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("github", ["github__issue", "github__pull"]),
        ("mcp:github", ["github__issue", "github__pull"]),
        ("git", ["github__issue", "github__pull"]),
        ("issues", ["github__issue", "github__pull"]),
        ("files", ["disk__read"]),
        ("shell", ["shell"]),
        ("app.tools:look_up", ["look_up"]),
        ("*", ["github__issue", "github__pull", "disk__read", "look_up", "shell"]),
    ],
)
def test_a_server_serves_before_the_built_in_ones(name: str, expected: list[str]) -> None:
    assert names(whole().named(name)) == expected


def test_a_server_that_tells_no_tools_serves_nothing() -> None:
    found = whole((ISSUE,))
    assert names(found.named("files")) == ["read_file", "write_file"]
    with pytest.raises(SwarmError, match="no tools named 'mcp:disk'"):
        found.named("mcp:disk")


def test_two_servers_of_one_capability_serve_it_together() -> None:
    servers = {
        "a": McpServer(command="a", capabilities=("x",)),
        "b": McpServer(command="b", capabilities=("x",)),
    }
    found = inventory_of((tool("b__t", "mcp:b"), tool("a__t", "mcp:a")), servers, {}, {})
    assert names(found.named("x")) == ["a__t", "b__t"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shel", "did you mean 'shell'"),
        ("mcp:gitub", "did you mean 'mcp:github'"),
        ("search", "tools.workdir"),
    ],
)
def test_a_name_of_nothing_is_told_with_the_nearest(name: str, said: str) -> None:
    with pytest.raises(SwarmError) as caught:
        whole().named(name)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["files"], True),
        (["github"], True),
        (["mcp:disk"], True),
        (["*"], True),
        (["shell", "search"], False),
        (["off", "mcp:off", "never"], False),
        (["a:b"], False),
        ([], False),
    ],
)
def test_servers_are_asked_only_where_a_name_may_mean_them(names: list[str], wanted: bool) -> None:
    off = McpServer(command="off", disabled=True, capabilities=("never",))
    assert servers_wanted(names, {**SERVERS, "off": off}) is wanted
    assert not servers_wanted(names, {"off": off})


@pytest.mark.parametrize(
    ("name", "function"),
    [("a:b", True), ("a.b:c.d", True), ("mcp:a", False), ("files", False), (":b", False), ("a:", False)],
)
def test_import_paths(name: str, function: bool) -> None:
    assert is_function(name) is function


RULES = {
    "coder": RoleTools(deny=("git_*",)),
    "writer": RoleTools(allow=("read_*", "mcp:disk"), deny=("read_secret",)),
    "judge": RoleTools(allow=()),
    "*": RoleTools(deny=("shell",)),
}


@pytest.mark.parametrize(
    ("role", "used", "allowed"),
    [
        ("coder", tool("read_file"), True),
        ("coder", tool("git_log"), False),
        ("coder", tool("shell"), True),  # it has rules of its own, and `*` is for those who have none
        ("writer", tool("read_file"), True),
        ("writer", tool("read_secret"), False),
        ("writer", tool("write_file"), False),
        ("writer", tool("disk__write", "mcp:disk"), True),
        ("writer", tool("disk__write", "mcp:disk2"), False),
        ("judge", tool("read_file"), False),
        ("tester", tool("shell"), False),
        ("tester", tool("read_file"), True),
        ("", tool("shell"), False),
    ],
)
def test_who_may_use_what(role: str, used: Tool, allowed: bool) -> None:
    assert may_use(role, used, RULES) is allowed
    assert may_use(role, used, {})


_NAMES = st.sampled_from(["a", "ab", "a_b", "b"])
_PATTERNS = st.lists(st.sampled_from(["*", "a", "a*", "*b", "b", "?", "built-in"]), max_size=3).map(tuple)


@given(used=_NAMES.map(tool), allow=_PATTERNS, deny=_PATTERNS)
def test_deny_wins_and_nothing_is_used_that_was_not_allowed(
    used: Tool, allow: tuple[str, ...], deny: tuple[str, ...]
) -> None:
    role = {"r": RoleTools(allow=allow, deny=deny)}
    denied = not may_use("r", used, {"r": RoleTools(deny=deny)})
    allowed = may_use("r", used, {"r": RoleTools(allow=allow)})
    assert may_use("r", used, role) is (allowed and not denied)
    assert permitted((used,), "r", role) == ((used,) if allowed and not denied else ())


def test_slips_in_rules_are_found() -> None:
    rules = {"coder": RoleTools(allow=("read_*", "wirte_*"), deny=("gti_*", "*")), "codr": RoleTools()}
    assert unused_patterns(rules, [tool("read_file"), tool("git_log")]) == (
        "tools.roles.coder.allow: wirte_*",
        "tools.roles.coder.deny: gti_*",
    )
    assert unknown_roles({**rules, "*": RoleTools()}, ["coder"]) == ("codr",)
