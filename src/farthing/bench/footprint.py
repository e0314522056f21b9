"""What this process takes of its machine: memory, descriptors, threads, tasks of its event loop.

Read from `/proc`; where there is none (macOS), memory is the most it ever was. Limits are raised here too.
"""

import asyncio
import gc
import os
import resource
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from farthing.errors import FarthingError

MIB = 1024 * 1024
_STATM, _FDS = Path("/proc/self/statm"), (Path("/proc/self/fd"), Path("/dev/fd"))
_LOOK_S = 0.05
_SPARE = 256
"""Descriptors beside the sockets: the ledger, the simulator's pipes, the interpreter's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """One look at this process."""

    resident: int
    """Bytes."""
    descriptors: int
    threads: int
    tasks: int


def footprint() -> Footprint:
    """To be called on the event loop whose tasks are counted."""
    return Footprint(
        resident=resident_bytes(),
        descriptors=descriptors(),
        threads=threading.active_count(),
        tasks=len(asyncio.all_tasks()),
    )


def resident_bytes() -> int:
    """Memory that this process has now."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def settled_bytes() -> int:
    """Memory without what is only waiting to be collected."""
    gc.collect()
    return resident_bytes()


def descriptors() -> int:
    """How many files and sockets are open."""
    folder = next((folder for folder in _FDS if folder.exists()), None)
    return 0 if folder is None else len(os.listdir(folder))  # noqa: PTH208  # a third of the time, each second


def raise_descriptors(sockets: int) -> None:
    """Raises the soft limit to the hard one. Raises `FarthingError` where that is too low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = sockets + _SPARE
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise FarthingError(
            f"{sockets:,} connections need {wanted:,} descriptors; this process may have {hard:,}",
            hint=f"raise the hard limit (`ulimit -Hn {wanted}` as root, or LimitNOFILE of the service), "
            "or ask for fewer",
        )
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class MemoryWatch:
    """The most memory this process had while it was held: `async with MemoryWatch() as memory`."""

    def __init__(self) -> None:
        self.most = 0
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._looking = asyncio.ensure_future(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.most = max(self.most, resident_bytes())
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        while True:
            self.most = max(self.most, resident_bytes())
            await asyncio.sleep(_LOOK_S)
