"""Which key of which upstream sends a call: the one with the least to do among those that are accepted.

A key that is refused rests, while others serve; it is tried again after its rest, and at once where there is
no other. Holds what this process has learned; what a refusal leads to is `routing/`'s.
"""

from collections.abc import Mapping, Sequence

import msgspec

from farthing.upstream.client import Client
from farthing.upstream.failure import Failure, FailureKind

_RESTS_S: Mapping[FailureKind, float] = {
    FailureKind.authentication: 600.0,
    FailureKind.credits: 300.0,
    FailureKind.key_limit: 300.0,
    FailureKind.in_flight_budget: 1.0,
    FailureKind.tls: 60.0,
}
"""Seconds; upstream's own Retry-After wins. Somebody may mend an account, so no rest is for ever."""
_LONGEST_REST_S = 86_400.0
"""A Retry-After is believed up to a day."""
_MINUTE_S = 60.0
ACCOUNT_KINDS = frozenset(_RESTS_S)
"""Failures of a key, its account or the way to its upstream: another key or upstream may serve."""


class Key(msgspec.Struct, kw_only=True, eq=False):
    """One key of one upstream, and the client that sends by it. `name` is its variable's, never the key."""

    upstream: str
    host: str
    name: str
    client: Client
    in_flight: int = 0
    rests_until: float = 0.0
    steady_from: float = float("-inf")
    """When it has been awake for a minute: until then what was sent went by the others."""
    reason: str = ""

    @property
    def has_bills(self) -> bool:
        """Whether a call's bill can be asked for by its id: OpenRouter's only."""
        return not self.upstream


class KeyRing:
    """Keys by upstream; `""` is the main one. Use from one event loop."""

    def __init__(self, keys: Mapping[str, Sequence[Key]]) -> None:
        self._keys = keys
        self._only = keys[""][0] if len(keys) == 1 and len(keys[""]) == 1 else None
        self._troubled = False

    @property
    def has_choice(self) -> bool:
        """Whether there is more than one key in all."""
        return self._only is None

    @property
    def troubled(self) -> bool:
        """Whether a key was refused that has not been accepted since, and another might serve."""
        return self._troubled and self._only is None

    def choose(self, upstream: str, now: float) -> Key:
        """The key for the next call; where all rest, the one that rests least."""
        if self._only is not None:
            return self._only
        return min(self._keys[upstream], key=lambda key: (max(key.rests_until - now, 0.0), key.in_flight))

    def begin(self, key: Key) -> None:
        """A call is sent by the key. Its place among equals is the last now: keys take turns."""
        key.in_flight += 1
        if self._only is None and len(self._keys[key.upstream]) > 1:
            others = [one for one in self._keys[key.upstream] if one is not key]
            self._keys = {**self._keys, key.upstream: [*others, key]}

    def end(self, key: Key, failure: Failure | None, now: float) -> None:
        """The call has ended. `failure` None: it was answered, or nothing is known against the key."""
        key.in_flight -= 1
        if failure is None:
            if key.reason:
                key.rests_until, key.reason = 0.0, ""
                key.steady_from = min(key.steady_from, now + _MINUTE_S)
                self._troubled = any(one.reason for keys in self._keys.values() for one in keys)
        elif failure.kind in ACCOUNT_KINDS:
            rest = _RESTS_S[failure.kind] if failure.retry_after_s is None else failure.retry_after_s
            key.rests_until, key.reason = now + min(rest, _LONGEST_REST_S), failure.kind.value
            key.steady_from = key.rests_until + _MINUTE_S
            self._troubled = True

    def sharing(self, upstream: str, now: float) -> int:
        """How many keys have shared the last minute's calls; at least one. What each may send in a minute
        is kept by what these may send together, for they take turns."""
        return max(1, sum(key.steady_from <= now for key in self._keys[upstream]))

    def can_serve(self, upstream: str, now: float) -> bool:
        """Whether the upstream has a key that does not rest."""
        return any(key.rests_until <= now for key in self._keys[upstream])

    def rests_until(self, upstream: str, now: float) -> float | None:
        """When the first of the upstream's keys has rested; None when one is awake."""
        until = min(key.rests_until for key in self._keys[upstream])
        return until if until > now else None

    def of(self, upstream: str) -> Sequence[Key]:
        """An upstream's keys."""
        return self._keys[upstream]

    async def aclose(self) -> None:
        """Closes every upstream's transport, which its keys share."""
        for keys in self._keys.values():
            await keys[0].client.aclose()
