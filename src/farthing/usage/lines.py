"""Lines of a text that arrives in pieces, numbered, in bounded memory. Knows ends of lines, nothing else."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

LONGEST = 16 * 1024 * 1024
"""Characters of one line or one JSON value; what is longer is dropped and told."""


class Line(NamedTuple):
    """One line without its end, numbered from 1. `text` is None where it was too long to keep."""

    number: int
    text: str | None


def lines_of(pieces: Iterable[str], *, longest: int = LONGEST) -> Iterator[Line]:
    """The lines of a text, ended by LF, CRLF or, where there is no LF in the first piece, CR."""
    end, number, kept, dropping = "", 0, "", False
    for piece in pieces:
        end = end or ("\r" if "\r" in piece and "\n" not in piece else "\n")
        *whole, rest = piece.split(end)
        for part in whole:
            number += 1
            yield Line(number, None if dropping else (kept + part).removesuffix("\r"))
            kept, dropping = "", False
        kept = "" if dropping else kept + rest
        if len(kept) > longest:
            kept, dropping = "", True
    if dropping or kept:
        yield Line(number + 1, None if dropping else kept.removesuffix("\r"))
