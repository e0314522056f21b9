"""One TCP connection: reads requests one after another, writes their responses.

An asyncio protocol instead of a web framework, because one core must serve thousands of streamed replies a
second. Knows no endpoint.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import cast

from farthing.simulator.framing import MalformedRequestError, Request, head, take_request

_LITTLE_BYTES = 16_384
"""What a paced reply may be ahead of its client in this process, and likewise in the system."""


class Connection(asyncio.Protocol):
    """A connection. `accept` gets each request and must answer it, now or later."""

    def __init__(
        self, accept: "Callable[[Request, Connection], None]", connections: "set[Connection]"
    ) -> None:
        self._accept = accept
        self._connections = connections
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._busy = False
        self._keep_alive = True
        self.on_left: Callable[[], None] | None = None
        """Called when the client leaves while a reply is under way."""
        self.full = False
        """Whether the client does not read what was written."""
        self.on_room: Callable[[], None] | None = None
        """Called when it reads again."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._connections.discard(self)
        self.on_room = None
        left, self.on_left = self.on_left, None
        if left is not None:
            left()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._serve()

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        room, self.on_room = self.on_room, None
        if room is not None:
            room()

    def hold_little(self) -> None:
        """Takes little ahead of the client, so that one that stops reading is felt soon."""
        if self._transport is None:
            return
        self._transport.set_write_buffer_limits(high=_LITTLE_BYTES)
        sock: socket.socket | None = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LITTLE_BYTES)

    def respond(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """A whole response at once."""
        self.write(head(status, {**headers, "Content-Length": str(len(body))}) + body)
        self.finished()

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def finished(self) -> None:
        """The response is complete; the next request may come."""
        self.on_left = self.on_room = None
        self._busy = False
        if self._transport is None:
            return
        if not self._keep_alive:
            self._transport.close()
        elif self._buffer:
            asyncio.get_running_loop().call_soon(self._serve)

    def drop(self) -> None:
        """Closes without completing the response; what was written still arrives."""
        self.on_left = self.on_room = None
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _serve(self) -> None:
        if self._busy or self._transport is None or self._transport.is_closing():
            return
        try:
            request = take_request(self._buffer)
        except MalformedRequestError as error:
            self._keep_alive = False
            self.respond(error.status, {"Content-Type": "text/plain"}, b"[simulated] malformed request")
            return
        if request is None:
            return
        self._busy = True
        self._keep_alive = request.keep_alive
        self._accept(request, self)
