"""Figures of a benchmark: medians with their spread, shown beside what is committed to, and kept as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec
from rich.console import Console
from rich.table import Table

from farthing.bench.machine import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Median, least and most of one figure over the rounds."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:,.1f} ({self.least:,.1f}–{self.most:,.1f})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure beside what the design commits to; `met` is None where nothing is committed."""

    name: str
    value: str
    commit: str = ""
    met: bool | None = None


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    return Spread(median=median(values), least=min(values), most=max(values))


def quantile(ordered: Sequence[float], q: float) -> float:
    """The value below which the fraction `q` of sorted values lies; of at least one value."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * q))]


def missed(figures: Sequence[Figure]) -> tuple[str, ...]:
    """The names of the figures that fall short of what is committed."""
    return tuple(figure.name for figure in figures if figure.met is False)


def show_figures(
    title: str, figures: Sequence[Figure], console: Console, *, legend: str = ": median (least–most)"
) -> None:
    table = Table(title=f"{title}{legend}")
    for column in ("figure", "measured", "commit", ""):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for figure in figures:
        mark = "" if figure.met is None else "met" if figure.met else "missed"
        table.add_row(figure.name, figure.value, figure.commit, mark)
    console.print(table)


def write_figures(
    path: Path,
    figures: Sequence[Figure],
    *,
    machine: Machine,
    workload: Mapping[str, object],
    console: Console,
) -> None:
    """Writes machine, workload and figures as JSON, making the folder."""
    content = {"at": datetime.now(UTC), "machine": machine, "workload": workload, "figures": figures}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2))
    console.print(f"written to {path}")
