"""Quantiles in little memory, within their stated error; verdicts against the configured levels."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.spend.made import START_US, call

from farthing.config.schema import LatencyTarget, Scaling
from farthing.spend.latency import ERROR_PERCENT, Durations
from farthing.spend.targets import Service

milliseconds = st.floats(0.01, 1e6)


@given(st.lists(milliseconds, min_size=1, max_size=200), st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_within_the_stated_error(durations: list[float], fraction: float) -> None:
    counted = Durations()
    for one in durations:
        counted.add(one)
    exact = sorted(durations)[max(1, ceil(fraction * len(durations))) - 1]
    assert counted.quantile(fraction) == pytest.approx(exact, rel=ERROR_PERCENT / 100)
    assert counted.mean_ms == pytest.approx(sum(durations) / len(durations))


@given(st.lists(milliseconds, max_size=50), st.lists(milliseconds, max_size=50))
def test_merged_is_counted_together(left: list[float], right: list[float]) -> None:
    parts, whole = (Durations(), Durations()), Durations()
    for part, durations in zip(parts, (left, right), strict=True):
        for one in durations:
            part.add(one)
            whole.add(one)
    parts[0].merge(parts[1])
    assert [parts[0].quantile(f) for f in (0.5, 0.99)] == [whole.quantile(f) for f in (0.5, 0.99)]
    assert (parts[0].count, parts[0].most_ms, parts[0].least_ms) == (
        whole.count,
        whole.most_ms,
        whole.least_ms,
    )


def test_a_million_durations_take_few_numbers() -> None:
    counted = Durations()
    for one in range(1, 200_000):
        counted.add(one / 10)
    assert len(counted.buckets) < 1000
    assert Durations().quantile(0.5) is None


TARGET = LatencyTarget(first_token=50, average=100, p95=300, p99=300)


def test_levels_are_met_missed_or_not_shown() -> None:
    service = Service()
    for number, took in enumerate([50.0, 60.0, 400.0]):
        one = call(latency_ms=took, first_token_ms=40.0, at_us=START_US + number)
        service.add(one, START_US + number + int(took * 1000))
    service.add(call(latency_ms=9e5, accepted=False), None)  # no answer, no latency of one
    found = {
        (level.of, level.name): level.verdict
        for level in service.levels({"a/model": TARGET, "b/unused": TARGET}, Scaling())
    }
    assert found["a/model", "first token"] == "met"
    assert found["a/model", "average"] == found["a/model", "p95"] == "missed"
    assert found["b/unused", "p95"] == "not shown"
    (line,) = service.lines()
    assert (line.model, line.task_type, line.calls) == ("a/model", "coding", 3)


def test_a_load_is_shown_by_its_peak_only() -> None:
    service = Service()
    for number in range(6):
        agent = f"agent-{number % 3}"
        at_us = START_US + number
        service.add(call(agent_id=agent, at_us=at_us, latency_ms=1000.0), at_us + 1_000_000)
    service.add(call(at_us=START_US + 120_000_000, latency_ms=1.0), START_US + 120_001_000)
    scaling = Scaling(target_requests_per_minute=6, target_concurrent_agents=4, target_queue_depth=1)
    found = {level.name: (level.measured, level.verdict) for level in service.levels({}, scaling)}
    assert found == {
        "requests per minute": (6, "met"),
        "concurrent agents": (3, "not shown"),
        "queue depth": (None, "not shown"),
    }
    assert service.peak_calls == 6


def test_several_task_types_have_a_line_together() -> None:
    service = Service()
    for kind in ("coding", "simple"):
        service.add(call(task_type=kind, latency_ms=10.0), None)
    assert [line.task_type for line in service.lines()] == ["all", "coding", "simple"]
    assert service.lines()[0].calls == 2
