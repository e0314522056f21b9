"""HTTP exchanges: one request out, one reply in, as bytes. What a transport is, and the one for proxies.

Decides how connections are made, reused and closed, and whether a byte of a request was written. Knows no
deadline (`client.py` cancels), no JSON, and follows no redirect. Faults are values, not exceptions. Where no
proxy is in the way `direct.py` does the same in less time.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import aiohttp
import msgspec
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import HttpProcessingError

from farthing.errors import DeploymentClosedError
from farthing.upstream.failure import FailureKind, plain


class TransportFault(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange that broke. `sent` is False when no byte of the request was written."""

    kind: FailureKind
    message: str
    sent: bool


class Exchange(Protocol):
    """An exchange whose status and headers are here, and whose body is still to be read."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Answers lower-case names, however upstream wrote them."""
        ...

    async def read(self) -> bytes | TransportFault:
        """What has come of the body since, waiting for some; `b""` at its end."""
        ...

    def close(self) -> None:
        """Ends the exchange at once, unless its body was read to the end. May be called twice."""
        ...


class Transport(Protocol):
    """Makes exchanges. Cancelling `exchange` or `read` must leave nothing open at the other side."""

    async def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> Exchange | TransportFault:
        """Sends a request and waits for the head of the reply.

        `on_sent` is called when there is a connection and just before the first byte is written.
        """
        ...

    async def aclose(self) -> None: ...


class AiohttpTransport:
    """Exchanges over aiohttp, through a proxy if one is given. Use from one event loop.

    `connection_limit` is how many sockets there may be at once; 0 is no limit. Waiting for a free one
    counts as connecting. Raises `DeploymentClosedError` when used after `aclose`.
    """

    def __init__(
        self, *, connection_limit: int = 0, keepalive_s: float = 15.0, proxy: str | None = None
    ) -> None:
        self._connection_limit = connection_limit
        self._keepalive_s = keepalive_s
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None
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
        session = self._session or self._open()
        payload = None if body is None else _WatchedBody(body, on_sent)
        try:
            response = await session.request(
                method, url, data=payload, headers=headers, allow_redirects=False, proxy=self._proxy
            )
        except (aiohttp.ClientError, OSError) as error:
            # A request without a body writes its head unseen: only a failed connection is surely unsent.
            unsent = (
                isinstance(error, aiohttp.ClientConnectorError) if payload is None else not payload.started
            )
            return _fault(error, sent=not unsent)
        return AiohttpExchange(response)

    async def aclose(self) -> None:
        """Closes all connections; exchanges in flight break."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise DeploymentClosedError(
                "the transport is closed", hint="open the deployment with `async with`"
            )
        connector = aiohttp.TCPConnector(
            limit=self._connection_limit, keepalive_timeout=self._keepalive_s, ttl_dns_cache=60
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
            read_bufsize=65_536,
            max_line_size=8_190,
            max_field_size=8_190,
        )
        return self._session


class AiohttpExchange:
    """One response of aiohttp's."""

    __slots__ = ("_content", "_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._content = response.content
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers

    async def read(self) -> bytes | TransportFault:
        try:
            return await self._content.readany()
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            return _fault(error, sent=True)

    def close(self) -> None:
        if not self._content.is_eof():
            self._response.close()


class _WatchedBody(aiohttp.Payload):
    """A request body that says when it begins to be written: aiohttp sends the head together with it."""

    _autoclose = True

    def __init__(self, value: bytes, on_sent: Callable[[], None] | None) -> None:
        super().__init__(value, content_type="application/json")
        self._bytes = value
        self._size = len(value)
        self._on_sent = on_sent
        self.started = False

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._bytes.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        self.started = True
        if self._on_sent is not None:
            self._on_sent()
        await writer.write(self._bytes if content_length is None else self._bytes[:content_length])


def _fault(error: Exception, *, sent: bool) -> TransportFault:
    """Names an exception of aiohttp's. Its text may hold the request's headers, so little of it is taken."""
    kind = FailureKind.cut if sent else _unsent(error)
    detail = type(error).__name__
    if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
        kind = FailureKind.malformed
        detail = f"{detail}: {error.message}"
    elif isinstance(error, OSError) and error.strerror:
        detail = f"{detail}: {error.strerror}"
    return TransportFault(kind=kind, message=plain(detail), sent=sent)


def _unsent(error: Exception) -> FailureKind:
    untrusted = isinstance(error, aiohttp.ClientConnectorCertificateError)
    return FailureKind.tls if untrusted else FailureKind.connect
