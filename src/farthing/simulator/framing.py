"""HTTP/1.1 as bytes: heads, chunks, and reading a request from a buffer. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl

SIMULATED_HEADER = "X-Farthing-Simulated"
LAST_CHUNK = b"0\r\n\r\n"
MAX_HEAD_BYTES = 65_536
MAX_BODY_BYTES = 64 * 1024 * 1024
_REASONS: Mapping[int, str] = {status.value: status.phrase for status in HTTPStatus} | {
    524: "A Timeout Occurred",
    529: "Site is overloaded",
}


class MalformedRequestError(Exception):
    """Bytes that are no HTTP/1.1 request, or one that is too large. `status` is what to answer."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def keep_alive(self) -> bool:
        return self.headers.get("connection", "").lower() != "close"


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """A response head. Every one says that it is simulated."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}", f"{SIMULATED_HEADER}: 1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def take_request(buffer: bytearray) -> Request | None:
    """The first whole request of the buffer, removed from it; None while it is not whole.

    Raises `MalformedRequestError`.
    """
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > MAX_HEAD_BYTES:
            raise MalformedRequestError(431)
        return None
    first, *lines = buffer[:end].decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    found = _body(buffer, end + 4, headers)
    if found is None:
        return None
    body, used = found
    del buffer[:used]
    method, _, rest = first.partition(" ")
    target = rest.rpartition(" ")[0]
    path, _, query = target.partition("?")
    if not path.startswith("/"):
        raise MalformedRequestError(400)
    return Request(method, path, dict(parse_qsl(query)) if query else {}, headers, body)


def _body(buffer: bytearray, start: int, headers: Mapping[str, str]) -> tuple[bytes, int] | None:
    """The body and where it ends."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _chunked(buffer, start)
    length = headers.get("content-length", "0")
    if not length.isdigit():
        raise MalformedRequestError(400)
    if int(length) > MAX_BODY_BYTES:
        raise MalformedRequestError(413)
    end = start + int(length)
    return (bytes(buffer[start:end]), end) if len(buffer) >= end else None


def _chunked(buffer: bytearray, start: int) -> tuple[bytes, int] | None:
    parts: list[bytes] = []
    while True:
        line = buffer.find(b"\r\n", start)
        if line < 0:
            return None
        try:
            size = int(bytes(buffer[start:line]).partition(b";")[0], 16)
        except ValueError:
            raise MalformedRequestError(400) from None
        start = line + 2
        if len(buffer) < start + size + 2:
            return None
        if size == 0:
            return b"".join(parts), start + 2
        parts.append(bytes(buffer[start : start + size]))
        start += size + 2
