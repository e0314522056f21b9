"""Which format a text has, and its records: the one way in for whoever has the text of an export.

Recognises from the content, never from a file's name; `format` overrides. A table's layout follows from its
header. Of JSON each row tells its own, so that a file may hold usage and costs side by side.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from farthing.usage import anthropic, litellm, openai, openrouter, plain
from farthing.usage.documents import Element, elements_by_line, elements_of, flat, inner, is_by_line, rows_in
from farthing.usage.layout import Cell, Column, Layout, record_of
from farthing.usage.lines import Line, lines_of
from farthing.usage.record import BadRow, Format, Record
from farthing.usage.table import Dialect, dialect_of, rows_of

HEAD = 65_536
"""Characters of a text that are enough to recognise it."""

LAYOUTS: tuple[Layout, ...] = (
    *anthropic.LAYOUTS,
    *openrouter.LAYOUTS,
    *litellm.LAYOUTS,
    *openai.LAYOUTS,
)
"""In the order they are tried: the first whose names are all there."""

_REMEMBERED = 256
_METADATA = "metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a text is. `dialect` and `layout` are a table's."""

    container: Literal["table", "json", "lines"]
    dialect: Dialect | None = None
    layout: Layout | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A text that is no usage export, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """One record, its line, and the layout it was read by."""

    line: int
    layout: Layout
    record: Record


def recognise(head: str, only: Format | None = None) -> Shape | Unreadable:
    """What a text is, from its first `HEAD` characters at most. `only` is the one format to read it as."""
    start = head.removeprefix("\ufeff").lstrip()
    if not start:
        return Unreadable(reason="it is empty")
    if start[0] in "{[":
        return Shape(container="lines" if is_by_line(head) else "json")
    lines = list(lines_of([head]))
    # The last line may have been cut where the head ends.
    dialect = dialect_of(lines[:-1] if len(lines) > 1 and len(head) >= HEAD else lines)
    if dialect is None:
        return Unreadable(reason="it is empty")
    layout = layout_of(dialect.header, only)
    if layout is None:
        return Unreadable(reason=_unknown(dialect.header, only))
    return Shape(container="table", dialect=dialect, layout=layout)


def layout_of(names: Iterable[str], only: Format | None = None) -> Layout | None:
    """The layout of rows with these names; None where they tell no tokens and no cost."""
    have = frozenset(names)
    allowed = [layout for layout in LAYOUTS if only in (None, layout.format)]
    for layout in allowed:
        if layout.needs <= have:
            return layout
    if only in (None, "plain"):
        return plain.layout_for(names)
    best = max(allowed, key=lambda layout: len(layout.found_in(have)))
    return best if best.found_in(have).keys() & {"input", "output", "cost"} else None


def records(shape: Shape, pieces: Iterable[str], only: Format | None = None) -> Iterator[Found | BadRow]:
    """The records of the whole text, and its bad rows, in order. Holds one row at a time."""
    if shape.dialect is not None and shape.layout is not None:
        return _of_table(lines_of(pieces), shape.dialect, shape.layout)
    elements = elements_by_line(lines_of(pieces)) if shape.container == "lines" else elements_of(pieces)
    return _of_objects(elements, only)


def _of_table(lines: Iterable[Line], dialect: Dialect, layout: Layout) -> Iterator[Found | BadRow]:
    located = layout.found_in(dialect.header)
    places: dict[Column, int] = {column: dialect.header.index(name) for column, name in located.items()}
    within = dialect.header.index(_METADATA) if _METADATA in dialect.header else None
    for row in rows_of(lines, dialect):
        if isinstance(row, BadRow):
            yield row
            continue
        cell: Cell = {column: row.cells[at] for column, at in places.items()}
        if within is not None and row.cells[within].startswith("{"):
            told = flat(inner(row.cells[within]), f"{_METADATA}.")
            located = layout.found_in(name for name, value in told.items() if value is not None)
            cell = {**cell, **{column: told[name] for column, name in located.items()}}
        found = _found(row.line, cell, layout, comma=dialect.comma)
        if found is not None:
            yield found


def _of_objects(elements: Iterable[Element | BadRow], only: Format | None) -> Iterator[Found | BadRow]:
    known: dict[frozenset[str], tuple[Layout, dict[Column, str]] | None] = {}
    for element in elements:
        if isinstance(element, BadRow):
            yield element
            continue
        for raw in rows_in(element.value):
            row = {name: value for name, value in raw.items() if value is not None}
            names = frozenset(row)
            if names not in known:
                if len(known) >= _REMEMBERED:
                    known.clear()
                layout = layout_of(sorted(names), only)
                known[names] = None if layout is None else (layout, layout.found_in(names))
            way = known[names]
            if way is None:
                yield BadRow(line=element.line, reason=_unknown(sorted(names), only))
                continue
            cell: Cell = {column: row[name] for column, name in way[1].items()}
            found = _found(element.line, cell, way[0], comma=False)
            if found is not None:
                yield found


def _found(line: int, cell: Cell, layout: Layout, *, comma: bool) -> Found | BadRow | None:
    try:
        record = record_of(cell, layout, comma=comma)
    except ValueError as fault:
        return BadRow(line=line, reason=str(fault))
    return None if record is None else Found(line, layout, record)


def _unknown(names: Iterable[str], only: Format | None) -> str:
    have = [name for name in names if name]
    shown = ", ".join(have[:8]) + (f" and {len(have) - 8} more" if len(have) > 8 else "")
    wanted = "tokens or a cost" if only in (None, "plain") else f"what an export of {only} has"
    return f"none of its columns is {wanted}: {shown or 'it has none'}"
