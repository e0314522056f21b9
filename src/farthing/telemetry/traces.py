"""Spans: one for a task, one in it for each attempt; a swarm's run, its agents and their tools around them.

What a span says is `attributes.py`'s. Every text goes through the redactor. A span becomes current while the
journey is at work, so that an instrumented HTTP client's spans stand in it, and is not while the caller is.
"""

import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache

from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context

from farthing.content.redact import Redact
from farthing.result import (
    Attempt,
    AttemptFinished,
    AttemptStarted,
    Routed,
    TaskFinished,
    TaskResult,
    Waiting,
)
from farthing.swarm.events import (
    AgentFailed,
    AgentFinished,
    AgentStarted,
    LoopEvent,
    SwarmEvent,
    SwarmFinished,
    SwarmStarted,
    ToolRan,
)
from farthing.task import Task
from farthing.telemetry import attributes
from farthing.telemetry.attributes import Attributes
from farthing.telemetry.watch import Watch, showing

_NS_PER_MS = 1_000_000
_REMEMBERED = 512  # most texts are the same from task to task: models, reasons, purposes


class Spans:
    """Makes spans whose texts are redacted."""

    def __init__(self, tracer: Tracer, *, redact: Redact, server: Attributes) -> None:
        self._tracer = tracer
        self._redact = lru_cache(maxsize=_REMEMBERED)(redact)
        self.server = server
        """Where the upstream is; on every attempt's span."""

    def start(
        self,
        name: str,
        said: Attributes,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        parent: Context | None = None,
        at_ns: int | None = None,
    ) -> Span:
        """A span in `parent`, else in what is current."""
        return self._tracer.start_span(
            self._redact(name), context=parent, kind=kind, attributes=self._clean(said), start_time=at_ns
        )

    def say(self, span: Span, said: Attributes) -> None:
        span.set_attributes(self._clean(said))

    def fail(self, span: Span, kind: str, text: str | None = None) -> None:
        """Marks the span as an error of that kind; `text` is shown beside it."""
        span.set_attribute("error.type", kind)
        span.set_status(StatusCode.ERROR, None if text is None else self._redact(text))

    def tell(self, span: Span, name: str, said: Attributes) -> None:
        """An event within the span."""
        span.add_event(name, self._clean(said))

    def _clean(self, said: Attributes) -> Attributes:
        return {name: self._cleaned(value) for name, value in said.items()}

    def _cleaned(self, value: attributes.Value) -> attributes.Value:
        if isinstance(value, str):
            return self._redact(value)
        return tuple(map(self._redact, value)) if isinstance(value, tuple) else value


class TaskSpans(Watch):
    """The spans of one journey."""

    def __init__(self, spans: Spans, task: Task) -> None:
        self._spans, self._asked = spans, task
        self._began_ns = time.time_ns()
        self._task: Span | None = None
        self._attempts: dict[str, Span] = {}
        """By call id: two at once where a call is hedged."""
        self._answered: tuple[Span, int] | None = None
        """The accepted attempt's span, which waits for what its answer said, and when the attempt ended."""
        self._inside: Context | None = None

    def scope(self) -> AbstractContextManager[object]:
        return _within(self._inside)

    def on_event(self, event: LoopEvent) -> None:
        match event:
            case Routed():
                self._route(event)
            case AttemptStarted():
                self._start_attempt(event)
            case AttemptFinished(attempt=attempt):
                self._finish_attempt(attempt)
            case TaskFinished(result=result):
                self._finish(result)
            case Waiting() if self._task is not None:
                said: Attributes = {"farthing.seconds": event.seconds, "farthing.reason": event.reason}
                self._spans.tell(self._task, "farthing.waiting", said)
            case _:
                pass

    def on_end(self, error: BaseException | None) -> None:
        self._end_answered()
        for attempt in self._attempts.values():
            if error is not None:
                self._spans.fail(attempt, attributes.error_kind(error))
            attempt.end()
        self._attempts.clear()
        if self._task is None:
            if error is None:
                return
            # It has no route: the refusal is all there is to show.
            self._task = self._spans.start(
                "task", attributes.agent_attributes(self._asked), at_ns=self._began_ns
            )
        if error is not None:
            self._spans.fail(self._task, attributes.error_kind(error))
        self._task.end()

    def _route(self, event: Routed) -> None:
        said = attributes.task_attributes(self._asked, event.task_id, event.route)
        self._task = self._spans.start(f"task {event.route.task_type}", said, at_ns=self._began_ns)
        self._inside = set_span_in_context(self._task)

    def _start_attempt(self, event: AttemptStarted) -> None:
        said = attributes.request_attributes(
            self._asked, model=event.model, call_id=event.call_id, number=event.number
        )
        if self._task is None:
            return
        attempt = self._attempts[event.call_id] = self._spans.start(
            f"chat {event.model}",
            said | self._spans.server,
            kind=SpanKind.CLIENT,
            parent=set_span_in_context(self._task),
        )
        self._inside = set_span_in_context(attempt)

    def _finish_attempt(self, attempt: Attempt) -> None:
        span = self._attempts.pop(attempt.call_id, None)
        if span is None or self._task is None:
            return
        self._spans.say(span, attributes.attempt_attributes(attempt))
        if attempt.status == "accepted":
            self._answered = span, time.time_ns()
        else:
            self._spans.fail(span, attributes.failure_kind(attempt.reason), attempt.reason)
            span.end()
        self._inside = set_span_in_context(self._task)

    def _finish(self, result: TaskResult) -> None:
        if self._answered is not None:
            self._spans.say(self._answered[0], attributes.answer_attributes(result))
        self._end_answered()
        if self._task is not None:
            self._spans.say(self._task, attributes.result_attributes(result))

    def _end_answered(self) -> None:
        if self._answered is not None:
            span, ended_ns = self._answered
            self._answered = None
            span.end(ended_ns)


