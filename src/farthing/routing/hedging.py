"""Whether and when a second candidate is asked beside the first, that has not begun to answer. Pure.

The idea is Dean and Barroso's ("The Tail at Scale", 2013): after the time in which nearly all answers are
there, a second request costs little and cuts the longest waits. Only where leaving an exchange ends it:
upstream is streamed. Never with tools, where two models might each decide to act.
"""

from collections.abc import Mapping, Sequence

from farthing.config.schema import Hedging, LatencyTarget
from farthing.result import Candidate
from farthing.routing.fallback import Send, Tried
from farthing.task import Task


def hedge_after_s(
    hedging: Hedging, task: Task, step: Send, *, streamed: bool, target: LatencyTarget | None
) -> float | None:
    """Seconds without a token after which another candidate is asked too; None for never.

    `hedging.after`, else the latency target within which 95 of 100 whole answers should be there.
    """
    if not hedging.enabled or not streamed or task.tools or step.repair is not None or step.continues:
        return None
    if hedging.after is not None:
        return hedging.after / 1000
    return target.p95 / 1000 if target is not None and target.p95 else None


def rival_to(
    first: Candidate, candidates: Sequence[Candidate], tried: Sequence[Tried], ready: Mapping[str, float]
) -> Candidate | None:
    """The next candidate in the route's order that was not asked and does not rest."""
    asked = {first.model, *(entry.candidate.model for entry in tried)}
    return next(
        (entry for entry in candidates if entry.model not in asked and entry.model not in ready), None
    )
