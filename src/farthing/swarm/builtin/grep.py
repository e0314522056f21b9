"""Searches the lines of a folder's text files for a regular expression; a process of its own, see `files.py`.

Takes one JSON object on its command line and writes `path:number: line` for each line that fits.
"""

import json
import re
import sys
from pathlib import Path
from typing import TypedDict

from farthing.swarm.builtin.beneath import Folder, PathError, matches, text_of

_MOST_LINES = 200
_MOST_FILE_BYTES = 2 << 20
_SHOWN_CHARS = 300


class Asked(TypedDict):
    """What is searched for, and where."""

    root: str
    pattern: str
    files: str
    fold: bool


def main() -> int:
    """0: searched, whatever was found; 1: the pattern is wrong, and what is wrong is written."""
    asked: Asked = json.loads(sys.argv[1])
    try:
        pattern = re.compile(asked["pattern"], re.IGNORECASE if asked["fold"] else 0)
    except re.error as error:
        sys.stdout.write(f"is no regular expression: {error}\n")
        return 1
    folder = Folder(Path(asked["root"]))
    left = _MOST_LINES
    for entry in folder.walk():
        if entry.kind != "file" or not matches(entry.path, asked["files"]):
            continue
        for number, line in _lines(folder, entry.path):
            if pattern.search(line):
                sys.stdout.write(f"{entry.path}:{number}: {line[:_SHOWN_CHARS]}\n")
                left -= 1
                if left == 0:
                    sys.stdout.write("[there are more]\n")
                    return 0
    return 0


def _lines(folder: Folder, path: str) -> "enumerate[str]":
    try:
        text = text_of(folder.read(path, most_bytes=_MOST_FILE_BYTES), path)
    except (PathError, OSError):  # binary, too large, unreadable, or gone
        text = ""
    return enumerate(text.splitlines(), start=1)


if __name__ == "__main__":
    sys.exit(main())
