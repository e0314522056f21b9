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
_NULL = msgspec.Raw(b"null")


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
    index: int | None = None
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
    """The same, each field raw: a number beyond all bounds, too, costs its field alone."""

    id: msgspec.Raw = _NULL
    model: msgspec.Raw = _NULL
    provider: msgspec.Raw = _NULL
    choices: msgspec.Raw = _NULL
    usage: msgspec.Raw = _NULL
    error: msgspec.Raw = _NULL


class _LooseUsage(msgspec.Struct, gc=False):
    prompt_tokens: msgspec.Raw = _NULL
    completion_tokens: msgspec.Raw = _NULL
    prompt_tokens_details: msgspec.Raw = _NULL
    completion_tokens_details: msgspec.Raw = _NULL
    cost: msgspec.Raw = msgspec.Raw(b"")
    is_byok: msgspec.Raw = _NULL
    cost_details: msgspec.Raw = _NULL


def exact(digits: str) -> Decimal:
    """A JSON number with a point or an exponent, without a float in between."""
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise ValueError("not a number") from None


_CHUNK = msgspec.json.Decoder(ChunkWire, strict=False, float_hook=exact)
_LOOSE_CHUNK = msgspec.json.Decoder(_LooseChunk)
_ANY = msgspec.json.Decoder(float_hook=exact)
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
        id=_try(loose.id, str),
        model=_try(loose.model, str),
        provider=_try(loose.provider, str),
        choices=_try(loose.choices, list[ChoiceWire]),
        usage=_usage_loosely(loose.usage),
        error=_error_loosely(loose.error),
    )


def _error_loosely(raw: msgspec.Raw) -> object:
    """An error that cannot be read is still one."""
    try:
        return _ANY.decode(raw)
    except (ValueError, RecursionError):
        return {"message": "an error that cannot be read"}


def _usage_loosely(raw: msgspec.Raw) -> UsageWire | None:
    loose = _try(raw, _LooseUsage)
    if loose is None:
        return None
    return UsageWire(
        prompt_tokens=_try(loose.prompt_tokens, int),
        completion_tokens=_try(loose.completion_tokens, int),
        prompt_tokens_details=_try(loose.prompt_tokens_details, InputDetailsWire),
        completion_tokens_details=_try(loose.completion_tokens_details, OutputDetailsWire),
        cost=loose.cost,
        is_byok=_try(loose.is_byok, bool),
        cost_details=_try(loose.cost_details, CostDetailsWire),
    )


def _try(raw: msgspec.Raw, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(raw, type=kind, strict=False)
    except (ValueError, RecursionError):
        return None


class Bill(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one exchange was billed. `cost` is None when it was not said, or cannot be an amount."""

    cost: Decimal | None = None
    literal: str | None = None
    """The provider's own digits; for BYOK both parts, as `0.01 + 0.02`."""


_ADDING = Context(prec=100)
_MOST_TOKENS = 10**9
_MOST_OF_A_CALL = Decimal(10**6)
"""Dollars and tokens from here on are no call's: sums of thousands must fit the ledger's 64 bits."""
_MOST_OF_AN_ACCOUNT = Decimal(10**9)


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
    return Bill(cost=added(bill.cost, inference.cost), literal=literal)


def added(one: Decimal, other: Decimal) -> Decimal:
    """The exact sum of two amounts that `amount_of` has read."""
    return _ADDING.add(one, other)


def balance_of(raw: msgspec.Raw) -> Decimal | None:
    """What an account has, used or may use: dollars as in `amount_of`, and more of them."""
    return amount_of(raw, below=_MOST_OF_AN_ACCOUNT).cost


def amount_of(raw: msgspec.Raw, *, below: Decimal = _MOST_OF_A_CALL) -> Bill:
    """Dollars from the raw JSON of a number or a string of digits, exactly."""
    literal = bytes(raw).decode("ascii", "replace").strip().strip('"')
    if not literal or literal == "null" or len(literal) > 64:
        return Bill()
    try:
        cost = parse_usd(literal)
    except ValueError:
        return Bill(literal=literal)
    # Nobody bills less than nothing, an exponent of thousands is no amount of money, and `1_0` is no number.
    possible = 0 <= cost < below and cost.adjusted() >= -30 and "_" not in literal
    return Bill(cost=cost if possible else None, literal=literal)


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
