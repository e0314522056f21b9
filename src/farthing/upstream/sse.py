"""Server-sent events: bytes in any portions to one answer. Pure.

Decides what a line, an event and the end of a stream are, and the limits on their size. What an event
says is `chunk.py`'s, what the events make together is `assembly.py`'s.
"""

from dataclasses import dataclass

from farthing.task import Completion
from farthing.upstream.assembly import Assembly
from farthing.upstream.chunk import ChunkWire, decode_chunk
from farthing.upstream.failure import Failure, FailureKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyLimits:
    """Bytes a reply may have. An event of several data lines counts as one line."""

    line_bytes: int = 4 * 1024 * 1024
    total_bytes: int = 64 * 1024 * 1024


_DEFAULT_LIMITS = ReplyLimits()
_FIELDS = (b"event", b"id", b"retry")
"""Fields of the standard that OpenRouter does not need; anything else is garbage."""


class StreamParser:
    """Feeds on bytes, cut anywhere; the outcome does not depend on where.

    `feed` returns the text that came to an end in these bytes. After `finished` nothing is read any more;
    `end` says what it all was. A line that cannot be read is counted in `malformed_lines`, not fatal.
    """

    __slots__ = (
        "_data",
        "_data_bytes",
        "_limits",
        "_seen",
        "_tail",
        "answer",
        "chunks",
        "comments",
        "finished",
        "malformed_lines",
        "oversized",
    )

    def __init__(self, *, generation_id: str | None = None, limits: ReplyLimits = _DEFAULT_LIMITS) -> None:
        self.answer = Assembly(generation_id=generation_id)
        self.finished = False
        """True after `[DONE]`, an error, a limit, or the end of the bytes."""
        self.chunks = 0
        self.comments = 0
        self.malformed_lines = 0
        self._limits = limits
        self._seen = 0
        self._tail = bytearray()
        self._data: list[bytes] = []
        self._data_bytes = 0
        self.oversized = ""
        """Which limit was passed."""

    def feed(self, data: bytes) -> str:
        """Takes the next bytes and returns the text they completed."""
        if self.finished:
            return ""
        room = self._limits.total_bytes - self._seen
        self._seen += len(data)
        text = self._blocks(data if len(data) <= room else data[:room])
        if len(data) > room and not self.finished:
            self._give_up(f"the reply is longer than {self._limits.total_bytes} bytes")
        return text

    def feed_eof(self) -> str:
        """The bytes are over: a last event without its blank line still counts, and its text is returned."""
        if self.finished:
            return ""
        text = ""
        if self._tail:
            line = bytes(self._tail).removesuffix(b"\r")
            self._tail.clear()
            text = self._line(line)
        if self._data and not self.finished:
            text += self._event()
        self.finished = True
        return text

    def end(self) -> Completion | Failure:
        """What the stream was, now that it is over."""
        if self.oversized:
            return self.answer.fail(FailureKind.oversized, self.oversized, status=200)
        if not self.chunks and self.malformed_lines:
            message = f"no event could be read; {self.malformed_lines} malformed"
            return self.answer.fail(FailureKind.malformed, message, status=200)
        return self.answer.end()

    def fail(self, kind: FailureKind, message: str) -> Completion | Failure:
        """What the stream was, given that it was broken off: an answer that had finished is still one."""
        if self.finished or self.answer.finish_word is not None:
            return self.end()
        return self.answer.fail(kind, message, status=200)

    def _blocks(self, data: bytes) -> str:
        """As `_lines`, and quicker for what nearly all is: whole events of one line each."""
        if self._tail or self._data or b"\r" in data:
            return self._lines(data)
        *blocks, rest = data.split(b"\n\n")
        texts: list[str] = []
        answer = self.answer
        for block in blocks:
            chunk = None
            if block.startswith(b"data: {") and b"\n" not in block and len(block) <= self._limits.line_bytes:
                chunk = decode_chunk(block[6:])
            if chunk is None:
                texts.append(self._lines(block + b"\n\n"))
            else:
                self.chunks += 1
                texts.append(answer.add(chunk))
                self.finished = self.finished or bool(answer.error)
            if self.finished:
                return "".join(texts)
        if rest:
            texts.append(self._lines(rest))
        return "".join(texts)

    def _lines(self, data: bytes) -> str:
        lines = data.split(b"\n")
        rest = lines.pop()
        if lines and self._tail:
            lines[0] = bytes(self._tail) + lines[0]
            self._tail.clear()
        texts: list[str] = []
        for line in lines:
            text = self._line(line[:-1] if line.endswith(b"\r") else line)
            if text:
                texts.append(text)
            if self.finished:
                break
        else:
            self._tail += rest
            if len(self._tail) > self._limits.line_bytes + 1:  # one more for a carriage return
                self._too_long()
        return texts[0] if len(texts) == 1 else "".join(texts)

    def _line(self, line: bytes) -> str:
        if not line:
            return self._event() if self._data else ""
        size = len(line)
        if size > self._limits.line_bytes:
            self._too_long()
        elif line.startswith(b"data:"):
            self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            self._data_bytes += size
            if self._data_bytes > self._limits.line_bytes:
                self._too_long()
        elif line.startswith(b":"):
            self.comments += 1
        elif line.partition(b":")[0] not in _FIELDS:
            self.malformed_lines += 1
        return ""

    def _event(self) -> str:
        lines, self._data, self._data_bytes = self._data, [], 0
        if len(lines) == 1:
            return self._payload(lines[0])
        chunk = decode_chunk(b"\n".join(lines))
        if chunk is not None:
            return self._take(chunk)
        # No blank line between events: each line is one of its own.
        return "".join([self._payload(line) for line in lines if not self.finished])

    def _payload(self, payload: bytes) -> str:
        if payload.startswith(b"[DONE]"):
            self.finished = True
            return ""
        chunk = decode_chunk(payload)
        if chunk is not None:
            return self._take(chunk)
        if payload.strip():
            self.malformed_lines += 1
        return ""

    def _take(self, chunk: ChunkWire) -> str:
        self.chunks += 1
        text = self.answer.add(chunk)
        if self.answer.error:
            self.finished = True
        return text

    def _too_long(self) -> None:
        self._give_up(f"an event is longer than {self._limits.line_bytes} bytes")

    def _give_up(self, reason: str) -> None:
        self.oversized = reason
        self.finished = True
