"""The spool: outcomes that a closing process could not write, kept on disk until the next start.

One line of JSON per event, fsynced before `append` returns. A start writes them to the ledger by their call
ids and empties the file afterwards, so a crash in between replays them, which changes nothing. Amounts are
integer nano-dollars. Not for a running process: it retries until the database has its outcomes.
"""

import fcntl
import logging
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec
import sqlalchemy as sa

from farthing.spend.batch import Event, Seen
from farthing.spend.ledger import Outcome, Reuse
from farthing.spend.step import PieceDone, StepDone
from farthing.storage.database import default_path

log = logging.getLogger("farthing.spend")


def spool_path(url: sa.URL, *, environ: Mapping[str, str]) -> Path:
    """Beside a SQLite database; for a server, in the state directory under a name that stands for its URL."""
    if url.get_backend_name() == "sqlite" and url.database:
        return Path(f"{url.database}.spool")
    name = sha256(url.set(password=None).render_as_string().encode()).hexdigest()[:16]
    return default_path(simulated=False, environ=environ).with_name(f"{name}.spool")


class Spool:
    """One file, shared by the processes of one database under an advisory lock."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, events: Sequence[Event]) -> None:
        """Adds the events durably. Raises `OSError` when the disk does not take them."""
        # Each event starts a line of its own, even after one that a crash cut off.
        data = b"".join(b"\n" + line for line in map(_line, events) if line) + b"\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _sync_directory(self.path.parent)

    @contextmanager
    def claim(self) -> Generator[Sequence[Event]]:
        """The events to replay; on leaving without an error they are gone from the file.

        Empty when there is none, or while another process replays them.
        """
        if not self.path.exists():
            yield ()
            return
        with self.path.open("r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield ()
                return
            data = file.read()
            yield [event for event in map(_event, data.splitlines()) if event is not None]
            if data:
                file.truncate(0)
                os.fsync(file.fileno())


class _Other(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is no outcome, told from one by its one key."""

    reuse: Reuse | None = None
    step: StepDone | None = None
    piece: PieceDone | None = None


def _line(event: Event) -> bytes | None:
    try:
        match event:
            case Reuse():
                return _encode(_Other(reuse=event))
            case StepDone():
                return _encode(_Other(step=event))
            case PieceDone():
                return _encode(_Other(piece=event))
            case _:
                return _encode(event)
    except ValueError:  # text that is no UTF-8
        log.exception("%r cannot be kept, its call stays uncertain", event)
        return None


def _event(line: bytes) -> Event | None:
    if not line.strip():
        return None
    try:
        if not line.startswith(_OTHERS):
            return _decode(line)
        other = _decode_other(line)
        return other.reuse or other.step or other.piece
    except (msgspec.ValidationError, msgspec.DecodeError):
        log.exception("a line of the spool cannot be read, its call stays uncertain: %r", line)
        return None


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder[Outcome | Seen](Outcome | Seen).decode
_decode_other = msgspec.json.Decoder(_Other).decode
_OTHERS = (b'{"reuse":', b'{"step":', b'{"piece":')
