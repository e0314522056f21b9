"""The transport of our own: framing of every kind, limits, races on kept connections, TLS, back-pressure."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
from tests.upstream.loopback import Connection, Loopback, Received, hang

from farthing.errors import DeploymentClosedError
from farthing.upstream.direct import DirectTransport
from farthing.upstream.transport import Exchange, TransportFault


async def got(transport: DirectTransport, url: str, body: bytes | None = None) -> Exchange:
    exchange = await transport.exchange("GET" if body is None else "POST", url, headers={}, body=body)
    assert not isinstance(exchange, TransportFault), exchange
    return exchange


async def whole(exchange: Exchange) -> bytes | TransportFault:
    parts = b""
    while data := await exchange.read():
        if isinstance(data, TransportFault):
            return data
        parts += data
    return parts


def sending(*portions: bytes, close: bool = False, turns: int = 3) -> object:
    """A script that writes raw bytes, each portion in a turn of its own."""

    async def script(connection: Connection) -> None:
        for portion in portions:
            connection.write(portion)
            for _ in range(turns):
                await asyncio.sleep(0)
        if close:
            connection.close()

    return script


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (HEAD + b"Content-Length: 5\r\n\r\nhello", b"hello"),
        (HEAD + b"Content-Length: 0\r\n\r\n", b""),
        (
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: 1\r\n\r\n",
            b"hello",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nhi", b"hi"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_a_reply_is_read_whole_however_it_is_framed_and_cut(raw: bytes, body: bytes, size: int) -> None:
    portions = [raw[at : at + size] for at in range(0, len(raw), size)]
    transport = DirectTransport()
    async with Loopback(sending(*portions, turns=1)) as server:  # pyright: ignore[reportArgumentType]
        for _ in range(2):  # the second over the same connection
            assert await whole(await got(transport, server.base_url)) == body
        assert len(server.connections) == 1
        await transport.aclose()


async def test_a_body_without_a_length_ends_with_the_connection() -> None:
    transport = DirectTransport()
    script = sending(HEAD + b"Content-Type: text/plain\r\n\r\nhel", b"lo", close=True)
    async with Loopback(script) as server:  # pyright: ignore[reportArgumentType]
        assert await whole(await got(transport, server.base_url)) == b"hello"
        await transport.aclose()


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"Content-Length: 9\r\n\r\nhello",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhello",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
async def test_a_body_that_is_cut_is_a_fault_and_what_came_is_read_first(raw: bytes) -> None:
    transport = DirectTransport()
    async with Loopback(sending(raw, close=True)) as server:  # pyright: ignore[reportArgumentType]
        exchange = await got(transport, server.base_url)
        assert await exchange.read() == b"hello"
        fault = await whole(exchange)
        await transport.aclose()
    assert isinstance(fault, TransportFault)
    assert (fault.kind, fault.sent) == ("cut", True)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"this is no HTTP\r\n\r\n", "malformed"),
        (b"HTTP/1.1 banana OK\r\n\r\n", "malformed"),
        (HEAD + b"Content-Length: minus\r\n\r\n", "malformed"),
        (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "malformed"),
        (HEAD + b"X: " + b"y" * 70_000 + b"\r\n\r\n", "malformed"),
        (HEAD + b"".join(b"X-%d: y\r\n" % at for at in range(9_000)), "malformed"),
        (b"", "cut"),
        (HEAD + b"Content-Length: 5\r\n", "cut"),
    ],
)
async def test_a_head_that_is_none_is_a_fault(raw: bytes, kind: str) -> None:
    transport = DirectTransport()
    async with Loopback(sending(raw, close=True)) as server:  # pyright: ignore[reportArgumentType]
        fault = await transport.exchange("POST", server.base_url, headers={}, body=b"{}")
        await transport.aclose()
    assert isinstance(fault, TransportFault)
    assert (fault.kind, fault.sent) == (kind, True)


async def test_a_chunk_that_is_none_breaks_the_body() -> None:
    transport = DirectTransport()
    raw = HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\nzz\r\n"
    async with Loopback(sending(raw)) as server:  # pyright: ignore[reportArgumentType]
        fault = await whole(await got(transport, server.base_url))
        await server.gone.wait()
        await transport.aclose()
    assert isinstance(fault, TransportFault)
    assert fault.kind == "malformed"


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
    async with Loopback(sending()) as server:  # pyright: ignore[reportArgumentType]
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


# A slow reader.


async def test_a_reader_that_is_slow_stops_the_socket_from_being_read() -> None:
    part, most = b"z" * 65_536, 400

    async def script(connection: Connection) -> None:
        connection.open_stream()
        for _ in range(most):
            connection.chunk(part)
            await connection.drained()
        connection.end()

    transport = DirectTransport()
    async with Loopback(script) as server:
        exchange = await got(transport, server.base_url)
        await server.connections[0].stuck.wait()  # the kernel's buffers are full: nobody reads
        first = await exchange.read()
        assert not isinstance(first, TransportFault)
        assert len(first) < 20 * len(part)
        rest = await whole(exchange)
        assert not isinstance(rest, TransportFault)
        assert len(first) + len(rest) == most * len(part)
        assert await whole(await got(transport, server.base_url)) != b""  # it serves again
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
            assert (fault.kind, fault.sent) == ("connect", False)
            assert "CERTIFICATE_VERIFY_FAILED" in fault.message
        assert len(server.requests) == 2
        await trusting.aclose()
        await doubting.aclose()
