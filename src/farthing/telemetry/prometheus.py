"""The page that Prometheus reads: what this deployment has done, and how its accounts stand now.

Counts are of this process; the accounts are the ledger's, of all its processes, read when somebody asks.
Dollars are floats here, because Prometheus has nothing else: good for a graph, and not for a bill. A label
has few values: no call, task, run or agent; models beyond the first so many are `other`.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from farthing.result import Attempt, AttemptFinished, Routed, TaskFinished
from farthing.spend.targets import Level
from farthing.swarm.events import LoopEvent
from farthing.task import Task
from farthing.telemetry import attributes
from farthing.telemetry.standing import Standing
from farthing.telemetry.watch import Watch

_MODELS = 64
_OTHER = "other"
_NANO = 1e9
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120)
_STOP_S = 2.0


class Counts:
    """What is counted, in a registry of its own: a program's other metrics are not on this page."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("model", "task_type", "purpose", "status")
        self.calls = self._counter("farthing_calls", "Attempts that have ended.", labels)
        self.failures = self._counter(
            "farthing_failures", "Attempts that failed, by kind.", ("model", "kind")
        )
        self.tasks = self._counter("farthing_tasks", "Tasks that have ended.", ("task_type", "outcome"))
        self.tokens = self._counter("farthing_tokens", "Tokens of accepted answers.", ("model", "type"))
        self.duration = self._histogram("farthing_call_duration_seconds", "Duration of attempts.", "status")
        self.first = self._histogram("farthing_first_token_seconds", "Time to an answer's first token.")
        self._models: set[str] = set()

    def label(self, model: str) -> str:
        """The model's name, or `other` once there are so many that each would cost Prometheus memory."""
        if model not in self._models and len(self._models) < _MODELS:
            self._models.add(model)
        return model if model in self._models else _OTHER

    def _counter(self, name: str, said: str, labels: tuple[str, ...]) -> Counter:
        return Counter(name, said, labels, registry=self.registry)

    def _histogram(self, name: str, said: str, *labels: str) -> Histogram:
        return Histogram(name, said, ("model", *labels), registry=self.registry, buckets=_SECONDS)


class TaskCounts(Watch):
    """Counts one journey."""

    def __init__(self, counts: Counts, task: Task) -> None:
        self._counts, self._purpose = counts, task.purpose
        self._type = "unknown"
        self._model = ""
        self._finished = False

    def on_event(self, event: LoopEvent) -> None:
        match event:
            case Routed(route=route):
                self._type = route.task_type
            case AttemptFinished(attempt=attempt):
                self._count(attempt)
            case TaskFinished(result=result):
                self._finished = True
                tokens = result.metrics.tokens
                self._counts.tokens.labels(self._model, "input").inc(tokens.input_tokens)
                self._counts.tokens.labels(self._model, "output").inc(tokens.output_tokens)
                if result.metrics.first_token_ms is not None:
                    self._counts.first.labels(self._model).observe(result.metrics.first_token_ms / 1000)
            case _:
                pass

    def on_end(self, error: BaseException | None) -> None:
        if error is not None:
            outcome = attributes.error_kind(error)
        else:
            outcome = "done" if self._finished else "cancelled"
        self._counts.tasks.labels(self._type, outcome).inc()

    def _count(self, attempt: Attempt) -> None:
        self._model = self._counts.label(attempt.model)
        self._counts.calls.labels(self._model, self._type, self._purpose, attempt.status).inc()
        if attempt.status != "accepted":
            self._counts.failures.labels(self._model, attributes.failure_kind(attempt.reason)).inc()
        if attempt.status != "refused":  # a refusal was never sent: it has no duration
            self._counts.duration.labels(self._model, attempt.status).observe(attempt.latency_ms / 1000)


class Accounts(Collector):
    """The accounts and the permits as they stand when the page is read."""

    def __init__(self, read: Callable[[], Standing | None]) -> None:
        self._read = read

    def describe(self) -> list[GaugeMetricFamily]:
        """None by name: registering must not read the ledger."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        standing = self._read()
        answers = standing is not None
        yield GaugeMetricFamily(
            "farthing_ledger_up", "1 where the ledger's database answered just now.", value=float(answers)
        )
        if standing is None:
            return
        yield GaugeMetricFamily(
            "farthing_permits_in_use", "Attempts on the wire.", value=float(standing.in_flight)
        )
        yield GaugeMetricFamily(
            "farthing_permits_waiting", "Callers that wait for a permit.", value=float(standing.waiting)
        )
        yield from _levels(standing.levels)
        said = {
            "farthing_settled_dollars": "Money whose amount is known.",
            "farthing_held_dollars": "The worst case of the calls on the wire.",
            "farthing_uncertain_dollars": "Money that may have been spent.",
            "farthing_limit_dollars": "The limit.",
            "farthing_remaining_dollars": "What the limit still allows.",
        }
        families = {
            name: GaugeMetricFamily(name, text, labels=("scope", "period")) for name, text in said.items()
        }
        for account in standing.accounts:
            sums = (account.settled, account.held, account.uncertain, account.limit, account.remaining)
            for family, nano in zip(families.values(), sums, strict=True):
                if nano is not None:
                    family.add_metric((account.scope, account.period), nano / _NANO)
        yield from families.values()


def _levels(levels: tuple[Level, ...]) -> Iterator[GaugeMetricFamily]:
    labels = ("of", "level")
    targets = GaugeMetricFamily(
        "farthing_service_level_target", "A target, in its own unit: ms or a count.", labels=labels
    )
    measured = GaugeMetricFamily(
        "farthing_service_level_measured", "What was measured since opening.", labels=labels
    )
    for level in levels:
        targets.add_metric((level.of, level.name), level.target)
        if level.measured is not None:
            measured.add_metric((level.of, level.name), level.measured)
    yield targets
    yield measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The page while it is served."""

    counts: Counts
    url: str
    server: WSGIServer
    thread: threading.Thread

    def close(self) -> None:
        """Stops serving; a reader in the middle of the page is not waited for."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(_STOP_S)


def serve(read: Callable[[], Standing | None], *, port: int, address: str) -> Page:
    """Serves the page in a thread of its own; port 0 is any free one. Raises `OSError` where it cannot."""
    counts = Counts()
    counts.registry.register(Accounts(read))
    server, thread = start_http_server(port, addr=address, registry=counts.registry)
    host = f"[{address}]" if ":" in address else address
    return Page(
        counts=counts, url=f"http://{host}:{server.server_port}/metrics", server=server, thread=thread
    )
