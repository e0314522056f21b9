"""One task on its way, and the situation in which its next step is decided.

Gathers what `routing/fallback.py` decides from: health, rate limits, keys, the clock. Changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import structs

from farthing.attempt import Call, Means
from farthing.cache.flight import Hit, Lead
from farthing.cache.semantic import Question
from farthing.config.optimizing import Optimization
from farthing.config.upstreams import MAIN, place_of
from farthing.prompt.concise import told_concisely
from farthing.prompt.contexts import Fit, can_shrink
from farthing.prompt.rewrites import RewriteBook
from farthing.prompt.shorten import shortened
from farthing.result import Attempt, Candidate, CostBasis, Route, Shortening
from farthing.routing.deferral import Plan
from farthing.routing.fallback import Send, Situation, Tried, attempts_sent, is_too_long
from farthing.routing.healthbook import HealthBook
from farthing.routing.hedging import rival_to
from farthing.routing.output import is_plain
from farthing.task import Completion, Task, Usage
from farthing.upstream.failure import Failure
from farthing.upstream.keyring import ACCOUNT_KINDS


class Journey(msgspec.Struct, kw_only=True):
    """One task on its way: what was tried so far."""

    task: Task
    task_id: str
    route: Route
    conversation: str = ""
    """What the conversation is known by where its warmth is looked at; empty where it cannot be warm."""
    started: float
    deadline: float
    jitter: float
    """The random part of the next backoff, 0–1."""
    awaited: str = ""
    """What is waited for: told once, however often the wait is decided anew."""
    tried: list[Tried] = []
    attempts: list[Attempt] = []
    text_received: list[str] = []
    call: Call | None = None
    cut: Call | None = None
    """The attempt whose answer its limit cut, while another goes on from it."""
    plan: Plan | None = None
    """How it is sent, for a task with a deadline."""
    awaits_hour: bool = False
    """Whether nothing is sent before the plan's hour has come."""
    came: datetime | None = None
    """When a task with a deadline came; aware."""
    waited_s: float = 0.0
    """Seconds that were waited before it was sent."""
    lead: Lead | None = None
    """Where others wait for this task's answer, or it is to be kept."""
    question: Question | None = None
    """What it asks, where an answer may be kept for the same question in other words."""
    journalled: bool = False
    """Whether its result is in the journal of its run."""
    kept: Hit | None = None
    """The answer that would have been given if it had not been drawn to be rechecked."""
    shortening: Shortening | None = None
    """What was left out of the task's prompt."""
    tightened: dict[str, Fit] = {}
    """What models that refused the prompt for its length are sent instead."""

    @property
    def delivered(self) -> bool:
        """Whether text has reached the caller that stands. Where JSON is asked for it is provisional."""
        return bool(self.text_received) and not self.task.wants_json


def situation_of(journey: Journey, means: Means, health: HealthBook, *, may_retry: bool) -> Situation:
    """Of a task that met no trouble, while nothing rests, only the time matters: nearly all are such."""
    config, now = means.config, means.clock.monotonic()
    untroubled = journey.call is not None and isinstance(journey.call.ending, Completion)
    if not (untroubled or journey.tried or health.models or means.keys.troubled):
        untroubled = not means.permits.busy((entry.model for entry in journey.route.candidates), now)
    if untroubled:
        extends = journey.call is not None and _extends(journey.task, journey.call, means)
        return Situation(now=now, deadline=journey.deadline, extends=extends)
    last = journey.tried[-1] if journey.tried else None
    too_long = last is not None and is_too_long(last.ending)
    compressing = too_long and config.optimization.prompt_optimization.context_compression
    at_main = last is None or place_of(last.candidate.model, config.upstreams).upstream == MAIN
    return Situation(
        now=now,
        deadline=journey.deadline,
        delivered=journey.delivered,
        ready=_ready(journey.route.candidates, means, health, now),
        jitter=journey.jitter,
        may_retry=may_retry,
        repairs=journey.task.wants_json,
        reachable=None if last is None else _reachable(journey.route.candidates, last, means, now),
        shortens=compressing and can_shrink(journey.task.conversation),
        compresses=at_main and compressing,
        elsewhere=config.provider.only is None and config.provider.allow_fallbacks is not False,
    )


