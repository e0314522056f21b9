"""How a journey is watched: nothing is changed, nothing is left open, and no observer can break it."""

from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import pytest

from farthing.errors import TaskFailedError
from farthing.result import TaskEvent, TokenReceived
from farthing.swarm.events import LoopEvent
from farthing.task import Task
from farthing.telemetry.watch import Watch, watched

ASKED = Task(description="Say it.")


class Upstream:
    """A journey of three tokens, which may fail after them."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.closed = error, False

    async def run(self, task: Task, *, stream: bool) -> AsyncGenerator[TaskEvent]:
        try:
            for text in "abc":
                yield TokenReceived(task_id="task-1", text=text)
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True


class Noting(Watch):
    """Notes what it is shown, and may fail at one of its calls."""

    def __init__(self, notes: list[str], fails_at: str, task: Task) -> None:
        self._notes, self._fails_at = notes, fails_at
        self._note("begin")

    @contextmanager
    def _inside(self) -> Generator[None]:
        self._notes.append("(")
        yield
        self._notes.append(")")

    def scope(self) -> AbstractContextManager[object]:
        return self._inside()

    def on_event(self, event: LoopEvent) -> None:
        self._note(getattr(event, "text", ""))

    def on_end(self, error: BaseException | None) -> None:
        self._note("end" if error is None else type(error).__name__)

    def _note(self, text: str) -> None:
        self._notes.append(text)
        if text == self._fails_at:
            raise RuntimeError("an observer with a fault: MARKER")


async def texts_of(events: AsyncGenerator[TaskEvent]) -> str:
    return "".join([event.text async for event in events if isinstance(event, TokenReceived)])


async def test_each_event_is_shown_within_its_own_step() -> None:
    notes, upstream = list[str](), Upstream()
    watcher = partial(Noting, notes, "")
    assert await texts_of(watched(upstream.run, watcher, ASKED, stream=True)) == "abc"
    assert notes == ["begin", "(", ")", "a", "(", ")", "b", "(", ")", "c", "(", ")", "end"]


async def test_the_journeys_error_is_raised_and_shown() -> None:
    notes, upstream = list[str](), Upstream(TaskFailedError("no"))
    with pytest.raises(TaskFailedError):
        await texts_of(watched(upstream.run, partial(Noting, notes, ""), ASKED, stream=True))
    assert notes[-1] == "TaskFailedError"


async def test_a_reader_who_leaves_closes_the_journey_at_once() -> None:
    notes, upstream = list[str](), Upstream()
    events = watched(upstream.run, partial(Noting, notes, ""), ASKED, stream=True)
    await anext(events)
    assert not upstream.closed
    await events.aclose()
    assert upstream.closed
    assert notes[-1] == "GeneratorExit"


@pytest.mark.parametrize("fails_at", ["begin", "a", "b", "end"])
async def test_an_observer_that_fails_is_left_out_and_told_of(
    fails_at: str, caplog: pytest.LogCaptureFixture
) -> None:
    notes, upstream = list[str](), Upstream()
    watcher = partial(Noting, notes, fails_at)
    assert await texts_of(watched(upstream.run, watcher, ASKED, stream=True)) == "abc"
    assert notes[-1] == fails_at
    assert upstream.closed
    assert caplog.text.count("RuntimeError") == 1
    assert "MARKER" not in caplog.text
