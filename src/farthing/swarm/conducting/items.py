"""Reads items for map and reduce from a file, one a line, as the work goes on: never the whole file.

A line that is a JSON string is its text, any other JSON stays as it is written; in a file that does not end
in `.jsonl` every line is text. Empty lines are no items.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from farthing.errors import SwarmError
from farthing.swarm.outlook import ItemFacts

LONGEST_ITEM_CHARS = 100_000
"""A line that is longer is refused: it is no item but a file without line ends."""


def items_in(path: str) -> Iterator[str]:
    """The items of a file. Raises `SwarmError` for one that cannot be read, with the line."""
    number = 0
    try:
        with Path(path).open(encoding="utf-8") as lines:
            while line := lines.readline(LONGEST_ITEM_CHARS + 1):
                number += 1
                if len(line) > LONGEST_ITEM_CHARS:
                    raise SwarmError(
                        f"{path}, line {number}: an item has at most {LONGEST_ITEM_CHARS:,} characters"
                    )
                if line.strip():
                    yield _item(line.strip(), path, number)
    except (OSError, UnicodeDecodeError) as error:
        raise SwarmError(f"{path} cannot be read: {error}") from None


def facts_in(path: str) -> ItemFacts:
    """How many items a file has, and how long they are; reads all of it. Raises as `items_in`."""
    count = chars = longest_bytes = 0
    longest = ""
    for item in items_in(path):
        count, chars = count + 1, chars + len(item)
        if len(item) > longest_bytes // 4 and (size := len(item.encode())) > longest_bytes:
            longest, longest_bytes = item, size
    return ItemFacts(count=count, mean_chars=chars // max(1, count), longest=longest)


def _item(line: str, path: str, number: int) -> str:
    if not path.endswith(".jsonl"):
        return line
    try:
        value: object = msgspec.json.decode(line)
    except msgspec.MsgspecError as error:
        raise SwarmError(f"{path}, line {number}: is no JSON: {error}") from None
    return value if isinstance(value, str) else line
