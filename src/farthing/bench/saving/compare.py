"""Each lever's run beside its counterfactual's, on each workload: rows, and rows over all workloads together.

A run that several levers need is made once. A lever that this version does not act on is told and not run.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random

import msgspec

from farthing.bench.saving.bootstrap import Saved, savings
from farthing.bench.saving.judge import Judged
from farthing.bench.saving.levers import Lever, Settings
from farthing.bench.saving.measure import Run, Sums

Status = str
MEASURED, NOT_HERE, NOTHING, REFUSED = "measured", "not here yet", "changed nothing", "did not open"
Runner = Callable[[str, Settings, bool, int], Awaitable[Run]]
"""A workload's name, settings, whether sessions are told, tasks at once."""
ALL = "all workloads"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One lever on one workload. Without `off` and `on` it was not measured, and `status` says why."""

    lever: str
    workload: str
    status: Status
    against: str
    why: str = ""
    off: Sums | None = None
    on: Sums | None = None
    cost: Saved | None = None
    input: Saved | None = None
    output: Saved | None = None
    judged_off: Judged | None = None
    judged_on: Judged | None = None
    law: tuple[str, ...] = ()
    units: int = 0


def not_run(lever: Lever, workload: str, status: Status, why: str) -> Row:
    return Row(lever=lever.name, workload=workload, status=status, against=lever.against, why=why)


async def pair(lever: Lever, workload: str, runner: Runner) -> tuple[Run, Run]:
    """The lever's two runs."""
    off = await runner(workload, lever.off, lever.sessions_off, lever.at_once)
    on = await runner(workload, lever.on, lever.sessions_on, lever.at_once)
    return off, on


def row_of(
    lever: Lever, workload: str, runs: Sequence[tuple[Run, Run]], *, seed: int, without: Sequence[str] = ()
) -> Row:
    """One row over one workload's pair of runs, or over several workloads' pairs. `without`: settings of the
    lever that this version does not act on."""
    off, on = ([pair[side] for pair in runs] for side in (0, 1))
    same = all(before.requests == after.requests for before, after in runs)
    columns = [[_joined(side, at) for at in range(3)] for side in (off, on)]
    rng = Random(f"{lever.name}:{workload}:{seed}")  # noqa: S311  # repeatable
    strata = [len(run.units) for run in off]
    cost, inward, outward = savings(columns[0], columns[1], rng, strata=strata)
    faults = dict.fromkeys(fault for run in (*off, *on) for fault in run.law)
    return Row(
        lever=lever.name,
        workload=workload,
        status=NOTHING if same and _sums(off) == _sums(on) else MEASURED,
        against=lever.against,
        why=f"this version does not act on {', '.join(without)}" if without else "",
        off=_sums(off),
        on=_sums(on),
        cost=cost,
        input=inward,
        output=outward,
        judged_off=_judged(off),
        judged_on=_judged(on),
        law=tuple(faults),
        units=len(columns[0][0]),
    )


def _joined(runs: Sequence[Run], at: int) -> list[int]:
    return [amount for run in runs for amount in run.columns[at]]


def _sums(runs: Sequence[Run]) -> Sums:
    return Sums(**_added([msgspec.structs.asdict(run.sums) for run in runs]))


def _judged(runs: Sequence[Run]) -> Judged:
    parts = [msgspec.structs.asdict(run.judged) for run in runs]
    counts = _added([{name: part[name] for name in part if name != "reasons"} for part in parts])
    reasons = tuple(reason for run in runs for reason in run.judged.reasons)
    return Judged(**counts, reasons=reasons[:5])


def _added(parts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return {name: sum(part[name] for part in parts) for name in parts[0]}
