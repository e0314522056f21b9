"""`farthing tools`: opens the sources of tools that a configuration names, and tells or calls what they have.

A source is anything that has tools; `SOURCES` is the list of them. Nothing of a deployment is opened: no
ledger, no key, no model.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import typer

from farthing.cli.work import show
from farthing.cli.work.interrupt import run_async
from farthing.config.load import load_config
from farthing.config.schema import DeploymentConfig
from farthing.errors import EXIT_CODES, InvalidTaskError, ToolError, nearest
from farthing.prompt.tokens import estimate_conversation
from farthing.swarm.calls import RefusedCall, check_call, toolbox
from farthing.swarm.mcp import McpServers
from farthing.swarm.mcp.offered import SEPARATOR
from farthing.swarm.toolcall import ToolOutcome, run_tool
from farthing.task import Tool, ToolCall

_LONGEST_CALL_S = 24 * 3600.0
"""A server's own `timeout` ends a call; this is only the bound of what has none."""
_COLUMNS = ("tool", "source", "effects", "tokens", "description")
_CHECKED = ("source", "version", "protocol", "seconds", "tools", "tokens", "fault")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What has tools, opened. `faults` are what a person should mend."""

    name: str
    tools: tuple[Tool, ...]
    faults: tuple[str, ...] = ()
    version: str = ""
    protocol: str = ""
    start_s: float | None = None


Opener: TypeAlias = Callable[[DeploymentConfig], AbstractAsyncContextManager[Sequence[Source]]]


@asynccontextmanager
async def mcp_sources(config: DeploymentConfig) -> AsyncGenerator[Sequence[Source]]:
    """The MCP servers of a configuration, started."""
    async with McpServers(config.mcp_servers) as servers:
        await servers.tools()
        yield [
            Source(
                name=f"mcp:{state.name}",
                tools=state.tools,
                faults=(
                    *([f"{state.address} {state.fault}"] if state.fault is not None else []),
                    *(f"the tool {tool!r} is left out: {why}" for tool, why in state.unusable.items()),
                ),
                version=state.version,
                protocol=state.protocol,
                start_s=state.start_s,
            )
            for state in servers.by_server()
        ]


SOURCES: tuple[Opener, ...] = (mcp_sources,)


def tell_tools(source: str | Path | None, *, only: str | None, as_json: bool) -> None:
    """Prints every tool. Raises `ToolError` for a server that is not configured."""
    config = load_config(source)
    if only is not None:
        config = with_servers(config, [only])
    found = [one for one in run_async(_opened(config)) if only is None or one.name == f"mcp:{only}"]
    for one in found:
        for fault in one.faults:
            show.note(f"{one.name}: {fault}")
    tools = [tool for one in found for tool in one.tools]
    if as_json:
        show.write_json([_json(tool) for tool in tools])
    elif not tools:
        show.note("no tools; `mcpServers` in the configuration names servers that have some")
    else:
        rows = [_row(tool) for tool in tools]
        show.console().print(show.table(_COLUMNS, rows, right=("tokens",), cut=("description",)))
        total = sum(tokens_of(tool) for tool in tools)
        counted = f"{show.counted(len(tools), 'tool')} of {show.counted(len(found), 'source')}"
        show.console().print(f"{counted}, about {total:,} tokens where all are told")


def call_tool(source: str | Path | None, name: str, arguments: str, *, as_json: bool) -> None:
    """Runs one tool. Raises `InvalidTaskError` for a wrong name or arguments, `ToolError` where it fails."""
    config = load_config(source)
    owners = [one for one in config.mcp_servers if name.startswith(f"{one}{SEPARATOR}")]
    outcome, tool = run_async(_called(with_servers(config, owners) if owners else config, name, arguments))
    if as_json:
        facts = {"ok": outcome.ok, "text": outcome.text, "cut": outcome.cut, "latency_ms": outcome.latency_ms}
        show.write_json({"tool": tool.name, "source": tool.source, **facts})
    elif outcome.ok:
        typer.echo(show.plain(outcome.text))
    if not outcome.ok:
        raise ToolError(f"{tool.name}: {outcome.text.removeprefix('error: ').removeprefix('ToolError: ')}")


def check_tools(source: str | Path | None, *, as_json: bool) -> None:
    """Starts everything, and tells what is at fault; leaves with the code of a `ToolError` then."""
    found = run_async(_opened(load_config(source)))
    if as_json:
        show.write_json([_checked(one) for one in found])
    elif not found:
        show.note("nothing to check; `mcpServers` in the configuration names servers")
    else:
        show.console().print(show.table(_CHECKED, [_check_row(one) for one in found], right=_CHECKED[3:6]))
    if any(one.faults for one in found):
        raise typer.Exit(EXIT_CODES[ToolError])


def with_servers(config: DeploymentConfig, names: Sequence[str]) -> DeploymentConfig:
    """The configuration with these MCP servers only. Raises `ToolError` for one that it does not have."""
    for name in names:
        if name not in config.mcp_servers:
            near = nearest(name, config.mcp_servers)
            meant = f" (did you mean {near!r}?)" if near else ""
            raise ToolError(f"no MCP server is named {name!r}{meant}")
    servers = {name: config.mcp_servers[name] for name in names}
    return config.model_copy(update={"mcp_servers": servers})


def tokens_of(tool: Tool) -> int:
    """About how many tokens it takes to tell a model of this tool."""
    return estimate_conversation((), (tool,)) - estimate_conversation(())


async def _opened(config: DeploymentConfig) -> list[Source]:
    async with AsyncExitStack() as stack:
        return await _entered(config, stack)


async def _entered(config: DeploymentConfig, stack: AsyncExitStack) -> list[Source]:
    return [one for opener in SOURCES for one in await stack.enter_async_context(opener(config))]


async def _called(config: DeploymentConfig, name: str, arguments: str) -> tuple[ToolOutcome, Tool]:
    async with AsyncExitStack() as stack:
        sources = await _entered(config, stack)
        box = toolbox([tool for one in sources for tool in one.tools])
        checked = check_call(ToolCall(id="call", name=name, arguments=arguments), box)
        if isinstance(checked, RefusedCall):
            faults = [f"{one.name}: {fault}" for one in sources for fault in one.faults]
            raise InvalidTaskError(checked.text.removeprefix("error: "), hint="\n  → ".join(faults) or None)
        outcome = await run_tool(checked.tool, arguments, timeout_s=_LONGEST_CALL_S)
        return outcome, checked.tool


def _row(tool: Tool) -> tuple[str, ...]:
    effects = "yes" if tool.effects else "no"
    return tool.name, tool.source, effects, f"{tokens_of(tool):,}", " ".join(tool.description.split())


def _json(tool: Tool) -> dict[str, object]:
    return {
        "name": tool.name,
        "source": tool.source,
        "effects": tool.effects,
        "tokens": tokens_of(tool),
        "description": tool.description,
        "parameters": tool.parameters,
    }


def _check_row(one: Source) -> tuple[str, ...]:
    seconds = "—" if one.start_s is None else f"{one.start_s:.2f}"
    tokens = sum(tokens_of(tool) for tool in one.tools)
    fault = "\n".join(one.faults) or "none"
    return (
        one.name,
        one.version or "—",
        one.protocol or "—",
        seconds,
        str(len(one.tools)),
        f"{tokens:,}",
        fault,
    )


def _checked(one: Source) -> dict[str, object]:
    return {
        "source": one.name,
        "version": one.version,
        "protocol": one.protocol,
        "start_s": one.start_s,
        "tools": len(one.tools),
        "tokens": sum(tokens_of(tool) for tool in one.tools),
        "faults": one.faults,
    }