def _extends(task: Task, call: Call, means: Means) -> bool:
    """Whether the answer may be gone on from if its limit cut it: not when money had lowered the limit."""
    wanted = means.config.optimization.output_control.continue_truncated
    return wanted and not call.clamped and is_plain(task)


def reword(journey: Journey, settings: Optimization, rewrites: RewriteBook) -> None:
    """Puts the task as it is to be sent in the place of the one that was asked."""
    journey.task, journey.shortening = shortened(
        journey.task, settings=settings.prompt_optimization, rewrites=rewrites
    )
    if settings.output_control.concise:
        journey.task = told_concisely(journey.task, journey.route.task_type)


def weakest(attempts: Iterable[Attempt]) -> CostBasis:
    """The basis of a sum: as weak as its weakest part. An attempt that was rejected at $0 weakens nothing."""
    bases = {attempt.cost_basis for attempt in attempts if attempt.cost or attempt.status == "accepted"}
    for basis in ("uncertain", "computed"):
        if basis in bases:
            return basis
    return "reported"


def answer_of(journey: Journey, accepted: Completion) -> Completion:
    """The accepted answer as the task's. One that another attempt went on from took the tokens of both; where
    that attempt failed it stands with as much more as the caller has already seen."""
    cut, call = journey.cut, journey.call
    if cut is None or call is None or not isinstance(cut.ending, Completion):
        return accepted
    if accepted is call.ending:
        usage = (cut.ending.usage or Usage()) + (accepted.usage or Usage())
        return structs.replace(accepted, usage=usage)
    journey.call, journey.cut = cut, None
    received = "".join(journey.text_received)
    return structs.replace(accepted, text=received) if received.startswith(accepted.text) else accepted


def another_is_left(journey: Journey, step: Send, means: Means, health: HealthBook) -> bool:
    """Whether a model could be asked after this one if it did not begin to answer."""
    rules = means.config.fallback_rules
    if not rules.on_timeout or attempts_sent(journey.tried) >= rules.max_retries:
        return False
    candidates = journey.route.candidates
    ready = health.ready(candidates, means.clock.monotonic())
    return rival_to(step.candidate, candidates, journey.tried, ready) is not None


def rival_of(journey: Journey, first: Candidate, means: Means, health: HealthBook) -> Candidate | None:
    """Who may be asked beside the first, now that it is late."""
    now = means.clock.monotonic()
    if now >= journey.deadline:
        return None
    candidates = journey.route.candidates
    ready = {
        **_ready(candidates, means, health, now),
        **means.permits.busy((entry.model for entry in candidates), now),
    }
    return rival_to(first, candidates, journey.tried, ready)


def _ready(
    candidates: Sequence[Candidate], means: Means, health: HealthBook, now: float
) -> Mapping[str, float]:
    """When candidates that rest may be asked. One at its rate limit rests while another is free;
    while none is, it is waited for in the queue, where its turn is fair."""
    resting = health.ready(candidates, now)
    if means.keys.troubled:
        resting = {**resting, **_without_keys(candidates, means, now)}
    busy = means.permits.busy((entry.model for entry in candidates), now)
    if busy and any(entry.model not in busy and entry.model not in resting for entry in candidates):
        return {**resting, **busy}
    return resting


def _without_keys(candidates: Sequence[Candidate], means: Means, now: float) -> Mapping[str, float]:
    """Candidates all of whose keys rest, while another upstream's do not."""
    upstreams = means.config.upstreams
    rests = {
        entry.model: means.keys.rests_until(place_of(entry.model, upstreams).upstream, now)
        for entry in candidates
    }
    if all(until is not None for until in rests.values()):
        return {}
    return {model: until for model, until in rests.items() if until is not None}


def _reachable(
    candidates: Sequence[Candidate], last: Tried, means: Means, now: float
) -> frozenset[str] | None:
    """After a failure that is not the model's: who can be asked by another key, or elsewhere."""
    about_key = isinstance(last.ending, Failure) and last.ending.kind in ACCOUNT_KINDS
    if not about_key or not means.keys.has_choice:
        return None
    upstreams = means.config.upstreams
    return frozenset(
        entry.model
        for entry in candidates
        if means.keys.can_serve(place_of(entry.model, upstreams).upstream, now)
    )
