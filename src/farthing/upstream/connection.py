"""One socket that speaks HTTP/1.1 by httptools: an exchange at a time, nothing of one in another.

Decides what is a reply and what is none, and stops reading the socket for a reader that is slow. Connecting
and keeping connections is `direct.py`'s.
"""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import httptools

from farthing.upstream.failure import FailureKind, plain
from farthing.upstream.transport import TransportFault

_HEAD_BYTES = 65_536
"""Of a reply's status line and headers together, informational ones included."""
_FIELD_BYTES = 8_190
"""Of one header, as other clients have it."""
_BUFFERED_BYTES = 65_536
"""Of a body that its reader has not taken: then the socket is read no more until it has."""


class Origin(NamedTuple):
    """Where a connection leads."""

    scheme: str
    host: str
    port: int


class Pool(Protocol):
    """Who keeps connections between exchanges."""

    def give_back(self, connection: "Connection") -> None:
        """A connection whose reply was read to its end."""
        ...

    def lost(self, connection: "Connection") -> None:
        """A connection that is gone."""
        ...


class DirectExchange:
    """One reply: its head, and its body as it comes. Made by a `DirectTransport`."""

    __slots__ = ("_buffered", "_chunks", "_connection", "_fault", "_waiter", "complete", "headers", "status")

    def __init__(self, connection: "Connection") -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.complete = False
        self._connection = connection
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._fault: TransportFault | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def read(self) -> bytes | TransportFault:
        while not self._chunks:
            if self._fault is not None:
                return self._fault
            if self.complete:
                return b""
            self._waiter = self._connection.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        if self._buffered > _BUFFERED_BYTES:
            self._connection.go_on_reading(self)
        self._buffered = 0
        return data

    def close(self) -> None:
        if not self.complete and self._fault is None:
            self._connection.abandon(self)

    # The connection's side.

    def feed(self, data: bytes) -> bool:
        """Takes a part of the body; False when the reader is too far behind."""
        self._chunks.append(data)
        self._buffered += len(data)
        self._wake()
        return self._buffered <= _BUFFERED_BYTES

    def finish(self) -> None:
        self.complete = True
        self._wake()

    def fail(self, fault: TransportFault) -> None:
        self._fault = fault
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Connection(asyncio.Protocol):
    """One socket and its parser. Between exchanges it lies in the transport's pool."""

    __slots__ = (
        "_exchange",
        "_field_bytes",
        "_fields",
        "_head",
        "_head_bytes",
        "_parser",
        "_pool",
        "_until_close",
        "idle_since",
        "loop",
        "origin",
        "wire",
    )

    def __init__(self, pool: "Pool", origin: Origin, loop: asyncio.AbstractEventLoop) -> None:
        self.loop, self.origin, self._pool = loop, origin, pool
        self.wire: asyncio.Transport | None = None
        self.idle_since = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: DirectExchange | None = None
        self._head: asyncio.Future[DirectExchange | TransportFault] | None = None
        self._fields: dict[str, str] = {}
        self._head_bytes = self._field_bytes = 0
        self._until_close = False

    @property
    def usable(self) -> bool:
        return self.wire is not None and not self.wire.is_closing()

    async def ask(self, request: bytes) -> DirectExchange | TransportFault:
        """Writes a request and waits for the head of its reply. A cancelled wait closes the connection."""
        exchange = self._exchange = DirectExchange(self)
        self._head = self.loop.create_future()
        self._head_bytes = 0
        if self.wire is None:
            raise RuntimeError("the connection was not made")
        self.wire.write(request)
        try:
            return await self._head
        except asyncio.CancelledError:
            self.abandon(exchange)
            raise

    def abandon(self, exchange: DirectExchange) -> None:
        """Ends an exchange whose reply is not whole: nobody may read the rest as another's."""
        if self._exchange is exchange and self.wire is not None:
            self.wire.abort()

    def break_off(self, kind: FailureKind, message: str) -> None:
        """Closes at once; an exchange under way ends with this fault."""
        self._fail(kind, message)
        self._close()

    def go_on_reading(self, exchange: DirectExchange) -> None:
        if self._exchange is exchange and self.wire is not None:
            self.wire.resume_reading()

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self.wire = transport

    def data_received(self, data: bytes) -> None:
        if self._exchange is None:  # nobody asked: whatever this is, it is no reply of ours
            self._close()
            return
        if self._head is not None:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # no kind of its parser's errors, and nothing that we asked for
            self.break_off(FailureKind.malformed, "the other side wants to speak something else than HTTP")
            return
        except httptools.HttpParserError as error:
            said = error.__context__ or error  # what a callback raised, or the parser itself
            self.break_off(FailureKind.malformed, f"{type(said).__name__}: {said}")
            return
        if self._head is not None and self._head_bytes > _HEAD_BYTES:
            self.break_off(FailureKind.malformed, f"the reply's head is longer than {_HEAD_BYTES} bytes")

    def connection_lost(self, exc: Exception | None) -> None:
        exchange = self._exchange
        if exchange is not None:
            if self._until_close and self._head is None and exc is None:
                self._exchange = None
                exchange.finish()
            else:
                said = getattr(exc, "strerror", None) or "the other side closed the connection"
                self._fail(FailureKind.cut, f"{type(exc).__name__ if exc else 'Closed'}: {said}")
        self._pool.lost(self)

    # httptools' side.

    def on_message_begin(self) -> None:
        if self._exchange is None:
            raise ValueError("a reply that nobody asked for")
        self._field_bytes = 0
        self._fields = {}  # the trailers of the reply before this one are not its

    def on_header(self, name: bytes, value: bytes) -> None:
        size = len(name) + len(value)
        self._field_bytes += size
        if size > _FIELD_BYTES:
            raise ValueError(f"a header is longer than {_FIELD_BYTES} bytes")
        if self._field_bytes > _HEAD_BYTES:
            raise ValueError(f"the reply's head is longer than {_HEAD_BYTES} bytes")
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        known = self._fields.get(key)
        self._fields[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        status, fields = self._parser.get_status_code(), self._fields
        self._fields = {}
        if 100 <= status < 200:
            return
        exchange, head = self._exchange, self._head
        if exchange is None or head is None:
            return
        exchange.status, exchange.headers = status, fields
        bounded = "content-length" in fields or "chunked" in fields.get("transfer-encoding", "").lower()
        self._until_close = not bounded and status not in (204, 304)
        self._head = None
        if not head.done():
            head.set_result(exchange)

    def on_body(self, body: bytes) -> None:
        if self._exchange is not None and not self._exchange.feed(body) and self.wire is not None:
            self.wire.pause_reading()

    def on_message_complete(self) -> None:
        exchange = self._exchange
        if exchange is None or self._head is not None:  # of an informational reply
            return
        self._exchange = None
        exchange.finish()
        if self.wire is None:
            return
        if not self._parser.should_keep_alive():
            self.wire.close()
        else:
            self.wire.resume_reading()
            self._pool.give_back(self)

    def _fail(self, kind: FailureKind, message: str) -> None:
        fault = TransportFault(kind=kind, message=plain(message), sent=True)
        exchange, self._exchange = self._exchange, None
        head, self._head = self._head, None
        if head is not None and not head.done():
            head.set_result(fault)
        elif exchange is not None:
            exchange.fail(fault)

    def _close(self) -> None:
        if self.wire is not None:
            self.wire.abort()
