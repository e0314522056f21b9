"""The health of one candidate, or of one provider of it, as a value; and what moves it from state to state.

A circuit breaker: `Healthy` (closed) lets everything through and counts failures in a row; `Open` nothing,
for a time that doubles; then one `Probing` call decides. Beside it `CoolingDown` after a rate limit, which is
no fault, or a `not_found`. Pure: `now` is seconds on the event loop's clock, given by the caller. Whether a
request is sent, and which model comes first, is decided by `route.py` and `fallback.py`.
"""

import math
from typing import assert_never

import msgspec

FAILURES_TO_OPEN = 5
"""Consecutive failures on the provider's side that open the breaker. At 30 % random failures five in a row
come once in 400 calls; of an endpoint that is down they are the first five."""
OPEN_S = 1.0
"""The first time the breaker is open; each failed probe doubles it."""
LONGEST_OPEN_S = 60.0
PROBE_S = 30.0
"""A probe that has not ended by then counts for nothing, and another may go."""
RATE_LIMIT_COOLING_S = 2.0
"""Cool-down after a rate limit that named no wait."""
LONGEST_WAIT_S = 86_400.0
"""A provider's Retry-After is believed up to a day: the daily limit of free models resets within it."""
NOT_FOUND_S = 5.0
"""The first rest after a `not_found`, which may mean only that no endpoint serves the model just now. Each
further one in a row makes it four times as long, up to an hour: what is gone costs next to nothing, for a
refusal is free, and what comes back is found again."""
LONGEST_NOT_FOUND_S = 3600.0

AT_ONCE = frozenset({"rate_limited", "overloaded"})
"""Kinds that say what to do: stay away for a while."""
COUNTED = frozenset(
    {
        "provider_unavailable",
        "server_error",
        "timeout",
        "stalled",
        "cut",
        "malformed",
        "connect",
        "tls",
        "oversized",
        "unmapped",
    }
)
"""Kinds that are the provider's fault and may pass; kinds nobody has heard of count too."""
NEUTRAL = frozenset(
    {
        "in_flight_budget",
        "credits",
        "key_limit",
        "authentication",
        "permission",
        "price_refused",
        "context_length",
    }
    | {"invalid_request", "payload_too_large", "content_policy", "cancelled", "queue_full", "queue_timeout"}
)
"""Kinds that say something about the account, the request or the caller, and nothing about the model."""


class Healthy(msgspec.Struct, frozen=True, kw_only=True):
    """May be used. `failures` counts consecutive failures so far."""

    failures: int = 0


class CoolingDown(msgspec.Struct, frozen=True, kw_only=True):
    """Better left alone until `until`, in seconds on the loop's clock; then as good as healthy."""

    until: float
    reason: str
    failures: int = 0
    missing: int = 0
    """How often in a row upstream said `not_found`."""


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """The breaker is open: left alone until `until`; then one call may try."""

    until: float
    reason: str
    failures: int


class Probing(msgspec.Struct, frozen=True, kw_only=True):
    """Half-open: one call is trying. Until it ends, at the latest at `until`, the others stay away."""

    until: float
    reason: str
    failures: int


CandidateHealth = Healthy | CoolingDown | Open | Probing


def before_call(state: CandidateHealth, now: float) -> CandidateHealth:
    """The state when a call is about to be sent: an open breaker whose time has come lets this one try."""
    if isinstance(state, Open | Probing) and state.until <= now:
        return Probing(until=now + PROBE_S, reason=state.reason, failures=state.failures)
    return state


def after_success(state: CandidateHealth) -> CandidateHealth:
    """An answer makes healthy, whatever came before."""
    match state:
        case Healthy(failures=0):
            return state
        case Healthy() | CoolingDown() | Open() | Probing():
            return Healthy()
        case _:
            assert_never(state)


def after_nothing(state: CandidateHealth, now: float) -> CandidateHealth:
    """A call ended that says nothing of its model. A probe that says nothing leaves the next call to try."""
    if isinstance(state, Probing):
        return Open(until=now, reason=state.reason, failures=state.failures)
    return state


def after_failure(
    state: CandidateHealth, kind: str, retry_after_s: float | None = None, now: float = 0.0
) -> CandidateHealth:
    """The state after one failed exchange. `kind` is a `FailureKind`; `retry_after_s` as upstream asked.

    A wait that upstream named is kept (at most a day), and no rest becomes shorter. Failures of calls that
    were under way when the breaker opened are the same news, and do not lengthen it.
    """
    if kind in NEUTRAL:
        return after_nothing(state, now)
    if kind == "not_found":
        return _missing(state, now)
    wait = _named_wait(retry_after_s)
    if isinstance(state, Open) and now < state.until and (wait is None or now + wait <= state.until):
        return state
    failures = state.failures + 1
    if wait is None and failures >= FAILURES_TO_OPEN:
        wait = min(OPEN_S * 2.0 ** min(failures - FAILURES_TO_OPEN, 16), LONGEST_OPEN_S)
        return Open(until=max(now + wait, _until(state)), reason=_reason(kind, failures), failures=failures)
    if wait is None and kind in AT_ONCE:
        wait = RATE_LIMIT_COOLING_S
    if wait is None:
        return _counted(state, failures)
    until = now + wait
    if isinstance(state, CoolingDown) and state.until > until:
        return CoolingDown(until=state.until, reason=state.reason, failures=failures)
    return CoolingDown(until=until, reason=_reason(kind, failures, retry_after_s), failures=failures)


def resting_until(state: CandidateHealth | None, now: float) -> float | None:
    """Until when a candidate is better left alone, on the loop's clock; None for not at all."""
    match state:
        case None | Healthy():
            return None
        case CoolingDown() | Open() | Probing():
            return state.until if state.until > now else None
        case _:
            assert_never(state)


def rest_reason(state: CandidateHealth | None) -> str:
    """Why a candidate rests, in words; empty when it does not."""
    match state:
        case None | Healthy():
            return ""
        case CoolingDown():
            return state.reason
        case Open():
            return f"breaker open: {state.reason}"
        case Probing():
            return f"one call is trying after {state.reason}"
        case _:
            assert_never(state)


def _named_wait(retry_after_s: float | None) -> float | None:
    if retry_after_s is None or not math.isfinite(retry_after_s) or retry_after_s <= 0:
        return None
    return min(retry_after_s, LONGEST_WAIT_S)


def _until(state: CandidateHealth) -> float:
    return state.until if isinstance(state, CoolingDown) else float("-inf")


def _counted(state: CandidateHealth, failures: int) -> CandidateHealth:
    if isinstance(state, CoolingDown):
        return CoolingDown(until=state.until, reason=state.reason, failures=failures)
    return Healthy(failures=failures)


def _missing(state: CandidateHealth, now: float) -> CandidateHealth:
    """Calls that were under way when it was found missing are the same news."""
    count = state.missing if isinstance(state, CoolingDown) else 0
    if count and now < _until(state):
        return state
    wait = min(NOT_FOUND_S * 4.0 ** min(count, 16), LONGEST_NOT_FOUND_S)
    return CoolingDown(
        until=max(now + wait, _until(state)),
        reason="not found upstream" + (f", {count + 1} times in a row" if count else ""),
        failures=state.failures + 1,
        missing=count + 1,
    )


def _reason(kind: str, failures: int, retry_after_s: float | None = None) -> str:
    words = str(kind).replace("_", " ")
    if retry_after_s is not None and retry_after_s > 0:
        return f"{words}, retry after {retry_after_s:g} s"
    return words if failures < FAILURES_TO_OPEN else f"{failures} failures in a row, the last: {words}"
