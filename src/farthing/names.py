"""Unique names for tasks, calls and runs: a random part made once, and a counter. Two are made per task."""

import itertools
import os
import secrets


class Names:
    """Makes names as `call_5f3a9c0e7b12-1f`: unique over processes by 48 random bits, in one by the count.

    A forked child gets random bits of its own.
    """

    def __init__(self) -> None:
        self._renew()

    def new(self, kind: str) -> str:
        """The next name of a kind (`task`, `call`, `run`)."""
        if os.getpid() != self._pid:
            self._renew()
        return f"{kind}_{self._prefix}-{next(self._count):x}"

    def _renew(self) -> None:
        self._pid = os.getpid()
        self._prefix = secrets.token_hex(6)
        self._count = itertools.count(1)
