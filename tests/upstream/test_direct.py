"""The transport of our own: kept connections and their races, limits, closing, what is sent, TLS."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
from tests.upstream.exchanges import HEAD, got, sending, whole
from tests.upstream.loopback import Connection, Loopback, Received, hang

from farthing.errors import DeploymentClosedError
from farthing.upstream.direct import DirectTransport
from farthing.upstream.transport import TransportFault

# Kept connections.


async def test_a_connection_that_the_other_side_closed_is_not_used_again() -> None:
    async def script(connection: Connection) -> None:
        connection.reply(200, b"x")
        connection.close()

    transport = DirectTransport()
    async with Loopback(script) as server:
        for number in range(3):
            assert await whole(await got(transport, server.base_url, b"{}")) == b"x"
            await server.gone.wait()
            server.gone.clear()
            for _ in range(5):  # until the end has come here, too
                await asyncio.sleep(0)
            assert len(server.connections) == number + 1
        await transport.aclose()


async def test_connection_close_is_obeyed() -> None:
    async def script(connection: Connection) -> None:
        connection.reply(200, b"x", "Connection: close")

    transport = DirectTransport()
    async with Loopback(script) as server:
        assert await whole(await got(transport, server.base_url)) == b"x"
        await server.gone.wait()
        assert await whole(await got(transport, server.base_url)) == b"x"
        assert len(server.connections) == 2
        await transport.aclose()


async def test_what_nobody_asked_for_is_no_reply_to_the_next() -> None:
    async def script(connection: Connection) -> None:
        connection.reply(200, b"x")
        connection.write(HEAD + b"Content-Length: 6\r\n\r\nforged")

    transport = DirectTransport()
    async with Loopback(script) as server:
        assert await whole(await got(transport, server.base_url)) == b"x"
        await server.gone.wait()
        assert await whole(await got(transport, server.base_url)) == b"x"
        assert len(server.connections) == 2
        await transport.aclose()


async def test_a_connection_too_long_idle_is_not_used_again() -> None:
    async def script(connection: Connection) -> None:
        connection.reply(200, b"x")

    transport = DirectTransport(keepalive_s=0.0)
    async with Loopback(script) as server:
        for _ in range(2):
            assert await whole(await got(transport, server.base_url)) == b"x"
        assert len(server.connections) == 2
        await transport.aclose()


async def test_a_reply_that_is_left_closes_its_connection_and_a_finished_one_does_not() -> None:
    async def script(connection: Connection) -> None:
        connection.open_stream()
        connection.chunk(b"a")
        if len(connection.server.requests) == 1:
            await hang()
        connection.end()

    transport = DirectTransport()
    async with Loopback(script) as server:
        left = await got(transport, server.base_url)
        assert await left.read() == b"a"
        left.close()
        await server.gone.wait()
        finished = await got(transport, server.base_url)
        assert await whole(finished) == b"a"
        finished.close()
        assert await whole(await got(transport, server.base_url)) == b"a"
        assert len(server.connections) == 2
        await transport.aclose()


async def test_cancelling_closes_at_once_before_and_after_the_head() -> None:
    async def script(connection: Connection) -> None:
        if len(connection.server.requests) == 2:
            connection.open_stream()
        await hang()

    transport = DirectTransport()
    async with Loopback(script) as server:
        asking = asyncio.create_task(transport.exchange("POST", server.base_url, headers={}, body=b"{}"))
        await server.asked.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await server.gone.wait()
        server.gone.clear()
        exchange = await got(transport, server.base_url, b"{}")
        reading = asyncio.create_task(exchange.read())
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        exchange.close()
        await server.gone.wait()
        await transport.aclose()


async def test_closing_does_not_pass_a_part_off_as_the_whole() -> None:
    """A body without a length ends with its connection, but not with one that we closed."""

    async def script(connection: Connection) -> None:
        connection.write(HEAD + b"\r\nhel")
        await hang()

    transport = DirectTransport()
    async with Loopback(script) as server:
        exchange = await got(transport, server.base_url)
        assert await exchange.read() == b"hel"
        await transport.aclose()
        fault = await exchange.read()
        assert isinstance(fault, TransportFault)
        assert fault.kind == "cut"


async def test_a_request_that_cannot_be_sent_takes_no_connection() -> None:
    async def script(connection: Connection) -> None:
        connection.reply(200, b"x")

    transport = DirectTransport(connection_limit=1)
    async with Loopback(script) as server:
        for _ in range(2):
            assert await whole(await got(transport, server.base_url)) == b"x"
            with pytest.raises(ValueError, match="line end"):
                await transport.exchange("GET", server.base_url, headers={"X": "a\nb"})
        assert len(server.connections) == 1
        await transport.aclose()


async def test_a_connection_that_is_made_while_the_transport_closes_is_closed() -> None:
    transport = DirectTransport()
    async with Loopback(sending()) as server:
        asking = asyncio.create_task(transport.exchange("GET", server.base_url, headers={}))
        await asyncio.sleep(0)
        await transport.aclose()
        with pytest.raises(DeploymentClosedError):
            await asking
        assert server.requests == []


async def test_cancelled_waits_for_a_connection_lose_no_turn() -> None:
    async def script(connection: Connection) -> None:
        await connection.server.released.wait()
        connection.reply(200, b"x")

    transport = DirectTransport(connection_limit=1)
    async with Loopback(script) as server:
        callers = [asyncio.create_task(got(transport, server.base_url, b"{}")) for _ in range(6)]
        await server.asked.wait()
        for caller in callers[1:5]:
            caller.cancel()
        server.released.set()
        assert await whole(await callers[0]) == b"x"
        assert await whole(await callers[5]) == b"x"
        await asyncio.gather(*callers, return_exceptions=True)
        assert len(server.connections) == 1
        await transport.aclose()


async def test_a_limit_is_kept_and_everybody_is_served() -> None:
    async def script(connection: Connection) -> None:
        await asyncio.sleep(0)
        connection.reply(200, b"x")

    transport = DirectTransport(connection_limit=3)
    async with Loopback(script) as server:
        replies = await asyncio.gather(*(got(transport, server.base_url, b"{}") for _ in range(50)))
        assert [await whole(reply) for reply in replies] == [b"x"] * 50
        assert len(server.connections) == 3
        await transport.aclose()


async def test_a_limit_makes_room_for_another_host() -> None:
    async def script(connection: Connection) -> None:
        connection.reply(200, b"x")

    transport = DirectTransport(connection_limit=1)
    async with Loopback(script) as one, Loopback(script) as other:
        for server in (one, other, one):
            assert await whole(await got(transport, server.base_url)) == b"x"
        await transport.aclose()


# What is sent.


async def test_the_request_is_as_it_must_be() -> None:
    async def script(connection: Connection) -> None:
        connection.reply(200, b"x")

    transport = DirectTransport()
    async with Loopback(script) as server:
        url = f"{server.base_url}/x%20y?a=b&c=%2F"
        exchange = await transport.exchange("POST", url, headers={"X-Titel": "Größe"}, body=b"{}")
        assert not isinstance(exchange, TransportFault)
        await got(transport, server.base_url)
        with pytest.raises(ValueError, match="line end"):
            await transport.exchange("GET", url, headers={"X": "a\r\nY: b"})
        await transport.aclose()
    with_body, without = server.requests
    assert with_body == Received(
        method="POST",
        path="/api/v1/x%20y?a=b&c=%2F",
        headers={
            "host": server.base_url.split("/")[2],
            "x-titel": "Größe",
            "content-type": "application/json",
            "content-length": "2",
        },
        body=b"{}",
    )
    assert "content-length" not in without.headers


# TLS.


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def served(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
    return context


async def test_tls_is_spoken_and_the_certificate_is_checked(
    authority: trustme.CA, served: ssl.SSLContext, tmp_path: Path
) -> None:
    async def script(connection: Connection) -> None:
        connection.reply(200, b"secret")

    context = ssl.create_default_context()
    authority.configure_trust(context)  # pyright: ignore[reportUnknownMemberType]
    async with Loopback(script, tls=served) as server:
        url = server.base_url.replace("http://127.0.0.1", "https://localhost")
        trusting, doubting = DirectTransport(context=context), DirectTransport()
        for _ in range(2):
            assert await whole(await got(trusting, url, b"{}")) == b"secret"
        assert len(server.requests) == 2
        other = await trusting.exchange("POST", url.replace("localhost", "127.0.0.1"), headers={}, body=b"{}")
        unknown = await doubting.exchange("POST", url, headers={}, body=b"{}")
        for fault in (other, unknown):
            assert isinstance(fault, TransportFault)
            assert (fault.kind, fault.sent) == ("tls", False)
            assert "CERTIFICATE_VERIFY_FAILED" in fault.message
        assert len(server.requests) == 2
        await trusting.aclose()
        await doubting.aclose()
