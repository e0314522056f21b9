"""The life of one server: started when it is first needed, and again, ever later, when it is lost.

Decides when it is started again and which call is made twice. What is said to it is `link.py`'s, its process
`process.py`'s. One task owns the connection from its beginning to its end, because the SDK asks for that.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from farthing.clock import Clock, undisturbed
from farthing.config.tooling import McpServer
from farthing.content.redact import redactor
from farthing.errors import ToolError
from farthing.swarm.mcp.link import Link, LinkLostError, linked
from farthing.swarm.mcp.offered import OfferedTool
from farthing.swarm.mcp.process import ServerProcess

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 60.0
_SHOWN_CHARS = 1_000


def backoff_s(losses: int, jitter: float) -> float:
    """Seconds until a lost server is started again, after so many losses in a row (from 1); `jitter` is 0
    to 1. Between half and all of a delay that doubles: servers lost together do not come back together."""
    full = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(losses - 1, 16))
    return full * (0.5 + 0.5 * jitter)


class Connection:
    """One server of the pool. `fault` says why it is not there; `tools` are those it had when it last was."""

    def __init__(
        self,
        name: str,
        server: McpServer,
        *,
        environ: Mapping[str, str],
        clock: Clock,
        jitter: Callable[[], float],
        grace_s: float,
    ) -> None:
        self.name, self.server = name, server
        self.tools: tuple[OfferedTool, ...] = ()
        self.version = self.protocol = ""
        self.fault: str | None = None
        self.start_s: float | None = None
        """Seconds the last start took, until its tools were known."""
        self.starts = 0
        self._environ, self._clock, self._jitter, self._grace_s = environ, clock, jitter, grace_s
        self._unseen = redactor(("key",), secrets=server.unseen())
        self._secrets = redactor((), secrets=server.secrets())
        self._life: asyncio.Task[None] | None = None
        self._process: ServerProcess | None = None
        self._link: Link | None = None
        self._tried, self._up, self._stop, self._stirred = (asyncio.Event() for _ in range(4))
        self._served = False

    async def started(self) -> None:
        """Waits until it has told its tools, or why it does not."""
        if self._life is None and not self._stop.is_set():
            self._life = asyncio.create_task(self._live(), name=f"mcp-{self.name}")
        await self._tried.wait()

    async def call(self, tool: OfferedTool, arguments: Mapping[str, object]) -> str:
        """What the tool says, as a model may read it. Raises `ToolError` for everything else.

        A call that was under way when the connection was lost is made once more where that does no harm.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self.server.timeout
        for again in (False, True):
            link = await self._back(until) if again else self._link
            if link is None:
                raise ToolError(f"the MCP server {self.name!r} is not there: {self.fault or 'it was closed'}")
            try:
                said = await link.call(tool.name, arguments, timeout_s=max(until - loop.time(), 0.001))
            except ToolError as error:
                self._served = True
                raise ToolError(self._secrets(error.message)) from None
            except LinkLostError:
                self._lose(link)
                if not tool.repeatable:
                    break
                continue
            self._served = True
            return self._secrets(said)
        done = "" if tool.repeatable else "; whether the call was done is not known, so it was not repeated"
        raise ToolError(f"the MCP server {self.name!r} was lost while {tool.name} ran{done}")

    def ask_to_end(self) -> None:
        """Its life ends soon after; `ended` waits for it."""
        self._stop.set()
        for waited in (self._tried, self._up):  # nobody waits for a server that is going
            waited.set()

    def kill(self) -> "asyncio.Task[None] | None":
        """Ends its process at once; its life, if that goes on, is cancelled and returned."""
        if self._process is not None:
            self._process.kill()
        if self._life is None or self._life.done():
            return None
        self._life.cancel()
        return self._life

    @property
    def life(self) -> "asyncio.Task[None] | None":
        return self._life

    def _lose(self, link: Link) -> None:
        if self._link is link:  # else the next one is there already
            self._sink()
            self._stirred.set()  # whether it really is gone, its own task finds out
            self.fault = "was lost"

    async def _back(self, until: float) -> Link | None:
        """The next connection, if it comes before the loop's time `until`."""
        if self._stop.is_set():
            return None
        try:
            async with asyncio.timeout_at(until):
                await self._up.wait()
        except TimeoutError:
            return None
        return self._link

    async def _live(self) -> None:
        try:
            await self._live_on()
        finally:
            self._tried.set()  # nobody waits for a server that is gone

    async def _live_on(self) -> None:
        losses = 0
        while not self._stop.is_set():
            self._served = False
            await self._once()
            if self._stop.is_set() or not self.starts:
                return  # it never was there: that is told, and not tried for ever
            losses = 1 if self._served else losses + 1
            delay_s = backoff_s(losses, self._jitter())
            self.fault = f"{self.fault}; it is started again in {delay_s:.1f} s"
            if not await undisturbed(self._clock.sleep, delay_s, self._stop):
                return

    async def _once(self) -> bool:
        """One connection from its beginning to its end; whether it came to tell its tools."""
        from anyio import CancelScope

        was_up = False
        self._stirred.clear()
        self._process = None
        if self.server.command is not None:
            self._process = ServerProcess(
                self.server, self._environ, on_lost=self._stirred.set, grace_s=self._grace_s
            )
        began = self._clock.monotonic()
        loop = asyncio.get_running_loop()
        with CancelScope(deadline=loop.time() + self.server.start_timeout) as scope:
            try:
                async with linked(self.server, self._process, on_changed=self._stirred.set) as link:
                    self.tools = await link.tools()
                    self.version, self.protocol = link.version, link.protocol
                    self.start_s = self._clock.monotonic() - began
                    scope.deadline = float("inf")
                    self.starts, was_up = self.starts + 1, True
                    try:
                        await self._watch(link)
                    finally:
                        self._sink()
            except Exception as error:  # noqa: BLE001 - the edge to the SDK, whose transports raise what they like
                self.fault = self._told(error, was_up=was_up)
        if scope.cancelled_caught:
            self.fault = self._told(TimeoutError(), was_up=False)
        return was_up

    def _rise(self, link: Link) -> None:
        """From now on calls go to it."""
        self.fault, self._link = None, link
        self._up.set()
        self._tried.set()

    def _sink(self) -> None:
        """From now on they do not, also while it is still ending."""
        self._link = None
        if not self._stop.is_set():
            self._up.clear()

    async def _watch(self, link: Link) -> None:
        """Lists its tools anew when they have changed. Ends by `LinkLostError`, or when it is asked to."""
        stop = asyncio.ensure_future(self._stop.wait())
        try:
            while not self._stop.is_set():
                self._rise(link)
                stirred = asyncio.ensure_future(self._stirred.wait())
                try:
                    await asyncio.wait({stop, stirred}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    stirred.cancel()
                if self._stop.is_set():
                    return
                self._stirred.clear()
                with suppress(ToolError):  # one that does not tell its tools keeps those it had
                    self.tools = await link.tools()
        finally:
            stop.cancel()

    def _told(self, error: Exception, *, was_up: bool) -> str:
        """Why it is not there, with what it said last; nothing of its secrets."""
        what = "was lost" if was_up else "did not start"
        why = _reason(error, self.server)
        code = None if self._process is None else self._process.exit_code
        if code is not None:
            why = f"its process ended with {f'signal {-code}' if code < 0 else f'exit code {code}'}"
        elif self._process is not None and self._process.babbled:
            why = "what it writes on standard output is no MCP"
        words = "" if self._process is None else self._process.last_words()
        said = f"{what}: {why}" + (f"; it said: {words}" if words else "")
        return self._unseen(said)[:_SHOWN_CHARS]


def _reason(error: Exception, server: McpServer) -> str:
    """An exception in a few words; the first of those that a task group has put together."""
    match error:
        case ExceptionGroup():
            return _reason(error.exceptions[0], server)
        case TimeoutError():
            return f"it did not tell its tools within {server.start_timeout:g} seconds"
        case FileNotFoundError() | NotADirectoryError() | PermissionError():
            where = f" in {server.cwd}" if server.cwd else ""
            return f"its program {server.command!r} cannot be run{where}: {error.strerror}"
        case LinkLostError():
            return "the connection is gone"
        case ToolError():
            return error.message
        case _:
            said = str(error).partition("\n")[0]
            return f"{type(error).__name__}: {said}" if said else type(error).__name__
