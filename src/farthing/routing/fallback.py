"""What happens next in a task: send, accept, or give up. One pure decision for every try.

*Retry* is the same model again, *fallback* the next one. Of all that may be done, what can be done soonest is
done; at the same moment a repair of an answer that was nearly right comes first, then another provider of
the same model, then the next model, then the same one again. What each failure asks for is `reactions.py`'s;
`fallbackRules` say which may lead to another model, and how many attempts follow the first.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, assert_never

import msgspec

from farthing.config.schema import FallbackRules
from farthing.result import Candidate
from farthing.routing.reactions import Action, action_after
from farthing.spend.budget import Denied
from farthing.spend.reservation import Unbounded
from farthing.task import Completion
from farthing.upstream.failure import Failure, FailureKind

_SOON_S = 0.001
"""A wait shorter than this is none: clocks add up with rounding."""


class Invalid(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that came whole and cannot be used. `text` is kept where it may be repaired."""

    problem: str
    text: str = ""


Ending = Completion | Invalid | Failure | Denied | Unbounded
"""How an attempt ended, or why it was not sent."""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate, how its attempt ended, and when (seconds on the pipeline's clock)."""

    candidate: Candidate
    ending: Ending
    at: float


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision is made in, beside the attempts. Times are seconds on the pipeline's clock."""

    now: float
    deadline: float
    delivered: bool = False
    """Whether text has reached the caller that cannot be taken back."""
    ready: Mapping[str, float] = msgspec.field(default_factory=dict[str, float])
    """When a model that rests may be asked again; one that is not named may be asked now."""
    jitter: float = 1.0
    """0–1: how much of a backoff is waited. Drawn at random, so that callers do not come back together."""
    may_retry: bool = True
    """Whether the deployment's retry budget has room."""
    repairs: bool = False
    """Whether an invalid answer may be sent back once to be mended: a schema was asked for."""
    shortens: bool = False
    """Whether a prompt that is too long may be compressed by us, and has something that could go."""
    compresses: bool = False
    """Whether a prompt that is too long may be compressed by upstream."""
    reachable: frozenset[str] | None = None
    """After a failure of a key, its account or its upstream: models that another key or upstream may serve.
    None where there is no other."""
    extends: bool = False
    """Whether an answer that its limit cut is gone on from, once."""
    elsewhere: bool = True
    """Whether another provider may be asked for: the configuration does not name the only one."""


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """Send to this candidate after so many seconds."""

    candidate: Candidate
    after_s: float
    reason: str
    avoid: tuple[str, ...] = ()
    """Providers that shall not serve it."""
    repair: Invalid | None = None
    """The answer that is to be mended."""
    shorten: bool = False
    """Whether the prompt is compressed by us, more than it was."""
    compress: bool = False
    """Whether upstream is asked to compress the prompt."""
    continues: bool = False
    """Whether it goes on from the text that the caller has."""
    extends: Completion | None = None
    """The whole answer that its limit cut, which it goes on from."""


class Accept(msgspec.Struct, frozen=True, kw_only=True):
    completion: Completion


class GiveUp(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing more is sent. `ending` is the last attempt's; None when there was no candidate."""

    reason: str
    ending: Ending | None


Step = Send | Accept | GiveUp


class _Option(NamedTuple):
    """One thing that may be done: from when, and which comes first of several at the same moment."""

    when: float
    rank: int
    send: Send


def next_step(
    candidates: Sequence[Candidate], tried: Sequence[Tried], *, rules: FallbackRules, situation: Situation
) -> Step:
    """The decision. `candidates` are in the route's order, `tried` in time's.

    A model that rests is left alone until it is ready, if another can be asked sooner. Nothing is sent after
    text was delivered, unless `fallbackRules.onBrokenStream` is `continue`.
    """
    if not candidates:
        return GiveUp(reason="there is no candidate", ending=None)
    if not tried and not situation.ready:
        return Send(candidate=candidates[0], after_s=0.0, reason="")
    cut = _cut_before(tried)
    if cut is not None:
        return Accept(completion=cut)
    last = tried[-1].ending if tried else None
    if isinstance(last, Completion):
        return _extended(tried[-1].candidate, last, tried, situation) or Accept(completion=last)
    refusal = None if last is None else _refusal(last, tried, rules, situation)
    if refusal is not None:
        return GiveUp(reason=refusal, ending=last)
    options = list(_options(candidates, tried, rules, situation))
    words = f"; the last: {why(last)}" if last is not None else ""
    if not options:
        spent = "" if situation.may_retry else " and the deployment's retry budget is spent"
        return GiveUp(reason=f"no candidate is left{spent}{words}", ending=last)
    soonest = min(options, key=lambda option: option[:2])
    wait = soonest.when - situation.now
    if wait < _SOON_S:
        wait = 0.0
    if situation.now + wait >= situation.deadline:
        return GiveUp(reason=f"the deadline comes before the next try{words}", ending=last)
    return msgspec.structs.replace(soonest.send, after_s=wait, continues=situation.delivered)


def _cut_before(tried: Sequence[Tried]) -> Completion | None:
    """The answer that stands although its limit cut it: what should have gone on from it failed."""
    if len(tried) < 2 or isinstance(tried[-1].ending, Completion):
        return None
    before = tried[-2].ending
    return before if isinstance(before, Completion) else None


def _extended(
    candidate: Candidate, answer: Completion, tried: Sequence[Tried], asked: Situation
) -> Send | None:
    """The same model once more, from where its answer was cut."""
    once = sum(isinstance(entry.ending, Completion) for entry in tried) == 1
    cut = answer.finish_reason == "length" and answer.text.strip()
    if not (asked.extends and cut and once and asked.now < asked.deadline):
        return None
    reason = "goes on from its answer, which max_tokens cut"
    return Send(candidate=candidate, after_s=0.0, reason=reason, continues=True, extends=answer)


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


def is_too_long(ending: Ending) -> bool:
    """Whether the prompt was refused for its length."""
    return isinstance(ending, Failure) and action_after(ending) == "compress"


def attempts_sent(tried: Sequence[Tried]) -> int:
    """How many attempts there were; what was refused for money was none."""
    return sum(not isinstance(entry.ending, Denied | Unbounded) for entry in tried)


def _refusal(ending: Ending, tried: Sequence[Tried], rules: FallbackRules, asked: Situation) -> str | None:
    """Why nothing more may be sent, whatever candidates are left."""
    if asked.delivered and rules.on_broken_stream == "error":
        return f"{why(ending)}, after text had reached the caller"
    action = _action(ending)
    if action == "fail" or (action == "refuse" and not asked.reachable):
        return why(ending)
    sent = attempts_sent(tried)
    return f"{sent} attempts failed, the last: {why(ending)}" if sent > rules.max_retries else None


def _action(ending: Ending) -> Action:
    match ending:
        case Failure():
            return action_after(ending)
        case Invalid():
            return "retry"
        case Completion() | Denied() | Unbounded():
            return "next_candidate"
        case _:
            assert_never(ending)


def _options(
    candidates: Sequence[Candidate], tried: Sequence[Tried], rules: FallbackRules, asked: Situation
) -> Iterator[_Option]:
    if tried:
        again = _mended(tried, asked)
        if again is not None:
            yield _Option(asked.now, 0, again)
        yield from _fallbacks(candidates, tried, rules, asked)
        if asked.may_retry:
            yield from _retries(tried, rules, asked)
        return
    for candidate in candidates:
        yield _Option(_ready(candidate, asked), 1, Send(candidate=candidate, after_s=0.0, reason=""))


def _mended(tried: Sequence[Tried], asked: Situation) -> Send | None:
    """The same model at once, asked otherwise: once for each way and model."""
    entry = tried[-1]
    candidate, ending = entry.candidate, entry.ending
    mine = [other.ending for other in tried if other.candidate.model == candidate.model]
    reason = f"after {why(ending)}"
    if isinstance(ending, Invalid):
        once = sum(isinstance(other, Invalid) for other in mine) == 1
        if not (asked.repairs and once and ending.text and not asked.delivered):
            return None
        return Send(candidate=candidate, after_s=0.0, reason=f"repair {reason}", repair=ending)
    if not isinstance(ending, Failure):
        return None
    if asked.reachable is not None and candidate.model in asked.reachable:
        return Send(candidate=candidate, after_s=0.0, reason=f"another key {reason}")
    action = action_after(ending)
    once = sum(isinstance(other, Failure) and action_after(other) == action for other in mine) == 1
    if action == "compress":
        count = sum(isinstance(other, Failure) and action_after(other) == action for other in mine)
        return _shorter(candidate, count, asked, reason)
    if action == "next_provider" and asked.elsewhere and ending.provider and once:
        reason = f"another provider than {ending.provider} {reason}"
        return Send(candidate=candidate, after_s=0.0, reason=reason, avoid=(ending.provider,))
    return None


def _shorter(candidate: Candidate, count: int, asked: Situation, reason: str) -> Send | None:
    """After so many refusals for length: our own compression once, then upstream's once."""
    if asked.shortens and count == 1:
        return Send(candidate=candidate, after_s=0.0, reason=f"compressed {reason}", shorten=True)
    if asked.compresses and count == 1 + asked.shortens:
        reason = f"compressed by upstream {reason}"
        return Send(candidate=candidate, after_s=0.0, reason=reason, compress=True)
    return None


def _fallbacks(
    candidates: Sequence[Candidate], tried: Sequence[Tried], rules: FallbackRules, asked: Situation
) -> Iterator[_Option]:
    """Models that were not asked yet."""
    last = tried[-1]
    if not _may_fall_back(last.ending, rules):
        return
    used = {entry.candidate.model for entry in tried}
    reason = f"fallback after {why(last.ending)} of {last.candidate.model}"
    for candidate in candidates:
        if candidate.model not in used and (asked.reachable is None or candidate.model in asked.reachable):
            yield _Option(_ready(candidate, asked), 1, Send(candidate=candidate, after_s=0.0, reason=reason))


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


def _retries(tried: Sequence[Tried], rules: FallbackRules, asked: Situation) -> Iterator[_Option]:
    """Models that may be asked again, after their Retry-After or a backoff."""
    counts: dict[str, int] = {}
    latest: dict[str, Tried] = {}
    for entry in tried:
        counts[entry.candidate.model] = counts.get(entry.candidate.model, 0) + 1
        latest[entry.candidate.model] = entry
    for model, entry in latest.items():
        if _action(entry.ending) in ("retry", "next_provider", "wait"):
            when = entry.at + _pause(entry.ending, counts[model], rules, asked.jitter)
            reason = f"retry after {why(entry.ending)}"
            avoid = _avoided(entry.ending, asked)
            send = Send(candidate=entry.candidate, after_s=0.0, reason=reason, avoid=avoid)
            yield _Option(max(when, _ready(entry.candidate, asked)), 2, send)


def _avoided(ending: Ending, asked: Situation) -> tuple[str, ...]:
    if not isinstance(ending, Failure) or not ending.provider or not asked.elsewhere:
        return ()
    return (ending.provider,) if action_after(ending) == "next_provider" else ()


def _pause(ending: Ending, count: int, rules: FallbackRules, jitter: float) -> float:
    """Seconds before the same model is tried again: as upstream asks, else a part of `retryDelay`, which
    doubles with each try. Full jitter: Brooker, "Exponential Backoff And Jitter" (AWS, 2015)."""
    if isinstance(ending, Failure) and ending.retry_after_s is not None:
        return ending.retry_after_s
    return rules.retry_delay / 1000 * 2 ** (count - 1) * jitter


def _ready(candidate: Candidate, asked: Situation) -> float:
    return max(asked.now, asked.ready.get(candidate.model, asked.now))
