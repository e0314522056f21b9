"""Reading texts as a whole, for the tests of what reads them in pieces."""

from collections.abc import Iterable, Iterator

from farthing.usage.read import HEAD, Found, Shape, recognise, records
from farthing.usage.record import BadRow, Format, Record


def pieces(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


def read(text: str, only: Format | None = None, *, size: int = 4096) -> list[Found | BadRow]:
    """All that a text gives; it must be an export."""
    shape = recognise(text[:HEAD], only)
    assert isinstance(shape, Shape), shape
    return list(records(shape, pieces(text, size), only))


def good(found: Iterable[Found | BadRow]) -> list[Record]:
    return [entry.record for entry in found if isinstance(entry, Found)]


def bad(found: Iterable[Found | BadRow]) -> list[tuple[int, str]]:
    return [(entry.line, entry.reason) for entry in found if isinstance(entry, BadRow)]
