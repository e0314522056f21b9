"""Tools that misbehave: whatever they do is text for the model."""

import asyncio
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar

import pytest

from farthing.errors import InvalidTaskError
from farthing.swarm.toolcall import MAX_RESULT_CHARS, run_tool
from farthing.task import Tool

pytestmark = pytest.mark.usefixtures("no_task_left_behind")

marker: ContextVar[str] = ContextVar("marker", default="")


async def outcome_of(function: Callable[..., object], *, timeout_s: float = 30.0) -> tuple[bool, str]:
    outcome = await run_tool(
        Tool(name="t", description="", parameters={}, run=function), "{}", timeout_s=timeout_s
    )
    return outcome.ok, outcome.text


def breaks() -> None:
    raise ValueError("the disk is full")


def exits() -> None:
    sys.exit(3)


def stops() -> None:
    raise StopIteration


def unprintable() -> None:
    class Mute(Exception):  # noqa: N818 - a name is not what is tested
        def __str__(self) -> str:
            raise RuntimeError

    raise Mute


async def exits_async() -> None:
    sys.exit(3)


async def cancels_itself() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (breaks, "error: ValueError: the disk is full"),
        (exits, "error: RuntimeError: SystemExit: 3"),
        (exits_async, "error: SystemExit: 3"),
        (stops, "error: RuntimeError: StopIteration: "),
        (unprintable, "error: Mute"),
        (cancels_itself, "error: the tool was cancelled from inside"),
    ],
)
async def test_whatever_a_tool_raises_is_text_without_a_traceback(
    function: Callable[..., object], said: str
) -> None:
    assert await outcome_of(function) == (False, said)


async def test_a_long_result_is_cut_and_says_so() -> None:
    tool = Tool(name="t", description="", parameters={}, run=lambda: "x" * (MAX_RESULT_CHARS + 1))
    outcome = await run_tool(tool, "{}")
    assert (outcome.ok, outcome.cut) == (True, True)
    assert outcome.text.endswith("[cut: 16,000 of 16,001 characters are shown]")


async def test_a_result_that_contains_itself_is_still_text() -> None:
    def circle() -> object:
        ring: list[object] = []
        ring.append(ring)
        return ring

    assert await outcome_of(circle) == (True, "[[...]]")


async def test_a_hung_async_tool_is_cancelled_and_says_so() -> None:
    ended = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    ok, text = await outcome_of(hang, timeout_s=0.01)
    assert (ok, text) == (False, "error: t did not end within 0.01 seconds")
    assert ended.is_set()


async def test_a_hung_thread_does_not_hold_up_the_loop() -> None:
    release = threading.Event()
    try:
        ok, text = await outcome_of(release.wait, timeout_s=0.01)
        assert (ok, text) == (False, "error: t did not end within 0.01 seconds")
    finally:
        release.set()


async def test_cancelling_the_call_cancels_the_tool() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    calling = asyncio.create_task(outcome_of(hang))
    await started.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert ended.is_set()


async def test_a_thread_sees_the_callers_context() -> None:
    token = marker.set("here")
    try:
        assert await outcome_of(marker.get) == (True, "here")
    finally:
        marker.reset(token)


async def test_a_bare_schema_cannot_be_run() -> None:
    with pytest.raises(InvalidTaskError, match="nothing to run"):
        await run_tool(Tool(name="t", description="", parameters={}), "{}")
