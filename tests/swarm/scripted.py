"""Journeys written by hand, for the tests of the swarm: what a model answers is a list, not a server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from farthing.errors import BudgetExceededError, FarthingError
from farthing.result import (
    Attempt,
    AttemptFinished,
    CostBasis,
    Metrics,
    Route,
    Routed,
    TaskEvent,
    TaskFinished,
    TaskResult,
    TokenReceived,
)
from farthing.task import Task, ToolCall, Usage

ROUTE = Route(
    task_type="general",
    complexity="low",
    confidence=1.0,
    strategy="mapped",
    reason="scripted",
    candidates=(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """One answer of a scripted model."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    cost: Decimal = Decimal("0.001")
    basis: CostBasis = "reported"
    baseline: Decimal | None = Decimal("0.010")


Answer = Say | FarthingError
Script = Callable[[Task], Answer]


def call(name: str, arguments: str = "{}", id: str = "") -> ToolCall:  # noqa: A002 - the wire's own word
    return ToolCall(id=id, name=name, arguments=arguments)


@dataclass(slots=True, kw_only=True)
class Scripted:
    """A journey that asks `script` for each task, and records the tasks it was given.

    With `gate`, a task waits for it after its first event; `running` and `peak` count tasks under way.
    """

    script: Script
    gate: asyncio.Event | None = None
    tasks: list[Task] = field(default_factory=list[Task])
    running: int = 0
    peak: int = 0
    ended: int = 0
    forgets: bool = False
    """Whether tasks are not recorded, where there are very many."""

    async def __call__(self, task: Task) -> AsyncIterator[TaskEvent]:
        if not self.forgets:
            self.tasks.append(task)
        number = self.ended + self.running + 1
        task_id = f"task-{number}"
        self.running += 1
        self.peak = max(self.peak, self.running)
        try:
            yield Routed(task_id=task_id, title=task.title, route=ROUTE)
            await asyncio.sleep(0)
            if self.gate is not None:
                await self.gate.wait()
            answer = self.script(task)
            attempt = _attempt(answer, number)
            yield AttemptFinished(task_id=task_id, attempt=attempt)
            if isinstance(answer, FarthingError):
                raise answer
            yield TokenReceived(task_id=task_id, text=answer.text)
            yield TaskFinished(task_id=task_id, result=result_of(answer, task_id, attempt))
        finally:
            self.running -= 1
            self.ended += 1


def in_turn(answers: Sequence[Answer]) -> Script:
    """The answers one after the other; the last one again and again."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def result_of(answer: Say, task_id: str, attempt: Attempt) -> TaskResult:
    return TaskResult(
        task_id=task_id,
        output=answer.text,
        model="scripted/model",
        route=ROUTE,
        metrics=Metrics(
            cost=answer.cost,
            cost_basis=answer.basis,
            baseline_cost=answer.baseline,
            baseline_model="claude-3.5-sonnet",
            tokens=Usage(input_tokens=10, output_tokens=5),
            latency_ms=100.0,
            first_token_ms=40.0,
        ),
        attempts=(attempt,),
        finish_reason="tool_calls" if answer.calls else "stop",
        tool_calls=answer.calls,
        simulated=True,
    )


def _attempt(answer: Answer, number: int) -> Attempt:
    failed = isinstance(answer, FarthingError)
    return Attempt(
        call_id=f"call-{number}",
        model="scripted/model",
        status="failed" if failed else "accepted",
        reason="scripted failure" if failed else "ok",
        cost=Decimal("0.0005") if failed else answer.cost,
        cost_basis="uncertain" if failed else answer.basis,
        latency_ms=100.0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """As far as a swarm reads it: which scope's limit stood in the way."""

    key: Key


def refused(scope: str) -> BudgetExceededError:
    return BudgetExceededError(f"the limit of {scope} would be passed", refusal=Refusal(key=Key(scope=scope)))
