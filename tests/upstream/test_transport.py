"""Exchanges over both transports: what was sent, what is open, and who closes it."""

import asyncio
import socket
from collections.abc import Callable

import pytest
from tests.upstream.loopback import Connection, Loopback, hang

from farthing.errors import DeploymentClosedError
from farthing.upstream.client import Client, Deadlines
from farthing.upstream.direct import DirectTransport
from farthing.upstream.failure import Failure
from farthing.upstream.transport import AiohttpTransport, Transport, TransportFault

Open = Callable[..., Transport]


@pytest.fixture(params=[AiohttpTransport, DirectTransport])
def opened(request: pytest.FixtureRequest) -> Open:
    """Makes a transport of either kind."""
    return request.param


async def hanging(_: Connection) -> None:
    await hang()


async def body_of(transport: Transport, url: str, body: bytes | None = None) -> bytes | TransportFault:
    exchange = await transport.exchange("POST" if body else "GET", url, headers={}, body=body)
    assert not isinstance(exchange, TransportFault)
    whole = b""
    while data := await exchange.read():
        if isinstance(data, TransportFault):
            return data
        whole += data
    exchange.close()
    return whole


async def test_a_reply_is_read_in_portions_to_its_end(opened: Open) -> None:
    async def script(connection: Connection) -> None:
        connection.open_stream("X-Mixed-Case: yes")
        connection.chunk(b"a")
        connection.chunk(b"b")
        connection.end()

    transport = opened()
    async with Loopback(script) as server:
        exchange = await transport.exchange("GET", server.base_url, headers={"X-Own": "1"})
        assert not isinstance(exchange, TransportFault)
        assert exchange.status == 200
        assert exchange.headers["x-mixed-case"] == "yes"
        assert await body_of(transport, server.base_url, b"{}") == b"ab"
        exchange.close()
        exchange.close()
        await transport.aclose()
    assert server.requests[0].headers["x-own"] == "1"
    assert "cookie" not in server.requests[1].headers


async def test_no_cookie_is_kept(opened: Open) -> None:
    async def script(connection: Connection) -> None:
        connection.reply(200, b"x", "Set-Cookie: a=b")

    transport = opened()
    async with Loopback(script) as server:
        assert await body_of(transport, server.base_url) == b"x"
        assert await body_of(transport, server.base_url) == b"x"
        await transport.aclose()
    assert [request.headers.get("cookie") for request in server.requests] == [None, None]


async def test_a_compressed_reply_is_handed_on_as_it_is(opened: Open) -> None:
    async def script(connection: Connection) -> None:
        connection.reply(200, b"not gzip", "Content-Encoding: gzip")

    transport = opened()
    async with Loopback(script) as server:
        assert await body_of(transport, server.base_url) == b"not gzip"
        await transport.aclose()


async def test_a_large_request_is_sent_whole(opened: Open) -> None:
    async def script(connection: Connection) -> None:
        connection.reply(200, b"x")

    transport = opened()
    async with Loopback(script) as server:
        assert await body_of(transport, server.base_url, b"y" * 3_000_000) == b"x"
        await transport.aclose()
    assert len(server.requests[0].body) == 3_000_000


async def test_waiting_for_a_free_connection_is_connecting(opened: Open) -> None:
    async with Loopback(hanging) as server:
        client = Client(opened(connection_limit=1), base_url=server.base_url, api_key=None)
        first = asyncio.create_task(client.chat(b"{}", stream=True, deadlines=Deadlines()))
        await server.asked.wait()
        outcome = await client.chat(b"{}", stream=True, deadlines=Deadlines(connect_s=0.03))
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await client.aclose()
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.sent, outcome.message) == (
        "connect",
        False,
        "waited 0.03 s for a connection",
    )
    assert len(server.requests) == 1


async def test_an_unknown_host_is_unsent(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    transport = opened()
    fault = await transport.exchange("POST", "http://name.invalid/api/v1", headers={}, body=b"{}")
    await transport.aclose()
    assert isinstance(fault, TransportFault)
    assert (fault.kind, fault.sent) == ("connect", False)


async def test_a_failed_handshake_is_unsent(opened: Open) -> None:
    transport = opened()
    async with Loopback(hanging) as server:
        url = server.base_url.replace("http://", "https://")
        exchange = asyncio.create_task(transport.exchange("POST", url, headers={}, body=b"{}"))
        await server.met.wait()
        server.connections[0].write(b"HTTP/1.1 400 this is no TLS\r\n\r\n")
        fault = await exchange
        await transport.aclose()
    assert isinstance(fault, TransportFault)
    assert (fault.kind, fault.sent) == ("connect", False)
    assert server.requests == []


async def test_closing_breaks_what_is_in_flight_and_refuses_more(opened: Open) -> None:
    transport = opened()
    async with Loopback(hanging) as server:
        exchange = asyncio.create_task(transport.exchange("POST", server.base_url, headers={}, body=b"{}"))
        await server.asked.wait()
        await transport.aclose()
        fault = await exchange
        assert isinstance(fault, TransportFault)
        assert (fault.kind, fault.sent) == ("cut", True)
        with pytest.raises(DeploymentClosedError):
            await transport.exchange("GET", server.base_url, headers={})
        await transport.aclose()
