"""How a format names what a row says, and the one way from such a row to a record.

A row is a mapping of lower-case names to cells, from a table's header or from a JSON object whose inner keys
are joined by dots. Which layouts there are stands in the files of the formats.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from farthing.task import TASK_TYPES, TaskType, Usage
from farthing.usage import cells
from farthing.usage.record import NO_MODEL, Format, Mark, Record

Column = Literal[
    "model", "day", "requests", "input", "cached", "written", "written_1h", "output", "reasoning", "total",
    "cost", "more_cost", "currency", "type", "batch", "hit",
]  # fmt: skip
"""What a row may say. `written`: all cache writes but those for one hour; `more_cost` is added to `cost`;
`hit` is whether a gateway's own cache answered."""

Cell = Mapping[Column, object]
"""The cells of one row, by what they say."""

_ASIDE: frozenset[Column] = frozenset({"day", "currency", "type", "batch", "hit"})
_COUNTS: tuple[Column, ...] = ("input", "output", "requests")  # a failed call has zeros there
_TOTALS = {"total", "totals", "grand total", "subtotal", "sum"}
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One shape of one format. `columns` says where each column may stand: the first name present counts.

    A row has this layout when it has all of `needs`. `input_is_fresh`: cached and cache-write tokens come on
    top of the input that is stated; `input_may_be_fresh`: they do where they are more than it. `in_cents`:
    its costs are hundredths of a dollar.
    """

    format: Format
    title: str
    """The shape in words, for people."""
    needs: frozenset[str]
    columns: Mapping[Column, tuple[str, ...]]
    input_is_fresh: bool = False
    input_may_be_fresh: bool = False
    in_cents: bool = False
    row_is_request: bool = False
    """Whether each row is one call."""
    guessed: Mapping[Column, str] = field(default_factory=dict[Column, str])
    """Columns that were found by a similar name."""

    def found_in(self, names: Iterable[str]) -> dict[Column, str]:
        """The names under which these columns stand, of those that there are."""
        present = frozenset(names)
        found: dict[Column, str] = {}
        for column, options in self.columns.items():
            name = next((option for option in options if option in present), None)
            if name is not None:
                found[column] = name
        return found


def record_of(cell: Cell, layout: Layout, *, comma: bool = False) -> Record | None:
    """The record of a row whose cells are known by column; None for one that says no more than when.

    Raises `ValueError` with what is wrong with it. `comma`: a comma is the decimal sign in this file.
    """
    for column, value in cell.items():
        if value not in (None, "") and column not in _ASIDE:
            break
    else:
        return None
    usage, one_hour = _usage(cell, layout, comma=comma)
    cost = _cost(cell, layout, comma=comma)
    model = cells.text_of(cell.get("model")).partition(",")[0]
    if model.lower() in _TOTALS:
        raise ValueError(f"it looks like a line of totals ({model!r}) and would count twice")
    if not usage.total_tokens and _count(cell, "total", comma=comma):
        raise ValueError("it states only a total of tokens, and input and output have different prices")
    if not usage.total_tokens and cost is None and all(cell.get(name) in (None, "") for name in _COUNTS):
        raise ValueError("it states neither tokens nor a cost")
    first, days = cells.day(cell.get("day"))
    return Record(
        model=model or (NO_MODEL if usage.total_tokens else ""),
        day=first,
        days=days,
        usage=usage,
        requests=_count(cell, "requests", comma=comma) or int(layout.row_is_request),
        cost=cost,
        task_type=_task_type(cell.get("type")),
        marks=tuple(_marks(cell, one_hour)),
    )


def _marks(cell: Cell, one_hour: int) -> Iterator[Mark]:
    if one_hour:
        yield "one_hour_cache"
    if cells.flag(cell.get("batch")):
        yield "batch"
    if cells.flag(cell.get("hit")):
        yield "own_cache"


def _usage(cell: Cell, layout: Layout, *, comma: bool) -> tuple[Usage, int]:
    cached, one_hour = _count(cell, "cached", comma=comma), _count(cell, "written_1h", comma=comma)
    written = _count(cell, "written", comma=comma) + one_hour
    stated = _count(cell, "input", comma=comma)
    aside = cached + written
    on_top = layout.input_is_fresh or (layout.input_may_be_fresh and aside > stated)
    sent = stated + aside if on_top else stated
    if aside > sent:
        raise ValueError(f"it has more cached tokens ({aside:,}) than input tokens ({sent:,})")
    output = _count(cell, "output", comma=comma)
    usage = Usage(
        input_tokens=sent,
        output_tokens=output,
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=min(_count(cell, "reasoning", comma=comma), output),
    )
    return usage, one_hour


def _count(cell: Cell, column: Column, *, comma: bool) -> int:
    value = cell.get(column)
    if value is None or value == "":
        return 0
    try:
        return cells.tokens(value, comma=comma)
    except ValueError as fault:
        raise ValueError(f"{column}: {fault}") from None


def _cost(cell: Cell, layout: Layout, *, comma: bool) -> Decimal | None:
    amount = cells.dollars(cell.get("cost"), comma=comma)
    more = cells.dollars(cell.get("more_cost"), comma=comma)
    if amount is None and more is None:
        return None
    currency = cells.text_of(cell.get("currency")).upper()
    if currency not in ("", "USD"):
        raise ValueError(f"its cost is in {currency}, and only US dollars are read")
    cost = (amount or Decimal(0)) + (more or Decimal(0))
    return cost * _CENT if layout.in_cents else cost


def _task_type(value: object) -> TaskType | None:
    if value is None or value == "":
        return None
    word = cells.text_of(value).lower()
    return next((known for known in TASK_TYPES if known == word), None)
