"""Writes the figures of `farthing bench cost` into docs/guides/cost.md, between its two markers.

python scripts/record_costs.py              measures (some minutes) and writes
python scripts/record_costs.py COST.json    writes what `farthing bench cost --json-path COST.json` measured

The page's own words are not touched: read them again afterwards, for they speak of the figures.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from farthing.bench.cost import Measured
from farthing.bench.saving.compare import ALL, MEASURED, NOT_HERE, NOTHING, REFUSED, Row
from farthing.bench.saving.tables import saving_of, shown, telling, verdict_of
from farthing.money import format_usd, from_nano

PAGE = Path(__file__).resolve().parent.parent / "docs" / "guides" / "cost.md"
BEGIN, END = "<!-- figures of: farthing bench cost -->", "<!-- end of figures -->"


def with_figures(text: str, whole: Measured) -> str:
    """The page's text with these figures in it. Raises `ValueError` where a marker is missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN if not begin else END}")
    return f"{before}{BEGIN}\n{figures(whole)}\n{END}{after}"


def figures(whole: Measured) -> str:
    """All figures as Markdown."""
    versions = ", ".join(f"{one['name']} {one['version']} ({one['tasks']} tasks)" for one in whole.workloads)
    parts = [
        f"Measured {whole.at:%Y-%m-%d} on {whole.machine.processor}, {whole.machine.cores} cores, load "
        f"{whole.machine.load:.1f}, seed {whole.seed}; **simulated**. Workloads and versions: {versions}.",
        "### The tutorial's ranges",
        _claims(whole),
    ]
    for name in dict.fromkeys(row.workload for row in whole.rows):
        parts += [f"### On {name}", *_workload([row for row in whole.rows if row.workload == name])]
    if whole.herd is not None:
        herd = whole.herd
        parts += [
            "### Identical requests at once",
            f"{herd.requests} from {herd.processes} processes on one database: {herd.upstream_calls} "
            f"upstream, {herd.answered} answered; law of money: {'; '.join(herd.law) or 'holds'}.",
        ]
    return "\n\n".join(parts)


def _claims(whole: Measured) -> str:
    lines: list[Sequence[str]] = []
    for lever in whole.levers:
        claim = lever.claim
        if claim is None:
            continue
        for row in telling([row for row in whole.rows if row.lever == lever.name], claim):
            saved = shown(saving_of(row, claim))
            lines.append((claim.words, lever.name, row.workload, saved, verdict_of(row, claim)))
    return _table(("the tutorial", "lever", "workload", "saved, % [95 %]", "reached?"), lines)


def _workload(rows: Sequence[Row]) -> Iterable[str]:
    lines: list[Sequence[str]] = []
    for row in rows:
        judged = row.judged_on
        if row.status != MEASURED or row.off is None or row.on is None or judged is None:
            continue
        money = (format_usd(from_nano(sums.cost)) for sums in (row.off, row.on))
        hits = f"{100 * judged.hits / max(judged.tasks, 1):.0f} %"
        checks = f"{judged.passed} of {judged.checked}"
        tokens = (shown(row.input), shown(row.output))
        lines.append((row.lever, *money, shown(row.cost), *tokens, hits, str(judged.false_hits), checks))
    columns = ("lever", "off", "on", "dollars, %", "input, %", "output, %", "hits", "false", "checks")
    if lines:
        yield _table(columns, lines)
    for status in (NOTHING, NOT_HERE, REFUSED):
        names = ", ".join(row.lever for row in rows if row.status == status)
        if names:
            yield f"*{status}*: {names}."
    broken = [row for row in rows if row.law]
    if rows and rows[0].workload == ALL:
        yield f"The law of money {'is broken: see the JSON' if broken else 'holds in every ledger'}."


def _table(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [columns, ["---"] * len(columns), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main(arguments: Sequence[str]) -> int:
    """Measures, unless a file is given, and writes the page."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(arguments[0]) if arguments else Path(folder) / "cost.json"
        if not arguments:
            command = [sys.executable, "-m", "farthing", "bench", "cost", "--json-path", str(path)]
            subprocess.run(command, check=False)  # noqa: S603  # exit 1 is a missed aim: the figures show it
        whole = msgspec.json.decode(path.read_bytes(), type=Measured)
    PAGE.write_text(with_figures(PAGE.read_text(encoding="utf-8"), whole), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name}: figures of {whole.at:%Y-%m-%d} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
