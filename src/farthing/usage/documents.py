"""The objects of a JSON text that arrives in pieces, one by one: of a list, of pages of lists, of lines.

A list is never held whole. What is no JSON is told with its line, and reading goes on behind it. Nothing here
knows what an object means.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import cast

from farthing.usage.lines import LONGEST, Line
from farthing.usage.record import BadRow

Json = Mapping[str, object]

LISTS = ("data", "results", "rows", "items", "logs", "records")
"""The keys under which a page keeps its list."""

# A JSON string has no raw end of line, so a quote without another one in its line belongs to no string. Any
# other quote alone is the beginning of a string whose end has not arrived.
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|[{}\[\]]|"(?=[^"\n]*\n)|"')
_LIST_KEY = re.compile(r'"(?:' + "|".join(LISTS) + r')"\s*:\s*$')
_NOWHERE = -1
_DEEPEST = 6
_TOO_LONG = "it is too long to be a row"


@dataclass(frozen=True, slots=True)
class Element:
    """One object, and the line that it begins in. What the page around it says beside its list is in it."""

    line: int
    value: Json


def elements_of(pieces: Iterable[str]) -> Iterator[Element | BadRow]:
    """The objects of a text: a list's, a page's, or top-level ones that follow one another."""
    scan = _Scan()
    for piece in pieces:
        yield from scan.take(piece)
        if scan.room() < 0:
            yield BadRow(line=scan.start_line, reason=f"{_TOO_LONG}; what follows it is not read")
            return
    if scan.start is not None:
        yield BadRow(line=scan.start_line, reason="the text ends within it; what follows it is not read")


def elements_by_line(lines: Iterable[Line]) -> Iterator[Element | BadRow]:
    """The objects of JSON Lines."""
    for line in lines:
        if line.text is None:
            yield BadRow(line=line.number, reason=_TOO_LONG)
        elif text := line.text.removeprefix("\ufeff").strip().rstrip(","):
            yield _element(text, line.number, {})


def is_by_line(head: str) -> bool:
    """Whether the beginning of a JSON text is that of JSON Lines: most of its lines are objects."""
    whole = [line.strip() for line in head.split("\n") if line.strip()]
    objects = [line for line in whole if line.startswith("{") and line.endswith(("}", "},"))]
    if not whole or not whole[0].startswith("{") or 2 * len(objects) <= len(whole):
        return False
    return any(isinstance(_element(line.rstrip(","), 0, {}), Element) for line in objects[:5])


def rows_in(value: Json) -> Iterator[dict[str, object]]:
    """The rows of an object: itself, or those of its list and the lists in it, with what stands beside them.

    Names are lower-case, and those of inner objects are joined by dots.
    """
    key = next((key for key in LISTS if _is_list_of_objects(value.get(key))), None)
    if key is None:
        yield dict(_flat(value, "", 0))
        return
    beside = {name: entry for name, entry in value.items() if not isinstance(entry, list | dict)}
    for entry in cast("list[Json]", value[key]):
        yield from rows_in({**beside, **entry})


@dataclass(slots=True)
class _Scan:
    """Where a scan is: `text` is what was not done with, `at` how far in it tokens were read."""

    text: str = ""
    line: int = 1
    at: int = 0
    open: list[str] = field(default_factory=list[str])
    """The brackets that are open."""
    level: int = 0
    """How deep objects begin: 0 at the top, 1 in a list, 2 in the list of a page; or nowhere."""
    start: int | None = None
    """Where the current object begins in `text`."""
    start_line: int = 1
    page: Json = field(default_factory=dict[str, object])

    def room(self) -> int:
        return LONGEST - len(self.text)

    def take(self, piece: str) -> Iterator[Element | BadRow]:
        """The objects that end in this piece."""
        self.text += piece
        for token in _TOKEN.finditer(self.text, self.at):
            mark = token[0]
            if mark == '"' and self.text.find("\n", token.end()) < 0:
                break
            self.at = token.end()
            if mark == "{":
                self._open_object(token.start())
            elif mark == "[":
                self._open_list(token.start())
            elif mark in "}]":
                found = self._close(mark, token.end())
                if found is not None:
                    yield found
        self._forget()

    def _open_object(self, at: int) -> None:
        if len(self.open) == self.level and self.start is None:
            self.start, self.start_line = at, self.line + self.text.count("\n", 0, at)
        self.open.append("{")

    def _open_list(self, at: int) -> None:
        self.open.append("[")
        if self.start is None and len(self.open) == 1 and self.level == 0:
            self.level, self.page = 1, {}
        elif self.start is not None and self.level == 0 and len(self.open) == 2:
            before = self.text[self.start : at]
            if _LIST_KEY.search(before):
                self.level, self.start, self.page = 2, None, _beside(before)

    def _close(self, mark: str, at: int) -> Element | BadRow | None:
        opening = "{" if mark == "}" else "["
        if opening == "[" and self.open[-1:] != ["["]:
            return None  # its opening bracket was lost in a broken string
        while self.open and self.open.pop() != opening:
            pass
        depth = len(self.open)
        if self.start is not None and depth <= self.level:
            text, self.start = self.text[self.start : at], None
            return _element(text, self.start_line, self.page)
        if self.start is None:
            # A page's other lists are not rows; with its end the next one may begin.
            if depth < self.level:
                self.level = _NOWHERE
            if depth == 0:
                self.level = 0
        return None

    def _forget(self) -> None:
        done = self.at if self.start is None else self.start
        self.line += self.text.count("\n", 0, done)
        self.text, self.at = self.text[done:], self.at - done
        self.start = None if self.start is None else 0


def _element(text: str, line: int, page: Json) -> Element | BadRow:
    try:
        value = cast("object", json.loads(text, parse_float=Decimal, parse_constant=_refused))
    except (ValueError, RecursionError) as fault:
        where = (
            f"{fault.msg} at column {fault.colno}" if isinstance(fault, json.JSONDecodeError) else str(fault)
        )
        return BadRow(line=line, reason=f"it is no JSON: {where}")
    if not isinstance(value, dict):
        return BadRow(line=line, reason="it is no object in braces")
    return Element(line, {**page, **cast("Json", value)})


def _refused(word: str) -> object:
    raise ValueError(f"{word} is no number")


def _beside(text: str) -> Json:
    """What a page says before its list, of which `text` is all up to the list's bracket."""
    try:
        value = cast("Json", json.loads(text + "null}", parse_float=Decimal))
    except (ValueError, RecursionError):
        return {}
    return {
        name: entry
        for name, entry in value.items()
        if entry is not None and not isinstance(entry, list | dict)
    }


def _is_list_of_objects(value: object) -> bool:
    if not isinstance(value, list):
        return False
    return all(isinstance(entry, dict) for entry in cast("list[object]", value))


def _flat(value: Json, prefix: str, depth: int) -> Iterator[tuple[str, object]]:
    for key, entry in value.items():
        name = f"{prefix}{key.strip().lower()}"
        is_text = isinstance(entry, str) and key == "metadata" and entry.startswith("{")
        within = inner(str(entry)) if is_text else entry
        if isinstance(within, dict):
            if depth < _DEEPEST:
                yield from _flat(cast("Json", within), f"{name}.", depth + 1)
        elif not isinstance(entry, list):
            yield name, entry


def inner(text: str) -> Json:
    """The object that a cell holds as JSON; empty where it holds none."""
    try:
        value = cast("object", json.loads(text, parse_float=Decimal))
    except (ValueError, RecursionError):
        return {}
    return cast("Json", value) if isinstance(value, dict) else {}


def flat(value: Json, prefix: str) -> dict[str, object]:
    """An object's values under their names with a prefix, as `rows_in` names them."""
    return dict(_flat(value, prefix, 0))
