"""Service levels of an open deployment: counted, judged, and told once when they change."""

import logging
from pathlib import Path

import pytest

from farthing.config.schema import LatencyTarget, Scaling
from farthing.levels import ServiceLevels
from farthing.limits.permits import Permits
from farthing.testing import ScriptedUpstream, VirtualClock, deployment_on

TARGET = LatencyTarget(first_token=50, average=100, p95=300, p99=300)
SCALING = Scaling(target_requests_per_minute=3, target_concurrent_agents=2, target_queue_depth=1)


def found(levels: ServiceLevels) -> dict[tuple[str, str], tuple[float | None, str]]:
    return {(level.of, level.name): (level.measured, level.verdict) for level in levels.now()}


def test_nothing_is_shown_before_anything_was_done() -> None:
    levels = ServiceLevels({"a": TARGET}, SCALING, Permits(None), VirtualClock())
    shown = {name: verdict for name, (_, verdict) in found(levels).items()}
    assert shown == {
        ("a", "first token"): "not shown",
        ("a", "average"): "not shown",
        ("a", "p95"): "not shown",
        ("a", "p99"): "not shown",
        ("scaling", "requests per minute"): "not shown",
        ("scaling", "concurrent agents"): "not shown",
        ("scaling", "queue depth"): "met",
    }


def test_loads_are_peaks() -> None:
    clock = VirtualClock()
    levels = ServiceLevels({}, SCALING, Permits(None), clock)
    for agent in ("one", "one", "two", ""):
        levels.begin(agent)
    for agent in ("one", "one", "two", ""):
        levels.end(agent)
    clock.advance(60)
    levels.begin("three")
    assert found(levels)["scaling", "requests per minute"] == (4, "met")
    assert found(levels)["scaling", "concurrent agents"] == (2, "met")


def test_a_level_is_told_when_it_is_missed_and_when_it_is_met_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="farthing.levels")
    clock = VirtualClock()
    levels = ServiceLevels({"a": TARGET}, Scaling(), Permits(None), clock)

    def answer(count: int, latency_ms: float) -> None:
        for _ in range(count):
            levels.answered("a", latency_ms, 10.0)
        clock.advance(61)
        levels.answered("a", latency_ms, 10.0)

    answer(50, 200.0)
    assert caplog.messages == []  # too few to judge
    answer(60, 200.0)
    answer(60, 200.0)
    assert caplog.messages == ["average of a is missed: 200, target 100"]
    answer(2000, 20.0)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_a_deployment_tells_its_levels(tmp_path: Path) -> None:
    settings = {"scaling.maxConcurrency": 1, "scaling.targetQueueDepth": 1}
    upstream = ScriptedUpstream(["one", "two", "three"])
    async with deployment_on(upstream, tmp_path, overrides=settings, clock=VirtualClock()) as deployment:
        await deployment.execute_task("Why?", agent_id="coder-1")
        levels = {(level.of, level.name): level for level in deployment.service_levels()}
    assert levels["scaling", "requests per minute"].measured == 1
    assert levels["scaling", "concurrent agents"].measured == 1
    assert levels["scaling", "queue depth"].verdict == "met"
    shown = [level for (of, _), level in levels.items() if of != "scaling" and level.measured is not None]
    assert {level.verdict for level in shown} == {"met"}
    assert len(shown) == 4
