"""Every upstream condition with the fault that makes it, and the kind that it must become.

The table in `docs/guides/reliability.md` is made from these rows, and `test_rows.py` plays each of them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from farthing.routing.reactions import Action, reaction_to
from farthing.testing import Reply, failure, unreachable
from farthing.upstream.failure import FailureKind
from farthing.upstream.transport import TransportFault

DEADLINES: Mapping[str, object] = {"upstream.firstTokenTimeout": 0.05, "upstream.betweenTokensTimeout": 0.05}
_K = FailureKind


class Row(NamedTuple):
    """A condition in words, the simulator's fault or a scripted one, its kind. `streamed`: only there."""

    condition: str
    fault: Mapping[str, object] | Reply
    kind: FailureKind
    streamed: bool = False
    settings: Mapping[str, object] = {}
    plain_kind: FailureKind | None = None
    """What it is for a reply that is not streamed, where that differs."""


def _fault(kind: str, **fields: object) -> dict[str, object]:
    return {"kind": kind, **fields}


def _untrusted() -> Reply:
    return Reply(fault=TransportFault(kind=_K.tls, message="scripted: not trusted", sent=False))


def _garbage() -> Reply:
    return Reply(headers={"content-type": "text/event-stream"}, chunks=(b"data: {nonsense\n\n",) * 3)


def _endless() -> Reply:
    """Past the limit on an event for a stream, past that on the whole for a plain reply."""
    return Reply(headers={"content-type": "text/plain"}, chunks=(b"x" * 16 * 1024 * 1024,) * 5)


ROWS: tuple[Row, ...] = (
    Row("400 `invalid_request`", _fault("invalid_request"), _K.invalid_request),
    Row("400 `context_length_exceeded`", _fault("context_length"), _K.context_length),
    Row("400 `max_tokens_exceeded`", _fault("max_tokens_exceeded"), _K.context_length),
    Row("400 `token_limit_exceeded`", _fault("token_limit"), _K.context_length),
    Row("400, availability `wrong_endpoint`", _fault("wrong_endpoint"), _K.not_found),
    Row("401 `authentication`", _fault("authentication"), _K.authentication),
    Row("402, limit source `openrouter_credits`", _fault("credits"), _K.credits),
    Row("402, limit source `openrouter_key_limit`", _fault("key_limit"), _K.key_limit),
    Row(
        "402, limit source `openrouter_in_flight_budget`",
        _fault("in_flight_budget", retry_after=0),
        _K.in_flight_budget,
    ),
    Row("403, limit source `openrouter_key_limit`", _fault("key_budget"), _K.key_limit),
    Row("403, limit source `openrouter_guardrail_budget`", _fault("guardrail_budget"), _K.key_limit),
    Row("403, limit source `openrouter_workspace_budget`", _fault("workspace_budget"), _K.key_limit),
    Row("403 `permission_denied`", _fault("permission"), _K.permission),
    Row("403 `content_policy_violation`, input flagged", _fault("content_policy"), _K.content_policy),
    Row("403 `refusal`", _fault("refused"), _K.content_policy),
    Row("403, availability `region_restricted`", _fault("region_restricted"), _K.not_found),
    Row("404, availability `model_not_found`", _fault("model_not_found"), _K.not_found),
    Row("404, availability `no_endpoints`", _fault("no_endpoints"), _K.not_found),
    Row("404, availability `model_deprecated`", _fault("model_deprecated"), _K.not_found),
    Row("404, availability `privacy_restricted`", _fault("privacy_restricted"), _K.not_found),
    Row("404, availability `constraint_filtered`", _fault("constraint_filtered"), _K.price_refused),
    Row("404, availability `free_variant_ended`", _fault("free_variant_ended"), _K.not_found),
    Row("408 `timeout`", _fault("request_timeout"), _K.timeout),
    Row("413 `payload_too_large`", _fault("payload_too_large"), _K.payload_too_large),
    Row("422 `unprocessable`", _fault("unprocessable"), _K.invalid_request),
    Row("429 `rate_limit_exceeded`", _fault("rate_limit"), _K.rate_limited),
    Row("429, availability `capacity_exhausted`", _fault("capacity_exhausted"), _K.overloaded),
    Row("500 `server`", _fault("server_error"), _K.server_error),
    Row("500 `unmapped`, without a number", _fault("unmapped"), _K.server_error),
    Row("502 `provider_unavailable`", _fault("provider_unavailable"), _K.provider_unavailable),
    Row(
        "502, availability `model_unavailable_upstream`",
        _fault("model_unavailable_upstream"),
        _K.provider_unavailable,
    ),
    Row("503 `provider_overloaded`", _fault("overloaded"), _K.overloaded),
    Row(
        "503, availability `temporarily_unavailable`",
        _fault("temporarily_unavailable"),
        _K.provider_unavailable,
    ),
    Row("504 from a gateway", _fault("gateway_timeout"), _K.timeout),
    Row("524 from the edge, a page", _fault("edge_timeout"), _K.timeout),
    Row("529 from the edge, a page", _fault("edge_overloaded"), _K.overloaded),
    Row("200 with an `error` in the body", _fault("body_error", error="overloaded"), _K.overloaded),
    Row(
        "200, and an `error` in the middle of the stream",
        _fault("stream_error", error="server_error"),
        _K.server_error,
    ),
    Row("the connection is cut in the middle", _fault("cut"), _K.cut),
    Row("the stream ends without a finish", _fault("cut", clean=True), _K.cut, streamed=True),
    Row("the connection is cut after the headers", _fault("cut_before_first"), _K.cut),
    Row("tokens come, then none", _fault("stall"), _K.stalled, streamed=True, settings=DEADLINES),
    Row("no headers come", _fault("slow_headers"), _K.timeout, streamed=True, settings=DEADLINES),
    Row(
        "comments come for ever, and no token",
        _fault("comments", interval_s=0.01),
        _K.timeout,
        streamed=True,
        settings=DEADLINES,
    ),
    Row("a reply that cannot be read", _garbage(), _K.malformed),
    Row("a reply that passes the limits on its size", _endless(), _K.oversized),
    Row("an error without a known name", failure(302), _K.unmapped),
    Row("nobody answers, or the name is unknown", unreachable(), _K.connect),
    Row("the certificate cannot be trusted", _untrusted(), _K.tls),
)

_WORDS: Mapping[Action, str] = {
    "retry": "another model at once, else this one after its `Retry-After` or a backoff",
    "next_provider": "this model at once from another provider where one is named, else another model",
    "next_candidate": "another model",
    "wait": "the same model, after its `Retry-After`",
    "compress": "compressed by us, then by OpenRouter, where `contextCompression` is on; else another model",
    "refuse": "the task fails",
    "fail": "nothing more",
}


def table() -> str:
    """The rows as the guide shows them."""
    lines = ["| Upstream | Kind | What is done | Why |", "|---|---|---|---|"]
    for row in ROWS:
        action, reason = reaction_to(row.kind)
        lines.append(f"| {row.condition} | `{row.kind}` | {_WORDS[action]} | {reason} |")
    return "\n".join(lines) + "\n"


def rewritten(page: str) -> str:
    """The guide with its table made anew."""
    before, found, after = page.partition("| Upstream | Kind |")
    rest = after.partition("\n\n")[2]
    return f"{before}{table()}\n{rest}" if found else page


if __name__ == "__main__":
    guide = Path(__file__).parents[2] / "docs" / "guides" / "reliability.md"
    guide.write_text(rewritten(guide.read_text(encoding="utf-8")), encoding="utf-8")
