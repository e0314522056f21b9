"""The command line as a process of its own, for what only a real one shows: signals, terminals, imports."""

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path


def environment(home: Path, **more: str) -> dict[str, str]:
    """A bare environment with homes of its own and no settings of this machine."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
    homes = {"HOME": str(home), "XDG_STATE_HOME": str(home / "state")}
    return {**kept, **homes, "PYTHONUTF8": "1", "COLUMNS": "200", **more}


def spawn(*arguments: str, home: Path, **more: str) -> subprocess.Popen[str]:
    """Starts `farthing` with pipes; it runs in `home`."""
    return subprocess.Popen(  # noqa: S603  # our own interpreter and module
        [sys.executable, "-m", "farthing", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=home,
        env=environment(home, **more),
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a process that ends by itself."""
    out, err = process.communicate(timeout=90)
    return process.returncode, out, err


def on_terminal(*arguments: str, home: Path, columns: int = 120) -> tuple[int, str]:
    """Exit code and all output of `farthing` on a terminal of its own."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
        [sys.executable, "-m", "farthing", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=home,
        env=environment(home, TERM="xterm-256color", COLUMNS=str(columns), LINES="40"),
        start_new_session=True,
    )
    os.close(theirs)
    pieces: list[bytes] = []
    # Linux says EIO where the other end of a terminal is gone.
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 65536):
            pieces.append(piece)
    os.close(ours)
    return process.wait(), b"".join(pieces).decode(errors="replace")
