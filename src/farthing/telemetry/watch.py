"""How a journey is watched: its events pass through a generator that shows each of them to an observer.

The journey is handed on as it is. An observer that fails is told of once and left out for the rest of the
task; it never reaches the task. Imports nothing that only a watched deployment needs.
"""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, aclosing, nullcontext
from typing import Protocol, TypeVar

from farthing.result import TaskEvent
from farthing.swarm.events import LoopEvent
from farthing.task import Task

log = logging.getLogger("farthing.telemetry")

_Event = TypeVar("_Event", bound=LoopEvent)


class Run(Protocol):
    """`Pipeline.run`, or the same with somebody watching."""

    def __call__(self, task: Task, *, stream: bool) -> AsyncGenerator[TaskEvent]: ...


class Watch:
    """An observer of one journey. `scope` encloses each step of the journey, without the caller's between."""

    def scope(self) -> AbstractContextManager[object]:
        return nullcontext()

    def on_event(self, event: LoopEvent) -> None:
        """Called with each event, before the caller has it."""

    def on_end(self, error: BaseException | None) -> None:
        """Called once, after the last event; `error` is what the journey raised, or a cancellation."""


Watcher = Callable[[Task], Watch]
"""Begins to observe a journey of that task."""


async def watched(run: Run, watcher: Watcher, task: Task, *, stream: bool) -> AsyncGenerator[TaskEvent]:
    """The journey's events, each shown to the observer first. Raises what the journey raises."""
    async with aclosing(showing(run(task, stream=stream), watcher, task)) as events:
        async for event in events:
            yield event


async def showing(events: AsyncGenerator[_Event], watcher: Watcher, task: Task) -> AsyncGenerator[_Event]:
    """The events of a journey, or of the loop around several, each shown to the observer first."""
    watch = _Guarded(watcher, task)
    error: BaseException | None = None
    try:
        async with aclosing(events):
            while True:
                with watch.scope():
                    event = await anext(events, None)
                if event is None:
                    break
                watch.on_event(event)
                yield event
    except BaseException as raised:
        error = raised
        raise
    finally:
        watch.on_end(error)


class _Guarded:
    """An observer that cannot fail: at its first error it is left out."""

    def __init__(self, watcher: Watcher, task: Task) -> None:
        self._watch: Watch | None = Watch()
        self._try(lambda _: setattr(self, "_watch", watcher(task)))

    def scope(self) -> AbstractContextManager[object]:
        return nullcontext() if self._watch is None else self._watch.scope()

    def on_event(self, event: LoopEvent) -> None:
        self._try(lambda watch: watch.on_event(event))

    def on_end(self, error: BaseException | None) -> None:
        self._try(lambda watch: watch.on_end(error))

    def _try(self, call: Callable[[Watch], object]) -> None:
        if self._watch is None:
            return
        try:
            call(self._watch)
        except Exception as error:  # noqa: BLE001 - somebody's exporter or processor must not end a task
            self._watch = None
            # Only its kind: an error's text may quote what was to be sent.
            log.warning("an observer of tasks failed and is left out: %s", type(error).__name__)
