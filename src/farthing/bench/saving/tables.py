"""Rows as tables: one for each workload, one over all, and the tutorial's ranges beside what was reached.

Pure but for the console that is handed in.
"""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from farthing.bench.saving.bootstrap import Saved
from farthing.bench.saving.compare import ALL, MEASURED, NOT_HERE, NOTHING, REFUSED, Row
from farthing.bench.saving.herd import Herd
from farthing.bench.saving.levers import Claim, Lever
from farthing.bench.saving.measure import Sums
from farthing.bench.workloads import WORKLOADS
from farthing.money import format_usd, from_nano

NO_REPEAT = "no-repeat"
LEGEND = (
    "saved, in, out: percent of dollars, of input and of output tokens, negative where it is more; in\n"
    "brackets the 95 % interval by a paired bootstrap over sessions or single tasks. hits: answered without\n"
    "asking a model. false: given the answer to another question. checks: planted facts, code and numbers\n"
    "that are in what was sent; schemas met; tools called. cut: answers that max_tokens ended, against\n"
    "without the lever. changed nothing: the same requests were sent and billed."
)


def show_workload(name: str, rows: Sequence[Row], out: Console) -> None:
    """One workload's levers; by name those that did nothing or are not here; and what is wrong."""
    out.print(f"\n{name}: {_about(name)}", highlight=False)
    table = _table(("lever",), ("off", "on", "saved %", "in %", "out %", "hits", "false", "checks", "cut"))
    for row in rows:
        if row.status == MEASURED:
            table.add_row(row.lever, *_cells(row))
    if table.row_count:
        out.print(table)
    for status in (NOTHING, NOT_HERE, REFUSED):
        names = ", ".join(row.lever for row in rows if row.status == status)
        if names:
            out.print(f"{status}: {names}", highlight=False)
    for row in rows:
        if row.law:
            out.print(f"{row.lever}: the law of money does not hold: {'; '.join(row.law)}")
        reasons = row.judged_on.reasons if row.judged_on is not None else (row.why,)
        for reason in reasons[:2] if row.status != NOT_HERE else ():
            out.print(f"{row.lever}: {reason}", highlight=False, markup=False)


def _table(left: Sequence[str], right: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in left:
        table.add_column(column, no_wrap=True)
    for column in right:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _about(name: str) -> str:
    if name == ALL:
        return "each of them once; the mixture is ours"
    workload = WORKLOADS[name]
    return f"{workload.about} (version {workload.version})"


def _cells(row: Row) -> tuple[str, ...]:
    if row.off is None or row.on is None or row.judged_on is None or row.judged_off is None:
        return ()
    judged = row.judged_on
    cut = judged.cut - row.judged_off.cut
    return (
        _dollars(row.off),
        _dollars(row.on),
        shown(row.cost),
        _percent(row.input),
        _percent(row.output),
        f"{100 * judged.hits / max(judged.tasks, 1):.0f} %",
        str(judged.false_hits),
        f"{judged.passed}/{judged.checked}",
        f"{cut:+d}" if cut else "0",
    )


def _dollars(sums: Sums) -> str:
    return format_usd(from_nano(sums.cost))


def _percent(saved: Saved | None) -> str:
    return "–" if saved is None or saved.percent is None else f"{saved.percent:.1f}"


def shown(saved: Saved | None) -> str:
    """`48.2 [44.1, 52.0]`, percent."""
    if saved is None or saved.least is None or saved.most is None:
        return _percent(saved)
    return f"{_percent(saved)} [{saved.least:.1f}, {saved.most:.1f}]"


def saving_of(row: Row, claim: Claim) -> Saved | None:
    """The saving that a claim is about."""
    return {"cost": row.cost, "input": row.input, "output": row.output}[claim.of]


def verdict_of(row: Row, claim: Claim) -> str:
    """Whether the range was reached, by the interval's lower end where there is one; and at what price."""
    saved = saving_of(row, claim)
    if row.status != MEASURED or saved is None or saved.percent is None:
        return row.status
    sure = saved.percent if saved.least is None else saved.least
    if saved.percent < claim.least:
        return "not reached"
    reached = "reached" if sure >= claim.least else "not surely"
    cut = row.judged_on.cut - row.judged_off.cut if row.judged_on and row.judged_off else 0
    return f"{reached}, {cut} cut" if cut > 0 else reached


def show_claims(rows: Sequence[Row], levers: Sequence[Lever], out: Console) -> None:
    """Each range of the tutorial: the workload with the most saved, the one without repetition, and all."""
    out.print("\nthe tutorial's ranges: where a lever saved most, then no-repeat, then all workloads")
    table = _table(("the tutorial", "lever", "workload"), ("saved %", ""))
    for lever in levers:
        claim = lever.claim
        if claim is None:
            continue
        for row in telling([row for row in rows if row.lever == lever.name], claim):
            saved = saving_of(row, claim)
            table.add_row(claim.words, lever.name, row.workload, shown(saved), verdict_of(row, claim))
    out.print(table)


def telling(rows: Sequence[Row], claim: Claim) -> list[Row]:
    """The workload with the most saved, the no-repeat row, and all together; one row where none was run."""
    ran = [row for row in rows if row.status in (MEASURED, NOTHING)]
    single = [row for row in ran if row.workload != ALL]
    if not single:
        return list(rows[:1])

    def percent(row: Row) -> float:
        saved = saving_of(row, claim)
        return float("-inf") if saved is None or saved.percent is None else saved.percent

    best = max(single, key=percent)
    return [best, *(row for row in ran if row.workload in (NO_REPEAT, ALL) and row is not best)]


def show_baseline(rows: Sequence[Row], levers: Sequence[Lever], baseline: str, out: Console) -> None:
    """What was paid without any lever, and what the same tokens cost on the baseline model."""
    plain = {
        lever.name for lever in levers if not lever.off and not lever.sessions_off and lever.at_once == 1
    }
    table = _table(("workload",), ("tasks", "tokens in", "tokens out", "paid", "baseline"))
    told: set[str] = set()
    for row in rows:
        if row.off is None or row.judged_off is None or row.lever not in plain or row.workload in told:
            continue
        told.add(row.workload)
        sums = row.off
        tokens = (f"{sums.input_tokens:,}", f"{sums.output_tokens:,}")
        money = (_dollars(sums), format_usd(from_nano(sums.baseline)))
        table.add_row(row.workload, f"{row.judged_off.tasks:,}", *tokens, *money)
    if told:
        out.print(f"\nwithout any lever, beside the same tokens on {baseline}", highlight=False)
        out.print(table)


def show_herd(herd: Herd, out: Console) -> None:
    """The hundred identical requests."""
    out.print(
        f"{herd.requests} identical requests at once from {herd.processes} processes: "
        f"{herd.upstream_calls} upstream, {herd.answered} answered, {herd.texts} text(s); "
        f"law of money: {'; '.join(herd.law) or 'holds'}",
        highlight=False,
    )
    for error in herd.errors:
        out.print(f"  failed: {error}", markup=False, highlight=False)
