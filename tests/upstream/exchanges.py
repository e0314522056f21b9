"""Exchanges over the transport of our own, and scripts of raw bytes, for its tests."""

import asyncio

from tests.upstream.loopback import Connection, Script

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


def sending(*portions: bytes, close: bool = False, turns: int = 3) -> Script:
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
