"""A ranked search of the workdir's text files. Without a server there is no search of the web.

What ranks is `prompt/rank.py`; which files are read, and how much of them, is decided here.
"""

import threading

from farthing.prompt.rank import Index, terms_of
from farthing.swarm.builtin.beneath import Entry, Folder, PathError, text_of

_MOST_FILE_BYTES = 256 << 10
_MOST_BYTES = 8 << 20
_PASSAGE_LINES = 30
_SHOWN_CHARS = 700


class Passage:
    """Some lines of a file. Its terms are found once for each state of the file."""

    __slots__ = ("first", "path", "terms", "text")

    def __init__(self, path: str, first: int, text: str) -> None:
        self.path, self.first, self.text = path, first, text
        self.terms = terms_of(f"{path} {text}")


class Search:
    """The tool, as a method. Keeps the passages of files that did not change."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._kept: dict[str, tuple[tuple[int, int, int], list[Passage]]] = {}
        self._reading = threading.Lock()

    def search_files(self, query: str, most: int = 6) -> str:
        """Find the passages of the working folder's files that fit a question best."""
        with self._reading:
            passages = self._passages()
        scores = Index([passage.terms for passage in passages]).scores(query)
        best = sorted(scores, key=lambda place: (-scores[place], place))[: max(1, min(most, 20))]
        found = [passages[place] for place in best]
        shown = [f"{one.path}, line {one.first}:\n{one.text[:_SHOWN_CHARS].rstrip()}" for one in found]
        return "\n\n".join(shown) or f"nothing in the working folder has to do with {query!r}"

    def _passages(self) -> list[Passage]:
        left = _MOST_BYTES
        kept: dict[str, tuple[tuple[int, int, int], list[Passage]]] = {}
        for entry in self._folder.walk():
            if entry.kind != "file" or entry.size_bytes > min(left, _MOST_FILE_BYTES):
                continue
            left -= entry.size_bytes
            known = self._kept.get(entry.path)
            fresh = known is None or known[0] != entry.stamp
            kept[entry.path] = (entry.stamp, self._cut(entry)) if known is None or fresh else known
        self._kept = kept
        return [passage for _, passages in kept.values() for passage in passages]

    def _cut(self, entry: Entry) -> list[Passage]:
        try:
            text = text_of(self._folder.read(entry.path, most_bytes=_MOST_FILE_BYTES), entry.path)
        except (PathError, OSError):  # binary, unreadable, or gone
            return []
        lines = text.splitlines()
        return [
            Passage(entry.path, at + 1, "\n".join(lines[at : at + _PASSAGE_LINES]))
            for at in range(0, len(lines), _PASSAGE_LINES)
        ]
