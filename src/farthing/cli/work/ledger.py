"""Reads a ledger for the command line: a month's report, or one run's, without opening a deployment.

Sums are those of `spend/`; here they are only put together. Needs no key and sends nothing.
"""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from farthing.config.schema import DeploymentConfig
from farthing.money import from_nano, percent_saved
from farthing.result import CostBasis, ReuseKind
from farthing.spend import readings, store
from farthing.spend.budget import Balance
from farthing.spend.claims import DEPLOYMENT, month_claim
from farthing.spend.ledger import SIMULATOR, Reuse
from farthing.spend.report import CostReport, cost_report
from farthing.spend.runs import Call, Fold, fold
from farthing.storage.database import Database
from farthing.task import Usage

_ZERO = Decimal(0)
REUSE_IN_WORDS: Mapping[ReuseKind, str] = {
    "exact": "from the cache",
    "semantic": "from the cache, asked in other words",
    "flight": "asked by another at the same time",
}
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCall:
    """One attempt as the ledger tells it. `cost` is the worst case while `basis` is `uncertain`."""

    call_id: str
    model: str
    status: str
    """`accepted`, `failed`, `open` while on the wire, or `reused`: an earlier call's answer, no call."""
    why: str
    """Why this model: the route's or the fallback's words."""
    ended: str
    """`ok`, or what went wrong; empty while it is open."""
    cost: Decimal
    basis: CostBasis
    baseline_cost: Decimal
    usage: Usage
    latency_ms: float | None
    provider: str | None
    generation_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTask:
    """One task of a run with its attempts in order; the last one's model is the one that answered."""

    task_id: str
    agent: str | None
    role: str
    purpose: str
    task_type: str
    attempts: tuple[LedgerCall, ...]

    @property
    def answered(self) -> LedgerCall | None:
        """The attempt whose answer was accepted; None when there is none yet or none came."""
        return next((call for call in self.attempts if call.status in ("accepted", "reused")), None)

    @property
    def cost(self) -> Decimal:
        """Dollars of all attempts, failed ones included, uncertain ones at their worst case."""
        return sum((call.cost for call in self.attempts), _ZERO)

    @property
    def basis(self) -> CostBasis:
        """As weak as the weakest attempt that cost anything."""
        bases = {call.basis for call in self.attempts if call.cost}
        return "uncertain" if "uncertain" in bases else "computed" if "computed" in bases else "reported"

    @property
    def baseline_cost(self) -> Decimal:
        return sum((call.baseline_cost for call in self.attempts), _ZERO)

    @property
    def savings_percent(self) -> Decimal | None:
        return percent_saved(self.cost, self.baseline_cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One run: its sums, and every task with its attempts, in the order they began."""

    run_id: str
    started_at: datetime
    costs: CostReport
    tasks: tuple[LedgerTask, ...]

    @property
    def survived(self) -> tuple[tuple[LedgerTask, LedgerCall], ...]:
        """The failed attempts of tasks that were answered all the same."""
        return tuple(
            (task, call)
            for task in self.tasks
            if task.answered is not None
            for call in task.attempts
            if call.status == "failed"
        )


def basis_of(costs: CostReport) -> CostBasis:
    """The basis of a report's total: as weak as its weakest part."""
    return "uncertain" if costs.uncertain else "computed" if costs.computed else "reported"


def month_limit(config: DeploymentConfig, now: datetime) -> Decimal | None:
    """The deployment's hard limit of the month, US dollars."""
    limit = month_claim(config, now).limit
    return None if limit is None else from_nano(limit)


@contextmanager
def opened(url: str) -> Generator[Database | None]:
    """The ledger at a URL, closed afterwards; None for a SQLite file that is not there, which is not made.

    Raises `LedgerUnavailableError`.
    """
    if url.startswith(_SQLITE) and not Path(url.removeprefix(_SQLITE)).exists():
        yield None
        return
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


def month_report(
    database: Database | None, config: DeploymentConfig, *, now: datetime, simulated: bool
) -> CostReport:
    """The month to date of all processes on a ledger; zeros for a ledger that is not there yet."""
    if database is None:
        return cost_report(
            [],
            Balance(),
            scope=DEPLOYMENT,
            period=month_claim(config, now).key.period,
            limit=month_limit(config, now),
            baseline_model=config.baseline.model,
            now=now,
            simulated=simulated,
        )
    with database.read() as connection:
        return readings.read_month(connection, config, now=now, simulated=simulated)


def read_run(database: Database, run_id: str, *, baseline_model: str, now: datetime) -> RunReport | None:
    """One run as the ledger has it; None when no row carries its id."""
    with database.read() as connection:
        found = fold(store.read_rows(connection, run_id=run_id))
    return run_report(run_id, found, baseline_model=baseline_model, now=now) if found else None


def run_report(run_id: str, found: Fold, *, baseline_model: str, now: datetime) -> RunReport:
    """The report of a run's calls and reused answers, of which there is at least one."""
    calls, bodies = list(found.calls.values()), [reuse.body for reuse in found.reuses]
    upstreams = {*(call.intent.upstream for call in calls), *(body.upstream for body in bodies)}
    costs = cost_report(
        found.rollups().items(),
        found.total(),
        scope=f"run:{run_id}",
        period="total",
        limit=None,
        baseline_model=baseline_model,
        now=now,
        simulated=SIMULATOR in upstreams,
    )
    started = min(one.at_us for one in (*calls, *found.reuses))
    return RunReport(
        run_id=run_id,
        started_at=datetime.fromtimestamp(started / 1_000_000, UTC),
        costs=costs,
        tasks=(*_tasks(calls), *map(_reused, found.reuses)),
    )


def _tasks(calls: Iterable[Call]) -> Iterable[LedgerTask]:
    by_task: dict[str, list[Call]] = {}
    for call in calls:
        by_task.setdefault(call.intent.task_id, []).append(call)
    for task_id, members in by_task.items():
        intent = members[0].intent
        yield LedgerTask(
            task_id=task_id,
            agent=intent.agent_id,
            role=intent.role,
            purpose=intent.purpose,
            task_type=intent.task_type,
            attempts=tuple(_attempt(call) for call in members),
        )


def _reused(reuse: Reuse) -> LedgerTask:
    body = reuse.body
    call = LedgerCall(
        call_id=reuse.call_id,
        model=body.model,
        status="reused",
        why=f"{REUSE_IN_WORDS[body.how]}, of {body.source}",
        ended="ok",
        cost=_ZERO,
        basis="reported",
        baseline_cost=from_nano(body.baseline),
        usage=Usage(),
        latency_ms=None,
        provider=None,
        generation_id=None,
    )
    return LedgerTask(
        task_id=body.task_id,
        agent=body.agent_id,
        role=body.role,
        purpose=body.purpose,
        task_type=body.task_type,
        attempts=(call,),
    )


def _attempt(call: Call) -> LedgerCall:
    outcome = call.outcome
    common = {"call_id": call.call_id, "model": call.intent.model, "why": call.intent.reason}
    if outcome is None:
        return LedgerCall(
            **common,
            status="open",
            ended="",
            cost=from_nano(call.worst),
            basis="uncertain",
            baseline_cost=_ZERO,
            usage=Usage(),
            latency_ms=None,
            provider=None,
            generation_id=call.generation_id,
        )
    return LedgerCall(
        **common,
        status="accepted" if outcome.accepted else "failed",
        ended=outcome.reason,
        cost=from_nano(call.worst if call.cost is None else call.cost),
        basis="uncertain" if call.cost is None else outcome.basis,
        baseline_cost=from_nano(outcome.baseline),
        usage=Usage(
            input_tokens=outcome.input_tokens,
            output_tokens=outcome.output_tokens,
            cached_tokens=outcome.cached_tokens,
            cache_write_tokens=outcome.cache_write_tokens,
            reasoning_tokens=outcome.reasoning_tokens,
        ),
        latency_ms=outcome.latency_ms,
        provider=outcome.provider,
        generation_id=call.generation_id,
    )
