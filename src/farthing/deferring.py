"""Tasks that may wait: planned when they come, waited for with nothing held, sent as their plan says.

Thin: which way is cheapest is `routing/deferral.py`'s. A wait ends with its hour, with its caller, or with
the deployment; what a batch does is `batching.py`'s.
"""

from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from farthing.attempt import Means
from farthing.catalog.pricing import computed_cost
from farthing.clock import undisturbed
from farthing.config.upstreams import MAIN, place_of
from farthing.errors import DeploymentClosedError
from farthing.journey import Journey
from farthing.limits.allowance import is_free
from farthing.prompt.tokens import estimate_conversation
from farthing.result import Deferral, Route
from farthing.routing.deferral import Allowed, Plan, plan_for
from farthing.routing.eligible import EXPECTED_OUTPUT_TOKENS
from farthing.routing.fallback import Ending, why
from farthing.spend.reservation import media_parts
from farthing.task import Completion, Task, Usage
from farthing.underway import CLOSED_EARLY
from farthing.upstream.failure import Failure

_SLICE_S = 900.0
"""The clock of the wall is looked at again after so long: a machine that slept is not late by its sleep."""


def time_given_s(means: Means, task: Task) -> float:
    """Seconds from sending to giving up, retries and waits included."""
    total_s = means.config.upstream.total_timeout
    return total_s if task.timeout_s is None else min(task.timeout_s, total_s)


def planned(means: Means, task: Task, route: Route) -> Plan | None:
    """How the task goes: None without a deadline. The day's free requests are as they were last told."""
    if task.deadline is None:
        return None
    first = route.candidates[0]
    most = task.max_tokens or means.config.optimization.max_output_tokens
    usage = Usage(
        input_tokens=estimate_conversation(task.conversation, task.tools),
        output_tokens=min(most, EXPECTED_OUTPUT_TOKENS[route.complexity]),
    )
    return plan_for(
        task.deadline,
        now=means.clock.now(),
        margin_s=time_given_s(means, task),
        price=means.catalog.price(first.model),
        batch_price=means.catalog.price(f"{first.model}:batch"),
        usage=usage,
        allowed=_allowed(means, task, first.model),
        pace_s=means.permits.free_wait_s() if is_free(first.model) else 0.0,
    )


def explained(route: Route, plan: Plan | None) -> Route:
    """The route with the plan in its reason."""
    return route if plan is None else structs.replace(route, reason=f"{route.reason}; {plan.reason}")


async def wait(means: Means, seconds: float) -> float:
    """Waits until the hour has come; how long it was. Raises `DeploymentClosedError` on closing."""
    began = means.clock.now()
    until = began + timedelta(seconds=seconds)
    while (left_s := (until - means.clock.now()).total_seconds()) > 0:
        if not await undisturbed(means.clock.sleep, min(left_s, _SLICE_S), means.under_way.closed):
            raise DeploymentClosedError(CLOSED_EARLY)
    return (means.clock.now() - began).total_seconds()


def told(means: Means, journey: Journey, usage: Usage | None) -> Deferral | None:
    """How it went, for the result: the dated price of when it came, for the tokens that it took."""
    plan, call = journey.plan, journey.call
    if plan is None or journey.came is None or call is None:
        return None
    sent = tuple(call.deferral.split("+")) if call.deferral else ()
    price = means.catalog.price(call.candidate.model)
    cost: Decimal | None = None
    if price is not None and usage is not None:
        cost = computed_cost(price, usage, at=journey.came)
    return Deferral(
        ways=("free_pace", *sent) if "free_pace" in plan.ways else sent,
        reason=plan.reason,
        waited_s=round(journey.waited_s, 3),
        cost_at_once=cost,
    )


class Ways(NamedTuple):
    """How the next attempt of a task goes, and how the ledger names it."""

    word: str = ""
    floor: bool = False
    batch: bool = False
    waited_s: float = 0.0


_USUAL = Ways()


def next_ways(journey: Journey) -> Ways:
    """As planned; what follows a failure not by a tier that was slow or full, but at its hour still."""
    plan = journey.plan
    if plan is None or not plan.ways:
        return _USUAL
    floor = "flex" in plan.ways and not journey.tried
    word = "+".join(way for way in plan.ways if way in ("off_peak", "batch") or (way == "flex" and floor))
    return Ways(word, floor, plan.in_batch, journey.waited_s if "off_peak" in plan.ways else 0.0)


def batch_over(means: Means, journey: Journey, ending: Ending) -> None:
    """The batch has brought an answer, or the task is sent directly from here on."""
    if journey.plan is None or journey.came is None:
        return
    words = ""
    if not isinstance(ending, Completion):
        words = f"; sent directly: {ending.message if isinstance(ending, Failure) else why(ending)}"
    journey.plan = Plan(reason=journey.plan.reason + words)
    journey.route = structs.replace(journey.route, reason=journey.route.reason + words)
    journey.waited_s = (means.clock.now() - journey.came).total_seconds()
    start_clock(means, journey)


def start_clock(means: Means, journey: Journey) -> None:
    """The task's own time begins: it is not counted while it may wait."""
    journey.started = means.clock.monotonic()
    journey.deadline = journey.started + time_given_s(means, journey.task)


def _allowed(means: Means, task: Task, model: str) -> Allowed:
    """What OpenRouter alone understands is asked of it alone; a model's own variant is left as it is."""
    config, settings = means.config, means.config.optimization.deferral
    at_main = place_of(model, config.upstreams).upstream == MAIN
    provider = config.provider
    # `:floor` sorts by price: it would undo an order that was asked for, or lose a session's warm prefix.
    plain = at_main and ":" not in model
    free_to_sort = provider.sort is None and provider.order is None and task.session_id is None
    return Allowed(
        flex=settings.flex and plain and free_to_sort and "service_tier" not in task.options,
        off_peak=settings.off_peak,
        batch=settings.batch and plain and not media_parts(task.conversation),
    )
