"""The process of a stdio server: its environment, its pipes as the SDK's streams, its last words, its end.

The SDK has such a transport too. This one leaves no process behind whatever is cancelled, gives the server
no variable that was not meant for it, keeps what it said on standard error, and bounds a line.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from farthing.config.tooling import McpServer

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.shared.message import SessionMessage

    Arriving = MemoryObjectReceiveStream[SessionMessage | Exception]
    Streams = tuple[Arriving, MemoryObjectSendStream[SessionMessage]]
    _Deliver = Callable[[SessionMessage], Awaitable[None]]

HARMLESS = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL", "TERM")
"""Variables of ours that a server is given; everything else is what its `env` says."""
GRACE_S = 2.0
"""Seconds a server is given to end when its input is closed, and again when it is asked to by a signal."""

_LONGEST_LINE = 16 * 1024 * 1024
_MOST_NOISE = 10
"""Lines in a row that are no messages: a greeting is borne, a program that speaks no MCP is not."""
_LAST_WORDS = 4_096
_FLUSH_S = 0.5
"""Seconds for what is left in its pipes when it has ended; something else may hold them open."""
_REAP_S = 5.0
"""Seconds until the loop has heard that a process is gone that was killed: a moment, on a machine at ease."""
_POLL_S = 0.01


def environment(server: McpServer, environ: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a server's process."""
    return {name: environ[name] for name in HARMLESS if name in environ} | server.env


class ServerProcess:
    """One process. `open` starts it; leaving that block ends it, gently first, and `kill` at once."""

    def __init__(
        self,
        server: McpServer,
        environ: Mapping[str, str],
        *,
        on_lost: Callable[[], None],
        grace_s: float = GRACE_S,
    ) -> None:
        """`on_lost` hears that its output has ended, or that it is no longer listened to."""
        self._on_lost = on_lost
        self._server, self._environment = server, environment(server, environ)
        self._grace_s = grace_s
        self._process: asyncio.subprocess.Process | None = None
        self._said = bytearray()
        self._noise = 0
        self._over = self._silent = False
        self.exit_code: int | None = None
        """How it ended, where it was not we who ended it; negative is the signal."""

    @property
    def babbled(self) -> bool:
        """Whether it was given up because what it wrote on standard output was no MCP."""
        return self._noise > _MOST_NOISE

    def last_words(self, lines: int = 6) -> str:
        """The end of what it said on standard error, and of what it said on standard output that was no
        message; not yet redacted."""
        text = self._said.decode("utf-8", "replace")
        return " | ".join([line.strip() for line in text.splitlines() if line.strip()][-lines:])

    @asynccontextmanager
    async def open(self) -> "AsyncGenerator[Streams]":
        """The SDK's streams to and from it. Raises `OSError` where it cannot be started."""
        import anyio
        from mcp.shared.message import SessionMessage

        process = self._process = await self._spawned()
        # No await from here to `try`: a cancellation in between would leave the process behind.
        arriving, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write, leaving = anyio.create_memory_object_stream[SessionMessage](0)

        async def listen() -> None:
            try:
                with arriving:
                    await self._listen(process, arriving.send)
            finally:
                self._silent = True
                self._on_lost()

        async def tell() -> None:
            with leaving, suppress(OSError):  # where it no longer reads, its output will end too
                async for message in leaving:
                    await _write(process, message)

        pumps = [asyncio.create_task(one) for one in (listen(), tell(), self._overhear(process))]
        try:
            yield read, write
        finally:
            with anyio.CancelScope(shield=True):
                lost = self._silent
                read.close()
                write.close()
                await self._close(process, pumps, lost=lost)

    async def _spawned(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            self._server.command or "",
            *self._server.args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
            cwd=self._server.cwd,
            limit=_LONGEST_LINE,
            start_new_session=True,  # so that what it starts itself can be ended with it
        )

    async def _close(
        self, process: asyncio.subprocess.Process, pumps: "list[asyncio.Task[None]]", *, lost: bool
    ) -> None:
        try:
            await self._end(process, lost=lost)
            await asyncio.wait(pumps, timeout=_FLUSH_S)
        finally:
            self.kill()
            for pump in pumps:
                pump.cancel()
            try:
                await _ended(process, _REAP_S)
            finally:
                self._over = True  # its number may be another's from now on
                _close_transport(process)
                await asyncio.gather(*pumps, return_exceptions=True)

    def kill(self) -> None:
        """Ends it and what it started, at once."""
        if self._process is not None and not self._over:
            _signal(self._process, signal.SIGKILL)

    async def _listen(self, process: asyncio.subprocess.Process, deliver: "_Deliver") -> None:
        """Hands its messages on until its output ends, or is none."""
        import anyio
        from mcp.shared.message import SessionMessage
        from mcp_types import jsonrpc_message_adapter

        if process.stdout is None:
            return
        while not self.babbled:
            try:
                line = await process.stdout.readline()
            except ValueError:
                self._hear(b"a line of its output is longer than 16 MiB\n")
                return
            if not line:
                return
            if not line.strip():
                continue
            try:
                message = jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValueError:
                self._noise += 1
                self._hear(b"on standard output, and no message: " + line[:200].rstrip() + b"\n")
                continue
            self._noise = 0
            try:
                await deliver(SessionMessage(message))
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                return

    async def _overhear(self, process: asyncio.subprocess.Process) -> None:
        """Reads its standard error, so that it never waits for a reader, and keeps the end."""
        while process.stderr is not None and (said := await process.stderr.read(_LAST_WORDS)):
            self._hear(said)

    def _hear(self, said: bytes) -> None:
        self._said += said
        del self._said[:-_LAST_WORDS]

    async def _end(self, process: asyncio.subprocess.Process, *, lost: bool) -> None:
        """As the protocol asks: its input is closed, then a signal, then a harder one. Each wait is short."""
        if lost and not self.babbled:  # it is ending by itself, or has
            await _ended(process, self._grace_s)
            self.exit_code = process.returncode
        if process.stdin is not None:
            process.stdin.close()
        if await _ended(process, self._grace_s):
            return
        _signal(process, signal.SIGTERM)
        if await _ended(process, self._grace_s):
            return
        _signal(process, signal.SIGKILL)
        await _ended(process, _REAP_S)


async def _ended(process: asyncio.subprocess.Process, within_s: float) -> bool:
    # `process.wait()` would also wait for what holds its pipes open, such as a child of its own.
    loop = asyncio.get_running_loop()
    until = loop.time() + within_s
    while process.returncode is None and loop.time() < until:  # noqa: ASYNC110 - see above
        await asyncio.sleep(_POLL_S)
    return process.returncode is not None


async def _write(process: asyncio.subprocess.Process, message: "SessionMessage") -> None:
    if process.stdin is not None:
        text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
        process.stdin.write(text.encode() + b"\n")
        await process.stdin.drain()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    # To the group, which has the process's own number: also when the process itself is gone already and has
    # left something behind in it.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _close_transport(process: asyncio.subprocess.Process) -> None:
    """Lets go of its pipes, which something that left its group may hold open; asyncio has no public word."""
    transport: object = getattr(process, "_transport", None)
    close: object = getattr(transport, "close", None)
    if callable(close):
        close()
