"""Tools of MCP servers, over their standard input and output or streamable HTTP. Needs the extra `mcp`.

`McpServers` is all that others need. Which agent may use what, and what is offered at a step, is decided
elsewhere: a server's tool is a `Tool` like any other, with `source` `mcp:SERVER`.
"""

from farthing.swarm.mcp.pool import McpServers, ServerState

__all__ = ["McpServers", "ServerState"]
