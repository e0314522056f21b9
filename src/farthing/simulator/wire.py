"""Answers in OpenRouter's JSON: plain bodies and stream chunks.

Pure: values in, bytes out. The order of chunks and what breaks them is `staging.py`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

import msgspec

from farthing.simulator.bill import raw
from farthing.simulator.compose import Answer, Call
from farthing.simulator.conditions import Condition
from farthing.simulator.meter import Priced
from farthing.simulator.tariff import Tokens

DONE = b"data: [DONE]\n\n"
COMMENT = b": OPENROUTER PROCESSING\n\n"
_MOST_PIECES = 24
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What every chunk of one reply repeats."""

    id: str
    model: str
    provider: str
    created: int
    service_tier: str | None = None
    """The tier that served, where one was asked for."""

    def fields(self, kind: str) -> dict[str, object]:
        said: dict[str, object] = {"id": self.id}
        if self.provider:
            said["provider"] = self.provider
        said |= {"model": self.model, "object": kind, "created": self.created}
        return said if self.service_tier is None else {**said, "service_tier": self.service_tier}


def usage_json(tokens: Tokens, priced: Priced, *, with_cost: bool, with_details: bool) -> dict[str, object]:
    """The `usage` object. The cost is a JSON number with exact digits; without one its keys are absent."""
    usage: dict[str, object] = {
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.completion,
        "total_tokens": tokens.prompt + tokens.completion,
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "cache_write_tokens": tokens.cache_write},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }
    if with_cost:
        usage["cost"] = raw(priced.openrouter)
        usage["is_byok"] = priced.byok
        shown = raw(priced.upstream) if with_details or priced.byok else None
        usage["cost_details"] = {"upstream_inference_cost": shown}
    return usage


def plain_body(
    identity: Identity, answer: Answer, *, usage: Mapping[str, object] | None, reasoning: bool, refused: bool
) -> bytes:
    """A whole reply that is not streamed."""
    message: dict[str, object] = {
        "role": "assistant",
        "content": None if answer.calls or refused else answer.text,
        "refusal": answer.text if refused else None,
        "reasoning": _REASONING if reasoning else None,
    }
    if answer.calls:
        message["tool_calls"] = [_tool_call(call, index) for index, call in enumerate(answer.calls)]
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": answer.finish_reason or None,
        "native_finish_reason": answer.finish_reason or None,
        "logprobs": None,
    }
    body = identity.fields("chat.completion") | {"choices": [choice], "system_fingerprint": None}
    if usage is not None:
        body["usage"] = usage
    return _encode(body)


class Chunks:
    """The stream chunks of one reply."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._start = b"data: " + _encode(identity.fields("chat.completion.chunk"))[:-1]
        self._start += b',"choices":[{"index":0,"delta":'
        self._end = b',"finish_reason":null,"native_finish_reason":null,"logprobs":null}]}\n\n'

    def delta(self, delta: Mapping[str, object]) -> bytes:
        return self._start + _encode(delta) + self._end

    def text(self, piece: str) -> bytes:
        return self._start + b'{"role":"assistant","content":' + _encode(piece) + b"}" + self._end

    def pieces(self, answer: Answer, rng: Random, *, reasoning: bool, refused: bool) -> list[bytes]:
        """All chunks with output, in order."""
        made = (
            [self.delta({"role": "assistant", "content": "", "reasoning": _REASONING})] if reasoning else []
        )
        if refused:
            made += [self.delta({"role": "assistant", "refusal": piece}) for piece in split(answer.text, rng)]
        else:
            made += [self.text(piece) for piece in split(answer.text, rng)]
        for index, call in enumerate(answer.calls):
            opened = {
                "index": index,
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": ""},
            }
            made.append(self.delta({"role": "assistant", "content": None, "tool_calls": [opened]}))
            for piece in split(call.arguments, rng, most=5):
                made.append(self.delta({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))
        return made

    def finish(self, reason: str | None) -> bytes:
        choice = {
            "index": 0,
            "delta": {"role": "assistant", "content": ""},
            "finish_reason": reason,
            "native_finish_reason": reason,
            "logprobs": None,
        }
        return self._whole({"choices": [choice]})

    def usage(self, usage: Mapping[str, object], *, empty_choices: bool) -> bytes:
        """The usage chunk, in either of its two shapes."""
        choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
        return self._whole({"choices": [] if empty_choices else [choice], "usage": usage})

    def error(self, condition: Condition) -> bytes:
        """The event of an error in mid-stream."""
        choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
        return self._whole({"error": condition.error(), "choices": [choice]})

    def garbled(self) -> bytes:
        """A data line that is cut off within its JSON."""
        return self._start[: len(self._start) * 2 // 3] + b"\n\n"

    def _whole(self, more: dict[str, object]) -> bytes:
        return b"data: " + _encode(self._identity.fields("chat.completion.chunk") | more) + b"\n\n"


def split(text: str, rng: Random, *, most: int = _MOST_PIECES) -> list[str]:
    """The text in pieces of uneven length, about four words each, `most` at the most."""
    if not text:
        return []
    least = min(max(24, len(text) // most + 1), len(text))
    pieces: list[str] = []
    start = 0
    while start < len(text):
        end = start + least // 2 + 1 + int(rng.random() * least)
        pieces.append(text[start:end])
        start = end
    return pieces


_REASONING = "[simulated] thinking"


def _tool_call(call: Call, index: int) -> dict[str, object]:
    return {
        "id": call.id,
        "index": index,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
