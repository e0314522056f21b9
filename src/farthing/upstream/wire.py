"""OpenRouter's chat completions JSON: a request to bytes, a whole reply to a value. Pure.

Decides what a request says on the wire and how a reply that is not a stream is read. The shape of replies
is `chunk.py`'s, streams are `sse.py`'s, the meaning of errors is `failure.py`'s.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

import msgspec
from msgspec import structs

from farthing.errors import InvalidTaskError
from farthing.task import Completion, Message, Tool
from farthing.upstream.assembly import Assembly
from farthing.upstream.chunk import decode_chunk
from farthing.upstream.failure import Failure, FailureKind, failure_from, plain


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request for one model. `provider` already holds `max_price`; one model only, never `models[]`.

    `options` pass through, but cannot override a field of this class nor anything in `RESERVED_OPTIONS`.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    stream: bool
    tools: tuple[Tool, ...] = ()
    tool_choice: object = None
    response_format: Mapping[str, object] | None = None
    session_id: str | None = None
    provider: Mapping[str, object] = msgspec.field(default_factory=dict[str, object])
    reasoning: Mapping[str, object] | None = None
    include_usage: bool = False
    """Asks for a stream's usage: OpenRouter sends it always, others only then."""
    options: Mapping[str, object] = msgspec.field(default_factory=dict[str, object])


RESERVED_OPTIONS = frozenset(
    {
        *("model", "messages", "max_tokens", "stream", "tools", "tool_choice", "response_format"),
        *("session_id", "provider", "reasoning"),
        # These would pass the reserved worst case: other models, more output than `max_tokens`, more answers.
        *("models", "route", "max_completion_tokens", "n", "best_of"),
        # Whether usage is sent is not the caller's to say: it is what a call is billed by.
        *("usage", "stream_options"),
    }
)
"""Option names that `encode_request` leaves out."""


def _plain_value(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast(Mapping[str, object], value))
    raise InvalidTaskError(f"a request holds a {type(value).__name__}, which has no JSON form")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain_value, decimal_format="number")


def encode_request(request: ChatRequest) -> bytes:
    """The request's JSON in UTF-8. Raises `InvalidTaskError` for an option without a JSON form.

    In the order of change: what stays the same from one step of a conversation to the next comes before the
    messages, what may differ comes after them. So two steps share the longest possible prefix, as the prompt
    does that a provider renders from them.
    """
    body: dict[str, object] = {"model": request.model, "stream": request.stream}
    if request.include_usage and request.stream:
        body["stream_options"] = {"include_usage": True}
    if request.session_id is not None:
        body["session_id"] = request.session_id
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.response_format is not None:
        body["response_format"] = request.response_format
    if request.reasoning is not None:
        body["reasoning"] = request.reasoning
    body["messages"] = [_message(message) for message in request.messages]
    body["max_tokens"] = request.max_tokens
    if request.tool_choice is not None:
        body["tool_choice"] = request.tool_choice
    if request.provider:
        body["provider"] = request.provider
    body.update((name, value) for name, value in request.options.items() if name not in RESERVED_OPTIONS)
    return _ENCODER.encode(body)


def _message(message: Message) -> dict[str, object]:
    wire: dict[str, object] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        wire["name"] = message.name
    return wire


def _tool(tool: Tool) -> dict[str, object]:
    function: dict[str, object] = {"name": tool.name, "parameters": tool.parameters}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def parse_body(
    status: int, headers: Mapping[str, str], body: bytes, *, now: datetime | None = None
) -> Completion | Failure:
    """A whole, unstreamed reply. `headers` answers lower-case names; `now` (aware) reads a Retry-After date.

    A 200 may hold an error, which is not a rejection. A reply without a `finish_reason` was cut.
    """
    chunk = decode_chunk(body)
    if chunk is None:
        return _page(status, headers, body, now=now)
    assembly = Assembly(generation_id=headers.get("x-generation-id"))
    assembly.add(chunk)
    if not 200 <= status < 300:
        assembly.error = assembly.error or {"message": f"HTTP {status} without an error"}
    elif not chunk.choices and not assembly.error:
        return assembly.fail(
            FailureKind.malformed, "neither choices nor an error in the reply", status=status
        )
    return assembly.end(status=status, headers=headers, now=now)


def _page(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime | None) -> Failure:
    """A reply that is no JSON object: the edge's error page, or garbage behind a 200."""
    start = plain(body[:200].decode("utf-8", "replace"))
    error = {
        "message": f"HTTP {status} and no JSON: {start!r}" if body else f"HTTP {status} and an empty body"
    }
    failure = failure_from(error, status=status, headers=headers, now=now)
    return failure if status >= 400 else structs.replace(failure, kind=FailureKind.malformed)
