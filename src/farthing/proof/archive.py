"""Ledger rows in a file of their own: what was exported or put away, for a replay without the database.

JSON Lines, gzipped where the name ends in `.gz`. The first line is the format and the checkpoint that the
rows go on from, or null; each further line is one row, its place first. Written durably or not at all.
"""

import gzip
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import chain, takewhile
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from farthing.errors import FarthingError
from farthing.proof import checkpoint
from farthing.proof.checkpoint import Checkpoint
from farthing.proof.heads import HeadWatch
from farthing.proof.replay import Replay
from farthing.spend.ledger import Row

_FORMAT = "farthing ledger rows 1"
Write = Callable[[int, Row], None]


class Archived(NamedTuple):
    """A file of rows, replayed from the checkpoint it goes on from, if any."""

    path: Path
    start: Checkpoint | None
    replay: Replay


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    format: str
    start: Checkpoint | None


_header = msgspec.json.Decoder(_Header)
_line = msgspec.json.Decoder(tuple[int, Row])
_encode = msgspec.json.Encoder().encode


@contextmanager
def writing(path: Path, *, start: Checkpoint | None) -> Generator[Write]:
    """Gives what writes a row. The file is there, whole and durable, when the block ends without an error.

    Raises `FarthingError` for a file that is there, `OSError` when the disk does not take it.
    """
    if path.exists():
        raise FarthingError(f"{path} is there already", hint="name another file; nothing is written over")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as raw:
            with _compressed(raw, path) as file:
                file.write(_encode(_Header(format=_FORMAT, start=start)) + b"\n")
                yield lambda seq, row: _write(file, seq, row)
            raw.flush()
            os.fsync(raw.fileno())
        part.rename(path)
        _sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


def replayed(path: Path, *, watch: HeadWatch | None = None, on_row: Write | None = None) -> Archived:
    """Replays a file's rows. Raises `FarthingError` for a file that is none of ours."""
    replay = Replay(on_head=None if watch is None else watch.see)
    try:
        with path.open("rb") as raw, _readable(raw, path) as file:
            header = _header.decode(file.readline())
            if header.format != _FORMAT:
                raise FarthingError(f"{path} has the format {header.format!r}, not {_FORMAT!r}")
            rows = (_line.decode(line) for line in file)
            if header.start is not None:
                rows = _resumed(replay, header.start, rows)
                if watch is not None:
                    watch.see_all(header.start.heads)
            for seq, row in rows:
                replay.take(seq, row)
                if on_row is not None:
                    on_row(seq, row)
    except (OSError, EOFError, msgspec.DecodeError) as error:
        raise FarthingError(
            f"{path} is no file of ledger rows: {error}",
            hint="farthing ledger prune and farthing ledger export --rows FILE write one",
        ) from error
    return Archived(path, header.start, replay)


def _resumed(replay: Replay, start: Checkpoint, rows: Iterator[tuple[int, Row]]) -> Iterator[tuple[int, Row]]:
    """Begins at the checkpoint with the rows that it left; gives the rows behind it."""
    later: list[tuple[int, Row]] = []

    def is_left(pair: tuple[int, Row]) -> bool:
        if pair[0] > start.through:
            later.append(pair)
        return not later

    checkpoint.resume(replay, start, takewhile(is_left, rows))
    return chain(later, rows)


def _write(file: IO[bytes], seq: int, row: Row) -> None:
    file.write(_encode((seq, row)) + b"\n")


@contextmanager
def _compressed(raw: IO[bytes], path: Path) -> Generator[IO[bytes]]:
    if path.suffix != ".gz":
        yield raw
        return
    # Without a time and a name: the same rows are the same bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file:
        yield file  # pyright: ignore[reportReturnType]  (it writes bytes as IO[bytes] does)


@contextmanager
def _readable(raw: IO[bytes], path: Path) -> Generator[IO[bytes]]:
    if path.suffix != ".gz":
        yield raw
        return
    with gzip.GzipFile(fileobj=raw) as file:
        yield file  # pyright: ignore[reportReturnType]  (likewise)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
