"""One live session with a server, through the official SDK. The only module that knows the SDK's classes.

Does and decides nothing of restarts; what it raises is ours: `ToolError`, or `LinkLostError` where the
connection is gone and nobody knows whether the call was done.
"""

import importlib.util
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, cast

from farthing.config.tooling import McpServer
from farthing.errors import FarthingError, ToolError
from farthing.swarm.mcp.mending import TOLD, MendingTransport
from farthing.swarm.mcp.offered import OfferedTool, told
from farthing.swarm.mcp.process import ServerProcess

if TYPE_CHECKING:
    from mcp import MCPError
    from mcp.client import Client, IncomingMessage, Transport
    from mcp_types import Implementation
    from mcp_types import Tool as McpTool

_MOST_PAGES = 100
_MOST_TOOLS = 2_000
_OVER = ("Connection closed", "Session terminated")
"""The SDK's words where the connection is gone, and where an HTTP server no longer knows the session. Its
codes for them are also used by servers, for what they like."""


class LinkLostError(Exception):
    """The connection is gone."""


def check_installed() -> None:
    """Raises `FarthingError` where the SDK is missing."""
    if importlib.util.find_spec("mcp") is None:
        raise FarthingError("MCP servers need the MCP SDK", hint="pip install 'farthing[mcp]'")


class Link:
    """A session that has begun. `version` is what the server says of itself, `protocol` what was agreed."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        info = client.server_info
        self.version = f"{info.name} {info.version}" if info is not None else "unnamed"
        self.protocol = client.protocol_version

    async def tools(self) -> tuple[OfferedTool, ...]:
        """All its tools, page by page. Raises `ToolError` where it does not tell them."""
        from mcp import MCPError

        if self._client.server_capabilities.tools is None:
            return ()  # it is there for something else
        found: list[OfferedTool] = []
        cursor: str | None = None
        seen: set[str] = set()
        for _ in range(_MOST_PAGES):
            try:
                page = await self._client.list_tools(cursor=cursor, cache_mode="refresh")
            except MCPError as error:
                if _is_over(error):
                    raise LinkLostError(error.message) from None
                raise ToolError(f"it does not list its tools: {error.message}") from None
            found += [_offered(tool) for tool in page.tools]
            cursor = page.next_cursor
            if not cursor or cursor in seen or len(found) > _MOST_TOOLS:
                break
            seen.add(cursor)
        return tuple(found[:_MOST_TOOLS])

    async def call(self, tool: str, arguments: Mapping[str, object], *, timeout_s: float) -> str:
        """What a tool says. A call that takes too long, or whose caller leaves, is cancelled there too."""
        from mcp import MCPError
        from mcp.client import InputRequiredRoundsExceededError
        from pydantic import ValidationError

        try:
            result = await self._client.call_tool(tool, dict(arguments), read_timeout_seconds=timeout_s)
        except MCPError as error:
            if _is_over(error):
                raise LinkLostError(error.message) from None
            if _is_late(error):
                raise ToolError(f"{tool} did not answer within {timeout_s:.3g} seconds") from None
            raise ToolError(error.message) from None
        except TimeoutError:
            raise ToolError(f"{tool} did not take the call within {timeout_s:.3g} seconds") from None
        except (ValidationError, RuntimeError, InputRequiredRoundsExceededError) as error:
            said = str(error).partition("\n")[0]
            raise ToolError(f"{tool} gave a result that is none: {said}") from None
        content = [block.model_dump(mode="json", by_alias=True) for block in result.content]
        text = told(content, cast("object", result.structured_content))
        if result.is_error:
            raise ToolError(text)
        return text


@asynccontextmanager
async def linked(
    server: McpServer, process: ServerProcess | None, *, on_changed: Callable[[], None]
) -> AsyncGenerator[Link]:
    """A session, begun; `process` None is a server over HTTP. `on_changed` hears that its tools have changed.

    To be left in the task that entered it. Raises `OSError`, or what the SDK raises.
    """
    from mcp.client import Client
    from mcp_types import ToolListChangedNotification

    async def hear(message: "IncomingMessage") -> None:
        if isinstance(message, ToolListChangedNotification):
            on_changed()

    async with AsyncExitStack() as stack:
        transport = await _over_http(server, stack) if process is None else process.open()
        client = Client(
            MendingTransport(transport),
            message_handler=hear,
            client_info=_ourselves(),
            cache=None,
            read_timeout_seconds=server.start_timeout,
        )
        client = await stack.enter_async_context(client)
        await _listen(client, stack)
        yield Link(client)


async def _over_http(server: McpServer, stack: AsyncExitStack) -> "Transport":
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    # The SDK bounds each call; a stream that waits for news may be silent for as long as it likes.
    patience = httpx2.Timeout(server.start_timeout, read=None)
    http = await stack.enter_async_context(httpx2.AsyncClient(headers=server.headers, timeout=patience))
    return streamable_http_client(server.url or "", http_client=http)


async def _listen(client: "Client", stack: AsyncExitStack) -> None:
    """Since 2026 a server tells that its tools have changed only to who asked for it."""
    from mcp import MCPError
    from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost

    tools = client.server_capabilities.tools
    if tools is None or not tools.list_changed:
        return
    try:
        await stack.enter_async_context(client.listen(tools_list_changed=True))
    except (ListenNotSupportedError, SubscriptionLost, MCPError, TimeoutError):
        return  # an older server tells it unasked, and one that refuses keeps its tools


def _ourselves() -> "Implementation":
    from importlib.metadata import version

    from mcp_types import Implementation

    return Implementation(name="farthing", version=version("farthing"))


def _offered(tool: "McpTool") -> OfferedTool:
    hints = tool.annotations
    return OfferedTool(
        name=tool.name,
        description=tool.description or tool.title or "",
        schema=cast("object", tool.input_schema.get(TOLD, tool.input_schema)),
        read_only=hints is not None and hints.read_only_hint is True,
        idempotent=hints is not None and hints.idempotent_hint is True,
    )


def _is_over(error: "MCPError") -> bool:
    return error.message in _OVER


def _is_late(error: "MCPError") -> bool:
    return error.message.startswith("Request ") and error.message.endswith("timed out")
