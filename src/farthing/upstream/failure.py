"""What can go wrong with one exchange, and the one table from an upstream condition to its kind.

Decides the kind of a failure, whether it was rejected before anything was billed, and how long upstream
asks to wait. It does not decide what happens next: that is `routing/fallback.py`'s.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import cast

import msgspec

from farthing.task import Usage


class FailureKind(StrEnum):
    """Why one exchange did not end in an answer."""

    rate_limited = "rate_limited"
    overloaded = "overloaded"
    provider_unavailable = "provider_unavailable"
    server_error = "server_error"
    timeout = "timeout"
    """No first token, or no end, within its deadline; or upstream says that it timed out."""
    stalled = "stalled"
    """Tokens came, and then none for longer than the deadline between tokens."""
    cut = "cut"
    """The reply ended before the model had finished."""
    malformed = "malformed"
    connect = "connect"
    """No connection: the name is unknown, or nobody answers."""
    tls = "tls"
    """The upstream's certificate cannot be trusted."""
    in_flight_budget = "in_flight_budget"
    """Transient: the account's open requests reserve all its credit."""
    credits = "credits"
    key_limit = "key_limit"
    """The key's, the guardrail's or the workspace's budget is spent."""
    authentication = "authentication"
    permission = "permission"
    not_found = "not_found"
    """The model is gone, or no endpoint of it may serve this request."""
    price_refused = "price_refused"
    """No endpoint is within `provider.max_price`."""
    context_length = "context_length"
    invalid_request = "invalid_request"
    payload_too_large = "payload_too_large"
    content_policy = "content_policy"
    oversized = "oversized"
    """The reply passed our limit on a line or on the whole."""
    cancelled = "cancelled"
    """The caller gave up. Made by the owner of the attempt: `Client.chat` lets the cancellation through."""
    queue_full = "queue_full"
    """Not sent: too many tasks wait for their turn. Made here, as the next one."""
    queue_timeout = "queue_timeout"
    """Not sent: no turn came within the task's deadline."""
    unmapped = "unmapped"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange that failed, with all that is known about its money.

    `rejected`: refused up front, which costs $0. `sent` is False when no byte of the request was written,
    which costs $0 too. Otherwise the cost is what `cost` or `/generation` says, never a silent zero.
    """

    kind: FailureKind
    message: str
    status: int | None = None
    retry_after_s: float | None = None
    retryable: bool | None = None
    """What upstream said of a second try; None when it said nothing."""
    generation_id: str | None = None
    provider: str | None = None
    rejected: bool = False
    sent: bool = True
    text: str = ""
    """The text received before the failure."""
    usage: Usage | None = None
    cost: Decimal | None = None
    cost_literal: str | None = None


class ErrorFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What an upstream error said, whatever its shape. Absent or odd fields are None."""

    message: str
    code: int | str | None = None
    error_type: str | None = None
    limit_source: str | None = None
    availability: str | None = None
    flagged: bool = False
    """The input was refused by moderation."""
    retryable: bool | None = None
    retry_after_s: float | None = None
    provider: str | None = None


_K = FailureKind

_BY_LIMIT_SOURCE: Mapping[str, FailureKind] = {
    "openrouter_credits": _K.credits,
    "openrouter_key_limit": _K.key_limit,
    "openrouter_in_flight_budget": _K.in_flight_budget,
    "openrouter_guardrail_budget": _K.key_limit,
    "openrouter_workspace_budget": _K.key_limit,
}

_BY_AVAILABILITY: Mapping[str, FailureKind] = {
    "model_not_found": _K.not_found,
    "no_endpoints": _K.not_found,
    "model_deprecated": _K.not_found,
    "model_unavailable_upstream": _K.provider_unavailable,
    "capacity_exhausted": _K.overloaded,
    "temporarily_unavailable": _K.provider_unavailable,
    "region_restricted": _K.not_found,  # of this model only: the key may use others
    "privacy_restricted": _K.not_found,
    "constraint_filtered": _K.price_refused,
    "free_variant_ended": _K.not_found,
    "wrong_endpoint": _K.not_found,
}

_BY_ERROR_TYPE: Mapping[str, FailureKind] = {
    "context_length_exceeded": _K.context_length,
    "max_tokens_exceeded": _K.context_length,
    "token_limit_exceeded": _K.context_length,
    "authentication": _K.authentication,
    "permission_denied": _K.permission,
    "payment_required": _K.credits,
    "rate_limit_exceeded": _K.rate_limited,
    "provider_overloaded": _K.overloaded,
    "provider_unavailable": _K.provider_unavailable,
    "invalid_request": _K.invalid_request,
    "not_found": _K.not_found,
    "payload_too_large": _K.payload_too_large,
    "unprocessable": _K.invalid_request,
    "content_policy_violation": _K.content_policy,
    "refusal": _K.content_policy,
    "server": _K.server_error,
    "server_error": _K.server_error,
    "timeout": _K.timeout,
}
"""Also the string codes of mid-stream errors, which use the same words."""

