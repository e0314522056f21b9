"""The table of reactions, whole, and what upstream's own word on a second try changes."""

from typing import get_args

import pytest

from farthing.routing.reactions import Action, action_after, reaction_to
from farthing.upstream.failure import Failure, FailureKind

K = FailureKind
TABLE: dict[Action, set[FailureKind]] = {
    "retry": {
        *(K.rate_limited, K.overloaded, K.provider_unavailable, K.server_error),
        *(K.timeout, K.connect, K.unmapped),
    },
    "next_provider": {K.cut, K.stalled, K.malformed},
    "next_candidate": {
        *(K.oversized, K.not_found, K.price_refused, K.content_policy),
        *(K.permission, K.payload_too_large, K.invalid_request),
    },
    "wait": {K.in_flight_budget},
    "compress": {K.context_length},
    "refuse": {K.credits, K.key_limit, K.authentication, K.tls},
    "fail": {K.cancelled, K.queue_full, K.queue_timeout},
}


def test_every_kind_has_its_reaction_and_a_reason() -> None:
    assert set(TABLE) == set(get_args(Action))
    for kind in FailureKind:
        action, reason = reaction_to(kind)
        assert kind in TABLE[action]
        assert reason


@pytest.mark.parametrize("kind", FailureKind)
def test_upstreams_no_is_obeyed(kind: FailureKind) -> None:
    action = reaction_to(kind).action
    told = action_after(Failure(kind=kind, message="…", retryable=False))
    if action in ("refuse", "fail"):
        assert told == action
    else:
        assert told == ("refuse" if action == "wait" else "next_candidate")
    for word in (True, None):
        assert action_after(Failure(kind=kind, message="…", retryable=word)) == action
