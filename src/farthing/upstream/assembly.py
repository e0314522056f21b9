"""One answer put together from the chunks of a stream, or from a single whole body. Pure.

Decides when an answer is complete and when it is a failure that keeps what had arrived. Lines and bytes
are `sse.py`'s, the shape of a chunk is `chunk.py`'s, the kind of an error is `failure.py`'s.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import structs

from farthing.task import Completion, ToolCall
from farthing.upstream.chunk import (
    Bill,
    ChoiceWire,
    ChunkWire,
    FunctionWire,
    MessageWire,
    ToolCallWire,
    UsageWire,
    bill_of,
    finish_reason_of,
    text_of,
    usage_of,
)
from farthing.upstream.failure import Failure, FailureKind, failure_from

_LONGEST_NAME = 256
"""Characters of an id or a provider's name: it is kept in the ledger, and asked for in a URL."""


class Assembly:
    """Collects chunks. The last usage and the last cost win; the first id and the header's id are kept."""

    __slots__ = (
        "_bill",
        "_calls",
        "_index",
        "_texts",
        "_usage",
        "error",
        "finish_word",
        "generation_id",
        "model",
        "provider",
        "tokens",
    )

    def __init__(self, *, generation_id: str | None = None) -> None:
        self.generation_id = generation_id
        self.model = ""
        self.provider: str | None = None
        self.finish_word: str | None = None
        """The finish reason as it came."""
        self.error: object = None
        self.tokens = 0
        """Chunks that brought text, reasoning or a piece of a tool call: what a deadline means by a token."""
        self._index: int | None = None
        """The first choice's number."""
        self._texts: list[str] = []
        self._calls: ToolCallAssembly | None = None
        self._usage: UsageWire | None = None
        self._bill = Bill()

    @property
    def text(self) -> str:
        return "".join(self._texts)

    def add(self, chunk: ChunkWire) -> str:
        """Takes a chunk and returns the text it brought."""
        if self.generation_id is None and chunk.id and len(chunk.id) <= _LONGEST_NAME:
            self.generation_id = chunk.id
        if chunk.model:
            self.model = chunk.model
        if chunk.provider and len(chunk.provider) <= _LONGEST_NAME:
            self.provider = chunk.provider
        if chunk.usage is not None:
            self._take_usage(chunk.usage)
        if chunk.error:
            self.error = chunk.error
        if not chunk.choices:
            return ""
        choice = self._choice(chunk.choices)
        if choice is None:
            return ""
        if choice.finish_reason:
            self.finish_word = choice.finish_reason
        if choice.error:
            self.error = choice.error
        message = choice.delta or choice.message
        return "" if message is None else self._take_message(message)

    def _choice(self, choices: Sequence[ChoiceWire]) -> ChoiceWire | None:
        """The one that is read: one was asked for, so what a second one says is no part of the answer."""
        for choice in choices:
            if choice.index is None or choice.index == self._index:
                return choice
            if self._index is None:
                self._index = choice.index
                return choice
        return None

    def _take_message(self, message: MessageWire) -> str:
        text = message.content
        if text is not None and not isinstance(text, str):
            text = text_of(text)
        if message.tool_calls:
            if self._calls is None:
                self._calls = ToolCallAssembly()
            self._calls.add(message.tool_calls)
            self.tokens += 1
        elif text or message.reasoning:
            self.tokens += 1
        if not text:
            return ""
        self._texts.append(text)
        return text

    def _take_usage(self, usage: UsageWire) -> None:
        self._usage = usage
        bill = bill_of(usage)
        if bill.literal is not None:
            self._bill = bill

    def end(
        self, *, status: int = 200, headers: Mapping[str, str] | None = None, now: datetime | None = None
    ) -> Completion | Failure:
        """The answer, or why there is none: an error upstream, or no `finish_reason` before the end."""
        if self.error:
            return self._with_received(failure_from(self.error, status=status, headers=headers, now=now))
        if self.finish_word is None:
            return self.fail(FailureKind.cut, "the reply ended without a finish_reason", status=status)
        finish = finish_reason_of(self.finish_word)
        if finish == "error":
            return self.fail(FailureKind.server_error, "finish_reason error without a message", status=status)
        return Completion(
            generation_id=self.generation_id,
            model=self.model,
            provider=self.provider,
            text=self.text,
            tool_calls=self._calls.finish() if self._calls is not None else (),
            finish_reason=finish,
            usage=None if self._usage is None else usage_of(self._usage),
            cost=self._bill.cost,
            cost_literal=self._bill.literal,
        )

    def fail(
        self, kind: FailureKind, message: str, *, status: int | None = None, sent: bool = True
    ) -> Failure:
        """A failure of this kind that keeps what had arrived."""
        return self._with_received(Failure(kind=kind, message=message, status=status, sent=sent))

    def _with_received(self, failure: Failure) -> Failure:
        return structs.replace(
            failure,
            generation_id=self.generation_id or failure.generation_id,
            provider=self.provider or failure.provider,
            text=self.text,
            usage=None if self._usage is None else usage_of(self._usage),
            cost=self._bill.cost,
            cost_literal=self._bill.literal,
        )


class ToolCallAssembly:
    """Tool calls from deltas: several at once, in any order, the id and the name only on the first."""

    __slots__ = ("_calls", "_named", "_open")

    def __init__(self) -> None:
        self._open: dict[int, _OpenCall] = {}
        self._named: dict[tuple[int, str], _OpenCall] = {}
        self._calls: list[_OpenCall] = []

    def add(self, deltas: Sequence[ToolCallWire]) -> None:
        for position, delta in enumerate(deltas):
            function = delta.function or FunctionWire()
            call = self._slot(delta, position)
            call.name = call.name or function.name or ""
            if function.arguments:
                call.arguments.append(function.arguments)

    def _slot(self, delta: ToolCallWire, position: int) -> "_OpenCall":
        index = position if delta.index is None else delta.index
        call = self._open.get(index)
        # Some providers number all parallel calls 0: another id at the same index is another call, maybe one
        # that had begun before.
        if call is None or (delta.id and call.id and delta.id != call.id):
            call = self._named.get((index, delta.id or "")) or self._begin(index)
            self._open[index] = call
        if delta.id and not call.id:
            call.id = delta.id
            self._named[index, delta.id] = call
        return call

    def _begin(self, index: int) -> "_OpenCall":
        call = _OpenCall(index)
        self._calls.append(call)
        return call

    def finish(self) -> tuple[ToolCall, ...]:
        """The calls by index, each with an id of its own.

        One that came without an id, or with that of a call before it, gets `call_0`, `call_1`, … by place.
        """
        ordered = sorted(self._calls, key=lambda call: call.index)
        said = {call.id for call in ordered}
        given: set[str] = set()
        calls: list[ToolCall] = []
        for place, call in enumerate(ordered):
            name = call.id
            if not name or name in given:
                name = f"call_{place}"
                while name in said or name in given:
                    name += "_"
            given.add(name)
            calls.append(ToolCall(id=name, name=call.name, arguments="".join(call.arguments)))
        return tuple(calls)


class _OpenCall:
    __slots__ = ("arguments", "id", "index", "name")

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []
