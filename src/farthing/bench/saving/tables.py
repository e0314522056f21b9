"""Rows as tables: one for each workload, one over all, and the tutorial's ranges beside what was reached. Pure
but for the console that is handed in."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from farthing.bench.saving.bootstrap import Saved
from farthing.bench.saving.compare import ALL, MEASURED, NOTHING, Row
from farthing.bench.saving.herd import Herd
from farthing.bench.saving.levers import LEVERS, Claim, Lever
from farthing.bench.saving.measure import Sums
from farthing.bench.workloads import WORKLOADS
from farthing.money import format_usd, from_nano

NO_REPEAT = "no-repeat"
LEGEND = (
    "saved, in, out: percent of dollars, input and output tokens, negative where it is more; in brackets the\n"
    "95 % interval by a paired bootstrap over sessions or single tasks. hits: answered without asking a model.\n"
    "false: given the answer to another question. checks: planted facts, code and numbers that are in what was\n"
    "sent; schemas met; tools called. cut: answers ended by max_tokens, more than without the lever."
)


def show_workload(name: str, rows: Sequence[Row], out: Console) -> None:
    """One workload's table, and below it what is wrong, if anything is."""
    table = Table(title=f"{name}: {_about(name)}", title_justify="left")
    table.add_column("lever")
    for column in ("$ off", "$ on", "saved", "in", "out", "hits", "false", "checks", "cut"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row.lever, *_cells(row))
    out.print(table)
    for row in rows:
        judged = row.judged_on
        if row.law:
            out.print(f"{row.lever}: the law of money does not hold: {'; '.join(row.law)}")
        if judged is not None and judged.reasons:
            out.print(f"{row.lever}: {'; '.join(judged.reasons[:2])}", highlight=False, markup=False)


def _about(name: str) -> str:
    if name == ALL:
        return "each of them once; the mixture is no workload of its own"
    workload = WORKLOADS[name]
    return f"{workload.about} (version {workload.version})"


def _cells(row: Row) -> tuple[str, ...]:
    if row.off is None or row.on is None or row.judged_on is None or row.judged_off is None:
        return ("", "", row.status, *[""] * 6)
    dollars = (_dollars(row.off), _dollars(row.on))
    judged = row.judged_on
    hits = f"{100 * judged.hits / max(judged.tasks, 1):.0f} %"
    counts = (hits, str(judged.false_hits), f"{judged.passed}/{judged.checked}")
    cut = judged.cut - row.judged_off.cut
    if row.status == NOTHING:
        return (*dollars, NOTHING, "", "", *counts, f"{cut}")
    return (
        *dollars,
        shown(row.cost),
        shown(row.input),
        shown(row.output),
        *counts,
        f"{cut:+d}" if cut else "0",
    )


def _dollars(sums: Sums) -> str:
    return format_usd(from_nano(sums.cost))


def shown(saved: Saved | None) -> str:
    """`48.2 [44.1, 52.0]`, percent."""
    if saved is None or saved.percent is None:
        return "–"
    if saved.least is None or saved.most is None:
        return f"{saved.percent:.1f}"
    return f"{saved.percent:.1f} [{saved.least:.1f}, {saved.most:.1f}]"


def saving_of(row: Row, claim: Claim) -> Saved | None:
    """The saving that a claim is about."""
    return {"cost": row.cost, "input": row.input, "output": row.output}[claim.of]


def verdict_of(row: Row, claim: Claim) -> str:
    """Whether the range was reached: by the interval's lower end, where there is one."""
    saved = saving_of(row, claim)
    if row.status != MEASURED or saved is None or saved.percent is None:
        return row.status
    sure = saved.percent if saved.least is None else saved.least
    if sure >= claim.least:
        return "reached"
    return "not surely" if saved.percent >= claim.least else "not reached"


def claimed(rows: Sequence[Row], levers: Sequence[Lever] = LEVERS) -> list[tuple[Claim, Row]]:
    """For each lever that the tutorial claims something of: the row of each workload where it did something."""
    by_name = {lever.name: lever.claim for lever in levers if lever.claim is not None}
    return [(claim, row) for row in rows if (claim := by_name.get(row.lever)) is not None]


def show_claims(rows: Sequence[Row], out: Console, levers: Sequence[Lever] = LEVERS) -> None:
    """The tutorial's ranges: best workload, the one without repetition, and all together."""
    table = Table(title="the tutorial's ranges", title_justify="left")
    table.add_column("the tutorial")
    table.add_column("lever")
    table.add_column("workload")
    for column in ("measured", "saved", ""):
        table.add_column(column, justify="right", no_wrap=True)
    found = claimed(rows, levers)
    for lever in dict.fromkeys(row.lever for _, row in found):
        own = [(claim, row) for claim, row in found if row.lever == lever]
        for claim, row in _telling(own):
            saved = saving_of(row, claim)
            cells = ("of " + claim.of, shown(saved), verdict_of(row, claim))
            table.add_row(claim.words, lever, row.workload, *cells)
    out.print(table)


def _telling(rows: Sequence[tuple[Claim, Row]]) -> list[tuple[Claim, Row]]:
    """The workload with the most saved, the no-repeat row, and all together; one row where none was measured."""
    measured = [(claim, row) for claim, row in rows if row.status in (MEASURED, NOTHING)]
    if not measured:
        return list(rows[:1])

    def percent(entry: tuple[Claim, Row]) -> float:
        saved = saving_of(entry[1], entry[0])
        return float("-inf") if saved is None or saved.percent is None else saved.percent

    best = max((entry for entry in measured if entry[1].workload != ALL), key=percent, default=measured[0])
    stays = [entry for entry in measured if entry[1].workload in (NO_REPEAT, ALL) and entry is not best]
    return [best, *stays]


def show_baseline(rows: Sequence[Row], baseline: str, out: Console) -> None:
    """What the same accepted tokens cost on the baseline model, beside what was paid without any lever."""
    table = Table(title=f"without any lever, beside {baseline}", title_justify="left")
    table.add_column("workload")
    for column in ("tasks", "tokens in", "tokens out", "paid", "baseline"):
        table.add_column(column, justify="right")
    seen: Mapping[str, Row] = {row.workload: row for row in reversed(rows) if row.off and row.judged_off}
    for name, row in sorted(seen.items(), key=lambda entry: list(WORKLOADS).index(entry[0])):
        if row.off is not None and row.judged_off is not None:
            sums = row.off
            cells = (f"{row.judged_off.tasks:,}", f"{sums.input_tokens:,}", f"{sums.output_tokens:,}")
            table.add_row(name, *cells, _dollars(sums), format_usd(from_nano(sums.baseline)))
    out.print(table)


def show_herd(herd: Herd | None, out: Console) -> None:
    """The hundred identical requests; None where this version does not join them."""
    if herd is None:
        out.print("identical requests at once from several processes: not here yet")
        return
    out.print(
        f"{herd.requests} identical requests at once from {herd.processes} processes: "
        f"{herd.upstream_calls} upstream, {herd.answered} answered, {herd.texts} text(s); "
        f"law of money: {'; '.join(herd.law) or 'holds'}",
        highlight=False,
    )
    for error in herd.errors:
        out.print(f"  failed: {error}", markup=False, highlight=False)
