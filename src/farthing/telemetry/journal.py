"""A line in the log for each task and each failed attempt, on logger `farthing.tasks` at level INFO.

The fields stand in the record's `extra`, for a formatter to show; the line says them in words. No prompt,
no answer, no title of a task.
"""

import logging

from farthing.result import AttemptFinished, Routed, TaskFinished
from farthing.swarm.events import LoopEvent
from farthing.task import Task
from farthing.telemetry import attributes
from farthing.telemetry.watch import Watch

log = logging.getLogger("farthing.tasks")


class TaskLog(Watch):
    """Logs one journey."""

    def __init__(self, task: Task) -> None:
        asked = {"run_id": task.run_id, "agent_id": task.agent_id, "key": task.key, "purpose": task.purpose}
        self._said: dict[str, object] = {name: value for name, value in asked.items() if value is not None}

    def on_event(self, event: LoopEvent) -> None:
        match event:
            case Routed(task_id=task_id, route=route):
                self._said |= {"task_id": task_id, "task_type": route.task_type}
            case AttemptFinished(attempt=attempt) if attempt.status != "accepted":
                said = {
                    "call_id": attempt.call_id,
                    "model": attempt.model,
                    "status": attempt.status,
                    "error": attributes.failure_kind(attempt.reason),
                    "cost_usd": attributes.usd(attempt.cost),
                    "cost_basis": attempt.cost_basis,
                    "latency_ms": attempt.latency_ms,
                }
                log.info("%s: %s", attempt.model, attempt.reason, extra=self._said | said)
            case TaskFinished():
                self._finish(event)
            case _:
                pass

    def on_end(self, error: BaseException | None) -> None:
        if error is not None:
            kind = attributes.error_kind(error)
            log.info("the task failed: %s", kind, extra={**self._said, "error": kind})

    def _finish(self, event: TaskFinished) -> None:
        result, metrics = event.result, event.result.metrics
        said = {
            "call_id": result.attempts[-1].call_id if result.attempts else None,
            "model": result.model,
            "attempts": len(result.attempts),
            "input_tokens": metrics.tokens.input_tokens,
            "output_tokens": metrics.tokens.output_tokens,
            "cost_usd": attributes.usd(metrics.cost),
            "cost_basis": metrics.cost_basis,
            "latency_ms": metrics.latency_ms,
            "simulated": result.simulated,
        }
        done = "the task is done by %s for $%s %s"
        log.info(done, result.model, said["cost_usd"], metrics.cost_basis, extra={**self._said, **said})
