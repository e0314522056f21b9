"""What happens next in a task: send, accept, or give up. One pure decision for every try.

*Retry* is the same model again, *fallback* the next one. The next healthy candidate is taken at once; when
none is left, the first that may be tried again is, after its Retry-After or a backoff. `fallbackRules` say
which conditions may lead to another model and how many attempts follow the first.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, assert_never

import msgspec

from farthing.config.schema import FallbackRules
from farthing.result import Candidate
from farthing.spend.budget import Denied
from farthing.spend.reservation import Unbounded
from farthing.task import Completion
from farthing.upstream.failure import Failure, FailureKind

Reaction = Literal["again", "next", "stop"]
"""`again`: this or another model may be tried; `next`: only another; `stop`: no model would help."""

_K = FailureKind

REACTIONS: Mapping[FailureKind, Reaction] = {
    _K.rate_limited: "again",
    _K.overloaded: "again",
    _K.provider_unavailable: "again",
    _K.server_error: "again",
    _K.timeout: "again",
    _K.stalled: "again",
    _K.cut: "again",
    _K.malformed: "again",
    _K.connect: "again",
    _K.in_flight_budget: "again",
    _K.unmapped: "again",
    _K.oversized: "next",
    _K.not_found: "next",
    _K.price_refused: "next",
    _K.context_length: "next",
    _K.content_policy: "next",
    _K.permission: "next",
    _K.payload_too_large: "next",
    _K.invalid_request: "next",  # what one model's providers refuse, another's may take
    _K.credits: "stop",
    _K.key_limit: "stop",
    _K.authentication: "stop",
    _K.cancelled: "stop",
}


class Invalid(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that came whole and cannot be used."""

    problem: str


Ending = Completion | Invalid | Failure | Denied | Unbounded
"""How an attempt ended, or why it was not sent."""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate, how its attempt ended, and when (seconds on the pipeline's clock)."""

    candidate: Candidate
    ending: Ending
    at: float


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """Send to this candidate after so many seconds."""

    candidate: Candidate
    after_s: float
    reason: str


class Accept(msgspec.Struct, frozen=True, kw_only=True):
    completion: Completion


class GiveUp(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing more is tried. `ending` is the last attempt's, and decides which error the caller sees."""

    reason: str
    ending: Ending | None


Step = Send | Accept | GiveUp


def next_step(
    candidates: Sequence[Candidate],
    tried: Sequence[Tried],
    *,
    rules: FallbackRules,
    now: float,
    deadline: float,
    delivered: bool,
) -> Step:
    """Decides the next step of a task. `delivered`: tokens of the last attempt have reached the caller.

    `now` and `deadline` are seconds on one monotonic clock.
    """
    if not tried:
        return Send(candidate=candidates[0], after_s=0.0, reason="first choice")
    last = tried[-1].ending
    if isinstance(last, Completion):
        return Accept(completion=last)
    if delivered:
        return GiveUp(reason="the stream broke after tokens had reached the caller", ending=last)
    if _reaction(last) == "stop":
        return GiveUp(reason=why(last), ending=last)
    sent = [attempt for attempt in tried if not isinstance(attempt.ending, Denied | Unbounded)]
    if len(sent) > rules.max_retries:
        return GiveUp(reason=f"{len(sent)} attempts failed, the last: {why(last)}", ending=last)
    step = _fallback(candidates, tried, rules) or _retry(tried, rules, now)
    if step is None:
        return GiveUp(reason=f"no candidate is left; the last: {why(last)}", ending=last)
    if now + step.after_s >= deadline:
        return GiveUp(reason=f"the deadline comes before the next try; the last: {why(last)}", ending=last)
    return step


def why(ending: Ending) -> str:
    """An ending in a few words, for tables and the ledger."""
    match ending:
        case Completion():
            return "ok"
        case Invalid():
            return f"invalid: {ending.problem}"
        case Failure():
            status = f" {ending.status}" if ending.status else ""
            wait = f", retry after {ending.retry_after_s:g} s" if ending.retry_after_s else ""
            return f"{ending.kind.value}{status}{wait}"
        case Denied():
            return f"budget: {ending}"
        case Unbounded():
            return f"unbounded: {ending.reason}"
        case _:
            assert_never(ending)


def _reaction(ending: Ending) -> Reaction:
    match ending:
        case Failure():
            usual = REACTIONS[ending.kind]
            if ending.retryable is not False:
                return usual
            return "stop" if usual == "stop" or _final(ending.kind) else "next"
        case Invalid():
            return "again"
        case Completion() | Denied() | Unbounded():
            return "next"
        case _:
            assert_never(ending)


def _final(kind: FailureKind) -> bool:
    """Kinds about the account rather than the model: what upstream calls not retryable, no model mends."""
    return kind in {_K.in_flight_budget, _K.credits, _K.key_limit}


def _fallback(candidates: Sequence[Candidate], tried: Sequence[Tried], rules: FallbackRules) -> Send | None:
    last = tried[-1]
    if not _may_fall_back(last.ending, rules):
        return None
    used = {attempt.candidate.model for attempt in tried}
    fresh = next((candidate for candidate in candidates if candidate.model not in used), None)
    if fresh is None:
        return None
    return Send(
        candidate=fresh, after_s=0.0, reason=f"fallback after {why(last.ending)} of {last.candidate.model}"
    )


def _may_fall_back(ending: Ending, rules: FallbackRules) -> bool:
    match ending:
        case Failure(kind=FailureKind.in_flight_budget):
            return False  # the account's, not the model's: another model would be refused too
        case Failure(kind=FailureKind.rate_limited | FailureKind.overloaded):
            return rules.on_rate_limit
        case Failure(kind=FailureKind.timeout | FailureKind.stalled):
            return rules.on_timeout
        case Failure():
            return rules.on_error
        case Invalid():
            return rules.on_invalid_output
        case Completion() | Denied() | Unbounded():
            return True
        case _:
            assert_never(ending)


def _retry(tried: Sequence[Tried], rules: FallbackRules, now: float) -> Send | None:
    """The candidate that may be tried again soonest: by its Retry-After, else by exponential backoff."""
    counts: dict[str, int] = {}
    latest: dict[str, Tried] = {}
    for attempt in tried:
        counts[attempt.candidate.model] = counts.get(attempt.candidate.model, 0) + 1
        latest[attempt.candidate.model] = attempt
    ready: list[tuple[float, Tried]] = [
        (attempt.at + _pause(attempt.ending, counts[model], rules), attempt)
        for model, attempt in latest.items()
        if _reaction(attempt.ending) == "again"
    ]
    if not ready:
        return None
    when, attempt = min(ready, key=lambda entry: entry[0])
    return Send(
        candidate=attempt.candidate,
        after_s=max(0.0, when - now),
        reason=f"retry after {why(attempt.ending)}",
    )


def _pause(ending: Ending, count: int, rules: FallbackRules) -> float:
    """Seconds before the same model is tried again; `retryDelay` doubles with each try."""
    backoff = rules.retry_delay / 1000 * 2 ** (count - 1)
    if isinstance(ending, Failure) and ending.retry_after_s is not None:
        return ending.retry_after_s
    return backoff
