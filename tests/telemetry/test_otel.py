"""What leaves this process: a real collector on loopback, one that hangs, and one that is not there."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from farthing import Deployment
from farthing.testing import ScriptedUpstream, VirtualClock, deployment_on


@dataclass(slots=True, kw_only=True)
class Collector:
    """What a collector was sent."""

    url: str = ""
    traces: list[ExportTraceServiceRequest] = field(default_factory=list[ExportTraceServiceRequest])
    metrics: list[ExportMetricsServiceRequest] = field(default_factory=list[ExportMetricsServiceRequest])
    hold: asyncio.Event | None = None
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def take_traces(self, request: web.Request) -> web.Response:
        self.traces.append(ExportTraceServiceRequest.FromString(await request.read()))
        return await self._answer()

    async def take_metrics(self, request: web.Request) -> web.Response:
        self.metrics.append(ExportMetricsServiceRequest.FromString(await request.read()))
        return await self._answer()

    async def _answer(self) -> web.Response:
        self.came.set()
        if self.hold is not None:
            await self.hold.wait()
        return web.Response(content_type="application/x-protobuf")

    @property
    def spans(self) -> list[str]:
        return sorted(
            span.name
            for request in self.traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        )

    @property
    def instruments(self) -> set[str]:
        return {
            metric.name
            for request in self.metrics
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


def service_of(resource: Resource) -> str:
    return next(pair.value.string_value for pair in resource.attributes if pair.key == "service.name")


@asynccontextmanager
async def collecting(*, hold: asyncio.Event | None = None) -> AsyncGenerator[Collector]:
    collector = Collector(hold=hold)
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take_traces)
    app.router.add_post("/v1/metrics", collector.take_metrics)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    collector.url = f"http://{host}:{port}"
    try:
        yield collector
    finally:
        await runner.cleanup()


@pytest.fixture(autouse=True)
def no_providers(monkeypatch: pytest.MonkeyPatch, spans: object, measured: object) -> None:
    """A program that has set none, whatever the other fixtures did."""
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", None)
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", None)


def sending(folder: Path, endpoint: str, script: int = 1, **more: object) -> Deployment:
    settings = {
        "monitoring.telemetry.enabled": True,
        "monitoring.telemetry.endpoint": endpoint,
        "monitoring.telemetry.serviceName": "a team",
        **{name.replace("__", "."): value for name, value in more.items()},
    }
    upstream = ScriptedUpstream(["four"] * script)
    return deployment_on(upstream, folder, clock=VirtualClock(), overrides=settings)


async def test_a_collector_has_the_spans_and_the_metrics_when_the_deployment_has_closed(
    tmp_path: Path,
) -> None:
    async with collecting() as collector:
        async with sending(tmp_path, collector.url) as deployment:
            await deployment.execute_task(type="coding", description="Write a sort.")
        assert collector.spans == ["chat qwen/qwen-2.5-coder-32b-instruct", "task coding"]
        assert {"gen_ai.client.token.usage", "farthing.cost"} <= collector.instruments
        resource = collector.traces[0].resource_spans[0].resource
    assert service_of(resource) == "a team"


async def test_the_variables_of_opentelemetry_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with collecting() as collector:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_SERVICE_NAME": "by variable",
            "OTEL_METRICS_EXPORTER": "none",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        async with sending(tmp_path, "http://127.0.0.1:9") as deployment:
            await deployment.execute_task("What is two and two?")
        assert collector.metrics == []
        assert service_of(collector.traces[0].resource_spans[0].resource) == "by variable"


async def test_a_collector_that_hangs_holds_up_neither_a_task_nor_the_closing(tmp_path: Path) -> None:
    hold = asyncio.Event()
    async with collecting(hold=hold) as collector:
        held = sending(tmp_path, collector.url, monitoring__telemetry__shutdownTimeout=0.05)
        async with held as deployment:
            result = await deployment.execute_task("What is two and two?")
        assert not hold.is_set()  # nothing was answered yet, and yet it has closed
        hold.set()
    assert result.output == "four"


async def test_a_collector_that_is_not_there_is_told_of_and_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away = sending(tmp_path, "http://127.0.0.1:9", 3, monitoring__telemetry__shutdownTimeout=0.05)
    async with away as deployment:
        answers = [await deployment.execute_task("What is two and two?") for _ in range(3)]
    assert [answer.output for answer in answers] == ["four"] * 3
    assert "the collector did not take" in caplog.text


async def test_a_programs_own_provider_is_neither_replaced_nor_shut_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []

    class Kept(InMemorySpanExporter):
        def shutdown(self) -> None:
            closed.append("shut down")

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    kept, provider = Kept(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", provider)
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    async with collecting() as collector:
        async with sending(tmp_path, collector.url) as deployment:
            await deployment.execute_task(type="coding", description="Write a sort.")
        assert collector.traces == []
    assert len(kept.get_finished_spans()) == 2
    assert closed == []


async def test_beside_a_programs_own_provider_nothing_goes_to_an_address_nobody_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spans: InMemorySpanExporter
) -> None:
    from opentelemetry.sdk.trace import TracerProvider

    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", TracerProvider(shutdown_on_exit=False))
    before = {thread.name for thread in threading.enumerate()}
    settings = {"monitoring.telemetry.enabled": True}
    async with deployment_on(ScriptedUpstream(["four"]), tmp_path, overrides=settings) as deployment:
        await deployment.execute_task("What is two and two?")
        assert [name for name in {t.name for t in threading.enumerate()} - before if "Otel" in name] == []


async def test_nothing_of_it_stays_when_the_deployment_has_closed(tmp_path: Path) -> None:
    names: Callable[[], set[str]] = lambda: {thread.name for thread in threading.enumerate()}  # noqa: E731
    before = names()
    async with collecting() as collector:
        async with sending(tmp_path, collector.url, monitoring__telemetry__prometheusPort=0) as deployment:
            await deployment.execute_task("What is two and two?")
            assert names() - before
        ours = {"Otel", "farthing-"}
        assert [name for name in names() - before if name.startswith(tuple(ours))] == []
