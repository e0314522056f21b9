"""Opens usage exports for the command line: compressed or not, in any usual encoding, in bounded memory.

What a text is and what its rows say is `usage/`'s. A file that cannot be used is told, the others are read.
"""

import codecs
import csv
import gzip
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, cast

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from farthing.cli.work import show
from farthing.errors import FarthingError, nearest
from farthing.usage.layout import Layout
from farthing.usage.lines import LONGEST
from farthing.usage.read import HEAD, Unreadable, recognise, records
from farthing.usage.record import BadRow, Format
from farthing.usage.tally import Tally

KEPT_BAD_ROWS = 100_000
"""Bad rows that are kept with their reasons; more are only counted."""

_PIECE = 256 * 1024
_LONG_WORK = 8 * 1024 * 1024
"""Bytes from which reading shows how far it is."""
_GZIP = b"\x1f\x8b"
_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(slots=True, kw_only=True)
class FileRead:
    """What became of one file. `problem` is why none of it could be used."""

    file: str
    layouts: list[Layout] = field(default_factory=list[Layout])
    rows: int = 0
    bad: int = 0
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """One row that was not counted: its file, its line and why."""

    file: str
    line: int
    reason: str


@dataclass(slots=True, kw_only=True)
class Exports:
    """All files together."""

    tally: Tally = field(default_factory=Tally)
    files: list[FileRead] = field(default_factory=list[FileRead])
    bad: list[BadLine] = field(default_factory=list[BadLine])

    @property
    def bad_count(self) -> int:
        return sum(file.bad for file in self.files)


def read_exports(paths: Sequence[Path], *, only: Format | None) -> Exports:
    """Reads the files one after another. Raises `FarthingError` when not one row of them could be used."""
    found = Exports()
    with _progress(paths) as advance, _long_cells():
        for path in _once(paths):
            file = FileRead(file=str(path))
            found.files.append(file)
            try:
                _read(path, file, found, only, advance)
            except FileNotFoundError:
                file.problem = _missing(path)
            except (OSError, EOFError, zlib.error) as fault:  # the last two: packed, and cut or spoilt
                file.problem = f"it cannot be read: {fault.strerror if isinstance(fault, OSError) else fault}"
            if not file.rows and file.problem is None:
                file.problem = _nothing_of(file, found)
    if not found.tally.rows:
        told = "\n".join(f"  {file.file}: {file.problem}" for file in found.files)
        raise FarthingError(
            f"no row of the exports could be used\n{told}",
            hint="--format names the format; docs/guides/migrate.md says which are read",
        )
    return found


def _read(
    path: Path, file: FileRead, found: Exports, only: Format | None, advance: Callable[[int], None]
) -> None:
    with _opened(path) as stream:
        pieces = _pieces(stream, advance)
        head, rest = _head(pieces)
        shape = recognise(head, only)
        if isinstance(shape, Unreadable):
            file.problem = shape.reason
            return
        for entry in records(shape, chain([head], rest), only):
            if isinstance(entry, BadRow):
                file.bad += 1
                if len(found.bad) < KEPT_BAD_ROWS:
                    found.bad.append(BadLine(file=str(path), line=entry.line, reason=entry.reason))
                continue
            try:
                found.tally.add(entry.record)
            except ValueError as fault:
                raise FarthingError(f"{path}: {fault}", hint="--format names another format") from None
            file.rows += 1
            if entry.layout not in file.layouts:
                file.layouts.append(entry.layout)


def _missing(path: Path) -> str:
    there = [entry.name for entry in path.parent.glob("*")] if path.parent.is_dir() else []
    near = nearest(path.name, there)
    return "there is no such file" + (f"; did you mean {path.parent / near}?" if near else "")


def _nothing_of(file: FileRead, found: Exports) -> str:
    first = next((bad for bad in found.bad if bad.file == file.file), None)
    if first is None:
        return "it has no rows"
    return f"none of its {show.counted(file.bad, 'row')} can be used; line {first.line}: {first.reason}"


def _once(paths: Iterable[Path]) -> Iterator[Path]:
    """The paths; a file that is given twice would count twice."""
    seen: set[Path] = set()
    for path in paths:
        place = path.resolve()
        if place in seen:
            show.note(f"{path} is given twice and read once")
            continue
        seen.add(place)
        yield path


@contextmanager
def _opened(path: Path) -> Generator[IO[bytes]]:
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        if not packed:
            yield raw
            return
        with gzip.open(raw, "rb") as unpacked:
            yield cast("IO[bytes]", unpacked)


def _pieces(stream: IO[bytes], advance: Callable[[int], None]) -> Iterator[str]:
    """The text in pieces. A byte that is no character becomes a question mark of its own, not an end."""
    first = stream.read(_PIECE)
    mark, encoding = next(((m, e) for m, e in _ENCODINGS if first.startswith(m)), (b"", "utf-8"))
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    piece = first[len(mark) :]
    while piece:
        advance(len(piece))
        yield decoder.decode(piece)
        piece = stream.read(_PIECE)
    yield decoder.decode(b"", final=True)


def _head(pieces: Iterator[str]) -> tuple[str, Iterator[str]]:
    head = ""
    for piece in pieces:
        head += piece
        if len(head) >= HEAD:
            break
    return head[:HEAD], chain([head[HEAD:]], pieces)


@contextmanager
def _long_cells() -> Generator[None]:
    """The csv module's bound of 131,072 characters would refuse the rows of logs that keep prompts."""
    before = csv.field_size_limit(LONGEST)
    try:
        yield
    finally:
        csv.field_size_limit(before)


@contextmanager
def _progress(paths: Sequence[Path]) -> Generator[Callable[[int], None]]:
    """How far reading is: a bar on a terminal, a line for each tenth elsewhere, nothing for a short work."""
    total = sum(path.stat().st_size for path in paths if path.is_file())
    out = show.console(stderr=True)
    if total < _LONG_WORK:
        yield lambda _: None
    elif out.is_terminal:
        columns = (TextColumn("reading"), BarColumn(), DownloadColumn())
        with Progress(*columns, console=out, transient=True) as bar:
            task = bar.add_task("reading", total=total)
            yield lambda count: bar.advance(task, count)
    else:
        yield _Lines(total).advance


@dataclass(slots=True)
class _Lines:
    total: int
    done: int = 0
    told: int = 0

    def advance(self, count: int) -> None:
        self.done += count
        tenth = min(10 * self.done // self.total, 10)  # more than all of a file that was packed
        if tenth > self.told:
            self.told = tenth
            show.note(f"read {self.done / 1e6:,.0f} MB")
