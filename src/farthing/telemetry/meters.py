"""OpenTelemetry's metrics of each attempt: tokens, durations, time to the first token, cost.

Instruments of ours are `farthing.*`; money there is an integer of nano-dollars, because a metric has no
Decimal. What is a label here has few values: no call, task, run or agent.
"""

from opentelemetry.metrics import Meter

from farthing.money import nano_half_even
from farthing.result import Attempt, AttemptFinished, Routed, TaskFinished
from farthing.swarm.events import LoopEvent
from farthing.task import Task
from farthing.telemetry import attributes
from farthing.telemetry.attributes import Attributes
from farthing.telemetry.watch import Watch

# The boundaries that the conventions ask for.
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_FIRST_S = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_TOKENS = tuple(4.0**power for power in range(14))


class Instruments:
    """What is measured, made once for a deployment."""

    def __init__(self, meter: Meter, server: Attributes) -> None:
        self.server = server
        self.tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self.duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.first = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            unit="s",
            description="Time to receive the first chunk of a streamed answer.",
            explicit_bucket_boundaries_advisory=_FIRST_S,
        )
        self.cost = meter.create_counter(
            "farthing.cost", unit="{nano_usd}", description="Cost of attempts when they ended, nano-dollars."
        )
        self.task_duration = meter.create_histogram(
            "farthing.task.duration",
            unit="s",
            description="Duration of tasks, all attempts and waits included.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )


class TaskMeters(Watch):
    """Measures one journey."""

    def __init__(self, instruments: Instruments, task: Task) -> None:
        self._made, self._asked = instruments, task
        self._said: Attributes = {"farthing.purpose": task.purpose}
        self._accepted: Attempt | None = None

    def on_event(self, event: LoopEvent) -> None:
        match event:
            case Routed(route=route):
                self._said["farthing.task_type"] = route.task_type
            case AttemptFinished(attempt=attempt):
                if attempt.status == "accepted":
                    self._accepted = attempt  # measured when its answer is known, a moment later
                else:
                    self._measure(attempt, {})
            case TaskFinished():
                self._finish(event)
            case _:
                pass

    def on_end(self, error: BaseException | None) -> None:
        accepted, self._accepted = self._accepted, None
        if accepted is not None:
            self._measure(accepted, {})

    def _finish(self, event: TaskFinished) -> None:
        result, metrics = event.result, event.result.metrics
        accepted, self._accepted = self._accepted, None
        self._made.task_duration.record(metrics.latency_ms / 1000, self._said)
        if accepted is None:
            return
        more: Attributes = {"gen_ai.response.model": result.model}
        said = self._measure(accepted, more)
        for kind, count in (("input", metrics.tokens.input_tokens), ("output", metrics.tokens.output_tokens)):
            self._made.tokens.record(count, {**said, "gen_ai.token.type": kind})
        if metrics.first_token_ms is not None:
            self._made.first.record(metrics.first_token_ms / 1000, said)

    def _measure(self, attempt: Attempt, more: Attributes) -> Attributes:
        """Records an attempt; returns what the conventions say of every measurement of it."""
        said: Attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": attributes.PROVIDER,
            "gen_ai.request.model": attempt.model,
            **self._made.server,
            **more,
        }
        failed = attempt.status != "accepted"
        error: Attributes = {"error.type": attributes.failure_kind(attempt.reason)} if failed else {}
        if attempt.status != "refused":  # a refusal was never sent: it has no duration
            self._made.duration.record(attempt.latency_ms / 1000, said | error)
        cost: Attributes = {**self._said, **said, "farthing.cost_basis": attempt.cost_basis}
        self._made.cost.add(nano_half_even(attempt.cost), cost)
        return said
