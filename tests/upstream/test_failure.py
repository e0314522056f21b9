"""The table from upstream conditions to kinds, what is free, and how long to wait."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.upstream.failure import (
    FailureKind,
    facts_from,
    failure_from,
    is_rejected,
    plain,
    retry_after_seconds,
)

NOW = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request"),
        (401, "authentication"),
        (402, "credits"),
        (403, "permission"),
        (404, "not_found"),
        (408, "timeout"),
        (409, "invalid_request"),
        (413, "payload_too_large"),
        (422, "invalid_request"),
        (429, "rate_limited"),
        (500, "server_error"),
        (502, "provider_unavailable"),
        (503, "overloaded"),
        (504, "timeout"),
        (507, "server_error"),
        (524, "timeout"),
        (529, "overloaded"),
        (302, "unmapped"),
    ],
)
def test_a_status_alone_has_a_kind(status: int, kind: str) -> None:
    assert failure_from({"message": "x"}, status=status).kind == kind
    if status >= 400:  # the same number in a 200 means the same
        assert failure_from({"message": "x", "code": status}, status=200).kind == kind
        assert failure_from({"message": "x", "code": str(status)}, status=200).kind == kind


@pytest.mark.parametrize(
    ("error_type", "kind"),
    [
        ("context_length_exceeded", "context_length"),
        ("max_tokens_exceeded", "context_length"),
        ("token_limit_exceeded", "context_length"),
        ("authentication", "authentication"),
        ("permission_denied", "permission"),
        ("payment_required", "credits"),
        ("rate_limit_exceeded", "rate_limited"),
        ("provider_overloaded", "overloaded"),
        ("provider_unavailable", "provider_unavailable"),
        ("invalid_request", "invalid_request"),
        ("not_found", "not_found"),
        ("payload_too_large", "payload_too_large"),
        ("unprocessable", "invalid_request"),
        ("content_policy_violation", "content_policy"),
        ("refusal", "content_policy"),
        ("server", "server_error"),
        ("timeout", "timeout"),
        ("unmapped", "server_error"),  # says nothing: the status does
        ("a_word_of_next_year", "server_error"),
    ],
)
def test_the_error_type_wins_over_the_status(error_type: str, kind: str) -> None:
    error = {"code": 500, "message": "x", "metadata": {"error_type": error_type}}
    assert failure_from(error, status=500).kind == kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("model_not_found", "not_found"),
        ("no_endpoints", "not_found"),
        ("model_deprecated", "not_found"),
        ("model_unavailable_upstream", "provider_unavailable"),
        ("capacity_exhausted", "overloaded"),
        ("temporarily_unavailable", "provider_unavailable"),
        ("region_restricted", "not_found"),
        ("privacy_restricted", "not_found"),
        ("constraint_filtered", "price_refused"),
        ("free_variant_ended", "not_found"),
        ("wrong_endpoint", "not_found"),
        ("a_word_of_next_year", "not_found"),
    ],
)
def test_availability_wins_over_the_error_type(code: str, kind: str) -> None:
    error = {
        "code": 404,
        "message": "x",
        "metadata": {"error_type": "not_found"},
        "availability": {"code": code, "retryable": False, "retry_after": None},
    }
    failure = failure_from(error, status=404)
    assert (failure.kind, failure.retryable, failure.retry_after_s) == (kind, False, None)


@pytest.mark.parametrize("status", [402, 403])
@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("openrouter_credits", "credits"),
        ("openrouter_key_limit", "key_limit"),
        ("openrouter_in_flight_budget", "in_flight_budget"),
        ("openrouter_guardrail_budget", "key_limit"),
        ("openrouter_workspace_budget", "key_limit"),
    ],
)
def test_the_limit_source_counts_under_both_statuses(status: int, source: str, kind: str) -> None:
    error = {
        "code": status,
        "message": "x",
        "metadata": {"limit_source": source, "error_type": "permission_denied", "limit_usd": 5},
    }
    failure = failure_from(error, status=status, headers={"retry-after": "3"})
    assert (failure.kind, failure.retry_after_s, failure.rejected) == (kind, 3.0, True)


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (404, "No endpoints found within max_price", "price_refused"),
        (400, "No provider meets your max price", "price_refused"),
        (404, "No endpoints found", "not_found"),
        (400, "This endpoint's maximum context length is 8192 tokens", "context_length"),
        (500, "max_price", "server_error"),
    ],
)
def test_older_replies_are_told_apart_by_their_message(status: int, message: str, kind: str) -> None:
    assert failure_from({"code": status, "message": message}, status=status).kind == kind


def test_a_moderated_input_is_a_matter_of_content() -> None:
    error = {"code": 403, "message": "x", "metadata": {"reasons": ["violence"], "flagged_input": "…"}}
    assert failure_from(error, status=403).kind == FailureKind.content_policy


@pytest.mark.parametrize("code", ["server_error", "server"])
def test_a_string_code_of_a_stream_is_read(code: str) -> None:
    failure = failure_from({"code": code, "message": "x"}, status=200)
    assert (failure.kind, failure.rejected) == ("server_error", False)


@pytest.mark.parametrize(
    ("status", "code", "rejected"),
    [
        (400, None, True),
        (429, 429, True),
        (408, "anything", True),
        (500, 500, True),
        (502, "502", True),
        (502, 429, False),
        (502, None, False),
        (504, 504, False),
        (524, 524, False),
        (529, 529, False),
        (200, 429, False),
        (302, None, False),
        (None, 500, False),
    ],
)
def test_only_a_refusal_up_front_is_free(status: int | None, code: int | str | None, rejected: bool) -> None:
    assert is_rejected(status=status, code=code) is rejected


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("2", 2.0),
        (" 2.5 ", 2.5),
        ("0", 0.0),
        ("Sat, 01 Aug 2026 12:00:07 GMT", 7.0),
        ("Sat, 01 Aug 2026 12:00:07 -0000", 7.0),
        ("Sat, 01 Aug 2026 11:00:00 GMT", 0.0),
        ("-5", None),
        ("soon", None),
        ("inf", None),
        ("1e9", None),
        ("", None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, now=NOW) == seconds


def test_a_date_without_a_clock_is_no_wait() -> None:
    assert retry_after_seconds("Sat, 01 Aug 2026 12:00:07 GMT", now=None) is None


@given(st.integers(0, 100_000))
def test_every_http_date_is_read_back(seconds: int) -> None:
    moment = NOW + timedelta(seconds=seconds)
    header = moment.strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert retry_after_seconds(header, now=NOW) == float(seconds)


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [(3, 3.0), (Decimal("1.5"), 1.5), ("4", 4.0), (-1, None), (True, None), ("x", None), ([], None)],
)
def test_the_wait_in_the_body_serves_without_a_header(wait: object, seconds: float | None) -> None:
    error = {"code": 503, "message": "x", "availability": {"code": "capacity_exhausted", "retry_after": wait}}
    assert failure_from(error, status=503).retry_after_s == seconds
    assert failure_from(error, status=503, headers={"retry-after": "9"}).retry_after_s == 9.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(
    JSON
    | st.fixed_dictionaries({}, optional=dict.fromkeys(("code", "message", "metadata", "availability"), JSON))
)
def test_any_error_value_becomes_a_failure(error: object) -> None:
    failure = failure_from(error, status=None)
    assert failure.kind in FailureKind
    assert failure.message == plain(failure.message) != ""


def test_a_message_is_one_short_line() -> None:
    facts = facts_from({"message": "a\n" * 5_000})
    assert len(facts.message) == 500
    assert "\n" not in facts.message
