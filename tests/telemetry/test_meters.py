"""OpenTelemetry's metrics of a deployment, as a program's own provider has them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint

from farthing.errors import TaskFailedError
from farthing.testing import ScriptedUpstream, VirtualClock, answer, deployment_on, failure

QWEN = "qwen/qwen-2.5-coder-32b-instruct"
LLAMA = "meta-llama/llama-3.3-70b-instruct"
ON: Mapping[str, object] = {"monitoring.telemetry.enabled": True}
Point = NumberDataPoint | HistogramDataPoint


def points(reader: InMemoryMetricReader, name: str) -> Iterator[Point]:
    data = reader.get_metrics_data()
    assert data is not None
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if metric.name == name:
                    for point in metric.data.data_points:
                        assert isinstance(point, Point)
                        yield point


def told(point: Point, name: str) -> object:
    return (point.attributes or {}).get(name)


def total(point: Point) -> float:
    return point.sum if isinstance(point, HistogramDataPoint) else point.value


async def run(folder: Path) -> None:
    upstream = ScriptedUpstream(
        [failure(429), answer("a", cost="0.000002", input_tokens=7, output_tokens=3), failure(401)]
    )
    async with deployment_on(upstream, folder, clock=VirtualClock(), overrides=ON) as deployment:
        await deployment.execute_task(type="coding", description="Write a sort.")
        with pytest.raises(TaskFailedError):
            await deployment.execute_task(type="analysis", description="Explain it.")


async def test_tokens_are_counted_by_type_and_model(tmp_path: Path, measured: InMemoryMetricReader) -> None:
    await run(tmp_path)
    found = {
        told(point, "gen_ai.token.type"): (told(point, "gen_ai.request.model"), total(point))
        for point in points(measured, "gen_ai.client.token.usage")
    }
    assert found == {"input": (LLAMA, 7), "output": (LLAMA, 3)}


async def test_every_attempt_has_a_duration_and_a_failed_one_its_kind(
    tmp_path: Path, measured: InMemoryMetricReader
) -> None:
    await run(tmp_path)
    durations = list(points(measured, "gen_ai.client.operation.duration"))
    kinds = sorted(str(told(point, "error.type")) for point in durations)
    assert kinds == ["None", "authentication", "rate_limited"]
    assert all(isinstance(point, HistogramDataPoint) and point.count == 1 for point in durations)
    assert {told(point, "gen_ai.operation.name") for point in durations} == {"chat"}
    (first,) = points(measured, "gen_ai.client.operation.time_to_first_chunk")
    assert isinstance(first, HistogramDataPoint)
    assert first.count == 1
    tasks = list(points(measured, "farthing.task.duration"))
    assert [told(point, "farthing.task_type") for point in tasks] == ["coding"]


async def test_the_cost_is_a_whole_number_of_nano_dollars(
    tmp_path: Path, measured: InMemoryMetricReader
) -> None:
    await run(tmp_path)
    costs = [total(point) for point in points(measured, "farthing.cost")]
    assert sum(costs) == 2000
    assert all(isinstance(cost, int) for cost in costs)


async def test_no_label_names_a_call_a_task_a_run_or_an_agent(
    tmp_path: Path, measured: InMemoryMetricReader
) -> None:
    await run(tmp_path)
    data = measured.get_metrics_data()
    assert data is not None
    text = data.to_json()
    assert "farthing.cost" in text
    for word in ("call-", "task-", "run_id", "agent_id", "task_id", "call_id"):
        assert word not in text
