"""Every way OpenRouter refuses a call or breaks one off, as status, error type and body.

Pure. One table; the names are the fault kinds a scenario may use. When a condition happens is decided by
`faults.py` and `checks.py`. All messages say that they are simulated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

_NO_FIELDS: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One refusal. `retry_after` is in seconds, as text; `page` is an edge's HTML instead of a JSON body."""

    status: int
    message: str
    error_type: str | None = None
    code: int | str | None = None
    availability: str | None = None
    retryable: bool | None = None
    retry_after: str | None = None
    metadata: Mapping[str, object] = field(default_factory=lambda: _NO_FIELDS)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    page: bool = False

    def error(self) -> dict[str, object]:
        """The `error` object of the body."""
        metadata = dict(self.metadata)
        if self.error_type is not None:
            metadata["error_type"] = self.error_type
        error: dict[str, object] = {
            "code": self.status if self.code is None else self.code,
            "message": f"[simulated] {self.message}",
            "metadata": metadata,
        }
        if self.availability is not None:
            error["availability"] = {
                "code": self.availability,
                "retryable": bool(self.retryable),
                "retry_after": float(self.retry_after) if self.retry_after else None,
                "fallback_models": [],
            }
        return error

    def body(self, *, plain: bool = False) -> bytes:
        """The whole response body; `plain` as other OpenAI-compatible servers write an error."""
        if plain and not self.page:
            message = f"[simulated] {self.message}"
            error = {"message": message, "type": self.error_type, "param": None, "code": None}
            return msgspec.json.encode({"error": error})
        if self.page:
            title = f"{self.status} {self.message}"
            page = f"<head><title>{title}</title></head><body>[simulated] {title}</body>"
            return f"<!DOCTYPE html><html>{page}</html>".encode()
        return msgspec.json.encode({"error": self.error(), "user_id": "user_simulated"})


def _limit(status: int, source: str, message: str, **more: str) -> Condition:
    fields: dict[str, object] = {"limit_source": source}
    if status == 403:
        fields |= {"limit_usd": 5, "spend_usd": 5.01, "resets_at": "2030-01-01T00:00:00Z"}
    return Condition(
        status=status,
        message=message,
        error_type="payment_required" if status == 402 else "permission_denied",
        metadata=fields,
        retry_after=more.get("retry_after"),
    )


def _available(
    status: int, code: str, message: str, *, retry: bool = False, kind: str = "not_found"
) -> Condition:
    return Condition(status=status, message=message, error_type=kind, availability=code, retryable=retry)


CONDITIONS: Mapping[str, Condition] = {
    "invalid_request": Condition(
        status=400, message="The request is not valid.", error_type="invalid_request"
    ),
    "context_length": Condition(
        status=400,
        message="The prompt is longer than the model's context.",
        error_type="context_length_exceeded",
    ),
    "max_tokens_exceeded": Condition(
        status=400, message="max_tokens is above the model's bound.", error_type="max_tokens_exceeded"
    ),
    "token_limit": Condition(
        status=400, message="Too many tokens in all.", error_type="token_limit_exceeded"
    ),
    "wrong_endpoint": _available(400, "wrong_endpoint", "This model has no chat.", kind="invalid_request"),
    "authentication": Condition(
        status=401, message="No valid API key was given.", error_type="authentication"
    ),
    "credits": _limit(402, "openrouter_credits", "The account has no credits left."),
    "key_limit": _limit(402, "openrouter_key_limit", "The key's limit is used up."),
    "in_flight_budget": _limit(
        402, "openrouter_in_flight_budget", "Too much money is in flight; wait.", retry_after="1"
    ),
    "key_budget": _limit(403, "openrouter_key_limit", "The key's budget is used up."),
    "guardrail_budget": _limit(403, "openrouter_guardrail_budget", "The guardrail's budget is used up."),
    "workspace_budget": _limit(403, "openrouter_workspace_budget", "The workspace's budget is used up."),
    "permission": Condition(status=403, message="The key may not do this.", error_type="permission_denied"),
    "content_policy": Condition(
        status=403,
        message="The input was flagged.",
        error_type="content_policy_violation",
        metadata={"reasons": ["simulated"], "flagged_input": "…", "provider_name": "Simulated North"},
    ),
    "refused": Condition(status=403, message="The model refused to answer.", error_type="refusal"),
    "region_restricted": _available(403, "region_restricted", "Not offered here.", kind="permission_denied"),
    "model_not_found": _available(404, "model_not_found", "No such model."),
    "no_endpoints": _available(404, "no_endpoints", "No endpoint serves this request."),
    "model_deprecated": _available(404, "model_deprecated", "The model was withdrawn."),
    "privacy_restricted": _available(404, "privacy_restricted", "Your data policy excludes all endpoints."),
    "constraint_filtered": _available(
        404, "constraint_filtered", "No endpoint fits the constraints of the request."
    ),
    "free_variant_ended": _available(404, "free_variant_ended", "The free variant has ended."),
    "request_timeout": Condition(status=408, message="The request took too long.", error_type="timeout"),
    "payload_too_large": Condition(
        status=413, message="The body is too large.", error_type="payload_too_large"
    ),
    "unprocessable": Condition(
        status=422, message="The request cannot be processed.", error_type="unprocessable"
    ),
    "rate_limit": Condition(
        status=429,
        message="The provider limits the rate.",
        error_type="rate_limit_exceeded",
        retry_after="1",
        metadata={"provider_name": "Simulated North", "raw": "slow down"},
    ),
    "capacity_exhausted": replace(
        _available(429, "capacity_exhausted", "No capacity left.", retry=True, kind="rate_limit_exceeded"),
        retry_after="1",
    ),
    "server_error": Condition(status=500, message="Something broke.", error_type="server"),
    "provider_unavailable": Condition(
        status=502, message="The provider is down.", error_type="provider_unavailable"
    ),
    "model_unavailable_upstream": _available(
        502,
        "model_unavailable_upstream",
        "The provider lost the model.",
        retry=True,
        kind="provider_unavailable",
    ),
    "overloaded": Condition(
        status=503, message="The provider is overloaded.", error_type="provider_overloaded"
    ),
    "temporarily_unavailable": replace(
        _available(503, "temporarily_unavailable", "Try again.", retry=True, kind="provider_unavailable"),
        retry_after="1",
    ),
    "gateway_timeout": Condition(
        status=504, message="The provider did not answer in time.", error_type="timeout"
    ),
    "unmapped": Condition(
        status=500, message="An error without a name.", error_type="unmapped", code="unmapped"
    ),
    "edge_timeout": Condition(status=524, message="A timeout occurred", page=True),
    "edge_overloaded": Condition(status=529, message="Site is overloaded", page=True),
}


def free_limit(what: str, limit: int, resets_ms: int, retry_after: int) -> Condition:
    """OpenRouter's own 429 for `:free` models: the only one with X-RateLimit headers."""
    headers = {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(resets_ms),
    }
    return Condition(
        status=429,
        message=f"Rate limit exceeded: {what}.",
        error_type="rate_limit_exceeded",
        retry_after=str(retry_after),
        metadata={"headers": dict(headers)},
        headers=headers,
    )
