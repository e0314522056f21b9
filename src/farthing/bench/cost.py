"""Benchmark of what each lever of saving saves: off and on, alone and together, on frozen workloads.

Everything runs in the real product against the simulator, in a process of its own, which bills today's
packaged prices. Dollars are the ledger's, each ledger is held against the simulator's bill. What decides a
figure is told beside it: the workload (what repeats, what is padded), Farthing (what is sent), or the
simulator's model of answers (how long they are, what a provider finds in its cache).
"""

import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console

from farthing.bench.machine import Machine, this_machine
from farthing.bench.progress import Told, console, told
from farthing.bench.saving import compare, tables
from farthing.bench.saving.bootstrap import DRAWS
from farthing.bench.saving.compare import Row
from farthing.bench.saving.herd import Herd, gathered
from farthing.bench.saving.levers import LEVERS, PROFILE, SINGLE_FLIGHT, Lever, Settings, missing_of
from farthing.bench.saving.measure import Run, run
from farthing.bench.workloads import WORKLOADS, Work, Workload, digest_of, shares_of
from farthing.config.load import load_config
from farthing.errors import FarthingError, nearest
from farthing.simulator.process import SimulatorProcess

BOOK = "snapshot"
QUICK = 48
"""Tasks of each workload for a quick look."""
MOST_FALSE, LEAST_PASSED = 0.005, 0.98
"""Of the tasks, of the checks: what a lever may do wrong before the command says so by its exit code."""
SIMULATED = (
    "Simulated: a simulator on this machine answers and bills; no money is spent. Its model decides how\n"
    "long answers are (so `out`, and the part of the dollars that is output) and which tokens a provider\n"
    "finds in its cache (`prompt caching`). Not its doing: what repeats, what is sent (`in`), hits, false\n"
    "hits, checks."
)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The whole measurement, as JSON has it."""

    at: datetime
    simulated: bool
    machine: Machine
    profile: str
    book: str
    baseline: str
    seed: int
    bootstrap_draws: int
    workloads: list[dict[str, object]]
    levers: list[Lever]
    rows: list[Row]
    herd: Herd | None
    herd_missing: bool
    """It was asked for, and this version does not join equal tasks."""


class Bench:
    """A simulator, and the runs that were made on it: what several levers need is run once."""

    def __init__(self, simulator: SimulatorProcess, works: Mapping[str, Sequence[Work]], line: Told) -> None:
        self._simulator, self._works, self._line = simulator, works, line
        self._made: dict[bytes, Run] = {}
        self.done = 0
        """Pairs of a lever and a workload."""

    async def rows(self, levers: Sequence[Lever], seed: int) -> list[Row]:
        """Every lever on every workload, and over all workloads."""
        found: list[Row] = []
        for lever in levers:
            found += await self._rows_of(lever, seed)
        return found

    async def _rows_of(self, lever: Lever, seed: int) -> list[Row]:
        able = [name for name in self._works if not lever.only or name in lever.only]
        names = [*able, compare.ALL] if len(able) > 1 else able
        missing = missing_of(lever)
        if missing and not lever.partly:
            why = f"this version does not act on {', '.join(missing)}"
            self._tell(len(able), lever.name)
            return [compare.not_run(lever, name, compare.NOT_HERE, why) for name in names]
        pairs: dict[str, tuple[Run, Run]] = {}
        for name in able:
            try:
                pairs[name] = await compare.pair(lever, name, self._run)
            except FarthingError as error:
                why = f"{type(error).__name__}: {error}".splitlines()[0]
                self._tell(len(able), lever.name)
                return [compare.not_run(lever, place, compare.REFUSED, why) for place in names]
            self._tell(1, f"{lever.name}, {name}")
        rows = [
            compare.row_of(lever, name, [pair], seed=seed, without=missing) for name, pair in pairs.items()
        ]
        if compare.ALL in names:
            rows.append(compare.row_of(lever, compare.ALL, list(pairs.values()), seed=seed, without=missing))
        return rows

    async def _run(self, workload: str, settings: Settings, sessions: bool, at_once: int) -> Run:
        works = self._works[workload]
        sessions = sessions and any(work.task.session_id for work in works)  # else it is the same run
        key = msgspec.json.encode((workload, settings, sessions, at_once), order="deterministic")
        if key not in self._made:
            with tempfile.TemporaryDirectory() as folder:
                self._made[key] = await run(
                    self._simulator,
                    works,
                    settings,
                    Path(folder),
                    sessions=sessions,
                    at_once=at_once,
                )
        return self._made[key]

    def _tell(self, more: int, detail: str) -> None:
        self.done += more
        self._line.report(self.done, detail)


def main(
    *,
    tasks: int | None = None,
    workloads: Sequence[str] = (),
    levers: Sequence[str] = (),
    seed: int = 1,
    as_json: bool = False,
    json_path: Path | None = None,
) -> bool:
    """Runs the benchmark and prints its tables, or its JSON; whether all that is committed was met.

    `tasks` is for each workload, None is each one's own size; names choose among workloads and levers. The
    herd of identical requests is asked with all levers only. Raises `FarthingError` for an unknown name.
    """
    machine = this_machine()
    out = Console(stderr=True) if as_json else console()
    chosen = [WORKLOADS[name] for name in _known(workloads, list(WORKLOADS), "workload")]
    names = _known(levers, list(dict.fromkeys(lever.name for lever in LEVERS)), "lever")
    pulled = [lever for lever in LEVERS if lever.name in names]
    works = {workload.name: workload.works(tasks, seed=seed) for workload in chosen}
    _announce(chosen, works, machine, out)
    with told("levers on workloads", _pairs(pulled, works), out) as line:
        rows, herd = asyncio.run(_measured(works, pulled, seed, line, with_herd=not levers))
    whole = Measured(
        at=datetime.now(UTC),
        simulated=True,
        machine=machine,
        profile=PROFILE,
        book=BOOK,
        baseline=load_config(PROFILE, environ={}).baseline.model,
        seed=seed,
        bootstrap_draws=DRAWS,
        workloads=[_described(workload, works[workload.name]) for workload in chosen],
        levers=pulled,
        rows=rows,
        herd=herd,
        herd_missing=herd is None and not levers,
    )
    missed = missed_of(rows, pulled, herd)
    _put_out(whole, missed, out, as_json=as_json, json_path=json_path)
    return not missed


def _put_out(
    whole: Measured, missed: Sequence[str], out: Console, *, as_json: bool, json_path: Path | None
) -> None:
    content = msgspec.json.format(msgspec.json.encode(whole), indent=2)
    if as_json:
        sys.stdout.write(content.decode() + "\n")
    else:
        _show(whole, missed, out)
    if json_path is not None:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        json_path.write_bytes(content)
        out.print(f"written to {json_path}")


def _pairs(levers: Sequence[Lever], works: Mapping[str, object]) -> int:
    return sum(not lever.only or name in lever.only for lever in levers for name in works)


def _known(asked: Sequence[str], known: Sequence[str], kind: str) -> list[str]:
    for name in asked:
        if name not in known:
            hint = f"nearest is {nearest(name, known)!r} of {', '.join(known)}"
            raise FarthingError(f"there is no {kind} {name!r}", hint=hint)
    return list(asked or known)


async def _measured(
    works: Mapping[str, Sequence[Work]], levers: Sequence[Lever], seed: int, line: Told, *, with_herd: bool
) -> tuple[list[Row], Herd | None]:
    async with SimulatorProcess(seed=seed, time_scale=0.0, book=BOOK) as simulator:
        rows = await Bench(simulator, works, line).rows(levers, seed)
        joins = next(lever for lever in LEVERS if lever.name == SINGLE_FLIGHT)
        if not with_herd or missing_of(joins):
            return rows, None
        with tempfile.TemporaryDirectory() as folder:
            return rows, await gathered(simulator, Path(folder))


def missed_of(rows: Sequence[Row], levers: Sequence[Lever], herd: Herd | None) -> tuple[str, ...]:
    """What is committed and was not met, in words."""
    spared = {lever.name for lever in levers if lever.harms}
    found: list[str] = []
    for row in rows:
        found += [f"{row.lever}, {row.workload}: {fault}" for fault in row.law]
        judged = row.judged_on
        if judged is None or row.lever in spared:
            continue
        if judged.failed:
            found.append(f"{row.lever}, {row.workload}: {judged.failed} tasks failed")
        if judged.false_hits > MOST_FALSE * judged.tasks:
            found.append(f"{row.lever}, {row.workload}: {judged.false_hits} false hits")
        if judged.passed < LEAST_PASSED * judged.checked:
            found.append(f"{row.lever}, {row.workload}: {judged.passed} of {judged.checked} checks passed")
    if herd is not None and (herd.upstream_calls != 1 or herd.answered != herd.requests or herd.law):
        found.append(f"identical requests at once: {herd.upstream_calls} upstream calls")
    return tuple(found)


def _described(workload: Workload, works: Sequence[Work]) -> dict[str, object]:
    return {
        "name": workload.name,
        "version": workload.version,
        "about": workload.about,
        "tasks": len(works),
        "units": len({work.unit for work in works}),
        "shares": shares_of(works),
        "digest": digest_of(works),
    }


def _announce(
    chosen: Sequence[Workload], works: Mapping[str, Sequence[Work]], machine: Machine, out: Console
) -> None:
    out.print(f"{SIMULATED}\n")
    for workload in chosen:
        own = works[workload.name]
        shares = shares_of(own)
        repeated = f"{shares['exact']:.0%} repeated, {shares['paraphrased']:.0%} in other words"
        out.print(f"{workload.name} {workload.version}: {len(own)} tasks, {repeated}", highlight=False)
    out.print(f"profile {PROFILE}, prices: the packaged snapshot; ledger: SQLite, synchronous=FULL")
    out.print(f"Machine: {machine}\n", highlight=False, soft_wrap=True)


def _show(whole: Measured, missed: Sequence[str], out: Console) -> None:
    for name in dict.fromkeys(row.workload for row in whole.rows):
        tables.show_workload(name, [row for row in whole.rows if row.workload == name], out)
    out.print(f"\n{tables.LEGEND}", highlight=False, markup=False)
    tables.show_claims(whole.rows, whole.levers, out)
    tables.show_baseline(whole.rows, whole.levers, whole.baseline, out)
    for name, why in {row.lever: row.why for row in whole.rows if row.why and row.on is not None}.items():
        out.print(f"{name}: {why}", highlight=False)
    for lever in whole.levers:
        by = f" ({lever.made_by})" if lever.made_by else ""
        out.print(f"{lever.name}: against {lever.against}{by}", highlight=False, markup=False)
    if whole.herd is not None:
        tables.show_herd(whole.herd, out)
    elif whole.herd_missing:
        out.print(f"identical requests at once from several processes: {compare.NOT_HERE}")
    for fault in missed:
        out.print(f"missed: {fault}", highlight=False, markup=False, soft_wrap=True)
