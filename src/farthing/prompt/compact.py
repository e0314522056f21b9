"""Data said in fewer characters: JSON without its indentation, Markdown tables without their padding. Pure.

Lossless: what a reader of the data gets is the same, key order, number literals and escapes included. An
array of objects is not made into a table here: that changes what a model reads and copies, so it is a matter
for a reviewed rewrite.
"""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

_BETWEEN = re.compile(r'("(?:[^"\\]|\\.)*")|\s+')
_FORMAT = re.compile(
    r"\b(?:examples?|formats?|schemas?|templates?|outputs?|respond|responses?|return|answer|"
    r"reply|produce|like this|"
    r"expected|structure|shape|following json|exactly|indent\w*|pretty)\b",
    re.IGNORECASE,
)
_RULE = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*")
_PADDED = re.compile(r" {2,}\||\| {2,}|-{4,}")
_OPENERS = ("{", "[", "[{")
_READER = json.JSONDecoder()
_MOST_TRIES = 8
"""Beginnings of JSON that turn out to be none: then a text is not looked through for more."""
_SPACED = ("\n", '": ', ", ")
"""One of these is in JSON with white space between its tokens, unless only at odd places."""
_LEAST_SAVED = 8
"""Characters; less is left as it is."""


class Recoded(NamedTuple):
    """One stretch of a text that was said shorter."""

    rule: str
    start: int
    end: int
    short: str


def minified(text: str) -> str | None:
    """The JSON that the whole text is, without white space between its tokens; None where it is none, or is
    short already."""
    bare = text.strip()
    if not bare or bare[0] not in "{[" or bare[-1] not in "}]":
        return None
    if not any(sign in bare for sign in _SPACED):
        return None
    try:
        msgspec.json.decode(bare)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    short = _BETWEEN.sub(lambda found: found[1] or "", bare)
    return short if len(short) + _LEAST_SAVED <= len(text) else None


def json_blocks(text: str) -> Iterator[Recoded]:
    """JSON over several lines that begins and ends a line, unless it shows what an answer should be."""
    if "{\n" not in text and "[\n" not in text:
        return
    at, told, fenced, free_from, tries = 0, "", False, 0, 0
    for line in text.split("\n"):
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        if not fenced and at >= free_from and tries < _MOST_TRIES and line.rstrip() in _OPENERS:
            end = _end_of_json(text, at)
            short = None if end is None or _FORMAT.search(told) else minified(text[at:end])
            if end is not None and short is not None:
                yield Recoded("JSON without indentation", at, end, short)
            free_from = end or at
            tries += end is None
        if line.strip() and at >= free_from:
            told = line
        at += len(line) + 1


def tables(text: str) -> Iterator[Recoded]:
    """Rows of Markdown tables whose cells are padded; rows with code in them stay."""
    if "-|" not in text and "- |" not in text and "|-" not in text and "| -" not in text:
        return
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    fenced = False
    for index, line in enumerate(lines):
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        is_head = not fenced and index and "|" in lines[index - 1] and _RULE.fullmatch(line)
        if not is_head or _FORMAT.search(lines[index - 2] if index > 1 else ""):
            continue
        for row in range(index - 1, _end_of_table(lines, index)):
            short = _unpadded(lines[row], is_rule=row == index)
            if short != lines[row]:
                yield Recoded("table padding", starts[row], starts[row] + len(lines[row]), short)


def _end_of_json(text: str, start: int) -> int | None:
    """Where the value that begins here ends, if a line ends there too."""
    try:
        _, end = _READER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return end if end == len(text) or text[end] == "\n" else None


def _end_of_table(lines: list[str], rule: int) -> int:
    end = rule + 1
    while end < len(lines) and "|" in lines[end]:
        end += 1
    return end


def _unpadded(row: str, *, is_rule: bool) -> str:
    if "`" in row or "\\|" in row or not _PADDED.search(row) or row[:1].isspace():
        return row
    if is_rule:
        return re.sub(r"-{4,}", "---", re.sub(r"[ \t]+", "", row))
    cells = [cell.strip(" ") for cell in row.rstrip().split("|")]
    short = " | ".join(cells).strip(" ")
    return short if short.count("|") == row.count("|") else row
