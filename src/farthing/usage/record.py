"""One row of a usage export in Farthing's words, or why a row cannot be used. Values only.

Input tokens are all that were sent: cached and cache-write tokens are parts of them, whatever the export
counts as input. Nothing here knows a format.
"""

from datetime import date
from decimal import Decimal
from typing import Literal, get_args

import msgspec

from farthing.task import TaskType, Usage

Format = Literal["anthropic", "openai", "litellm", "openrouter", "plain"]
FORMATS: tuple[Format, ...] = get_args(Format)

Mark = Literal["batch", "one_hour_cache", "own_cache"]
"""What a rate does not tell: `batch` is billed at half, a one-hour cache is dearer to write, and what a
gateway answered from its own cache cost nothing."""

NO_MODEL = "(none)"
"""The model of tokens that an export does not attribute to one."""


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The usage of one row. A msgspec struct, as there may be millions.

    `model` is the export's own name, empty for a charge that is for no tokens. `cost` is in US dollars as
    exported, None where the row states none. `days` counts from `day`.
    """

    model: str
    day: date | None = None
    days: int = 1
    usage: Usage = Usage()
    requests: int = 0
    """0 where the export does not count them."""
    cost: Decimal | None = None
    task_type: TaskType | None = None
    marks: tuple[Mark, ...] = ()


class BadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that is not counted. `line` is its first line in the file, from 1."""

    line: int
    reason: str
