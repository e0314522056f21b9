"""One connection: framing of every kind, heads that are none, a reader that is slow."""

import pytest
from tests.upstream.exchanges import HEAD, got, sending, whole
from tests.upstream.loopback import Connection, Loopback

from farthing.upstream.direct import DirectTransport
from farthing.upstream.transport import TransportFault


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
    async with Loopback(sending(*portions, turns=1)) as server:
        for _ in range(2):  # the second over the same connection
            assert await whole(await got(transport, server.base_url)) == body
        assert len(server.connections) == 1
        await transport.aclose()


async def test_a_body_without_a_length_ends_with_the_connection() -> None:
    transport = DirectTransport()
    script = sending(HEAD + b"Content-Type: text/plain\r\n\r\nhel", b"lo", close=True)
    async with Loopback(script) as server:
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
    async with Loopback(sending(raw, close=True)) as server:
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
    async with Loopback(sending(raw, close=True)) as server:
        fault = await transport.exchange("POST", server.base_url, headers={}, body=b"{}")
        await transport.aclose()
    assert isinstance(fault, TransportFault)
    assert (fault.kind, fault.sent) == (kind, True)


async def test_a_chunk_that_is_none_breaks_the_body() -> None:
    transport = DirectTransport()
    raw = HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\nzz\r\n"
    async with Loopback(sending(raw)) as server:
        fault = await whole(await got(transport, server.base_url))
        await server.gone.wait()
        await transport.aclose()
    assert isinstance(fault, TransportFault)
    assert fault.kind == "malformed"


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


async def test_the_trailers_of_one_reply_are_no_headers_of_the_next() -> None:
    transport = DirectTransport()
    raw = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Generation-Id: gen-1\r\n\r\n"
    async with Loopback(sending(raw)) as server:
        assert await whole(await got(transport, server.base_url)) == b"hi"
        second = await got(transport, server.base_url)
        assert len(server.connections) == 1
        assert "x-generation-id" not in second.headers
        await transport.aclose()


async def test_an_offer_of_another_protocol_is_malformed() -> None:
    transport = DirectTransport()
    raw = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    async with Loopback(sending(raw)) as server:
        fault = await transport.exchange("POST", server.base_url, headers={}, body=b"{}")
        await transport.aclose()
    assert isinstance(fault, TransportFault)
    assert (fault.kind, fault.sent) == ("malformed", True)
