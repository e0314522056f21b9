"""What another agent is told of a task, a run or the costs, in JSON's values. Pure.

Money is text of dollars, exact, so that no reader makes a float of it. Without slots: the MCP SDK reads
defaults from class attributes, and takes slots for such.
"""

from dataclasses import dataclass
from decimal import Decimal

from farthing.money import percent_saved
from farthing.result import TaskResult
from farthing.spend.report import CostLine, CostReport
from farthing.swarm.results import SwarmResult


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What was paid, and what the baseline model would have cost for the same; dollars as text."""

    cost_usd: str
    cost_basis: str
    baseline_model: str | None
    baseline_cost_usd: str | None
    saved_percent: str | None
    budget_left_usd: str | None
    simulated: bool


@dataclass(frozen=True, kw_only=True)
class TaskReply(Spent):
    output: str
    model: str
    why: str
    finish_reason: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, kw_only=True)
class PieceReply:
    agent: str
    title: str
    ok: bool
    cost_usd: str
    error: str | None


@dataclass(frozen=True, kw_only=True)
class RunReply(Spent):
    run_id: str
    output: str
    stopped: str | None
    finished: int
    failed: int
    pieces: list[PieceReply]


@dataclass(frozen=True, kw_only=True)
class LineReply:
    calls: int
    cost_usd: str
    uncertain_usd: str


@dataclass(frozen=True, kw_only=True)
class CostReply:
    """The deployment's month to date, and what agents that come this way may still spend."""

    period: str
    spent_usd: str
    uncertain_usd: str
    held_usd: str
    remaining_usd: str | None
    baseline_model: str
    saved_usd: str
    saved_percent: str | None
    by_model: dict[str, LineReply]
    budget_left_usd: str | None
    simulated: bool


def task_reply(result: TaskResult, *, left: Decimal | None) -> TaskReply:
    metrics = result.metrics
    chosen = next((one.reason for one in result.route.candidates if one.model == result.model), None)
    return TaskReply(
        output=result.output,
        model=result.model,
        why=chosen or result.route.reason,
        finish_reason=result.finish_reason,
        input_tokens=metrics.tokens.input_tokens,
        output_tokens=metrics.tokens.output_tokens,
        cost_usd=_usd(metrics.cost),
        cost_basis=metrics.cost_basis,
        baseline_model=metrics.baseline_model,
        baseline_cost_usd=_usd_or_none(metrics.baseline_cost),
        saved_percent=_saved(metrics.cost, metrics.baseline_cost),
        budget_left_usd=_usd_or_none(left),
        simulated=result.simulated,
    )


def run_reply(result: SwarmResult, *, left: Decimal | None, baseline_model: str) -> RunReply:
    totals = result.totals
    return RunReply(
        run_id=result.run_id,
        output=result.output,
        stopped=result.stopped,
        finished=totals.finished,
        failed=totals.failed,
        pieces=[
            PieceReply(
                agent=piece.agent_id,
                title=piece.title,
                ok=piece.ok,
                cost_usd=_usd(piece.cost),
                error=piece.error.message if piece.error else None,
            )
            for piece in result.results
        ],
        cost_usd=_usd(totals.cost),
        cost_basis=totals.cost_basis,
        baseline_model=baseline_model,
        baseline_cost_usd=_usd_or_none(totals.baseline_cost),
        saved_percent=_saved(totals.cost, totals.baseline_cost),
        budget_left_usd=_usd_or_none(left),
        simulated=result.simulated,
    )


def cost_reply(report: CostReport, *, left: Decimal | None) -> CostReply:
    percent = report.savings_percent
    return CostReply(
        period=report.period,
        spent_usd=_usd(report.total_spend),
        uncertain_usd=_usd(report.uncertain),
        held_usd=_usd(report.held),
        remaining_usd=_usd_or_none(report.remaining),
        baseline_model=report.baseline_model,
        saved_usd=_usd(report.savings),
        saved_percent=None if percent is None else f"{percent:.1f}",
        by_model={model: _line(line) for model, line in report.by_model.items()},
        budget_left_usd=_usd_or_none(left),
        simulated=report.simulated,
    )


def _line(line: CostLine) -> LineReply:
    return LineReply(calls=line.calls, cost_usd=_usd(line.cost), uncertain_usd=_usd(line.uncertain))


def _saved(cost: Decimal, baseline: Decimal | None) -> str | None:
    percent = None if baseline is None else percent_saved(cost, baseline)
    return None if percent is None else f"{percent:.1f}"


def _usd(amount: Decimal) -> str:
    return format(amount, "f")


def _usd_or_none(amount: Decimal | None) -> str | None:
    return None if amount is None else _usd(amount)
