"""Tables of text: their delimiter, their header, and their rows one by one, whatever is wrong with some.

A quote that opens and is not closed within a few lines spoils its own line and not what follows. Nothing here
knows what a column means.
"""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from farthing.usage.lines import Line
from farthing.usage.record import BadRow

DELIMITERS = (",", ";", "\t", "|")
_QUOTED_LINES = 64
"""A quoted cell has at most this many lines."""
_COMMA_DECIMAL = re.compile(r"(?<![\d.,])(0|\d+),(\d{1,2}|\d{4,})(?![\d.,])|(?<![\d.,])0,\d+")
_POINT_DECIMAL = re.compile(r"(?<![\d.,])(\d+)\.(\d{1,2}|\d{4,})(?![\d.,])|(?<![\d.,])0\.\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a table is written. `header` is lower-case; `comma`: a comma is the decimal sign."""

    delimiter: str
    header: tuple[str, ...]
    header_line: int
    comma: bool


@dataclass(frozen=True, slots=True)
class Cells:
    """One row of a table. `line` is its first line in the file."""

    line: int
    cells: Sequence[str]


def dialect_of(head: Sequence[Line]) -> Dialect | None:
    """What the first lines of a file tell about it; None where there is no line with a word in it."""
    stated, lines = None, [line for line in head if line.text and line.text.strip()]
    if lines and (found := re.fullmatch(r"(?i)sep=(.)", (lines[0].text or "").strip("\ufeff \r"))):
        stated, lines = found[1], lines[1:]  # what spreadsheets write above a table
    if not lines:
        return None
    first = (lines[0].text or "").removeprefix("\ufeff")
    delimiter = stated or max(DELIMITERS, key=lambda mark: len(_split(first, mark)))
    names = tuple(name.strip().lower() for name in _split(first, delimiter))
    body = "\n".join(line.text or "" for line in lines[1:])
    comma = delimiter != "," and bool(_COMMA_DECIMAL.search(body)) and not _POINT_DECIMAL.search(body)
    return Dialect(delimiter=delimiter, header=names, header_line=lines[0].number, comma=comma)


def rows_of(lines: Iterable[Line], dialect: Dialect) -> Iterator[Cells | BadRow]:
    """The rows below the header, each with as many cells as it; empty lines are no rows."""
    source, waiting = iter(lines), deque[Line]()
    while (line := waiting.popleft() if waiting else next(source, None)) is not None:
        if line.number <= dialect.header_line or line.text == "":
            continue
        if line.text is None:
            yield BadRow(line=line.number, reason="it is too long to be a row")
        elif '"' not in line.text:
            if line.text.strip():
                yield _fitted(line.number, line.text.split(dialect.delimiter), dialect)
        else:
            yield _quoted(line, source, waiting, dialect)


def _quoted(line: Line, source: Iterator[Line], waiting: deque[Line], dialect: Dialect) -> Cells | BadRow:
    """A row with quotes, which may go on in the next lines; those that are not its own go to `waiting`."""
    text = line.text or ""
    row = _strictly(text, dialect)
    if isinstance(row, list):
        return _fitted(line.number, row, dialect)
    taken: list[Line] = []
    while row is None and len(taken) < _QUOTED_LINES:
        following = waiting.popleft() if waiting else next(source, None)
        if following is None:
            break
        taken.append(following)
        text = f"{text}\n{following.text or ''}"
        if '"' in (following.text or ""):
            row = _strictly(text, dialect)
    if isinstance(row, list) and len(row) == len(dialect.header):
        return Cells(line.number, row)
    waiting.extendleft(reversed(taken))
    return BadRow(line=line.number, reason="a quote in it is not closed, or stands within a cell")


def _strictly(text: str, dialect: Dialect) -> list[str] | csv.Error | None:
    """The cells; None where the last one's quote is still open; the fault where it can be no row."""
    try:
        return next(csv.reader([text], delimiter=dialect.delimiter, strict=True))
    except csv.Error as fault:
        return None if "end of data" in str(fault) else fault


def _fitted(line: int, row: list[str], dialect: Dialect) -> Cells | BadRow:
    width = len(dialect.header)
    if len(row) > width and not any(cell.strip() for cell in row[width:]):
        row = row[:width]
    if len(row) == width:
        return Cells(line, row)
    hint = ": a delimiter within a cell needs quotes" if len(row) > width else ""
    cells = f"{len(row)} cell{'' if len(row) == 1 else 's'}"
    return BadRow(line=line, reason=f"it has {cells} where the header has {width}{hint}")


def _split(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter))
    except csv.Error:
        return text.split(delimiter)
