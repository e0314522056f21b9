"""The health of one candidate as a value: healthy, cooling down, or gone; and what moves it between them.

Pure: `now` is seconds on the event loop's clock, given by the caller. Whether a request is sent, and which
model comes first, is decided by `route.py` and `fallback.py`. A full circuit breaker with a half-open probe
is not here; after a cool-down the first new failure cools the candidate again.
"""

import math
from typing import assert_never

import msgspec

FAILURES_BEFORE_COOLING = 3
"""Consecutive failures on the provider's side that cool a candidate down."""
COOLING_S = 5.0
"""The first cool-down after such failures; each further failure doubles it."""
LONGEST_COOLING_S = 60.0
RATE_LIMIT_COOLING_S = 2.0
"""Cool-down after a rate limit that named no wait."""
LONGEST_WAIT_S = 86_400.0
"""A provider's Retry-After is believed up to a day: the daily limit of free models resets within it."""
NOT_FOUND_COOLING_S = 300.0
"""A first `not_found` may mean only that no endpoint serves this request; a second in a row means gone."""

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
    | {"invalid_request", "payload_too_large", "content_policy", "cancelled"}
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
    missing: bool = False
    """True when upstream said `not_found` and has not answered since."""


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """Upstream does not know the model, or serves it to nobody with these settings."""

    reason: str


CandidateHealth = Healthy | CoolingDown | Gone


def after_success(state: CandidateHealth) -> CandidateHealth:
    """An answer makes healthy, whatever came before: also a model that was thought gone."""
    match state:
        case Healthy(failures=0):
            return state
        case Healthy() | CoolingDown() | Gone():
            return Healthy()
        case _:
            assert_never(state)


def after_failure(
    state: CandidateHealth, kind: str, retry_after_s: float | None = None, now: float = 0.0
) -> CandidateHealth:
    """The state after one failed exchange. `kind` is a `FailureKind`; `retry_after_s` as upstream asked.

    A wait that upstream named is kept (at most a day), and a cool-down never becomes shorter.
    """
    if isinstance(state, Gone) or kind in NEUTRAL:
        return state
    if kind == "not_found":
        return _missing(state, now)
    failures = state.failures + 1
    wait = _wait(kind, retry_after_s, failures)
    if wait is None:
        return _counted(state, failures)
    until = now + wait
    if isinstance(state, CoolingDown) and state.until > until:
        return CoolingDown(until=state.until, reason=state.reason, failures=failures)
    return CoolingDown(until=until, reason=_reason(kind, failures, retry_after_s), failures=failures)


def is_cooling(state: CandidateHealth | None, now: float) -> bool:
    """Whether a candidate is cooling down at this moment of the loop's clock. None is healthy."""
    return isinstance(state, CoolingDown) and state.until > now


def _wait(kind: str, retry_after_s: float | None, failures: int) -> float | None:
    """Seconds to cool down, or None for not yet."""
    if retry_after_s is not None and math.isfinite(retry_after_s) and retry_after_s > 0:
        return min(retry_after_s, LONGEST_WAIT_S)
    over = failures - FAILURES_BEFORE_COOLING
    if over >= 0:
        return min(COOLING_S * 2.0 ** min(over, 16), LONGEST_COOLING_S)
    return RATE_LIMIT_COOLING_S if kind in AT_ONCE else None


def _counted(state: Healthy | CoolingDown, failures: int) -> CandidateHealth:
    match state:
        case Healthy():
            return Healthy(failures=failures)
        case CoolingDown():
            return CoolingDown(until=state.until, reason=state.reason, failures=failures)
        case _:
            assert_never(state)


def _missing(state: Healthy | CoolingDown, now: float) -> CandidateHealth:
    if isinstance(state, CoolingDown) and state.missing:
        return Gone(reason="upstream said twice in a row that it does not serve this model")
    until = now + NOT_FOUND_COOLING_S
    if isinstance(state, CoolingDown):
        until = max(until, state.until)
    return CoolingDown(until=until, reason="not found upstream", failures=state.failures + 1, missing=True)


def _reason(kind: str, failures: int, retry_after_s: float | None) -> str:
    words = str(kind).replace("_", " ")
    if retry_after_s is not None and retry_after_s > 0:
        return f"{words}, retry after {retry_after_s:g} s"
    return words if failures < FAILURES_BEFORE_COOLING else f"{failures} failures in a row, the last: {words}"
