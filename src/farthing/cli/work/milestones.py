"""The file beside the ledger that keeps how far a migration is: read whole, changed by one at a time."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from farthing.errors import FarthingError
from farthing.storage.database import default_path
from farthing.usage.migration import Kept, kept_from

_NAME = "migration.json"


def kept_path(environ: Mapping[str, str]) -> Path:
    """Where it lies: in the folder of the ledger that no URL names."""
    return default_path(simulated=False, environ=environ).with_name(_NAME)


def read_kept(path: Path) -> Kept:
    """What is kept; nothing where there is no file. Raises `FarthingError` for one that cannot be read."""
    try:
        return kept_from(path.read_bytes())
    except FileNotFoundError:
        return Kept()
    except (OSError, ValueError) as fault:
        raise FarthingError(
            f"{path} cannot be read: {fault}",
            hint="move it away to begin anew; the ledger is not touched by that",
        ) from None


def change_kept(path: Path, change: Callable[[Kept], Kept]) -> Kept:
    """Reads, changes and writes it in one go: whoever reads at the same time sees the old or the new whole.

    Raises `FarthingError` where it cannot be read or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            made = change(read_kept(path))
            _write(path, msgspec.json.format(msgspec.json.encode(made), indent=1))
    except OSError as fault:
        raise FarthingError(f"{path} cannot be written: {fault.strerror}") from None
    return made


@contextmanager
def _alone(path: Path) -> Generator[None]:
    """One change at a time. The lock is a file of its own, as the other is replaced."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{_NAME}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