_BY_STATUS: Mapping[int, FailureKind] = {
    400: _K.invalid_request,
    401: _K.authentication,
    402: _K.credits,
    403: _K.permission,
    404: _K.not_found,
    408: _K.timeout,
    413: _K.payload_too_large,
    422: _K.invalid_request,
    429: _K.rate_limited,
    500: _K.server_error,
    502: _K.provider_unavailable,
    503: _K.overloaded,
    504: _K.timeout,
    524: _K.timeout,
    529: _K.overloaded,
}

_EDGE_STATUSES = frozenset({504, 524, 529})
"""From the edge or a timeout behind it: the provider may have worked, so they are never free."""

_PRICE_WORDS = re.compile(r"max[_ ]price", re.IGNORECASE)
_CONTEXT_WORDS = re.compile(r"(maximum )?context (length|window)", re.IGNORECASE)
_VAGUE = frozenset({_K.not_found, _K.invalid_request, _K.unmapped})
"""Kinds that older replies, without an `error_type`, leave to the message to tell apart."""

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")
_MESSAGE_LIMIT = 500


def kind_of(facts: ErrorFacts, *, status: int | None) -> FailureKind:
    """The table. The most specific word wins: limit source, availability, error type, code, HTTP status."""
    kind = _named(facts) or _numbered(facts.code) or _numbered(status) or _K.unmapped
    if facts.flagged and kind in (_K.permission, _K.invalid_request):
        return _K.content_policy
    if kind in _VAGUE and _PRICE_WORDS.search(facts.message):
        return _K.price_refused
    if kind in _VAGUE and _CONTEXT_WORDS.search(facts.message):
        return _K.context_length
    return kind


def is_rejected(*, status: int | None, code: int | str | None) -> bool:
    """Whether a request was refused before anything was billed: 4xx, or a 5xx that its JSON repeats."""
    if status is None or status in _EDGE_STATUSES:
        return False
    return 400 <= status < 500 or (500 <= status < 600 and _as_int(code) == status)


def failure_from(
    error: object,
    *,
    status: int | None,
    headers: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> Failure:
    """The failure an `error` value of decoded JSON stands for, with the wait that upstream asks for.

    `headers` answers lower-case names; `now` (aware) is needed to read an HTTP-date.
    """
    facts = facts_from(error)
    header_wait = retry_after_seconds((headers or {}).get("retry-after"), now=now)
    return Failure(
        kind=kind_of(facts, status=status),
        message=facts.message,
        status=status,
        retry_after_s=header_wait if header_wait is not None else facts.retry_after_s,
        retryable=facts.retryable,
        generation_id=(headers or {}).get("x-generation-id"),
        provider=facts.provider,
        rejected=is_rejected(status=status, code=facts.code),
    )


def facts_from(error: object) -> ErrorFacts:
    """Reads the `error` value of a reply; any JSON value is accepted, odd fields count as absent."""
    if not isinstance(error, Mapping):
        return ErrorFacts(message=plain(_text(error) or "no message"))
    body = cast(Mapping[str, object], error)
    metadata = _mapping(body.get("metadata"))
    availability = _mapping(body.get("availability"))
    code = body.get("code")
    retryable = availability.get("retryable")
    return ErrorFacts(
        message=plain(_text(body.get("message")) or "no message"),
        code=code if isinstance(code, int | str) and not isinstance(code, bool) else None,
        error_type=_text(metadata.get("error_type")) or _text(body.get("type")),
        limit_source=_text(metadata.get("limit_source")),
        availability=_text(availability.get("code")),
        flagged="flagged_input" in metadata or bool(metadata.get("reasons")),
        retryable=retryable if isinstance(retryable, bool) else None,
        retry_after_s=_wait(availability.get("retry_after")),
        provider=_text(metadata.get("provider_name")),
    )


def retry_after_seconds(value: str | None, *, now: datetime | None) -> float | None:
    """Seconds from a `Retry-After` header, which holds seconds or an HTTP-date (RFC 9110, 10.2.3).

    A moment in the past is 0.0; what cannot be read is None. `now` is aware.
    """
    if value is None:
        return None
    value = value.strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    if now is None:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def plain(message: str) -> str:
    """One line of at most 500 characters, for a log or a table."""
    line = " ".join(message[: 4 * _MESSAGE_LIMIT].split())
    return line if len(line) <= _MESSAGE_LIMIT else line[: _MESSAGE_LIMIT - 1] + "…"


def _named(facts: ErrorFacts) -> FailureKind | None:
    return (
        _BY_LIMIT_SOURCE.get(facts.limit_source or "")
        or _BY_AVAILABILITY.get(facts.availability or "")
        or _BY_ERROR_TYPE.get(facts.error_type or "")
        or (_BY_ERROR_TYPE.get(facts.code) if isinstance(facts.code, str) else None)
    )


def _numbered(code: int | str | None) -> FailureKind | None:
    number = _as_int(code)
    if number is None:
        return None
    if number in _BY_STATUS:
        return _BY_STATUS[number]
    if 400 <= number < 500:
        return _K.invalid_request
    return _K.server_error if 500 <= number < 600 else None


def _as_int(code: int | str | None) -> int | None:
    if isinstance(code, str):
        return int(code) if re.fullmatch(r"[0-9]{3}", code) else None
    return code


def _mapping(value: object) -> Mapping[str, object]:
    return cast(Mapping[str, object], value) if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _wait(value: object) -> float | None:
    if isinstance(value, str):
        return float(value) if _SECONDS.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
