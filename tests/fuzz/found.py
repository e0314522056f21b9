"""What fuzzing found and what was mended for it: inputs of targets, played again by every test run."""

from typing import NamedTuple


class Found(NamedTuple):
    """An input that broke a promise once."""

    what: str
    target: str
    data: bytes


def _event(delta: bytes, rest: bytes = b"") -> bytes:
    return (
        b'data: {"id":"gen-1","choices":[{"index":0,"delta":{'
        + delta
        + b'},"finish_reason":"stop"}]'
        + rest
        + b"}\n\n"
    )


def _answered(usage: bytes, prefix: bytes = b"\x00\x00\x00") -> bytes:
    """A stream with text and this usage, as the books' target takes it."""
    return prefix + _event(b'"content":"Hi"', b',"usage":' + usage) + b"data: [DONE]\n\n"


_HEAD = b"HTTP/1.1 200 OK\r\n"

FOUND: tuple[Found, ...] = (
    Found(
        "a bill of 10^30 dollars did not fit the ledger, and its hold stayed",
        "books",
        _answered(b'{"prompt_tokens":1,"completion_tokens":1,"cost":1e30}'),
    ),
    Found(
        "neither did what 2^53 tokens cost",
        "books",
        _answered(b'{"prompt_tokens":9007199254740992,"completion_tokens":9007199254740992}'),
    ),
    Found(
        "a count beyond all bounds hid the bill beside it",
        "books",
        _answered(b'{"prompt_tokens":1e400,"completion_tokens":1,"cost":12}'),
    ),
    Found(
        "an id of four million characters went into the ledger",
        "stream",
        b"\x00" + _event(b'"content":"Hi"').replace(b"gen-1", b"g" * 4000),
    ),
    Found(
        "another choice's text was read as the answer's",
        "stream",
        b"\x00" + _event(b'"content":"Hi"').replace(b'"index":0', b'"index":1') + _event(b'"content":"Ho"'),
    ),
    Found(
        "two calls had one id",
        "stream",
        b"\x00" + _event(b'"tool_calls":[{"id":"a"},{"id":"a","index":1},{"id":"call_1","index":2}]'),
    ),
    Found(
        "an offer of another protocol was raised into the event loop",
        "http",
        b"\x00HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc",
    ),
    Found(
        "a trailer became a header of the next reply on its connection",
        "http",
        b"\x00" + _HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Generation-Id: gen-1\r\n\r\n",
    ),
    Found("a repair took minutes where brackets cross", "repair", b"{[}]" * 6000),
    Found("a repair took seconds for a heap of objects", "repair", rb"{\}" * 9000),
)
