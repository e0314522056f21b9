"""Tools for the files of the workdir: read, list, find, search, write, edit, delete.

What is bounded and how a result is shown is decided here; that no path leads out, by `beneath.py`.
"""

import json
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

from farthing.swarm.builtin.beneath import Entry, Folder, PathError, matches, text_of
from farthing.swarm.builtin.confined import Bounds, run_confined

MOST_READ_BYTES = 10 << 20
MOST_WRITTEN_BYTES = 2 << 20
_SHOWN_CHARS = 14_000
_SHOWN_ENTRIES = 400
_CHILD = """
import sys
sys.path.insert(0, sys.argv[2])
from farthing.swarm.builtin.grep import main
sys.exit(main())
"""
_PACKAGES = str(Path(__file__).parents[3])
_GREP_S = 10.0
_GREP = Bounds(cpu_s=int(_GREP_S), file_bytes=0, head_bytes=1 << 20, tail_bytes=0)


class Files:
    """The tools, as methods. Synchronous ones run in threads of their own, and may run side by side."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._writing = threading.Lock()

    def read_file(self, path: str, start: int = 1, lines: int = 400) -> str:
        """Read a text file of the working folder, or some of its lines.

        Args:
            start: First line, from 1.
            lines: How many.
        """
        whole = text_of(self._folder.read(path, most_bytes=MOST_READ_BYTES), path).splitlines(keepends=True)
        start = max(1, start)
        chosen = whole[start - 1 : start - 1 + max(0, lines)]
        text = "".join(chosen)
        cut = text[:_SHOWN_CHARS]
        last = start - 1 + (len(chosen) if len(cut) == len(text) else cut.count("\n"))
        if start == 1 and last == len(whole):
            return text
        return f"[lines {start} to {last} of {len(whole)}]\n{cut}"

    def list_files(self, folder: str = ".", depth: int = 2) -> str:
        """List the files and folders below a folder, with sizes in bytes."""
        found = self._folder.walk(folder, depth=max(1, depth), most=_SHOWN_ENTRIES + 1)
        return _listed((_line(entry) for entry in found), "the folder is empty")

    def find_files(self, pattern: str) -> str:
        """Find files by name or path, as `*.py` or `src/**/test_*.py`."""
        files = (entry.path for entry in self._folder.walk() if entry.kind == "file")
        return _listed((path for path in files if matches(path, pattern)), f"no file fits {pattern}")

    async def search_text(self, pattern: str, files: str = "**", ignore_case: bool = False) -> str:
        """Search the lines of text files for a regular expression of Python.

        Args:
            files: Which files, as `*.py`.
        """
        asked = {"root": str(self._folder.root), "pattern": pattern, "files": files, "fold": ignore_case}
        # In a process of its own: a pattern may take for ever, and holds up everything while it does.
        ran = await run_confined(
            [sys.executable, "-I", "-S", "-c", _CHILD, json.dumps(asked), _PACKAGES],
            workdir=self._folder.root,
            timeout_s=_GREP_S,
            isolate=False,
            bounds=_GREP,
        )
        if ran.code != 0:
            why = "took too long" if ran.code is None or ran.code > 1 else ran.text.strip()[-300:]
            raise PathError(f"the search for {pattern!r} {why}")
        return ran.text.rstrip("\n")[:_SHOWN_CHARS] or f"no line fits {pattern}"

    def write_file(self, path: str, text: str) -> str:
        """Write a whole text file; folders are made as needed, an existing file is replaced."""
        data = text.encode()
        if len(data) > MOST_WRITTEN_BYTES:
            raise PathError(f"{path} would have {len(data):,} bytes; at most {MOST_WRITTEN_BYTES:,}")
        with self._writing:
            new = self._folder.write(path, data)
        return f"{'made' if new else 'replaced'} {path}, {len(data):,} bytes"

    def edit_file(self, path: str, old: str, new: str, every: bool = False) -> str:
        """Replace a text in a file. `old` must be in it exactly once, unless `every` is true."""
        with self._writing:
            data = self._folder.read(path, most_bytes=MOST_WRITTEN_BYTES)
            text = text_of(data, path)
            count = text.count(old) if old else 0
            if count == 0:
                raise PathError(f"{path} does not contain that text; read it again")
            if count > 1 and not every:
                raise PathError(f"{path} contains that text {count} times; give more of its surroundings")
            self._folder.write(path, text.replace(old, new).encode(), expected=data)
        return f"replaced {count} place{'s' if count > 1 else ''} in {path}"

    def delete_file(self, path: str) -> str:
        """Delete a file or an empty folder."""
        with self._writing:
            kind = self._folder.delete(path)
        return f"deleted the {kind} {path}"


def _line(entry: Entry) -> str:
    if entry.kind == "folder":
        return f"{entry.path}/"
    return f"{entry.path}  {entry.size_bytes}" if entry.kind == "file" else f"{entry.path}  ({entry.kind})"


def _listed(lines: Iterable[str], nothing: str) -> str:
    shown: list[str] = []
    chars = 0
    for line in lines:
        chars += len(line) + 1
        if len(shown) >= _SHOWN_ENTRIES or chars > _SHOWN_CHARS:
            shown.append("[there are more]")
            break
        shown.append(line)
    return "\n".join(shown) or nothing
