"""Turns of the processes that change shared memory in one SQLite file, so that the ledger has one, too.

SQLite gives its lock to whoever asks when it is free, and who waits asks again seldom: among processes that
always have something to write, the ledger's writer would wait for seconds. So these processes have a lock of
their own, in a file beside the database, and keep it after a commit for as long as the commit took. Then the
database's lock is free for half of the time, however many they are. PostgreSQL needs none of it.
"""

import fcntl
import os
import random
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from farthing.errors import LedgerUnavailableError
from farthing.storage.database import Database

_LONGEST_BREATH_S = 0.1
_AGAIN_S = (0.0005, 0.003)


class Turns:
    """Use from any thread, each for a turn at a time."""

    def __init__(self, database: Database) -> None:
        self._path = Path(f"{database.url.database}-memory") if database.is_sqlite else None

    @contextmanager
    def turn(self, *, give_up_at: float) -> Generator[None]:
        """Waits for a turn, and ends it after a breath. Raises `LedgerUnavailableError` when none comes until
        `give_up_at`, on the monotonic clock."""
        if self._path is None:
            yield
            return
        descriptor = _opened(self._path)
        try:
            _lock(descriptor, self._path, give_up_at)
            began = time.monotonic()
            yield
            time.sleep(min(time.monotonic() - began, _LONGEST_BREATH_S))
        finally:
            os.close(descriptor)  # and with it the lock, as when the process ends


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise LedgerUnavailableError(
            f"shared memory cannot be reached: {error}", hint="the database's folder must be writable"
        ) from error


def _lock(descriptor: int, path: Path, give_up_at: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                raise LedgerUnavailableError(
                    f"shared memory cannot be reached: another process keeps {path}",
                    hint="find the process that has stopped in the middle of a change",
                ) from None
        time.sleep(random.uniform(*_AGAIN_S))  # noqa: S311 - so that each has its chance
