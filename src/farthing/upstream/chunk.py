"""The shape of OpenRouter's replies: one stream event or one whole body, decoded. Pure.

Decides how much disorder is tolerated: unknown fields and words always, a field of the wrong type by
dropping that field. What the fields of several events make together is `assembly.py`'s. OpenAI's words
for tokens end here. No float is ever made: money is kept as raw digits until it is a Decimal.
"""

import re
from collections.abc import Mapping
from decimal import Context, Decimal, InvalidOperation
from typing import Literal, TypeVar

import msgspec

from farthing.money import parse_usd
from farthing.task import FinishReason, Usage

_T = TypeVar("_T")


class PartWire(msgspec.Struct, gc=False):
    text: str | None = None


class FunctionWire(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class ToolCallWire(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: FunctionWire | None = None


class MessageWire(msgspec.Struct, gc=False):
    """A whole message or a delta of one."""

    content: str | list[PartWire] | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCallWire] | None = None


class ChoiceWire(msgspec.Struct, gc=False):
    delta: MessageWire | None = None
    message: MessageWire | None = None
    finish_reason: str | None = None
    error: object = None


class InputDetailsWire(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class OutputDetailsWire(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None


class CostDetailsWire(msgspec.Struct, gc=False):
    upstream_inference_cost: msgspec.Raw = msgspec.Raw(b"")


class UsageWire(msgspec.Struct, gc=False):
    """`cost` is kept raw: its digits are the bill."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: InputDetailsWire | None = None
    completion_tokens_details: OutputDetailsWire | None = None
    cost: msgspec.Raw = msgspec.Raw(b"")
    is_byok: bool | None = None
    cost_details: CostDetailsWire | None = None


class ChunkWire(msgspec.Struct, gc=False):
    """One stream event, or one whole body."""

    id: str | None = None
    model: str | None = None
    provider: str | None = None
    choices: list[ChoiceWire] | None = None
    usage: UsageWire | None = None
    error: object = None


class _LooseChunk(msgspec.Struct, gc=False):
    """The same, field by field, for a chunk with a field of the wrong type."""

    id: object = None
    model: object = None
    provider: object = None
    choices: msgspec.Raw = msgspec.Raw(b"null")
    usage: msgspec.Raw = msgspec.Raw(b"null")
    error: object = None


class _LooseUsage(msgspec.Struct, gc=False):
    prompt_tokens: object = None
    completion_tokens: object = None
    prompt_tokens_details: msgspec.Raw = msgspec.Raw(b"null")
    completion_tokens_details: msgspec.Raw = msgspec.Raw(b"null")
    cost: msgspec.Raw = msgspec.Raw(b"")
    is_byok: object = None
    cost_details: msgspec.Raw = msgspec.Raw(b"null")


def exact(digits: str) -> Decimal:
    """A JSON number with a point or an exponent, without a float in between."""
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise ValueError("not a number") from None


_CHUNK = msgspec.json.Decoder(ChunkWire, strict=False, float_hook=exact)
_LOOSE_CHUNK = msgspec.json.Decoder(_LooseChunk, float_hook=exact)
_LONE_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def decode_chunk(payload: bytes) -> ChunkWire | None:
    """A stream event or a body; None when it is no JSON object. A wrong type costs its field alone."""
    try:
        return _CHUNK.decode(payload)
    except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError are ValueErrors
        return _decode_loosely(payload)


def _decode_loosely(payload: bytes) -> ChunkWire | None:
    """Second try: bad UTF-8 and half surrogate pairs become U+FFFD, and each field stands alone."""
    text = _LONE_SURROGATE.sub(r"\\ufffd", payload.decode("utf-8", "replace"))
    try:
        loose = _LOOSE_CHUNK.decode(text)
    except (ValueError, RecursionError):
        return None
    return ChunkWire(
        id=_str(loose.id),
        model=_str(loose.model),
        provider=_str(loose.provider),
        choices=_try(loose.choices, list[ChoiceWire]),
        usage=_usage_loosely(loose.usage),
        error=loose.error,
    )


def _usage_loosely(raw: msgspec.Raw) -> UsageWire | None:
    loose = _try(raw, _LooseUsage)
    if loose is None:
        return None
    return UsageWire(
        prompt_tokens=_int(loose.prompt_tokens),
        completion_tokens=_int(loose.completion_tokens),
        prompt_tokens_details=_try(loose.prompt_tokens_details, InputDetailsWire),
        completion_tokens_details=_try(loose.completion_tokens_details, OutputDetailsWire),
        cost=loose.cost,
        is_byok=loose.is_byok if isinstance(loose.is_byok, bool) else None,
        cost_details=_try(loose.cost_details, CostDetailsWire),
    )


def _try(raw: msgspec.Raw, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(raw, type=kind, strict=False)
    except (ValueError, RecursionError):
        return None


def _str(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _int(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class Bill(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one exchange was billed. `cost` is None when it was not said, or cannot be an amount."""

    cost: Decimal | None = None
    literal: str | None = None
    """The provider's own digits; for BYOK both parts, as `0.01 + 0.02`."""


_ADDING = Context(prec=100)
_MOST_TOKENS = 2**53


def usage_of(wire: UsageWire) -> Usage:
    """Tokens in OTel's words. A count that is absent, negative or absurd is 0."""
    cached = wire.prompt_tokens_details or InputDetailsWire()
    output = wire.completion_tokens_details or OutputDetailsWire()
    return Usage(
        input_tokens=tokens(wire.prompt_tokens),
        output_tokens=tokens(wire.completion_tokens),
        cached_tokens=tokens(cached.cached_tokens),
        cache_write_tokens=tokens(cached.cache_write_tokens),
        reasoning_tokens=tokens(output.reasoning_tokens),
    )


def bill_of(wire: UsageWire) -> Bill:
    """`usage.cost`; for `is_byok` plus what the provider bills itself, and unknown when that is not said."""
    bill = amount_of(wire.cost)
    if not wire.is_byok:
        return bill
    details = wire.cost_details or CostDetailsWire()
    return with_inference_cost(bill, details.upstream_inference_cost)


def with_inference_cost(bill: Bill, raw: msgspec.Raw) -> Bill:
    """A BYOK bill: OpenRouter's fee plus the provider's own price."""
    inference = amount_of(raw)
    literals = [part for part in (bill.literal, inference.literal) if part is not None]
    literal = " + ".join(literals) or None
    if bill.cost is None or inference.cost is None:
        return Bill(literal=literal)
    return Bill(cost=_ADDING.add(bill.cost, inference.cost), literal=literal)


def amount_of(raw: msgspec.Raw) -> Bill:
    """Dollars from the raw JSON of a number or a string of digits, exactly."""
    literal = bytes(raw).decode("ascii", "replace").strip().strip('"')
    if not literal or literal == "null" or len(literal) > 64:
        return Bill()
    try:
        cost = parse_usd(literal)
    except ValueError:
        return Bill(literal=literal)
    # Nobody bills less than nothing, and an exponent of thousands is no amount of money.
    return Bill(cost=cost if cost >= 0 and abs(cost.adjusted()) <= 30 else None, literal=literal)


def tokens(count: int | None) -> int:
    """A count that can be one, else 0."""
    return count if count is not None and 0 <= count <= _MOST_TOKENS else 0


_FINISH: Mapping[str, FinishReason | Literal["error"]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
}


def finish_reason_of(word: str) -> FinishReason | Literal["error"]:
    """A finish reason; a word nobody has documented counts as `stop`."""
    return _FINISH.get(word, "stop")


def text_of(content: str | list[PartWire] | None) -> str:
    """The text of a message's content; parts are joined as they stand."""
    if isinstance(content, str):
        return content
    return "".join(part.text or "" for part in content or ())
