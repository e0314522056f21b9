"""Keeps prompts and answers beside the work: a bounded queue, and a thread that redacts, writes and deletes.

A task never waits for it and never fails by it: what does not fit the queue, or what the database does not
take, is not kept, and a warning says how much. What is cut out is `redact.py`'s, the SQL `store.py`'s.
"""

import logging
import queue
import threading
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError

from farthing.content import store
from farthing.content.redact import Redact
from farthing.content.store import Kept
from farthing.storage.database import Database

log = logging.getLogger("farthing.content")

DAY_US = 86_400_000_000
_WAITING = 256  # entries; with the longest texts they are some 100 MB
_LONGEST = 200_000  # characters of one text
_GROUP = 32  # one transaction: short, because the ledger's writer waits for it
_LOOK_S = 600.0  # how often an idle keeper looks whether a day has gone
_CUT = "\n[cut: {} characters more]"


class Keeper:
    """Use `keep` from any thread; `start` it, and `close` it before the database closes."""

    def __init__(
        self, database: Database, *, redact: Redact, retention_days: int, now_us: Callable[[], int]
    ) -> None:
        self._database, self._redact, self._now_us = database, redact, now_us
        self._retention_us = retention_days * DAY_US
        self._queue: queue.Queue[Kept | threading.Event | None] = queue.Queue(_WAITING)
        self._lost = 0
        self._tidied_us: int | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="farthing-content", daemon=True)

    def start(self) -> None:
        """Deletes what is too old and begins to keep."""
        self._thread.start()

    def keep(self, call_id: str, prompt: str, answer: str) -> None:
        """Queues one call's texts. Never waits and never raises; a full queue loses them and counts it."""
        try:
            self._queue.put_nowait(Kept(call_id, self._now_us(), _cut(prompt), _cut(answer)))
        except queue.Full:
            self._lost += 1

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Blocks until what was queued before is written or lost; False after `timeout_s`."""
        done = threading.Event()
        try:
            self._queue.put(done, timeout=timeout_s)
        except queue.Full:
            return False
        return done.wait(timeout_s)

    def close(self, timeout_s: float) -> None:
        """Writes what is queued and ends; what takes longer than `timeout_s` is left to a thread that dies
        with the process."""
        try:
            self._queue.put(None, timeout=timeout_s)
        except queue.Full:
            return
        self._thread.join(timeout_s)

    def _run(self) -> None:
        going = True
        while going:
            self._tidy()
            going = self._round()
        self._tell_lost()

    def _round(self) -> bool:
        """Writes what waits, at most a group; False when the end has come."""
        entries: list[Kept] = []
        flushes: list[threading.Event] = []
        going = True
        try:
            one = self._queue.get(timeout=_LOOK_S)
            while True:
                match one:
                    case Kept():
                        entries.append(one)
                    case threading.Event():
                        flushes.append(one)
                    case None:
                        going = False
                if not going or len(entries) == _GROUP:
                    break
                one = self._queue.get_nowait()
        except queue.Empty:
            pass
        self._write(entries)
        for flush in flushes:
            flush.set()
        return going

    def _write(self, entries: list[Kept]) -> None:
        if not entries:
            return
        try:
            cleaned = [
                one._replace(prompt=self._clean(one.prompt), answer=self._clean(one.answer))
                for one in entries
            ]
            with self._database.write() as connection:
                store.keep(connection, self._database, cleaned)
        except Exception as error:  # noqa: BLE001 - whatever one text or the database does, later ones are kept
            self._lost += len(entries)
            # Not the error's whole text, which may quote what was to be written.
            log.warning("the contents of %s calls could not be kept: %s", len(entries), _name(error))

    def _clean(self, text: str) -> str:
        # No database takes a NUL or half a character, and one text must not lose its whole group.
        return self._redact(text.replace("\0", "").encode("utf-8", "replace").decode("utf-8"))

    def _tidy(self) -> None:
        now_us = self._now_us()
        if self._tidied_us is not None and now_us - self._tidied_us < DAY_US:
            return
        self._tidied_us = now_us
        try:
            with self._database.write() as connection:
                gone = store.delete_older(connection, before_us=now_us - self._retention_us)
        except DBAPIError as error:
            log.warning("old contents could not be deleted: %s", _name(error))
            return
        if gone:
            log.info("deleted the contents of %s calls, which were too old", gone)

    def _tell_lost(self) -> None:
        if self._lost:
            log.warning("the contents of %s calls were not kept", self._lost)


def _name(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return type(cause).__name__


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + _CUT.format(len(text) - _LONGEST)
