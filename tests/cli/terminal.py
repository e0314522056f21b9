"""The command line on a terminal that is typed at: a pseudo-terminal of its own, read by pexpect."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pexpect import EOF, TIMEOUT, fdpexpect
from tests.cli.spawned import environment

# Makes the pseudo-terminal the controlling one, so that a typed Ctrl-C is a signal, as it is for people.
_LOGIN = """\
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where the tests run in the background
os.login_tty(0)
os.execv(sys.executable, [sys.executable, "-m", "farthing", *sys.argv[1:]])
"""
_SECONDS, _AGAIN_SECONDS = 60, 5
CTRL_C, CTRL_D = "\x03", "\x04"


class Terminal:
    """`farthing` on a terminal. `screen` is what it has shown so far, plainly."""

    def __init__(self, *arguments: str, home: Path, columns: int = 200, **more: str) -> None:
        ours, theirs = pty.openpty()
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-c", _LOGIN, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=home,
            env=environment(home, TERM="dumb", COLUMNS=str(columns), LINES="40", **more),
        )
        os.close(theirs)
        # `Any`: pexpect has no types of its own.
        self._typed: Any = fdpexpect.fdspawn(ours, encoding="utf-8", timeout=_SECONDS)
        self.screen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._typed.close()

    def shows(self, *texts: str) -> None:
        """Waits until the texts have been shown, in this order."""
        for text in texts:
            self._typed.expect_exact(text)
            self.screen += self._typed.before + self._typed.after

    def types(self, text: str) -> None:
        """Types a line."""
        self._typed.send(text + "\n")

    def presses(self, key: str, *, until: str) -> None:
        """Presses a key until a text is shown: one between a prompt and its reading can be lost."""
        for _ in range(_SECONDS // _AGAIN_SECONDS):
            self._typed.send(key)
            if self._typed.expect_exact([until, TIMEOUT], timeout=_AGAIN_SECONDS) == 0:
                self.screen += self._typed.before + self._typed.after
                return
        raise AssertionError(f"{until!r} was not shown: {self._typed.before!r}")

    def ends(self) -> int:
        """Reads to the end; the exit code."""
        self._typed.expect(EOF)
        self.screen += self._typed.before
        return self._process.wait(timeout=_SECONDS)
