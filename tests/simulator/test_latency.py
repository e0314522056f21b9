"""Drawn times keep the tutorial's targets, by rank, and scale."""

from random import Random

import pytest

from farthing.simulator.latency import INSTANT, TABLE, draw_timing, targets_for


@pytest.mark.parametrize("model", sorted(TABLE))
def test_the_distribution_meets_the_table(model: str) -> None:
    rng = Random(4)
    drawn = [draw_timing(model, rng, time_scale=1.0) for _ in range(20_000)]
    totals = sorted(timing.total_s for timing in drawn)
    firsts = sorted(timing.first_s for timing in drawn)
    targets = targets_for(model)
    assert 0.5 * targets.average_s < sum(totals) / len(totals) < targets.average_s
    assert 0.8 * targets.p95_s < totals[int(0.95 * len(totals))] < targets.p95_s
    assert 0.75 * targets.p99_s < totals[int(0.99 * len(totals))] < targets.p99_s
    assert firsts[int(0.95 * len(firsts))] < targets.first_s
    assert all(0 < timing.first_s <= timing.total_s for timing in drawn)


def test_a_scale_multiplies_and_zero_does_not_wait() -> None:
    whole = draw_timing("qwen/x", Random(1), time_scale=1.0)
    tenth = draw_timing("qwen/x", Random(1), time_scale=0.1)
    assert tenth.total_s == pytest.approx(whole.total_s / 10)
    assert draw_timing("qwen/x", Random(1), time_scale=0.0) == INSTANT
