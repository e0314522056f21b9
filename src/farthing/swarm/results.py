"""What a swarm leaves behind: results of its pieces of work, their sums, and the result of a run.

Adds up money and tokens by the laws: a sum is as certain as its weakest part, and an unknown baseline is not
zero. Pure values; writing them to files is `out.py`'s.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from msgspec import structs

from farthing.errors import FarthingError
from farthing.money import percent_saved
from farthing.result import Attempt, CostBasis, Metrics, TaskResult
from farthing.task import Task, Usage

_ZERO = Decimal(0)
_STRENGTH: dict[CostBasis, int] = {"reported": 0, "computed": 1, "uncertain": 2}


def weakest(bases: Iterable[CostBasis]) -> CostBasis:
    """The least certain of them; `reported` where there is none, because nothing was spent."""
    found: CostBasis = "reported"
    for basis in bases:
        found = max(found, basis, key=_STRENGTH.__getitem__)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkResult:
    """One piece of work as it ended: exactly one of `result` and `error` is set.

    `attempts` are all that were seen to end, also those of a failed piece; `cost` is theirs. An attempt that
    was on the wire when the piece was cancelled is settled in the ledger and not in here.
    """

    agent_id: str
    role: str
    stage: int
    title: str
    result: TaskResult | None = None
    error: FarthingError | None = None
    attempts: tuple[Attempt, ...] = ()
    tools_run: int = 0

    @property
    def ok(self) -> bool:
        return self.result is not None

    @property
    def cost(self) -> Decimal:
        """Dollars, exact."""
        if self.result is not None:
            return self.result.metrics.cost
        return sum((attempt.cost for attempt in self.attempts), _ZERO)

    @property
    def cost_basis(self) -> CostBasis:
        if self.result is not None:
            return self.result.metrics.cost_basis
        return weakest(attempt.cost_basis for attempt in self.attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over pieces of work. `baseline_cost` is None as soon as one finished piece has none."""

    cost: Decimal = _ZERO
    cost_basis: CostBasis = "reported"
    baseline_cost: Decimal | None = _ZERO
    tokens: Usage = field(default_factory=Usage)
    attempts: int = 0
    finished: int = 0
    failed: int = 0

    @property
    def net_savings(self) -> Decimal | None:
        """Baseline minus all that was spent, failures included; dollars."""
        return None if self.baseline_cost is None else self.baseline_cost - self.cost

    @property
    def savings_percent(self) -> Decimal | None:
        """0–100, or negative when dearer than the baseline."""
        return None if self.baseline_cost is None else percent_saved(self.cost, self.baseline_cost)

    def plus(self, work: WorkResult) -> "Totals":
        """The sums with one more piece of work."""
        result = work.result
        return Totals(
            cost=self.cost + work.cost,
            cost_basis=weakest((self.cost_basis, work.cost_basis)),
            baseline_cost=self.baseline_cost
            if result is None
            else _added(self.baseline_cost, result.metrics.baseline_cost),
            tokens=self.tokens if result is None else self.tokens + result.metrics.tokens,
            attempts=self.attempts + len(work.attempts),
            finished=self.finished + (result is not None),
            failed=self.failed + (result is None),
        )

    def with_attempts(self, attempts: Sequence[Attempt]) -> "Totals":
        """The sums with attempts of no piece."""
        return replace(
            self,
            cost=sum((one.cost for one in attempts), self.cost),
            cost_basis=weakest((self.cost_basis, *(one.cost_basis for one in attempts if one.cost))),
            attempts=self.attempts + len(attempts),
        )


def totals_of(pieces: Iterable[WorkResult]) -> Totals:
    totals = Totals()
    for piece in pieces:
        totals = totals.plus(piece)
    return totals


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmResult:
    """A whole run. `results` are in the order they ended, the synthesis included.

    `output` is the synthesis; it is empty when the run `stopped` before it, which then says why.
    """

    run_id: str
    goal: str
    output: str
    results: tuple[WorkResult, ...]
    stopped: str | None
    started_at: datetime
    finished_at: datetime
    interrupted: tuple[Attempt, ...] = ()
    """Of a run that was resumed: calls that ended with an earlier process, which no result has."""

    @property
    def totals(self) -> Totals:
        return totals_of(self.results).with_attempts(self.interrupted)

    @property
    def total_cost(self) -> Decimal:
        """Dollars, exact, failed pieces included."""
        return self.totals.cost

    @property
    def simulated(self) -> bool:
        """True when any piece was answered by a simulator."""
        return any(piece.result is not None and piece.result.simulated for piece in self.results)


def summed(steps: Sequence[TaskResult]) -> TaskResult:
    """One result of several model calls for one task: the last answer, with the money of all of them.

    The id and time to first token are the first step's. `latency_ms` is the sum of the model calls, without
    the tools between them. `steps` is not empty.
    """
    last = steps[-1]
    if len(steps) == 1:
        return last
    metrics = [step.metrics for step in steps]
    return structs.replace(
        last,
        task_id=steps[0].task_id,
        metrics=Metrics(
            cost=sum((one.cost for one in metrics), _ZERO),
            cost_basis=weakest(one.cost_basis for one in metrics),
            baseline_cost=_sum_known([one.baseline_cost for one in metrics]),
            baseline_model=last.metrics.baseline_model,
            tokens=sum((one.tokens for one in metrics), Usage()),
            latency_ms=sum(one.latency_ms for one in metrics),
            first_token_ms=metrics[0].first_token_ms,
        ),
        attempts=tuple(attempt for step in steps for attempt in step.attempts),
        cached=all(step.cached for step in steps),
        clamped=any(step.clamped for step in steps),
        emulated_tools=any(step.emulated_tools for step in steps),
        simulated=any(step.simulated for step in steps),
    )


def _sum_known(amounts: Sequence[Decimal | None]) -> Decimal | None:
    total: Decimal | None = _ZERO
    for amount in amounts:
        total = _added(total, amount)
    return total


def _added(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one + other


@dataclass(frozen=True, slots=True, kw_only=True)
class MapDone:
    """One task of a `map` at its end. `index` is its place in the source, from 0; `source` what was given."""

    index: int
    source: str | Task
    work: WorkResult

    @property
    def agent_id(self) -> str:
        """Empty for a text that is no valid task."""
        return self.work.agent_id

    @property
    def result(self) -> TaskResult | None:
        return self.work.result

    @property
    def error(self) -> FarthingError | None:
        return self.work.error
