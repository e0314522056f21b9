"""How far a long measurement has come: a bar on a terminal, a line now and then where output is piped."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

_LINE_EVERY_S = 10.0
_PIPED_WIDTH = 110


class Told:
    """Tells of one piece of work. `report` may be called as often as wanted."""

    def __init__(self, what: str, total: float, console: Console, bar: Progress | None) -> None:
        self._what, self._total, self._console, self._bar = what, total, console, bar
        self._task: TaskID | None = None if bar is None else bar.add_task(what, total=total)
        self._began = self._line_at = time.monotonic()

    def report(self, done: float, detail: str = "") -> None:
        """`done` of the total; `detail` is shown behind it."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, description=f"{self._what} {detail}".rstrip())
            return
        now = time.monotonic()
        if now - self._line_at >= _LINE_EVERY_S:
            self._line_at = now
            words = f"{self._what}: {done:,.0f} of {self._total:,.0f} after {now - self._began:.0f} s"
            self._console.print(f"{words}{f', {detail}' if detail else ''}", highlight=False)


def console() -> Console:
    """Standard output; piped, it is wide enough for the tables."""
    return Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)


@contextmanager
def told(what: str, total: float, console: Console) -> Generator[Told]:
    """Tells how far the work is until it ends."""
    if not console.is_terminal:
        yield Told(what, total, console, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        yield Told(what, total, console, bar)
