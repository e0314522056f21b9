"""What must hold of the HTTP reader, fed by hand through its protocol's methods: no socket is opened.

One exchange's bytes are one exchange's: whatever came before, the next reply on the connection is its own.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tests.fuzz.promises import pieces

from farthing.upstream.connection import Connection, DirectExchange, Origin
from farthing.upstream.failure import FailureKind
from farthing.upstream.transport import TransportFault

_NEXT = b"HTTP/1.1 200 OK\r\nX-Generation-Id: gen-next\r\nContent-Length: 2\r\n\r\nok"
_ORIGIN = Origin("http", "127.0.0.1", 9)


class Read(NamedTuple):
    """What was made of the bytes; `kind` is a fault's."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    kind: FailureKind | None


class _Pool:
    def __init__(self) -> None:
        self.given_back = 0

    def give_back(self, connection: Connection) -> None:
        self.given_back += 1

    def lost(self, connection: Connection) -> None:
        pass


class _Wire(asyncio.Transport):
    """A transport to nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = self.paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def abort(self) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


def reply_is_read(wire: bytes, cuts: Iterable[int]) -> None:
    """The same reply however its bytes are cut; a connection that is kept reads the next one as it is."""
    whole, cut = asyncio.run(_whole_and_cut(wire, pieces(wire, cuts)))
    assert cut == whole, "the reply depends on where its bytes were cut"
    assert whole.kind is None or whole.kind in FailureKind


async def _whole_and_cut(wire: bytes, portions: list[bytes]) -> tuple[Read, Read]:
    return await _exchanges([wire]), await _exchanges(portions)


async def _exchanges(portions: list[bytes]) -> Read:
    pool, wire = _Pool(), _Wire()
    connection = Connection(pool, _ORIGIN, asyncio.get_running_loop())
    connection.connection_made(wire)
    first = await _exchange(connection, wire, portions)
    # A line end behind a reply closes the connection or does not, by where it was cut: either is safe.
    if connection.usable and pool.given_back == 1:
        second = await _exchange(connection, wire, [_NEXT])
        expected = Read(200, {"x-generation-id": "gen-next", "content-length": "2"}, b"ok", None)
        assert second == expected, "something of one exchange was in the next"
    return first


async def _exchange(connection: Connection, wire: _Wire, portions: list[bytes]) -> Read:
    asked = asyncio.ensure_future(connection.ask(b"GET / HTTP/1.1\r\n\r\n"))
    await asyncio.sleep(0)
    body: list[bytes] = []
    for portion in portions:
        if wire.closed:  # then asyncio delivers nothing more
            break
        connection.data_received(portion)
        while wire.paused:
            await _take(asked, body)
    got = asked.result() if asked.done() else None
    if not isinstance(got, DirectExchange) or not got.complete:
        connection.connection_lost(None)
    got = await asked
    if isinstance(got, TransportFault):
        return Read(0, {}, b"", got.kind)
    while not isinstance(end := await got.read(), TransportFault) and end:
        body.append(end)
    kind = end.kind if isinstance(end, TransportFault) else None
    return Read(got.status, got.headers, b"".join(body), kind)


async def _take(asked: "asyncio.Future[DirectExchange | TransportFault]", body: list[bytes]) -> None:
    got = await asked
    assert isinstance(got, DirectExchange)
    data = await got.read()
    assert isinstance(data, bytes)
    assert data, "paused, and nothing to read"
    body.append(data)
