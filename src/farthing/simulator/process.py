"""The simulator in a process of its own: started, asked, and stopped reliably.

The child gets no variable with API_KEY in its name, and it ends when this process does, because its standard
input ends.
"""

import asyncio
import contextlib
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from http.client import HTTPConnection  # noqa: TID251  # to our own child on loopback, never upstream
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypedDict, cast
from urllib.parse import urlsplit

import msgspec

_START_S = 30.0
_STOP_S = 5.0
_CALL_S = 60.0


class SimulatorFailedError(RuntimeError):
    """The child did not start, or a control call was refused; says what it wrote."""


class ReplyUnderWay(TypedDict):
    """One reply that has begun. `task` is `[task:…]` of its prompt; `blocked`: its client does not read."""

    task: str
    events: int
    bytes: int
    blocked: bool


class SimulatorProcess:
    """A simulator as a child process: `async with SimulatorProcess() as simulator`, or `start` and `stop`.

    `faults` is `none`, `demo` or a scenario file. `book` is `tutorial` or `snapshot`; `unlisted` a file of
    further `/models` rows that are served and not listed.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        time_scale: float = 0.0,
        book: str = "tutorial",
        faults: str | Path = "none",
        port: int = 0,
        unlisted: Path | None = None,
    ) -> None:
        self._arguments = [
            f"--seed={seed}",
            f"--time-scale={time_scale}",
            f"--book={book}",
            f"--faults={faults}",
        ]
        self._arguments += [f"--port={port}", "--until-stdin-ends"]
        if unlisted is not None:
            self._arguments.append(f"--unlisted={unlisted}")
        self._child: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._ready: Mapping[str, object] = {}

    @property
    def base_url(self) -> str:
        """Ends in `/api/v1`: what a client is given in place of OpenRouter's."""
        return str(self._ready["base_url"])

    @property
    def control_url(self) -> str:
        return str(self._ready["control_url"])

    @property
    def pid(self) -> int:
        return cast("int", self._ready["pid"])

    @property
    def book(self) -> str:
        """The id of the price book, e.g. `2025-10-07/tutorial`."""
        return str(self._ready["book"])

    def start(self) -> Self:
        """Starts the child and waits until it serves. Raises `SimulatorFailedError`."""
        if self._child is not None:
            raise SimulatorFailedError("the simulator is already running")
        environment = _environment()
        self._errors = cast("IO[bytes]", tempfile.TemporaryFile())  # noqa: SIM115  # closed in stop()
        self._child = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-m", "farthing.simulator", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            # Ctrl-C is for the parent, which then stops the child in its own time.
            start_new_session=True,
        )
        try:
            line = self._first_line()
            self._ready = msgspec.json.decode(line, type=dict[str, object])
        except (msgspec.DecodeError, SimulatorFailedError):
            said = self._stderr()
            self.stop()
            raise SimulatorFailedError(f"the simulator did not start: {said or 'it said nothing'}") from None
        return self

    def stop(self) -> None:
        """Ends the child and waits for it. Harmless when it is not running."""
        child, self._child = self._child, None
        if child is not None:
            child.terminate()
            try:
                child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        errors, self._errors = self._errors, None
        if errors is not None:
            errors.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def bill(self) -> dict[str, object]:
        """The whole bill. `total` and each row's `cost` are exact digits in text, in US dollars."""
        return await asyncio.to_thread(self.call, "GET", "/bill")

    async def requests(self, since: int = 0) -> list[dict[str, object]]:
        """The chat requests received, in order, without the first `since`."""
        answer = await asyncio.to_thread(self.call, "GET", f"/requests?since={since}")
        return cast("list[dict[str, object]]", answer["requests"])

    async def stats(self) -> dict[str, int]:
        return cast("dict[str, int]", await asyncio.to_thread(self.call, "GET", "/stats"))

    async def faults_met(self) -> dict[str, int]:
        """Which faults of the scenario requests have met, and how often, since the last reset."""
        answer = await asyncio.to_thread(self.call, "GET", "/faults")
        return cast("dict[str, int]", answer["met"])

    async def replies(self) -> list[ReplyUnderWay]:
        """The replies under way."""
        answer = await asyncio.to_thread(self.call, "GET", "/replies")
        return cast("list[ReplyUnderWay]", answer["replies"])

    async def set_scenario(self, scenario: Mapping[str, object]) -> None:
        """Replaces the scenario. Raises `SimulatorFailedError` naming every fault of it."""
        await asyncio.to_thread(self.call, "POST", "/scenario", scenario)

    async def release(self) -> int:
        """Lets held replies go on; how many there were."""
        return cast("int", (await asyncio.to_thread(self.call, "POST", "/release"))["released"])

    async def reset(self) -> None:
        await asyncio.to_thread(self.call, "POST", "/reset")

    async def idle(self, timeout_s: float = 10.0) -> None:
        """Waits until no chat call is under way, so that the bill is complete. Raises `TimeoutError`."""
        async with asyncio.timeout(timeout_s):
            while (await self.stats())["in_flight"]:  # noqa: ASYNC110  # the event is in another process
                await asyncio.sleep(0.01)

    def call(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """One control call, blocking. Raises `SimulatorFailedError` when it is refused."""
        address = urlsplit(self.control_url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=_CALL_S)
        try:
            connection.request(
                method, address.path + path, None if body is None else msgspec.json.encode(body)
            )
            response = connection.getresponse()
            answer = msgspec.json.decode(response.read(), type=dict[str, object])
        finally:
            connection.close()
        if response.status != 200:
            raise SimulatorFailedError(f"{method} {path}: {answer.get('error')}")
        return answer

    def _first_line(self) -> bytes:
        """The line with the addresses. Raises `SimulatorFailedError` when it does not come."""
        child = self._child
        if child is None or child.stdout is None:
            raise SimulatorFailedError("the simulator is not running")
        deadline = time.monotonic() + _START_S
        received = b""
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while not received.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise SimulatorFailedError("it took too long")
                piece = os.read(child.stdout.fileno(), 4096)
                if not piece:
                    raise SimulatorFailedError("it ended at once")
                received += piece
        return received

    def _stderr(self) -> str:
        if self._errors is None:
            return ""
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(0.5)
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()[-2000:]


def _environment() -> dict[str, str]:
    """This process's environment without the key, in which the child finds the same package."""
    environment = {name: value for name, value in os.environ.items() if "API_KEY" not in name}
    root = str(Path(__file__).parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
    return environment
