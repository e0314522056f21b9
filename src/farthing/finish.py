"""What a caller gets of a task whose answer was accepted: the result, and what all its attempts came to."""

from decimal import Decimal

from farthing.alike import keep
from farthing.attempt import Means
from farthing.deferring import told
from farthing.journey import Journey, weakest
from farthing.money import from_nano
from farthing.result import Metrics, TaskResult
from farthing.task import Completion, Usage


def finished(means: Means, journey: Journey, completion: Completion) -> TaskResult:
    """The result of a task whose answer was accepted."""
    call = journey.call
    answered = call.answered if call else None
    if call is not None:
        keep(means, journey, call, completion)
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
        shortening=call.shortening if call else journey.shortening,
        output_limit=first.limit if (first := journey.cut or call) else None,
        deferral=told(means, journey, usage=completion.usage),
    )


def _metrics(means: Means, journey: Journey, completion: Completion) -> Metrics:
    call, first = journey.call, journey.cut or journey.call
    answered = first.answered if first else None
    baselines = [one.baseline for one in (journey.cut, call) if one and one.baseline is not None]
    return Metrics(
        cost=sum((attempt.cost for attempt in journey.attempts), Decimal(0)),
        cost_basis=weakest(journey.attempts),
        baseline_cost=from_nano(sum(baselines)) if baselines else None,
        baseline_model=means.config.baseline.model,
        tokens=completion.usage or Usage(),
        latency_ms=round((means.clock.monotonic() - journey.started) * 1000, 3),
        first_token_ms=answered.first_token_ms if answered else None,
    )
