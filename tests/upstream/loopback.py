"""A scripted HTTP server on loopback for the tests of `upstream/`: raw bytes, and hangs until released."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it came. Header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Connection(asyncio.Protocol):
    """One client connection; the server's script writes to it."""

    def __init__(self, server: "Loopback") -> None:
        self.server = server
        self.stuck = asyncio.Event()
        """Set when the client takes no more: all buffers between it and us are full."""
        self.closed = False
        self._drained = asyncio.Event()
        self._drained.set()
        self._buffer = b""
        self._script: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.server.connections.append(self)
        self.server.met.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        method, path, _ = first.split(" ")
        request = Received(method=method, path=path, headers=headers, body=rest[:length])
        self.server.requests.append(request)
        self.server.asked.set()
        self._script = asyncio.get_running_loop().create_task(self.server.script(self))

    def pause_writing(self) -> None:
        self.stuck.set()
        self._drained.clear()

    def resume_writing(self) -> None:
        self._drained.set()

    async def drained(self) -> None:
        """Until the client takes more."""
        await self._drained.wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._drained.set()
        self.server.gone.set()
        if self._script is not None:
            self._script.cancel()

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def reply(self, status: int, body: bytes, *headers: str, kind: str = "application/json") -> None:
        """A whole reply that leaves the connection open."""
        lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
        self.write("\r\n".join([*lines, "", ""]).encode() + body)

    def open_stream(self, *headers: str) -> None:
        """The head of a chunked event stream."""
        lines = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked", *headers]
        self.write("\r\n".join([*lines, "", ""]).encode())

    def chunk(self, data: bytes) -> None:
        self.write(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self) -> None:
        self.write(b"0\r\n\r\n")


Script = Callable[[Connection], Awaitable[None]]


class Loopback:
    """`async with Loopback(script) as server`. `hang()` inside a script waits until the client has gone."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self._script, self._tls = script, tls
        self.connections: list[Connection] = []
        self.requests: list[Received] = []
        self.met = asyncio.Event()
        """Set when a client has connected."""
        self.asked = asyncio.Event()
        """Set when a whole request has come."""
        self.gone = asyncio.Event()
        """Set when a client's connection has closed."""
        self.released = asyncio.Event()
        """For scripts that wait for the test."""
        self.base_url = ""

    async def script(self, connection: Connection) -> None:
        await self._script(connection)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), "127.0.0.1", 0, ssl=self._tls)
        port = self._server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}/api/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self.connections:
            connection.close()
        await self._server.wait_closed()


async def hang() -> None:
    """Never goes on; the connection's end cancels it."""
    await asyncio.Event().wait()
