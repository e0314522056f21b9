"""A memory on the official SDK, kept in the file that `MEMORY_FILE` names.

On standard input and output; with `--http PORT` on loopback, and its address is its first line, and
only for who sends the header `Authorization: Bearer $MEMORY_TOKEN`.
"""

import asyncio
import json
import os
import socket
import sys
from pathlib import Path
from typing import cast

from mcp.server import MCPServer
from mcp.types import ToolAnnotations
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

FILE = Path(os.environ["MEMORY_FILE"])
READS = ToolAnnotations(read_only_hint=True)


def entries() -> dict[str, str]:
    text = FILE.read_text(encoding="utf-8") if FILE.exists() else "{}"
    return cast("dict[str, str]", json.loads(text))


def made() -> MCPServer:
    server = MCPServer("memory", version="2.0.0")

    def remember(key: str, value: str) -> str:
        """Keeps a value under a key."""
        FILE.write_text(json.dumps({**entries(), key: value}), encoding="utf-8")
        return f"kept {key}"

    def recall(key: str) -> str:
        """The value that is kept under a key."""
        return entries().get(key, "nothing is kept under that key")

    server.tool()(remember)
    server.tool(annotations=READS)(recall)
    return server


def guarded(app: ASGIApp) -> ASGIApp:
    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            sent = Request(scope).headers.get("authorization")
            if sent != f"Bearer {os.environ['MEMORY_TOKEN']}":
                await PlainTextResponse("who are you?", status_code=401)(scope, receive, send)
                return
        await app(scope, receive, send)

    return checked


def serve_http(port: int) -> None:
    import uvicorn

    listening = socket.create_server(("127.0.0.1", port))
    sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp\n")
    sys.stdout.flush()
    app = guarded(made().streamable_http_app())
    config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


if "--http" in sys.argv:
    serve_http(int(sys.argv[2]))
else:
    made().run()
