"""Transitions of a candidate's health, as a table and as laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.routing import health
from farthing.routing.health import (
    CandidateHealth,
    CoolingDown,
    Healthy,
    Open,
    Probing,
    after_failure,
    after_success,
    before_call,
    resting_until,
)
from farthing.upstream.failure import FailureKind

KINDS = [kind.value for kind in FailureKind]
NOW = 1000.0


def after(*kinds: str, state: CandidateHealth | None = None) -> CandidateHealth:
    reached = Healthy() if state is None else state
    for kind in kinds:
        reached = after_failure(reached, kind, None, NOW)
    return reached


def test_every_failure_kind_has_one_place() -> None:
    places = [health.AT_ONCE, health.COUNTED, health.NEUTRAL, {"not_found"}]
    for kind in KINDS:
        assert sum(kind in place for place in places) == 1, kind
    assert set().union(*places) == set(KINDS)


@pytest.mark.parametrize("kind", sorted(health.COUNTED))
def test_five_counted_failures_open_the_breaker_and_four_do_not(kind: str) -> None:
    assert after(*[kind] * 4) == Healthy(failures=4)
    opened = after(*[kind] * 5)
    assert isinstance(opened, Open)
    assert opened.until == NOW + health.OPEN_S
    assert opened.reason == f"5 failures in a row, the last: {kind.replace('_', ' ')}"


def test_an_unheard_of_kind_counts() -> None:
    assert after("gremlins") == Healthy(failures=1)


def test_different_counted_failures_add_up() -> None:
    assert isinstance(after("server_error", "cut", "stalled", "timeout", "connect"), Open)


@pytest.mark.parametrize("kind", sorted(health.NEUTRAL))
def test_what_is_not_the_models_fault_changes_nothing(kind: str) -> None:
    cooling = CoolingDown(until=NOW + 1, reason="x", failures=3)
    for state in (Healthy(failures=2), cooling):
        assert after_failure(state, kind, 5.0, NOW) is state


def test_an_answer_starts_the_count_anew() -> None:
    assert after_success(after("cut", "cut")) == Healthy()
    assert after("cut", state=after_success(after("cut", "cut"))) == Healthy(failures=1)
    assert after_success(CoolingDown(until=NOW + 9, reason="x")) == Healthy()


def test_retry_after_is_obeyed_at_once() -> None:
    limited = after_failure(Healthy(), "rate_limited", 7.0, NOW)
    assert limited == CoolingDown(until=NOW + 7, reason="rate limited, retry after 7 s", failures=1)
    assert isinstance(after_failure(Healthy(), "server_error", 7.0, NOW), CoolingDown)


@pytest.mark.parametrize("kind", sorted(health.AT_ONCE))
def test_a_limit_without_a_wait_cools_briefly(kind: str) -> None:
    limited = after(kind)
    assert isinstance(limited, CoolingDown)
    assert limited.until == NOW + health.RATE_LIMIT_COOLING_S


@pytest.mark.parametrize("wait", [0.0, -3.0, float("nan"), float("inf")])
def test_a_senseless_wait_is_ignored(wait: float) -> None:
    assert after_failure(Healthy(), "server_error", wait, NOW) == Healthy(failures=1)


def test_a_very_long_wait_ends_after_a_day() -> None:
    limited = after_failure(Healthy(), "rate_limited", 1e9, NOW)
    assert isinstance(limited, CoolingDown)
    assert limited.until == NOW + 86_400


def test_a_cool_down_never_becomes_shorter() -> None:
    long = after_failure(Healthy(), "rate_limited", 60.0, NOW)
    again = after_failure(long, "rate_limited", 1.0, NOW)
    assert isinstance(again, CoolingDown)
    assert (again.until, again.failures) == (NOW + 60, 2)


def test_each_failed_probe_doubles_the_wait_up_to_a_ceiling() -> None:
    lengths: list[float] = []
    state, clock = after(*["cut"] * 4), NOW
    for _ in range(8):
        state = after_failure(before_call(state, clock), "cut", None, clock)
        assert isinstance(state, Open)
        lengths.append(state.until - clock)
        clock = state.until
        assert resting_until(state, clock) is None
    assert lengths == [1, 2, 4, 8, 16, 32, 60, 60]


def test_calls_that_were_under_way_do_not_lengthen_it() -> None:
    opened = after(*["cut"] * 5)
    assert after_failure(opened, "cut", None, NOW + 0.5) is opened
    assert isinstance(after_failure(opened, "rate_limited", 30.0, NOW + 0.5), CoolingDown)
    assert after_failure(opened, "rate_limited", 0.1, NOW + 0.5) is opened


def test_only_one_call_tries() -> None:
    opened = after(*["cut"] * 5)
    assert before_call(opened, NOW) is opened
    probing = before_call(opened, NOW + 1)
    assert isinstance(probing, Probing)
    assert before_call(probing, NOW + 2) is probing
    assert resting_until(probing, NOW + 2) == NOW + 1 + health.PROBE_S
    assert after_success(probing) == Healthy()


def test_a_model_that_is_not_found_rests_four_times_as_long_each_time() -> None:
    state: CandidateHealth = Healthy()
    at, rests = NOW, list[float]()
    for _ in range(7):
        state = after_failure(state, "not_found", None, at)
        assert isinstance(state, CoolingDown)
        rests.append(state.until - at)
        at = state.until
    assert rests == [5, 20, 80, 320, 1280, 3600, 3600]
    assert after_success(state) == Healthy()


def test_what_was_under_way_when_it_was_found_missing_is_no_news() -> None:
    once = after("not_found")
    assert after_failure(once, "not_found", None, NOW + 1) is once
    rested = after_failure(once, "not_found", None, NOW + health.NOT_FOUND_S)
    assert isinstance(rested, CoolingDown)
    assert (rested.missing, rested.reason) == (2, "not found upstream, 2 times in a row")


def test_a_cool_down_ends_at_its_moment() -> None:
    state = CoolingDown(until=NOW, reason="x")
    assert resting_until(state, NOW - 0.001) == NOW
    assert resting_until(state, NOW) is None
    for other in (None, Healthy(failures=2)):
        assert resting_until(other, NOW) is None


@given(
    st.lists(
        st.tuples(st.sampled_from([*KINDS, "answer"]), st.none() | st.floats(0, 1e6), st.floats(0, 100))
    ),
)
def test_until_never_moves_back(
    steps: list[tuple[str, float | None, float]],
) -> None:
    state: CandidateHealth = Healthy()
    clock = NOW
    for kind, wait, elapsed in steps:
        clock += elapsed
        before = state
        state = after_success(state) if kind == "answer" else after_failure(state, kind, wait, clock)
        if kind == "answer":
            assert state == Healthy()
        elif isinstance(before, CoolingDown) and isinstance(state, CoolingDown):
            assert state.until >= before.until
