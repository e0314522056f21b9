"""One run of a workload: a deployment of its own on the simulator, its ledger read and held against the bill.

The tasks are handed in one after another, or so many at once; a unit's tasks never overtake each other. What
is compared with what, and what the levers are, is not decided here.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import structs

from farthing.bench.law import billed_by_id, hold_against_bill, read_fold
from farthing.bench.saving.judge import Ended, Judged, judged
from farthing.bench.saving.levers import BASE, PROFILE, REWRITES, Settings
from farthing.bench.saving.rewritten import rewrites_file
from farthing.bench.saving.sent import WatchedTransport
from farthing.bench.workloads import Work
from farthing.deployment import Deployment
from farthing.errors import FarthingError
from farthing.simulator.process import SimulatorProcess
from farthing.spend.runs import Call
from farthing.storage.database import Database, sqlite_url
from farthing.task import Task

SCENARIO: Mapping[str, object] = {
    "missing_cost_rate": 0,
    "overrun_rate": 0,
    "free_per_minute": 1_000_000,
    "free_per_day": 1_000_000,
}
COLUMNS = ("cost", "input", "output")
"""Nano-dollars, input tokens, output tokens."""


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger says of a run; money in nano-dollars."""

    cost: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    calls: int
    """Rows of calls that were sent."""
    extra_calls: int
    """Of them, calls that are no task's answer: summaries, rechecks, repairs, continuations."""
    baseline: int
    """The baseline model's price for the accepted answers' tokens."""
    reserved: int
    """Worst cases reserved, all together."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One pass over a workload. `columns` has a number for each unit, as `COLUMNS` names them."""

    units: tuple[str, ...]
    columns: tuple[tuple[int, ...], ...]
    sums: Sums
    judged: Judged
    law: tuple[str, ...]
    """Parts of the law of money that do not hold; none should be."""
    requests: str
    """A digest of all that was sent."""


async def run(
    simulator: SimulatorProcess,
    works: Sequence[Work],
    settings: Settings,
    folder: Path,
    *,
    sessions: bool,
    at_once: int,
) -> Run:
    """Runs the works under these settings, on a simulator that has forgotten all before.

    `folder` must be empty. Raises `FarthingError` where the deployment does not open; a task's error is
    counted.
    """
    await simulator.reset()
    await simulator.set_scenario(SCENARIO)
    url = sqlite_url(folder / "ledger.db")
    places = {"upstream.baseUrl": simulator.base_url, "storage.databaseUrl": url}
    transport = WatchedTransport()
    overrides = {**BASE, **settings, **places}
    rewrites = folder / REWRITES
    rewrites.write_bytes(rewrites_file())
    overrides = {key: str(rewrites) if value == REWRITES else value for key, value in overrides.items()}
    async with Deployment(PROFILE, environ={}, overrides=overrides, transport=transport) as deployment:
        ended = await _all(deployment, transport, works, sessions=sessions, at_once=at_once)
    await simulator.idle(60.0)
    database = Database(url)
    try:
        calls = [call for call in read_fold(database).calls.values() if call.outcome is not None]
        accord = hold_against_bill(database, billed_by_id(await simulator.bill()))
    finally:
        database.close()
    asked = {call.intent.task_id for call in calls}
    ended = [structs.replace(end, asked=end.task_id in asked) for end in ended]
    units, columns = _columns(works, ended, calls)
    return Run(
        units=units,
        columns=columns,
        sums=_sums(calls),
        judged=judged(works, ended),
        law=accord.faults,
        requests=transport.digest,
    )


async def _all(
    deployment: Deployment,
    transport: WatchedTransport,
    works: Sequence[Work],
    *,
    sessions: bool,
    at_once: int,
) -> list[Ended]:
    ended: list[Ended] = []
    for start in range(0, len(works), at_once):
        group = works[start : start + at_once]
        chains: dict[str, list[int]] = {}
        for place, work in enumerate(group, start=start):
            chains.setdefault(work.unit, []).append(place)
        found: dict[int, Ended] = {}

        async def chain(places: Sequence[int], found: dict[int, Ended]) -> None:
            for place in places:
                found[place] = await _one(deployment, transport, works[place], place, sessions=sessions)

        await asyncio.gather(*(chain(places, found) for places in chains.values()))
        ended += [found[place] for place in sorted(found)]
    return ended


async def _one(
    deployment: Deployment, transport: WatchedTransport, work: Work, number: int, *, sessions: bool
) -> Ended:
    transport.under(number)
    try:
        result = await deployment.execute_task(_task(work, sessions=sessions))
    except FarthingError as error:
        return Ended(
            sent=transport.last.get(number), error=f"{type(error).__name__}: {error}".splitlines()[0]
        )
    return Ended(
        output=result.output,
        calls=len(result.tool_calls),
        finish_reason=result.finish_reason,
        task_id=result.task_id,
        cached=result.cached,
        sent=transport.last.get(number),
    )


def _task(work: Work, *, sessions: bool) -> Task:
    deadline = None
    if work.deadline_s is not None:
        deadline = datetime.now(UTC) + timedelta(seconds=work.deadline_s)
    session = work.task.session_id if sessions else None
    return structs.replace(work.task, session_id=session, deadline=deadline)


def _columns(
    works: Sequence[Work], ended: Sequence[Ended], calls: Sequence[Call]
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """The units in order, and a column for each of `COLUMNS`. Calls of no task that ended well are every
    unit's in equal parts."""
    unit_of = {end.task_id: work.unit for work, end in zip(works, ended, strict=True) if end.task_id}
    sums: dict[str, list[int]] = {work.unit: [0] * len(COLUMNS) for work in works}
    shared = [0] * len(COLUMNS)
    for call in calls:
        target = sums.get(unit_of.get(call.intent.task_id, ""), shared)
        for at, amount in enumerate(_amounts(call)):
            target[at] += amount
    for at, amount in enumerate(shared):
        each, rest = divmod(amount, max(len(sums), 1))
        for place, column in enumerate(sums.values()):
            column[at] += each + (place < rest)
    return tuple(sums), tuple(zip(*sums.values(), strict=True))


def _amounts(call: Call) -> tuple[int, ...]:
    outcome = call.outcome
    cost = call.worst if call.cost is None else call.cost
    return (cost, outcome.input_tokens, outcome.output_tokens) if outcome else (cost, 0, 0)


def _sums(calls: Sequence[Call]) -> Sums:
    outcomes = [call.outcome for call in calls if call.outcome is not None]
    return Sums(
        cost=sum(_amounts(call)[0] for call in calls),
        input_tokens=sum(outcome.input_tokens for outcome in outcomes),
        cached_tokens=sum(outcome.cached_tokens for outcome in outcomes),
        output_tokens=sum(outcome.output_tokens for outcome in outcomes),
        calls=len(calls),
        extra_calls=sum(call.intent.purpose not in ("task", "tool_step", "hedge") for call in calls),
        baseline=sum(outcome.baseline for outcome in outcomes),
        reserved=sum(call.worst for call in calls),
    )
