"""What is sent upstream on behalf of which task: a transport that looks at each request and hands it on.

The task is known by its context, which what the pipeline starts for it inherits. What is sent elsewhere,
later or for several tasks at once, belongs to none here.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from hashlib import sha256

import msgspec

from farthing.upstream.direct import DirectTransport
from farthing.upstream.transport import Exchange, TransportFault


class SentMessage(msgspec.Struct):
    content: object = None
    tool_calls: object = None


class SentRequest(msgspec.Struct):
    messages: list[SentMessage] = []

    @property
    def text(self) -> str:
        """All that its messages say, one after another."""
        parts: list[str] = []
        for message in self.messages:
            said = message.content
            parts.append(said if isinstance(said, str) else msgspec.json.encode(said).decode())
            if message.tool_calls:
                parts.append(msgspec.json.encode(message.tool_calls).decode())
        return "\n".join(parts)


_DECODER = msgspec.json.Decoder(SentRequest)


class WatchedTransport:
    """Our transport. `under` says for which task the context sends, `last` what was sent last for each."""

    def __init__(self) -> None:
        self._direct = DirectTransport()
        self._task: ContextVar[int | None] = ContextVar("task", default=None)
        self.last: dict[int, str] = {}
        self._digest = sha256()

    @property
    def digest(self) -> str:
        """Over every request's bytes in order: two runs that sent the same have the same."""
        return self._digest.hexdigest()

    def under(self, number: int) -> None:
        """What this context sends from now on is for this task."""
        self._task.set(number)

    async def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> Exchange | TransportFault:
        number = self._task.get()
        if body is not None:
            self._digest.update(body)
            if number is not None and url.endswith("/chat/completions"):
                self.last[number] = _DECODER.decode(body).text
        return await self._direct.exchange(method, url, headers=headers, body=body, on_sent=on_sent)

    async def aclose(self) -> None:
        await self._direct.aclose()
