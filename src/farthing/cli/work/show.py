"""How values look on a terminal and in JSON: consoles, money, tables. Decides nothing and reads nothing.

Text that a model wrote is shown without control characters, so that it cannot move the cursor or hide a line.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import cast

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from farthing.money import format_usd

SIMULATED = "simulated"
_PASSWORD = re.compile(r"(://[^:/@]*:).*@")
_PIPED_WIDTH = 140
_CONTROL = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def console(*, stderr: bool = False) -> Console:
    """A console without markup: what is printed may come from anywhere. Piped, it is wide enough to read."""
    stream = sys.stderr if stderr else sys.stdout
    piped = None if stream.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=piped)


def note(text: str) -> None:
    """A line for people, on standard error."""
    console(stderr=True).print(plain(text), soft_wrap=True)


def plain(text: str) -> str:
    """The text without control characters, line ends and tabs kept."""
    return text.translate(_CONTROL)


def masked(url: str) -> str:
    """A database's URL without its password."""
    return _PASSWORD.sub(r"\1***@", url)


def usd(amount: Decimal | None) -> str:
    return "unknown" if amount is None else format_usd(amount)


def percent(value: Decimal | None) -> str:
    return "unknown" if value is None else f"{value:.1f} %"


def counted(number: int, noun: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    title: str = "",
    right: Sequence[str] = (),
    cut: Sequence[str] = (),
) -> Table:
    """A plain table; the columns in `right` are right-aligned and never broken.

    With `cut`, every row is one line: those columns share the room that the others leave, and are cut there.
    """
    lines = [[Text(plain(cell)) if isinstance(cell, str) else cell for cell in row] for row in rows]
    made = Table(
        box=box.SIMPLE_HEAD,
        title=title or None,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        expand=bool(cut),
    )
    for at, name in enumerate(columns):
        widest = max((line[at].cell_len for line in lines), default=0)
        made.add_column(
            name,
            justify="right" if name in right else "left",
            no_wrap=bool(cut) or name in right,
            overflow="ellipsis" if cut else "fold",
            ratio=1 if name in cut else None,
            min_width=max(widest, len(name)) if cut and name not in cut else None,
        )
    for line in lines:
        made.add_row(*line)
    return made


def facts(rows: Iterable[tuple[str, str]]) -> Table:
    """Names and values in two columns, without a frame."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(Text(name), Text(plain(value)))
    return made


def as_json(value: object) -> object:
    """A value as JSON can hold it. Money is decimal text, never a float; times are ISO 8601."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, msgspec.Struct):
        return {name: as_json(cast("object", getattr(value, name))) for name in value.__struct_fields__}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(cast("object", getattr(value, field.name))) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(entry) for key, entry in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(entry) for entry in cast("Iterable[object]", value)]
    return value


def write_json(value: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(as_json(value), indent=2, ensure_ascii=False) + "\n")


def json_line(value: object) -> str:
    """One line of JSON Lines, its end included."""
    return json.dumps(as_json(value), ensure_ascii=False) + "\n"