class LoopSpans(Watch):
    """One span around the model calls and tools of a task whose tools are run."""

    def __init__(self, spans: Spans, task: Task) -> None:
        self._spans = spans
        name = task.agent_id or task.role
        said: Attributes = {"gen_ai.operation.name": "invoke_agent", **attributes.agent_attributes(task)}
        self._span = spans.start(f"invoke_agent {name}" if name else "invoke_agent", said)
        self._inside = set_span_in_context(self._span)

    def scope(self) -> AbstractContextManager[object]:
        return _within(self._inside)

    def on_event(self, event: LoopEvent) -> None:
        if isinstance(event, ToolRan):
            tool_span(self._spans, event, self._inside)
        elif isinstance(event, TaskFinished):
            self._spans.say(self._span, {"farthing.run.cost_usd": attributes.usd(event.result.metrics.cost)})

    def on_end(self, error: BaseException | None) -> None:
        if error is not None:
            self._spans.fail(self._span, attributes.error_kind(error))
        self._span.end()


class SwarmSpans:
    """The spans of a swarm's runs, one at a time: the run, its agents, their tools.

    An event comes in the asyncio task in which what follows it happens, so the span that is made current
    there is current in the tasks that it starts, and ends with them.
    """

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self._run: Span | None = None
        self._agents: dict[str, Span] = {}

    def on_event(self, event: SwarmEvent | None) -> None:
        """Each event of a run as it happens; None when the run has been left."""
        match event:
            case SwarmStarted():
                self._start(event)
            case AgentStarted():
                self._start_agent(event)
            case AgentFinished(agent_id=agent_id, work=work):
                self._end_agent(agent_id, usd=attributes.usd(work.cost))
            case AgentFailed(agent_id=agent_id, work=work, error=error):
                self._end_agent(agent_id, usd=attributes.usd(work.cost), error=attributes.error_kind(error))
            case ToolRan(agent_id=agent_id):
                agent = self._agents.get(agent_id or "")
                tool_span(self._spans, event, None if agent is None else set_span_in_context(agent))
            case SwarmFinished(result=result):
                self._end(usd=attributes.usd(result.total_cost), stopped=result.stopped is not None)
            case None:
                self._end()
            case _:
                pass

    def _start(self, event: SwarmStarted) -> None:
        said: Attributes = {
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.workflow.name": "swarm",
            "farthing.run_id": event.run_id,
            "farthing.agents": len(event.agents),
        }
        if event.budget_usd is not None:
            said["farthing.budget_usd"] = attributes.usd(event.budget_usd)
        self._run = self._spans.start("invoke_workflow swarm", said)
        contexts.attach(set_span_in_context(self._run))

    def _start_agent(self, event: AgentStarted) -> None:
        said: Attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": event.agent_id,
            "gen_ai.agent.id": f"{event.run_id}/{event.agent_id}",
            "farthing.run_id": event.run_id,
            "farthing.agent_id": event.agent_id,
            "farthing.role": event.role,
            "farthing.stage": event.stage,
        }
        agent = self._agents[event.agent_id] = self._spans.start(f"invoke_agent {event.agent_id}", said)
        contexts.attach(set_span_in_context(agent))

    def _end_agent(self, agent_id: str, *, usd: str | None = None, error: str | None = None) -> None:
        agent = self._agents.pop(agent_id, None)
        if agent is None:
            return
        if usd is not None:
            self._spans.say(agent, {"farthing.run.cost_usd": usd})
        if error is not None:
            self._spans.fail(agent, error)
        agent.end()

    def _end(self, *, usd: str | None = None, stopped: bool = False) -> None:
        for agent_id in list(self._agents):
            self._end_agent(agent_id, error="cancelled")
        run, self._run = self._run, None
        if run is None:
            return
        if usd is None or stopped:
            self._spans.fail(run, "cancelled" if usd is None else "stopped")
        if usd is not None:
            self._spans.say(run, {"farthing.run.cost_usd": usd})
        run.end()


def tool_span(spans: Spans, ran: ToolRan, parent: Context | None) -> None:
    """A span for a tool that has run; its arguments and its answer are content, and not said."""
    ended_ns = time.time_ns()
    said: Attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": ran.name,
        "gen_ai.tool.call.id": ran.call_id,
        "gen_ai.tool.type": "function",
    }
    began_ns = ended_ns - round(ran.latency_ms * _NS_PER_MS)
    span = spans.start(f"execute_tool {ran.name}", said, parent=parent, at_ns=began_ns)
    if not ran.ok:
        spans.fail(span, "tool_failed")
    span.end(ended_ns)


def around_loop(spans: Spans, events: AsyncGenerator[LoopEvent], task: Task) -> AsyncGenerator[LoopEvent]:
    """The events of an agent's loop, in a span of its own."""
    return showing(events, lambda asked: LoopSpans(spans, asked), task)


def observer_of_swarms(spans: Spans) -> Callable[[SwarmEvent | None], None]:
    """What a swarm calls with its events."""
    return SwarmSpans(spans).on_event


@contextmanager
def _within(inside: Context | None) -> Generator[None]:
    if inside is None:
        yield
        return
    token = contexts.attach(inside)
    try:
        yield
    finally:
        contexts.detach(token)
