"""What each upstream condition leads to, and why: one table, complete by `assert_never`. Pure.

`upstream/failure.py` turns a status, a word or a silence into its kind; this says what a kind asks for;
`fallback.py` chooses the candidate and the moment. The guide to reliability shows the same table.
"""

from typing import Literal, NamedTuple, assert_never

from farthing.upstream.failure import Failure, FailureKind

Action = Literal["retry", "next_provider", "next_candidate", "wait", "compress", "refuse", "fail"]
"""`retry`: another candidate at once, or this one again after a wait; `next_provider`: this model at once,
from another provider, then as `retry`; `next_candidate`: only another model can help; `wait`: the account
must wait, whatever the model; `compress`: the same model with a shorter prompt, or another model; `refuse`:
no model would help, the account or the installation must be mended; `fail`: nobody waits any more."""


class Reaction(NamedTuple):
    """What to do after a failure, and the reason in words."""

    action: Action
    reason: str


def reaction_to(kind: FailureKind) -> Reaction:  # noqa: C901, PLR0911, PLR0912 - one table, one line a kind
    """The table."""
    match kind:
        case FailureKind.rate_limited | FailureKind.overloaded:
            return Reaction("retry", "rate and capacity come back; other models have their own")
        case FailureKind.provider_unavailable:
            return Reaction("retry", "upstream has tried this model's other providers already")
        case FailureKind.server_error | FailureKind.timeout:
            return Reaction("retry", "a fault on their side may pass; another model may be quicker")
        case FailureKind.connect:
            return Reaction("retry", "nothing was sent; networks and names come back")
        case FailureKind.unmapped:
            return Reaction("retry", "an error without a name is taken for one that passes")
        case FailureKind.stalled | FailureKind.cut | FailureKind.malformed:
            return Reaction("next_provider", "this provider broke the answer; another serves the same model")
        case FailureKind.in_flight_budget:
            return Reaction("wait", "the account's open requests hold its credit: so for every model")
        case FailureKind.context_length:
            return Reaction("compress", "the prompt is longer than this model's context")
        case FailureKind.oversized:
            return Reaction("next_candidate", "the same model would be as long again")
        case FailureKind.not_found:
            return Reaction("next_candidate", "the model is gone, or nobody serves it with these settings")
        case FailureKind.price_refused:
            return Reaction("next_candidate", "no provider is within the reserved price")
        case FailureKind.content_policy | FailureKind.permission:
            return Reaction("next_candidate", "other models have other policies and permissions")
        case FailureKind.payload_too_large | FailureKind.invalid_request:
            return Reaction("next_candidate", "what one model's providers refuse, another's may take")
        case FailureKind.credits | FailureKind.key_limit:
            return Reaction("refuse", "the account's credit or the key's own budget is spent")
        case FailureKind.authentication:
            return Reaction("refuse", "the key is not accepted")
        case FailureKind.tls:
            return Reaction("refuse", "who answers cannot prove to be the upstream")
        case FailureKind.queue_full | FailureKind.queue_timeout:
            return Reaction("fail", "its turn did not come: too many wait, or for too long")
        case FailureKind.cancelled:
            return Reaction("fail", "the caller gave up")
        case _:
            assert_never(kind)


def action_after(failure: Failure) -> Action:
    """The table's action, where upstream's own word on a second try does not forbid it."""
    action = reaction_to(failure.kind).action
    if failure.retryable is not False or action in ("refuse", "fail"):
        return action
    # What is about the account rather than the model is mended by no other model.
    return "refuse" if action == "wait" else "next_candidate"
