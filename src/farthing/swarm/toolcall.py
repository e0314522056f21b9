"""Runs one tool call without harm to the process: bounded in time and text, its errors shown to the model.

Decides what of a result a model is shown. When a tool may run is the loop's to say.
"""

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import cast

from farthing.errors import InvalidTaskError
from farthing.swarm.arguments import parse_arguments
from farthing.swarm.loop import TOOL_TIMEOUT_S
from farthing.swarm.signature import is_async
from farthing.task import Tool

MAX_RESULT_CHARS = 16_000
"""What a model is shown of a result, about 4,000 tokens."""
_MAX_ERROR_CHARS = 2_000
_CANCEL_GRACE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutcome:
    """What a call came to. `text` is what the model is shown; `cut` is True when a result was too long."""

    text: str
    ok: bool
    cut: bool
    latency_ms: float


async def run_tool(
    tool: Tool,
    arguments_json: str,
    *,
    timeout_s: float = TOOL_TIMEOUT_S,
    context: Context | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> ToolOutcome:
    """Runs one call, which is expected to be checked already; whatever the tool raises becomes text.

    A synchronous function runs in a thread of its own, which cannot be stopped: after a timeout it goes on
    and its result is dropped. An asynchronous one is cancelled, and given a second to end.
    """
    began = clock()
    run = tool.run
    if run is None:
        raise InvalidTaskError(f"tool {tool.name!r} is a bare schema and has nothing to run")
    running = asyncio.create_task(_guarded(run, arguments_json), context=context or copy_context())
    try:
        await asyncio.wait({running}, timeout=timeout_s)
    finally:
        if not running.done():
            running.cancel()
            await asyncio.wait({running}, timeout=_CANCEL_GRACE_S)
    if not running.done() or running.cancelled():
        ok, text = False, f"error: {tool.name} did not end within {timeout_s:g} seconds"
    else:
        ok, text = running.result()
    return shown(text, ok=ok, latency_ms=(clock() - began) * 1000)


def shown(text: str, *, ok: bool, latency_ms: float = 0.0) -> ToolOutcome:
    """What a model is shown of a text."""
    bounded, cut = _bounded(text, MAX_RESULT_CHARS)
    return ToolOutcome(text=bounded, ok=ok, cut=cut, latency_ms=latency_ms)


async def _guarded(run: Callable[..., object], arguments_json: str) -> tuple[bool, str]:
    # The edge to code that is not ours: whatever it raises is the model's to read and must not end the
    # process. KeyboardInterrupt is the person's own and passes.
    try:
        arguments = parse_arguments(arguments_json)
        if is_async(run):
            value = await cast(Callable[..., Awaitable[object]], run)(**arguments)
        else:
            value = await _in_thread(run, arguments)
            if inspect.isawaitable(value):
                value = await value
        return True, _as_text(value)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return False, "error: the tool was cancelled from inside"
    except (Exception, SystemExit) as error:  # noqa: BLE001 - see above
        return False, _error_text(error)


async def _in_thread(run: Callable[..., object], arguments: Mapping[str, object]) -> object:
    """Runs it in a daemon thread: a hung tool holds up neither other tools nor the end of the process."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[object] = loop.create_future()
    context = copy_context()

    def settle(value: object, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)

    def work() -> None:
        value: object = None
        failure: BaseException | None = None
        try:
            value = context.run(run, **arguments)
        except BaseException as error:  # noqa: BLE001 - a thread's exception has nowhere else to go
            # A future refuses StopIteration, and an interrupt or exit of a thread is not the process's.
            plain = isinstance(error, Exception) and not isinstance(error, StopIteration)
            failure = error if plain else RuntimeError(f"{type(error).__name__}: {error}")
        try:
            loop.call_soon_threadsafe(settle, value, failure)
        except RuntimeError:  # the loop closed while the tool ran; nobody waits any more
            return

    threading.Thread(target=work, name="farthing-tool", daemon=True).start()
    return await future


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "done"
    from pydantic_core import PydanticSerializationError, to_json

    try:
        return to_json(value, fallback=str).decode()
    except (PydanticSerializationError, ValueError):  # not JSON, or it contains itself
        return str(value)


def _error_text(error: BaseException) -> str:
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - an exception of foreign code may fail to print itself
        said = ""
    text, _ = _bounded(said, _MAX_ERROR_CHARS)
    return f"error: {type(error).__name__}: {text}" if text else f"error: {type(error).__name__}"


def _bounded(text: str, bound: int) -> tuple[str, bool]:
    if len(text) <= bound:
        return text, False
    return f"{text[:bound]}\n[cut: {bound:,} of {len(text):,} characters are shown]", True
