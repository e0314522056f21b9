"""Ctrl-C: the first one stops cleanly, the second one at once."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import TypeVar

import typer

INTERRUPTED = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

T = TypeVar("T")


def run_async(work: Coroutine[object, object, T]) -> T:
    """Runs a coroutine to its end. Ctrl-C cancels it, waits for its clean-up, and exits with 130."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def stop_on_interrupt(stop: Callable[[], None]) -> Generator[None]:
    """Calls `stop` at the first SIGINT or SIGTERM; a second one has its usual effect."""
    loop = asyncio.get_running_loop()

    def first() -> None:
        restore()
        stop()

    def restore() -> None:
        for name in _SIGNALS:
            loop.remove_signal_handler(name)

    for name in _SIGNALS:
        loop.add_signal_handler(name, first)
    try:
        yield
    finally:
        restore()
