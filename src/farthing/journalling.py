"""What is journalled of a task that belongs to a run: its result, in the transaction that settles its answer.

Whether an answer is the task's last is decided as the pipeline will decide it, on a copy of the journey as it
is about to be. Nothing is decided here about money, and nothing about what a run does with its journal.
"""

import logging
from collections.abc import Callable

import msgspec
from msgspec import structs

from farthing.attempt import Call, Means, record_of
from farthing.finish import finished
from farthing.journey import Journey, answer_of
from farthing.result import Route, TaskResult
from farthing.routing.fallback import Accept, Invalid, Step, Tried
from farthing.spend.step import StepDone
from farthing.task import Completion

log = logging.getLogger("farthing.swarm")

Decide = Callable[[Journey], Step]
"""What happens next in a journey."""


def counts(call: Call) -> bool:
    """Whether an attempt is one that was tried, for what happens next.

    Who was overtaken may be asked again, and a hedge that was refused was no try. Nor was a batch that
    brought nothing: the direct attempt comes first after it.
    """
    in_vain = call.way.batch and not isinstance(call.ending, Completion | Invalid)
    return call.ending is not None and not (call.overtaken or in_vain) and (call.sent or not call.hedges)


def step_of(means: Means, journey: Journey, call: Call, decide: Decide) -> StepDone | None:
    """What to journal with the settlement of `call`: the task's result, unless another attempt follows."""
    if journey.journalled or journey.task.step is None or call.ending is None or not counts(call):
        return None
    now = means.clock.monotonic()
    seen = structs.replace(
        journey,
        call=call,
        attempts=[*journey.attempts, record_of(call, means)],
        tried=[*journey.tried, Tried(candidate=call.candidate, ending=call.ending, at=now)],
        lead=None,
        kept=None,
    )
    step = decide(seen)
    if not isinstance(step, Accept):
        return None
    return _entry(means, journey, finished(means, seen, answer_of(seen, step.completion)), call.call_id)


def journal(means: Means, journey: Journey, result: TaskResult) -> None:
    """Journals a result that no settlement took along: an earlier answer's, or one that stands although what
    should have followed was refused."""
    if journey.journalled or journey.task.step is None:
        return
    accepted = [one.call_id for one in result.attempts if one.status == "accepted"]
    entry = _entry(means, journey, result, accepted[-1] if accepted else "")
    if entry is not None:
        means.ledger.record(entry)


def _entry(means: Means, journey: Journey, result: TaskResult, call_id: str) -> StepDone | None:
    key = journey.task.step
    if key is None:
        return None
    try:
        body = msgspec.json.encode(in_short(result)).decode()
    except (ValueError, TypeError):  # text that is no UTF-8: the step is done again if the run is resumed
        log.exception("step %s of %s in %s cannot be journalled", key.number, key.piece, key.run_id)
        return None
    journey.journalled = True
    return StepDone(key=key, kind="model", at_us=means.clock.now_us(), body=body, call_id=call_id)


def in_short(result: TaskResult) -> TaskResult:
    """The result without what a run that goes on has no use for: other candidates, the parsed value (which is
    parsed anew), what was cut out of the prompt."""
    route, shortening = result.route, result.shortening
    return structs.replace(
        result,
        route=_chosen(route, result.model),
        data=None,
        shortening=None if shortening is None else structs.replace(shortening, changes=()),
    )


def _chosen(route: Route, model: str) -> Route:
    named = [one for one in route.candidates if one.model == model] or list(route.candidates[:1])
    return structs.replace(
        route, candidates=tuple(structs.replace(one, reckoned=None) for one in named), excluded=()
    )
