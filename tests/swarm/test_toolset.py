"""The tools of a deployment: opened when they are wanted, found by name, closed with it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.swarm.builtin.isolated import needs_isolation

from farthing.config.tooling import McpServer, RoleTools
from farthing.config.tooling import Tools as ToolSettings
from farthing.errors import ConfigError, DeploymentClosedError, SwarmError
from farthing.result import Notice
from farthing.swarm.builtin.shell import Isolation
from farthing.swarm.toolset import OpenServers, Toolset, function_named
from farthing.task import Tool

pytestmark = pytest.mark.usefixtures("no_task_left_behind")

SERVERS = {"disk": McpServer(command="disk", capabilities=("files",))}


def tool(name: str, source: str) -> Tool:
    return Tool(name=name, description="", parameters={"type": "object"}, run=lambda: name, source=source)


@dataclass(slots=True, kw_only=True)
class Servers:
    """Servers that note what happens to them, in which task."""

    tools: tuple[Tool, ...] = (tool("disk__read", "mcp:disk"),)
    fails: bool = False
    opened: int = 0
    closed: int = 0
    tasks: set[asyncio.Task[object] | None] = field(default_factory=set[asyncio.Task[object] | None])
    gate: asyncio.Event | None = None

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        self.opened += 1
        self.tasks.add(asyncio.current_task())
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            raise SwarmError("the server does not start")
        try:
            yield
        finally:
            self.closed += 1
            self.tasks.add(asyncio.current_task())

    async def open(self, stack: AsyncExitStack) -> OpenServers:
        await stack.enter_async_context(self.running())
        return OpenServers(tools=self.listed, notices=lambda: (Notice(code="mcp_server", text="one is ill"),))

    async def listed(self) -> tuple[Tool, ...]:
        return self.tools


def toolset(
    workdir: Path | None = None,
    *,
    servers: Servers | None = None,
    further: Mapping[str, tuple[Tool, ...]] | None = None,
    built_in: bool = True,
    roles: Mapping[str, RoleTools] | None = None,
) -> Toolset:
    settings = ToolSettings(
        workdir=None if workdir is None else str(workdir), built_in=built_in, roles=dict(roles or {})
    )
    return Toolset(
        settings,
        servers={} if servers is None else SERVERS,
        open_servers=None if servers is None else servers.open,
        further=further,
    )


async def test_nothing_is_opened_before_it_is_wanted(tmp_path: Path) -> None:
    servers = Servers()
    tools = toolset(tmp_path, servers=servers)
    assert (await tools.inventory([])).tools == ()
    found = await tools.inventory(["search"])
    assert "search_files" in [one.name for one in found.named("search")]
    assert (servers.opened, tools.notices) == (0, ())
    await tools.aclose()


async def test_a_servers_tools_come_before_the_built_in_ones(tmp_path: Path) -> None:
    servers = Servers()
    tools = toolset(tmp_path, servers=servers)
    found = await tools.inventory(["files", "search"])
    assert [one.name for one in found.named("files")] == ["disk__read"]
    assert [notice.text for notice in tools.notices] == ["one is ill"]
    assert {one.source for one in found.named("search")} == {"built-in"}
    await tools.aclose()


async def test_servers_are_opened_once_and_closed_in_the_task_that_opened_them() -> None:
    servers = Servers(gate=asyncio.Event())
    tools = toolset(servers=servers)
    asking = [asyncio.create_task(tools.inventory(["files"])) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking[0].cancel()  # who asked first leaves; the others get what was begun
    assert servers.gate is not None
    servers.gate.set()
    ended = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(ended[0], asyncio.CancelledError)
    assert all(not isinstance(one, BaseException) for one in ended[1:])
    await tools.aclose()
    assert (servers.opened, servers.closed, len(servers.tasks)) == (1, 1, 1)
    assert servers.tasks.isdisjoint(asking)


async def test_what_a_server_tells_later_is_found_later() -> None:
    servers = Servers()
    tools = toolset(servers=servers)
    await tools.inventory(["files"])
    servers.tools = (*servers.tools, tool("disk__write", "mcp:disk"))
    assert len((await tools.inventory(["files"])).named("mcp:disk")) == 2
    await tools.aclose()


async def test_a_server_that_does_not_start_says_so_and_is_tried_again() -> None:
    servers = Servers(fails=True)
    tools = toolset(servers=servers)
    with pytest.raises(SwarmError, match="does not start"):
        await tools.inventory(["files"])
    servers.fails = False
    assert (await tools.inventory(["files"])).tools
    assert servers.opened == 2
    await tools.aclose()
    with pytest.raises(DeploymentClosedError):
        await tools.inventory(["files"])


async def test_built_in_tools_say_where_they_come_from_and_what_has_effects(tmp_path: Path) -> None:
    tools = toolset(tmp_path)
    found = await tools.inventory(["*"])
    effects = {one.name for one in found.tools if one.effects}
    assert effects - {"shell"} == {
        *("write_file", "edit_file", "delete_file"),
        *("git_switch", "git_add", "git_commit"),
    }
    assert {one.source for one in found.tools} == {"built-in"}
    assert all(len(one.description) < 120 for one in found.tools)
    await tools.aclose()


async def test_switched_off_there_are_no_tools_of_ours(tmp_path: Path) -> None:
    memory = {"memory": (tool("recall", "built-in"),)}
    assert (await toolset(tmp_path, built_in=False, further=memory).inventory(["*"])).tools == ()
    assert (await toolset(None, further=memory).inventory(["*"])).named("memory")[0].name == "recall"
    assert (await toolset(None).inventory(["files"])).tools == ()


async def test_a_workdir_that_is_none_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tools\.workdir: the workdir .* is no folder"):
        await toolset(tmp_path / "missing").inventory(["files"])


@needs_isolation()
async def test_the_shell_is_there_where_it_can_be_isolated(tmp_path: Path) -> None:
    tools = toolset(tmp_path)
    assert (await tools.inventory(["shell"])).named("shell")[0].effects
    assert tools.notices == ()
    off = Toolset(ToolSettings.model_validate({"workdir": str(tmp_path), "shell": "off"}))
    assert "shell" not in (await off.inventory(["shell"])).by_capability


async def test_without_isolation_the_shell_is_only_there_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(folder: object) -> Isolation:
        return Isolation(works=False, text="the kernel says no")

    monkeypatch.setattr("farthing.swarm.builtin.offer.find_isolation", none)
    tools = Toolset(ToolSettings(workdir=str(tmp_path)))
    assert "shell" not in (await tools.inventory(["shell"])).by_capability
    assert "cannot be isolated here (the kernel says no): the built-in shell is not" in tools.notices[0].text
    told = Toolset(ToolSettings.model_validate({"workdir": str(tmp_path), "shell": "unisolated"}))
    assert "network" not in (await told.inventory(["shell"])).named("shell")[0].description
    assert "with the network and all files of this user in reach" in told.notices[0].text


def look_up(word: str) -> str:
    """Looks a word up."""
    return word


LOOK_UP = Tool(name="looked", description="", parameters={"type": "object"}, effects=True)


async def test_functions_are_found_by_import_path() -> None:
    name = f"{__name__}:look_up"
    found = (await toolset().inventory([name, f"{__name__}:LOOK_UP"])).named(name)
    assert (found[0].name, found[0].source, found[0].effects) == ("look_up", name, False)
    assert function_named(f"{__name__}:LOOK_UP").effects


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no.such.module:x", "cannot be imported"),
        ("os:no_such_function", "cannot be imported"),
        ("os:sep", "is str; name a function"),
    ],
)
async def test_what_cannot_be_imported_says_why(name: str, said: str) -> None:
    with pytest.raises(SwarmError, match=said):
        await toolset().inventory([name])


async def test_a_tasks_names_become_tools_that_its_role_may_use(tmp_path: Path) -> None:
    roles = {"reviewer": RoleTools(deny=("write_*", "edit_*", "delete_*")), "*": RoleTools(allow=("read_*",))}
    tools = toolset(tmp_path, roles=roles)
    own = tool("read_file", "")

    async def given(*sources: "str | Tool", role: str | None) -> list[Tool]:
        return list(await tools.named(sources, role=role))

    assert [one.name for one in await given("files", role="reviewer")] == [
        *("read_file", "list_files", "find_files", "search_text"),
    ]
    assert [one.name for one in await given("files", role=None)] == ["read_file"]
    assert await given("files", own, role=None) == [own]  # what code hands over is the caller's own
    with pytest.raises(SwarmError, match="no tools named 'flies'; did you mean 'files'"):
        await given("flies", role=None)
    await tools.aclose()
