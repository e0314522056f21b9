"""Which key sends a call: in turn, away from those that are refused, and never from none."""

from collections.abc import Sequence

from farthing.testing import ScriptedUpstream
from farthing.upstream.client import Client
from farthing.upstream.failure import Failure, FailureKind
from farthing.upstream.keyring import Key, KeyRing


def key(name: str, upstream: str = "") -> Key:
    client = Client(ScriptedUpstream(), base_url="http://127.0.0.1:9/api/v1", api_key=f"sk-{name}")
    return Key(upstream=upstream, host="h", name=name, client=client)


def refused(kind: FailureKind, retry_after_s: float | None = None) -> Failure:
    return Failure(kind=kind, message="no", retry_after_s=retry_after_s)


def used(ring: KeyRing, count: int, now: float = 0.0, upstream: str = "") -> list[str]:
    """The names of the keys of calls, one after the other, all of them still under way."""
    names: list[str] = []
    for _ in range(count):
        chosen = ring.choose(upstream, now)
        ring.begin(chosen)
        names.append(chosen.name)
    return names


def ring_of(names: Sequence[str]) -> KeyRing:
    return KeyRing({"": [key(name) for name in names]})


def test_keys_take_turns() -> None:
    ring = ring_of("abc")
    assert used(ring, 6) == [*"abcabc"]
    assert ring.has_choice


def test_calls_that_end_at_once_take_turns_too() -> None:
    ring, names = ring_of("ab"), list[str]()
    for _ in range(4):
        chosen = ring.choose("", 0.0)
        ring.begin(chosen)
        ring.end(chosen, None, 0.0)
        names.append(chosen.name)
    assert names == [*"abab"]


def test_a_refused_key_rests_and_is_tried_again() -> None:
    ring = ring_of("ab")
    first = ring.choose("", 0.0)
    ring.begin(first)
    ring.end(first, refused(FailureKind.authentication), 0.0)
    assert used(ring, 3) == [*"bbb"]
    assert (ring.troubled, ring.can_serve("", 0.0)) == (True, True)
    again = ring.choose("", 601.0)
    assert again is first
    ring.begin(again)
    ring.end(again, None, 601.0)
    assert not ring.troubled


def test_upstreams_own_wait_wins() -> None:
    ring = ring_of("ab")
    first = ring.choose("", 0.0)
    ring.begin(first)
    ring.end(first, refused(FailureKind.in_flight_budget, 7.0), 0.0)
    assert ring.choose("", 6.9) is not first
    assert ring.rests_until("", 0.0) is None


def test_failures_of_a_model_are_not_the_keys() -> None:
    ring = ring_of("ab")
    first = ring.choose("", 0.0)
    ring.begin(first)
    ring.end(first, refused(FailureKind.rate_limited), 0.0)
    assert not ring.troubled


def test_where_all_rest_the_one_that_rests_least_is_asked() -> None:
    ring = ring_of("ab")
    for kind in (FailureKind.authentication, FailureKind.credits):
        chosen = ring.choose("", 0.0)
        ring.begin(chosen)
        ring.end(chosen, refused(kind), 0.0)
    assert ring.choose("", 1.0).name == "b"
    assert (ring.can_serve("", 1.0), ring.rests_until("", 1.0)) == (False, 300.0)


def test_a_single_key_is_always_asked() -> None:
    ring = ring_of("a")
    only = ring.choose("", 0.0)
    ring.begin(only)
    ring.end(only, refused(FailureKind.authentication), 0.0)
    assert (ring.choose("", 0.0), ring.has_choice, ring.troubled) == (only, False, False)


def test_no_wait_is_believed_for_ever() -> None:
    ring = ring_of("ab")
    first = ring.choose("", 0.0)
    ring.begin(first)
    ring.end(first, refused(FailureKind.key_limit, retry_after_s=1e9), 0.0)
    assert ring.choose("", 86_399.0) is not first
    assert first.rests_until == 86_400.0
