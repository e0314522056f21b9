"""The error that a task ends with when nothing more is sent; why is decided in `routing/fallback.py`."""

from farthing.errors import (
    BudgetExceededError,
    FarthingError,
    QueueFullError,
    StreamBrokenError,
    TaskFailedError,
    UnboundedCostError,
)
from farthing.journey import Journey
from farthing.routing.fallback import GiveUp
from farthing.spend.budget import Denied
from farthing.spend.reservation import Unbounded
from farthing.upstream.failure import Failure, FailureKind


def error_of(journey: Journey, step: GiveUp) -> FarthingError:
    if journey.delivered:
        received = "".join(journey.text_received)
        return StreamBrokenError(step.reason, received=received, attempts=journey.attempts)
    match step.ending:
        case Denied() as denied if all(isinstance(tried.ending, Denied) for tried in journey.tried):
            return BudgetExceededError(
                str(denied),
                refusal=denied,
                hint="raise the limit, lower max_tokens, or wait for the next period",
            )
        case Unbounded() as unbounded if all(isinstance(tried.ending, Unbounded) for tried in journey.tried):
            return UnboundedCostError(
                f"the worst case of a call cannot be stated: {unbounded.reason}",
                hint="set what it names, or budget.unknownPriceCeiling to reserve a fixed amount",
            )
        case Failure(kind=FailureKind.queue_full) as failure:
            return QueueFullError(
                f"{journey.task.title!r} was not begun: {failure.message}",
                hint="ask again later, or raise limits.queueSize, limits or scaling.maxConcurrency",
            )
        case Failure(sent=False, kind=FailureKind.rate_limited) as failure:
            return TaskFailedError(
                f"{journey.task.title!r} was not sent: {failure.message}",
                attempts=journey.attempts,
                hint="give it a deadline to let it wait, or add a candidate that is not free",
            )
        case _:
            return TaskFailedError(
                f"{journey.task.title!r} failed: {step.reason}",
                attempts=journey.attempts,
                hint="the attempts are on the error; `farthing explain` shows the candidates",
            )
