"""HTTP/1.1 exchanges over asyncio's protocols and httptools: what `transport.py` asks for, in less time.

Decides how connections are made, kept and given back. One connection serves one exchange at a time; no
pipelining, no redirects, no cookies, no proxies. A reader that is slow stops the socket from being read.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

import httptools
from aiohappyeyeballs import start_connection  # pyright: ignore[reportUnknownVariableType]

from farthing.errors import DeploymentClosedError
from farthing.upstream.failure import FailureKind, plain
from farthing.upstream.transport import Exchange, TransportFault

_HEAD_BYTES = 65_536
"""Of a reply's status line and headers together, informational ones included."""
_FIELD_BYTES = 8_190
"""Of one header, as other clients have it."""
_NEXT_ADDRESS_S = 0.25
"""After which a host's next address is tried beside the first: RFC 8305."""
_BUFFERED_BYTES = 65_536
"""Of a body that its reader has not taken: then the socket is read no more until it has."""


class Origin(NamedTuple):
    """Where a connection leads."""

    scheme: str
    host: str
    port: int


class _Target(NamedTuple):
    origin: Origin
    start: bytes
    """The rest of the request line, and the Host header."""


@lru_cache(maxsize=256)  # a deployment asks a handful of addresses over and over
def _target(url: str) -> _Target:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    path = parts.path or "/"
    query = f"?{parts.query}" if parts.query else ""
    name = f"[{host}]" if ":" in host else host
    shown = name if parts.port is None else f"{name}:{port}"
    return _Target(
        Origin(parts.scheme, host, port), f"{path}{query} HTTP/1.1\r\nHost: {shown}\r\n".encode("ascii")
    )


class DirectExchange:
    """One reply: its head, and its body as it comes. Made by a `DirectTransport`."""

    __slots__ = ("_buffered", "_chunks", "_connection", "_fault", "_waiter", "complete", "headers", "status")

    def __init__(self, connection: "_Connection") -> None:
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


class _Connection(asyncio.Protocol):
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

    def __init__(self, pool: "DirectTransport", origin: Origin, loop: asyncio.AbstractEventLoop) -> None:
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
        except httptools.HttpParserError as error:
            said = error.__context__ or error  # what a callback raised, or the parser itself
            self._break(FailureKind.malformed, f"{type(said).__name__}: {said}")
            return
        if self._head is not None and self._head_bytes > _HEAD_BYTES:
            self._break(FailureKind.malformed, f"the reply's head is longer than {_HEAD_BYTES} bytes")

    def eof_received(self) -> bool:
        return False  # the connection closes, and `connection_lost` tells

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

    def _break(self, kind: FailureKind, message: str) -> None:
        self._fail(kind, message)
        self._close()

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


class DirectTransport:
    """Exchanges without a library's client in between. Use from one event loop.

    `connection_limit` is how many sockets there may be at once; 0 is no limit. Waiting for a free one
    counts as connecting. Raises `DeploymentClosedError` when used after `aclose`.
    """

    def __init__(
        self, *, connection_limit: int = 0, keepalive_s: float = 15.0, context: ssl.SSLContext | None = None
    ) -> None:
        self._limit, self._keepalive_s, self._context = connection_limit, keepalive_s, context
        self._idle: dict[Origin, deque[_Connection]] = {}
        self._open: set[_Connection] = set()
        self._connecting = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed = False

    async def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> Exchange | TransportFault:
        target = _target(url)
        try:
            connection = await self._connection(target.origin)
        except (OSError, ssl.SSLError, ssl.CertificateError) as error:
            detail = f"{type(error).__name__}: {error.strerror or error}"
            return TransportFault(kind=FailureKind.connect, message=plain(detail), sent=False)
        if on_sent is not None:
            on_sent()
        return await connection.ask(_request(method, target.start, headers, body))

    async def aclose(self) -> None:
        """Closes all connections; exchanges in flight break."""
        self._closed = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        for connection in list(self._open):
            if connection.wire is not None:
                connection.wire.abort()
        if self._open:
            await asyncio.sleep(0)  # `connection_lost` runs in the next turn

    # The connections' side.

    def give_back(self, connection: _Connection) -> None:
        """A connection whose reply was read to its end."""
        connection.idle_since = connection.loop.time()
        self._idle.setdefault(connection.origin, deque()).append(connection)
        self._wake()

    def lost(self, connection: _Connection) -> None:
        """A connection that is gone."""
        self._open.discard(connection)
        idle = self._idle.get(connection.origin)
        if idle is not None and connection in idle:
            idle.remove(connection)
        self._wake()

    async def _connection(self, origin: Origin) -> _Connection:
        while True:
            if self._closed:
                raise DeploymentClosedError(
                    "the transport is closed", hint="open the deployment with `async with`"
                )
            found = self._kept(origin)
            if found is not None:
                return found
            if self._limit == 0 or len(self._open) + self._connecting < self._limit:
                return await self._connect(origin)
            if not self._close_another(origin):
                await self._turn()

    def _kept(self, origin: Origin) -> _Connection | None:
        """The connection that was used last: the others may go."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.usable and connection.loop.time() - connection.idle_since < self._keepalive_s:
                return connection
            if connection.wire is not None:
                connection.wire.close()
        return None

    async def _connect(self, origin: Origin) -> _Connection:
        loop = asyncio.get_running_loop()
        secure = origin.scheme == "https"
        if secure and self._context is None:
            self._context = ssl.create_default_context()
        self._connecting += 1
        try:
            addresses = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
            # Not asyncio's own race between addresses: until 3.12 a cancelled one may leave a socket open.
            sock = await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS_S, loop=loop)
            _, connection = await loop.create_connection(
                lambda: _Connection(self, origin, loop),
                sock=sock,
                ssl=self._context if secure else None,
                server_hostname=origin.host if secure else None,
            )
        except BaseException:
            self._wake_later(loop)
            raise
        finally:
            self._connecting -= 1
        self._open.add(connection)
        return connection

    async def _turn(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._wake()  # the turn was ours and is not used
            raise
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _wake_later(self, loop: asyncio.AbstractEventLoop) -> None:
        """When the count of connections is less by the one that failed."""
        loop.call_soon(self._wake)

    def _close_another(self, origin: Origin) -> bool:
        """Closes an idle connection to somewhere else, to make room; False when there is none."""
        for other, idle in self._idle.items():
            if other != origin and idle:
                connection = idle.popleft()
                self._open.discard(connection)
                if connection.wire is not None:
                    connection.wire.close()
                return True
        return False


def _request(method: str, start: bytes, headers: Mapping[str, str], body: bytes | None) -> bytes:
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
        raise ValueError("a header has a line end in its value")
    if body is None:
        return b"%s %s%s\r\n" % (method.encode("ascii"), start, lines.encode())
    kind = b"" if "Content-Type" in headers else b"Content-Type: application/json\r\n"
    return b"%s %s%s%sContent-Length: %d\r\n\r\n%s" % (
        method.encode("ascii"),
        start,
        lines.encode(),
        kind,
        len(body),
        body,
    )
