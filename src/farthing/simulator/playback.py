"""Carries out the steps of one reply on one connection, and says how it ended.

Callbacks on the event loop, no task: thousands of waiting replies are thousands of timers. What an ending
costs is `exchange.py`'s.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Literal, Protocol, assert_never

from farthing.simulator.framing import LAST_CHUNK, chunk
from farthing.simulator.staging import Drop, Hold, Open, Send, Step
from farthing.simulator.wire import COMMENT

Ending = Literal["complete", "cut", "left"]


_PORTION_BYTES = 16_384
"""Of steps that are late: written before the next are taken, so that a full connection is noticed."""


class Wire(Protocol):
    """What a reply needs of its connection."""

    full: bool
    on_room: Callable[[], None] | None

    def write(self, data: bytes) -> None: ...
    def finished(self) -> None: ...
    def drop(self) -> None: ...


class Playback:
    """One reply under way."""

    def __init__(
        self,
        steps: Iterable[Step],
        *,
        name: str = "",
        head: bytes,
        chunked: bool,
        wire: Wire,
        loop: asyncio.AbstractEventLoop,
        ended: "Callable[[Playback, Ending], None]",
        holds: "set[Playback]",
    ) -> None:
        self.name = name
        self._steps = iter(steps)
        self._step = next(self._steps, None)
        self._head = head
        self._chunked = chunked
        self._wire = wire
        self._loop = loop
        self._ended = ended
        self._holds = holds
        self._base = loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._held_since = 0.0
        self._over = False
        self.produced = 0
        self.reported = False
        self.sent_events = 0
        self.sent_bytes = 0
        self.blocked = False
        """Whether it waits for a client that does not read."""

    def run(self) -> None:
        """Goes on with the steps that are due."""
        self._timer = None
        self.blocked = False
        due: list[bytes] = []
        opening = b""
        late_bytes = 0
        while (step := self._step) is not None:
            if isinstance(step, Open | Send) and step.at_s:
                if late_bytes >= _PORTION_BYTES:
                    self._write(opening, due)
                    opening, late_bytes = b"", 0
                    due.clear()
                if self._waits(step.at_s):
                    break
                late_bytes += len(step.data) if isinstance(step, Send) else 0
            self._step = next(self._steps, None)
            match step:
                case Open():
                    opening = self._head
                case Send():
                    due.append(step.data)
                    self.produced = step.produced
                    self.sent_events += 1
                    self.reported = self.reported or step.reports
                case Hold():
                    self._write(opening, due)
                    self._hold(step)
                    return
                case Drop():
                    self._write(opening, due)
                    self._end("cut")
                    return
                case _:
                    assert_never(step)
        if self._step is None:
            self._finish(opening, due)
        else:
            self._write(opening, due)

    def release(self) -> None:
        """Ends a hold: the reply goes on, later by the time it was held."""
        if self not in self._holds:
            return
        self._unhold()
        self._base += self._loop.time() - self._held_since
        self.run()

    def client_left(self) -> None:
        """The connection was lost before the reply was over."""
        if not self._over:
            self._end("left")

    def _waits(self, at_s: float) -> bool:
        moment = self._base + at_s
        if moment > self._loop.time():
            self._timer = self._loop.call_at(moment, self.run)
            return True
        if self._wire.full:
            self.blocked = True
            self._wire.on_room = self.run
        return self.blocked

    def _hold(self, step: Hold) -> None:
        self._holds.add(self)
        self._held_since = self._loop.time()
        deadline = None if step.delay_s is None else self._held_since + step.delay_s
        self._keep_holding(deadline, step.comments_s)

    def _keep_holding(self, deadline: float | None, comments_s: float | None) -> None:
        now = self._loop.time()
        if deadline is not None and now >= deadline:
            self.release()
            return
        if comments_s is not None:
            self._write(b"", [COMMENT])
            moment = now + comments_s if deadline is None else min(deadline, now + comments_s)
            self._timer = self._loop.call_at(moment, self._keep_holding, deadline, comments_s)
        elif deadline is not None:
            self._timer = self._loop.call_at(deadline, self.release)

    def _unhold(self) -> None:
        self._holds.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _framed(self, opening: bytes, due: list[bytes]) -> bytes:
        data = b"".join(due)
        return opening + (chunk(data) if self._chunked and data else data)

    def _write(self, opening: bytes, due: list[bytes]) -> None:
        data = self._framed(opening, due)
        if data:
            self.sent_bytes += len(data)
            self._wire.write(data)

    def _finish(self, opening: bytes, due: list[bytes]) -> None:
        # The row is billed before its last bytes leave, so that a client that has them finds it in the bill.
        data = self._framed(opening, due) + (LAST_CHUNK if self._chunked else b"")
        self._close("complete")
        self._wire.write(data)
        self._wire.finished()

    def _end(self, ending: Ending) -> None:
        self._close(ending)
        self._wire.drop()

    def _close(self, ending: Ending) -> None:
        self._over = True
        self._unhold()
        self._ended(self, ending)
