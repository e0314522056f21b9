"""HTTP/1.1 exchanges over asyncio's protocols: what `transport.py` asks for, in less time than aiohttp.

Decides how connections are made, kept and given back. One connection serves one exchange at a time; no
pipelining, no redirects, no cookies, no proxies. What travels on one is `connection.py`'s.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from aiohappyeyeballs import start_connection  # pyright: ignore[reportUnknownVariableType]

from farthing.errors import DeploymentClosedError
from farthing.upstream.connection import Connection, Origin
from farthing.upstream.failure import FailureKind, plain
from farthing.upstream.transport import Exchange, TransportFault

_NEXT_ADDRESS_S = 0.25
"""After which a host's next address is tried beside the first: RFC 8305."""


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


class DirectTransport:
    """Exchanges without a library's client in between. Use from one event loop.

    `connection_limit` is how many sockets there may be at once; 0 is no limit. Waiting for a free one
    counts as connecting. Raises `DeploymentClosedError` when used after `aclose`.
    """

    def __init__(
        self, *, connection_limit: int = 0, keepalive_s: float = 15.0, context: ssl.SSLContext | None = None
    ) -> None:
        self._limit, self._keepalive_s, self._context = connection_limit, keepalive_s, context
        self._idle: dict[Origin, deque[Connection]] = {}
        self._open: set[Connection] = set()
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
        request = _request(method, target.start, headers, body)
        try:
            connection = await self._connection(target.origin)
        except (OSError, ssl.SSLError, ssl.CertificateError) as error:
            detail = f"{type(error).__name__}: {error.strerror or error}"
            kind = FailureKind.tls if isinstance(error, ssl.CertificateError) else FailureKind.connect
            return TransportFault(kind=kind, message=plain(detail), sent=False)
        if on_sent is not None:
            on_sent()
        return await connection.ask(request)

    async def aclose(self) -> None:
        """Closes all connections; exchanges in flight break."""
        self._closed = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        for connection in list(self._open):
            connection.break_off(FailureKind.cut, "the transport was closed")
        if self._open:
            await asyncio.sleep(0)  # `connection_lost` runs in the next turn

    # The connections' side.

    def give_back(self, connection: Connection) -> None:
        """A connection whose reply was read to its end."""
        connection.idle_since = connection.loop.time()
        self._idle.setdefault(connection.origin, deque()).append(connection)
        self._wake()

    def lost(self, connection: Connection) -> None:
        """A connection that is gone."""
        self._open.discard(connection)
        idle = self._idle.get(connection.origin)
        if idle is not None and connection in idle:
            idle.remove(connection)
        self._wake()

    async def _connection(self, origin: Origin) -> Connection:
        while True:
            if self._closed:
                raise _closed()
            found = self._kept(origin)
            if found is not None:
                return found
            if self._limit == 0 or len(self._open) + self._connecting < self._limit:
                return await self._connect(origin)
            if not self._close_another(origin):
                await self._turn()

    def _kept(self, origin: Origin) -> Connection | None:
        """The connection that was used last: the others may go."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.usable and connection.loop.time() - connection.idle_since < self._keepalive_s:
                return connection
            if connection.wire is not None:
                connection.wire.close()
        return None

    async def _connect(self, origin: Origin) -> Connection:
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
                lambda: Connection(self, origin, loop),
                sock=sock,
                ssl=self._context if secure else None,
                server_hostname=origin.host if secure else None,
            )
        except BaseException:
            self._wake_later(loop)
            raise
        finally:
            self._connecting -= 1
        if self._closed:
            connection.break_off(FailureKind.cut, "the transport was closed")
            raise _closed()
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


def _closed() -> DeploymentClosedError:
    return DeploymentClosedError("the transport is closed", hint="open the deployment with `async with`")


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
