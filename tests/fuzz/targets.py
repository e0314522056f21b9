"""What atheris feeds: for each target, how plain bytes become what a promise takes.

The first bytes of an input say where to cut, or which status it came under; the rest is what came. So a seed
is a real reply behind a few bytes, and a mutation of it is nearly one.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from random import Random
from typing import NamedTuple

from tests.fuzz import promises, sockets
from tests.fuzz.books import opened_books
from tests.fuzz.promises import LIMITS, TIGHT

from farthing.testing import Reply

STATUSES = (200, 200, 200, 201, 204, 302, 400, 401, 402, 403, 404, 413, 429, 500, 502, 503, 504, 529)
_KINDS = ("text/event-stream", "application/json", "text/html", "")

Take = Callable[[bytes], None]


class Target(NamedTuple):
    """`take` holds a promise against an input. `opened` is for one that needs something open meanwhile."""

    take: Take
    prefix: bytes
    """Before a seed: a status of 200, no cuts."""
    text: bool = False
    """Whether its seeds are answers' texts."""
    opened: Callable[[], AbstractContextManager[Take]] | None = None
    longest: int = 16_384
    """Bytes of an input; short ones are mutated faster, and to more purpose."""


def _cuts(seed: int) -> list[int]:
    """Up to eight places to cut at; none for 0."""
    return [Random(seed).randrange(2**16) for _ in range(seed % 9)]


def _stream(data: bytes) -> None:
    promises.stream_is_read(data[1:], _cuts(data[0] if data else 0), LIMITS if data[:1] < b"\x80" else TIGHT)


def _body(data: bytes) -> None:
    line, _, body = data[1:].partition(b"\n")
    headers = {"x-generation-id": "gen-1"} if data[:1] >= b"\x80" else {}
    if line:
        headers["retry-after"] = line.decode("latin-1")
    promises.body_is_read(STATUSES[(data[0] if data else 0) % len(STATUSES)], headers, body)


def _bills(data: bytes) -> None:
    promises.bills_are_read(data[2:])


def _models(data: bytes) -> None:
    promises.models_are_read(data[2:])


def _prompted(data: bytes) -> None:
    promises.calls_by_prompt_are_read(data.decode("utf-8", "replace"))


def _repair(data: bytes) -> None:
    promises.json_is_repaired(data.decode("utf-8", "replace"))


def _http(data: bytes) -> None:
    sockets.reply_is_read(data[1:], _cuts(data[0] if data else 0))


def reply_of(data: bytes) -> Reply:
    """A reply to a chat request: status, kind, id and cuts from three bytes, then the body."""
    status, kind, cut = (*data[:3], 0, 0, 0)[:3]
    headers = {"content-type": _KINDS[kind % 4], "x-farthing-simulated": "1"}
    if kind & 4:
        headers["x-generation-id"] = "gen-1"
    body = data[3:]
    chunks = tuple(piece for piece in promises.pieces(body, _cuts(cut)) if piece)
    return Reply(status=STATUSES[status % len(STATUSES)], headers=headers, chunks=chunks)


@contextmanager
def _books() -> Generator[Take]:
    with opened_books() as books:
        yield lambda data: books.hold(reply_of(data))


def _book(data: bytes) -> None:
    with _books() as take:
        take(data)


TARGETS: Mapping[str, Target] = {
    "stream": Target(_stream, b"\x00"),
    "body": Target(_body, b"\x00\n"),
    "bills": Target(_bills, b"\x00\n"),
    "models": Target(_models, b"\x00\n"),
    "prompted": Target(_prompted, b"", text=True, longest=2048),
    "repair": Target(_repair, b"", text=True, longest=1024),
    "http": Target(_http, b"\x00"),
    "books": Target(_book, b"\x00\x00\x00", opened=_books),
}
