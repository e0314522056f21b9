"""What a figure was measured on: a benchmark without its machine is no claim."""

import os
import platform
import sqlite3
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine and the load it had when the benchmark began."""

    system: str
    processor: str
    cores: int
    python: str
    sqlite: str
    load: float
    """The load average of the last minute; above zero, somebody else was at work."""

    def __str__(self) -> str:
        return (
            f"{self.processor}, {self.cores} cores, load {self.load:.2f}; {self.system}; "
            f"Python {self.python}, SQLite {self.sqlite}"
        )


def this_machine() -> Machine:
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        processor=_processor(),
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        load=os.getloadavg()[0],
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
