"""Feeds every target by atheris for a while: `make fuzz`, or `python -m tests.fuzz stream http --seconds 9`.

Prints executions, coverage and crashes of each. Ends with 1 where a promise was broken; the input is kept,
with the command that plays it again: `python -m tests.fuzz stream --replay FILE`, which needs no atheris.
"""

import argparse
import asyncio
import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from tests.fuzz import seeds
from tests.fuzz.targets import TARGETS

_UNIT_S = 20
"""One input that takes longer is a hang; under instrumentation, and beside others' work."""
_MEMORY_MB = 2048


class Run(NamedTuple):
    """What came of one target. `coverage`: libFuzzer's count of instrumented edges that were reached."""

    name: str
    seeds: int
    executions: int
    coverage: int
    crashes: tuple[Path, ...]
    ended: int
    said: str


def fuzz(name: str, *, seconds: int, raw: list[bytes], kept: Path) -> Run:
    """Runs a target in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        corpus, words = Path(folder) / "corpus", Path(folder) / "words"
        count = seeds.write(name, corpus, raw)
        words.write_text(seeds.dictionary(), encoding="ascii")
        before = set(kept.glob("*"))
        options = (
            *(f"-max_total_time={seconds}", f"-timeout={_UNIT_S}", f"-rss_limit_mb={_MEMORY_MB}"),
            *(f"-max_len={TARGETS[name].longest}", f"-dict={words}", f"-artifact_prefix={kept}/{name}-"),
            "-print_final_stats=1",
        )
        command = [sys.executable, "-m", "tests.fuzz.worker", name, *options, str(corpus)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603 - ours
    said = done.stderr + done.stdout
    return Run(
        name=name,
        seeds=count,
        executions=_greatest(said, r"^#(\d+)\t", r"executed_units: +(\d+)"),
        coverage=_greatest(said, r"cov: (\d+)"),
        crashes=tuple(sorted(set(kept.glob("*")) - before)),
        ended=done.returncode,
        said=said,
    )


def _greatest(said: str, *patterns: str) -> int:
    numbers = (int(found) for pattern in patterns for found in re.findall(pattern, said, re.MULTILINE))
    return max(numbers, default=0)


def show(runs: list[Run], console: Console) -> None:
    table = Table(title="what was fed, and what broke")
    for column in ("target", "seeds", "executions", "coverage", "crashes"):
        table.add_column(column, justify="left" if column == "target" else "right")
    for run in runs:
        table.add_row(
            run.name, f"{run.seeds:,}", f"{run.executions:,}", f"{run.coverage:,}", str(len(run.crashes))
        )
    console.print(table)
    for run in runs:
        for crash in run.crashes:
            text = f"{run.name} BROKE; play it again: {replay_command(run.name, crash)}"
            console.print(text, style="red", soft_wrap=True)
        if run.ended and not run.crashes:
            console.print(f"{run.name} ended with {run.ended} and no input", style="red")
        if run.ended:
            console.print(run.said[-3000:].partition("=== Uncaught")[2] or run.said[-3000:], soft_wrap=True)


def replay_command(name: str, crash: Path) -> str:
    return f"{Path(sys.executable).name} -m tests.fuzz {name} --replay {crash}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all if none")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument(
        "--keep", type=Path, default=Path("fuzz-results"), help="where crashing inputs are kept"
    )
    parser.add_argument("--replay", type=Path, help="an input to play once, for the one target that is named")
    given = parser.parse_args()
    names: list[str] = given.targets or list(TARGETS)
    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        parser.error(f"there is no target {unknown[0]!r}; give one of {', '.join(TARGETS)}")
    if given.replay is not None:
        if len(names) != 1:
            parser.error("name the one target whose input is to be played again")
        TARGETS[names[0]].take(given.replay.read_bytes())
        return 0
    if importlib.util.find_spec("atheris") is None:
        parser.error("atheris is not installed; `make fuzz` installs it (Linux only)")
    console = Console(width=None if sys.stdout.isatty() else 120, markup=False, highlight=False)
    given.keep.mkdir(parents=True, exist_ok=True)
    raw = asyncio.run(seeds.replies())
    runs: list[Run] = []
    for name in names:
        runs.append(fuzz(name, seconds=given.seconds, raw=raw, kept=given.keep))
        console.print(f"{name}: {runs[-1].executions:,} executions")
    show(runs, console)
    return 1 if any(run.ended or run.crashes for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
