"""One chat exchange from its first byte to its outcome.

Decides what an exchange waits for, and what it is worth when that does not come. How bytes travel is
`transport.py`'s, what they say `sse.py`'s and `wire.py`'s; which request is sent, and the key, `client.py`'s.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import msgspec
from msgspec import structs

from farthing.task import Completion
from farthing.upstream.deadline import Deadlines, Wait, Watchdog
from farthing.upstream.failure import Failure, FailureKind
from farthing.upstream.sse import ReplyLimits, StreamParser
from farthing.upstream.transport import Exchange, Transport, TransportFault
from farthing.upstream.wire import parse_body

OnText = Callable[[str], Awaitable[None]]

_LINGER_S = 0.05
"""After the last event: how long the end of the body may take before the connection is given up."""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange that ended in an answer. Milliseconds count from the call; `first_token_ms` for streams."""

    completion: Completion
    first_token_ms: float | None
    latency_ms: float
    simulated: bool
    """True when the upstream said that it is a simulator."""


class Hooks(msgspec.Struct, frozen=True, kw_only=True):
    """What is told while an exchange runs; see `Client.chat`."""

    on_text: OnText | None = None
    on_generation_id: Callable[[str], None] | None = None
    on_sent: Callable[[], None] | None = None


class Call:
    """The state of one chat exchange."""

    __slots__ = (
        "_deadlines",
        "_exchange",
        "_first_token_ms",
        "_generation_id",
        "_hooks",
        "_limits",
        "_outcome",
        "_parser",
        "_sent",
        "_stream",
        "watch",
    )

    def __init__(self, limits: ReplyLimits, hooks: Hooks, *, stream: bool, deadlines: Deadlines) -> None:
        self._limits = limits
        self._hooks = hooks
        self._stream = stream
        self._deadlines = deadlines
        self._exchange: Exchange | None = None
        self._parser: StreamParser | None = None
        self._outcome: Answered | Failure | None = None
        self._first_token_ms: float | None = None
        self._generation_id: str | None = None
        self._sent = False
        self.watch = Watchdog(total_s=deadlines.total_s, wait_s=deadlines.connect_s, wait=Wait.connect)

    async def run(
        self, transport: Transport, url: str, headers: Mapping[str, str], body: bytes
    ) -> Answered | Failure:
        exchange = await transport.exchange("POST", url, headers=headers, body=body, on_sent=self._on_sent)
        if isinstance(exchange, TransportFault):
            return broken(exchange)
        self._exchange = exchange
        self._see_id(exchange.headers.get("x-generation-id"))
        if self._is_stream(exchange):
            return await self._read_stream(exchange)
        self.watch.expect(Wait.reply, None)
        reply = await whole_body(exchange, self._limits.total_bytes)
        if isinstance(reply, Failure):
            return structs.replace(reply, generation_id=self._generation_id)
        outcome = self._result(parse_body(exchange.status, exchange.headers, reply, now=datetime.now(UTC)))
        self._see_id(
            outcome.generation_id if isinstance(outcome, Failure) else outcome.completion.generation_id
        )
        return outcome

    def out_of_time(self) -> Answered | Failure:
        """What the call is, now that its watchdog has cancelled it."""
        if self._outcome is not None:  # all had come but the end of the body
            return self._outcome
        if not self._sent:
            return Failure(kind=FailureKind.connect, message=self._late("a connection"), sent=False)
        stalled = self.watch.wait is Wait.next_token and not self.watch.total_passed
        kind = FailureKind.stalled if stalled else FailureKind.timeout
        message = self._late(self.watch.wait)
        if self._parser is not None:
            return self._result(self._parser.fail(kind, message))
        if (
            self._exchange is not None and self._exchange.status >= 400
        ):  # refused, whatever the body would say
            return self._result(
                parse_body(self._exchange.status, self._exchange.headers, b"", now=datetime.now(UTC))
            )
        return Failure(kind=kind, message=message, generation_id=self._generation_id)

    def close(self) -> None:
        if self._exchange is not None:
            self._exchange.close()

    def _late(self, awaited: str) -> str:
        limits = self._deadlines
        if self.watch.total_passed:
            return f"no end within {limits.total_s:g} s; was waiting for {awaited}"
        seconds = {
            Wait.connect: limits.connect_s,
            Wait.first_token: limits.first_token_s,
            Wait.next_token: limits.between_tokens_s,
        }.get(self.watch.wait, limits.total_s)
        return f"waited {seconds:g} s for {awaited}"

    def _on_sent(self) -> None:
        self._sent = True
        if self._stream:
            self.watch.expect(Wait.first_token, self._deadlines.first_token_s)
        else:
            self.watch.expect(Wait.reply, None)
        if self._hooks.on_sent is not None:
            self._hooks.on_sent()

    def _see_id(self, generation_id: str | None) -> None:
        if generation_id and self._generation_id is None:
            self._generation_id = generation_id
            if self._hooks.on_generation_id is not None:
                self._hooks.on_generation_id(generation_id)

    def _is_stream(self, exchange: Exchange) -> bool:
        kind = exchange.headers.get("content-type", "")
        return exchange.status == 200 and ("event-stream" in kind or (self._stream and "json" not in kind))

    async def _read_stream(self, exchange: Exchange) -> Answered | Failure:
        parser = self._parser = StreamParser(generation_id=self._generation_id, limits=self._limits)
        data = b"-"
        while not parser.finished:
            data = await exchange.read()
            if isinstance(data, TransportFault):
                return self._result(parser.fail(data.kind, data.message))
            chunks = parser.chunks
            text = parser.feed(data) if data else parser.feed_eof()
            if parser.chunks != chunks:
                self._note_progress(parser)
            if text and self._hooks.on_text is not None:
                self.watch.expect(Wait.reader, None)
                await self._hooks.on_text(text)
                self.watch.expect(Wait.next_token, self._deadlines.between_tokens_s)
        outcome = self._outcome = self._result(parser.end())
        if data and not parser.oversized:
            await self._read_to_the_end(exchange)
        return outcome

    def _note_progress(self, parser: StreamParser) -> None:
        if self._generation_id is None:
            self._see_id(parser.answer.generation_id)
        if parser.answer.tokens:
            if self._first_token_ms is None:
                self._first_token_ms = self._elapsed_ms()
            self.watch.expect(Wait.next_token, self._deadlines.between_tokens_s)

    async def _read_to_the_end(self, exchange: Exchange) -> None:
        """Waits a moment for the end of the body, because only then can the connection serve again."""
        self.watch.expect(Wait.end, _LINGER_S)
        while True:
            rest = await exchange.read()
            if not rest or isinstance(rest, TransportFault):
                return

    def _result(self, ended: Completion | Failure) -> Answered | Failure:
        if isinstance(ended, Failure):
            return ended
        simulated = (
            self._exchange is not None and self._exchange.headers.get("x-farthing-simulated", "0") != "0"
        )
        return Answered(
            completion=ended,
            first_token_ms=self._first_token_ms,
            latency_ms=self._elapsed_ms(),
            simulated=simulated,
        )

    def _elapsed_ms(self) -> float:
        return (self.watch.now() - self.watch.started) * 1000


async def whole_body(exchange: Exchange, most_bytes: int) -> bytes | Failure:
    """A body to its end. Of a refusal what came is enough, so that a broken one is still a refusal."""
    parts: list[bytes] = []
    size = 0
    refused = exchange.status >= 400
    while True:
        data = await exchange.read()
        if isinstance(data, TransportFault):
            if refused:
                break
            return Failure(kind=data.kind, message=data.message, status=exchange.status)
        if not data:
            break
        size += len(data)
        if size > most_bytes:
            if refused:
                break
            message = f"the reply is longer than {most_bytes} bytes"
            return Failure(kind=FailureKind.oversized, message=message, status=exchange.status)
        parts.append(data)
    return b"".join(parts)


def broken(fault: TransportFault) -> Failure:
    return Failure(kind=fault.kind, message=fault.message, sent=fault.sent)
