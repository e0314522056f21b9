"""What a caller gets of a task whose answer was accepted: the result, and what all its attempts came to."""

from collections.abc import Iterable
from decimal import Decimal

from farthing.attempt import Means
from farthing.deferring import told
from farthing.journey import Journey
from farthing.money import from_nano
from farthing.result import Attempt, CostBasis, Metrics, TaskResult
from farthing.reuse import land
from farthing.task import Completion, Usage


def finished(means: Means, journey: Journey, completion: Completion) -> TaskResult:
    """The result of a task whose answer was accepted."""
    call = journey.call
    answered = call.answered if call else None
    if journey.lead is not None and call is not None:
        land(means, journey.lead, call, completion)
    return TaskResult(
        task_id=journey.task_id,
        output=completion.text,
        model=completion.model,
        route=journey.route,
        metrics=_metrics(means, journey, completion),
        attempts=tuple(journey.attempts),
        finish_reason=completion.finish_reason,
        tool_calls=completion.tool_calls,
        clamped=call is not None and call.clamped,
        emulated_tools=call is not None and call.emulates_tools,
        continued=call is not None and bool(call.way.continues),
        simulated=answered is not None and answered.simulated,
        data=call.data if call else None,
        repaired=call is not None and call.repaired,
        shortening=journey.shortening,
        deferral=told(means, journey, usage=completion.usage),
    )


def _metrics(means: Means, journey: Journey, completion: Completion) -> Metrics:
    call = journey.call
    answered = call.answered if call else None
    return Metrics(
        cost=sum((attempt.cost for attempt in journey.attempts), Decimal(0)),
        cost_basis=weakest(journey.attempts),
        baseline_cost=from_nano(call.baseline) if call and call.baseline is not None else None,
        baseline_model=means.config.baseline.model,
        tokens=completion.usage or Usage(),
        latency_ms=round((means.clock.monotonic() - journey.started) * 1000, 3),
        first_token_ms=answered.first_token_ms if answered else None,
    )


def weakest(attempts: Iterable[Attempt]) -> CostBasis:
    """The basis of a sum: as weak as its weakest part. An attempt that was rejected at $0 weakens nothing."""
    bases = {attempt.cost_basis for attempt in attempts if attempt.cost or attempt.status == "accepted"}
    for basis in ("uncertain", "computed"):
        if basis in bases:
            return basis
    return "reported"
