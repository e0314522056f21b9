"""OpenTelemetry for a deployment: your providers where you have set them, else its own with OTLP over HTTP.

The one module that imports the SDK. Batches wait in bounded queues and are sent by threads; a collector that
is away costs a task nothing, and what it has not taken when the deployment closes is dropped.
"""

import logging
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from functools import partial
from importlib.metadata import version
from typing import TypeVar

from opentelemetry import context as contexts
from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import ProxyTracerProvider, TracerProvider

from farthing.config.schema import Telemetry
from farthing.content.redact import Redact
from farthing.swarm.events import LoopEvent, SwarmEvent
from farthing.task import Task
from farthing.telemetry import attributes
from farthing.telemetry.meters import Instruments, TaskMeters
from farthing.telemetry.traces import Spans, TaskSpans, around_loop, observer_of_swarms
from farthing.telemetry.watch import Watcher

log = logging.getLogger("farthing.telemetry")

T = TypeVar("T")

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_UNSET_METERS = "_ProxyMeterProvider"  # the API has no public name for «nobody has set one»


class Sending:
    """Traces and metrics of one deployment while it is open."""

    def __init__(self, spans: Spans, instruments: Instruments, close: Callable[[], None]) -> None:
        self._spans = spans
        self.watchers: tuple[Watcher, ...] = (partial(TaskMeters, instruments), partial(TaskSpans, spans))
        self.close = close

    def around_loop(self, events: AsyncGenerator[LoopEvent], task: Task) -> AsyncGenerator[LoopEvent]:
        return around_loop(self._spans, events, task)

    def observer_of_swarms(self) -> Callable[[SwarmEvent | None], None]:
        return observer_of_swarms(self._spans)

    def carried(self, work: Coroutine[object, object, T]) -> Coroutine[object, object, T]:
        """The work in the context that is current now: a portal's thread has none of its own."""
        return _carried(work, contexts.get_current())


def open_sending(settings: Telemetry, *, redact: Redact, base_url: str, simulated: bool) -> Sending:
    """Opens what is missing: a provider that a program has set is used as it is, and never shut down.

    Where it has set one of the two, the other is opened only for a collector that is named: nothing goes to
    an address that nobody said. `OTEL_*` variables are those of the process, which the SDK reads too.
    """
    closing: list[Callable[[], None]] = []
    tracers: TracerProvider = trace.get_tracer_provider()
    meters: MeterProvider = metrics.get_meter_provider()
    traced = not isinstance(tracers, ProxyTracerProvider)
    measured = type(meters).__name__ != _UNSET_METERS
    if not traced and (not measured or _names_collector(settings, "TRACES")):
        tracers = _own_tracers(settings, closing)
    if not measured and (not traced or _names_collector(settings, "METRICS")):
        meters = _own_meters(settings, closing)
    ours = version("farthing")
    server = {**attributes.server_attributes(base_url), "farthing.simulated": simulated}
    return Sending(
        Spans(tracers.get_tracer("farthing", ours), redact=redact, server=server),
        Instruments(meters.get_meter("farthing", ours), server),
        partial(_close_all, closing, settings.shutdown_timeout),
    )


def _own_tracers(settings: Telemetry, closing: list[Callable[[], None]]) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider as OwnTracers
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    own = OwnTracers(resource=_resource(settings), shutdown_on_exit=False)
    if _is_wanted("TRACES"):
        endpoint = _endpoint(settings, "TRACES")
        own.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    closing.append(own.shutdown)
    return own


def _own_meters(settings: Telemetry, closing: list[Callable[[], None]]) -> MeterProvider:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider as OwnMeters
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    readers: list[PeriodicExportingMetricReader] = []
    if _is_wanted("METRICS"):
        endpoint = _endpoint(settings, "METRICS")
        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=endpoint)))
    own = OwnMeters(readers, resource=_resource(settings), shutdown_on_exit=False)
    closing.append(own.shutdown)
    return own


def _is_wanted(signal: str) -> bool:
    return os.environ.get(f"OTEL_{signal}_EXPORTER", "otlp").strip().lower() != "none"


def _endpoint(settings: Telemetry, signal: str) -> str | None:
    """The signal's own address; None lets the exporter read the variables, and fall back to its usual one."""
    if settings.endpoint is None or _in_variables(signal):
        return None
    return f"{settings.endpoint}/v1/{signal.lower()}"


def _names_collector(settings: Telemetry, signal: str) -> bool:
    return settings.endpoint is not None or _in_variables(signal)


def _in_variables(signal: str) -> bool:
    return any(map(os.environ.get, (_ENDPOINT, f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")))


def _resource(settings: Telemetry) -> Resource:
    told = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    return Resource.create({} if told else {"service.name": settings.service_name})


def _close_all(closing: list[Callable[[], None]], timeout_s: float) -> None:
    """Sends the last batches, for as long as that may take; blocks at most `timeout_s` in all."""
    until = time.monotonic() + timeout_s
    threads = [threading.Thread(target=call, name="farthing-otel-close", daemon=True) for call in closing]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        log.warning("the collector did not take the last traces and metrics in %g s", timeout_s)


async def _carried(work: Coroutine[object, object, T], context: Context) -> T:
    token = contexts.attach(context)
    try:
        return await work
    finally:
        contexts.detach(token)
