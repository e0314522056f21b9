"""What OpenRouter's GET endpoints answer: bills of finished calls, the key's limits, pages of models. Pure.

Decides how `/generation`, `/key` and `/models` are read. Prices in a model's row are the catalogue's.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import cast
from urllib.parse import parse_qs, urlsplit

import msgspec

from farthing.task import Usage
from farthing.upstream.chunk import added, amount_of, balance_of, exact, tokens, with_inference_cost
from farthing.upstream.failure import Failure, FailureKind


class GenerationBill(msgspec.Struct, frozen=True, kw_only=True):
    """What `/generation` says of one finished call. `cost` is None when it says no amount.

    Tokens are the provider's own where given (they are what is billed), else OpenRouter's count.
    """

    generation_id: str
    cost: Decimal | None
    literal: str | None
    usage: Usage
    model: str | None = None
    provider: str | None = None
    cancelled: bool = False
    finish_reason: str | None = None
    is_byok: bool = False


class KeyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What `/key` says: dollars used and left, and the day's free requests. None: not said, or no limit."""

    label: str | None = None
    limit: Decimal | None = None
    limit_remaining: Decimal | None = None
    usage: Decimal | None = None
    is_free_tier: bool | None = None
    free_requests_used: int | None = None
    free_requests_limit: int | None = None
    free_requests_remaining: int | None = None


class ModelsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of `/models` as they came, numbers as `int` or `Decimal`. `next_offset` is None after the last."""

    rows: list[dict[str, object]]
    next_offset: int | None


class DayOfModel(msgspec.Struct, frozen=True, kw_only=True):
    """What an account was billed for one model on one UTC day, by all its keys; dollars.

    `model` is the name that calls are made by, `permaslug` the dated one behind it.
    """

    day: str
    model: str
    permaslug: str
    billed: Decimal
    requests: int


class _Generation(msgspec.Struct, gc=False):
    id: str | None = None
    total_cost: msgspec.Raw = msgspec.Raw(b"")
    upstream_inference_cost: msgspec.Raw = msgspec.Raw(b"")
    is_byok: bool | None = None
    model: str | None = None
    provider_name: str | None = None
    cancelled: bool | None = None
    finish_reason: str | None = None
    tokens_prompt: int | None = None
    tokens_completion: int | None = None
    native_tokens_prompt: int | None = None
    native_tokens_completion: int | None = None
    native_tokens_reasoning: int | None = None
    native_tokens_cached: int | None = None


class _GenerationReply(msgspec.Struct, gc=False):
    data: _Generation


class _FreeRequests(msgspec.Struct, gc=False):
    used: int | None = None
    limit: int | None = None
    remaining: int | None = None


class _Key(msgspec.Struct, gc=False):
    label: str | None = None
    limit: msgspec.Raw = msgspec.Raw(b"")
    limit_remaining: msgspec.Raw = msgspec.Raw(b"")
    usage: msgspec.Raw = msgspec.Raw(b"")
    is_free_tier: bool | None = None
    free_model_daily_requests: _FreeRequests | None = None


class _KeyReply(msgspec.Struct, gc=False):
    data: _Key


class _Day(msgspec.Struct, gc=False):
    date: str
    model: str
    model_permaslug: str | None = None
    usage: msgspec.Raw = msgspec.Raw(b"")
    byok_usage_inference: msgspec.Raw = msgspec.Raw(b"")
    requests: int | None = None


class _ActivityReply(msgspec.Struct, gc=False):
    data: list[_Day]


_ACTIVITY = msgspec.json.Decoder(_ActivityReply, strict=False)
_GENERATION = msgspec.json.Decoder(_GenerationReply, strict=False)
_KEY = msgspec.json.Decoder(_KeyReply, strict=False)
_ANY = msgspec.json.Decoder(float_hook=exact)


def parse_generation(body: bytes, *, generation_id: str) -> GenerationBill | Failure:
    """A 200 of `/generation`."""
    try:
        data = _GENERATION.decode(body).data
    except (ValueError, RecursionError):
        return _unreadable("/generation")
    bill = amount_of(data.total_cost)
    if data.is_byok:
        bill = with_inference_cost(bill, data.upstream_inference_cost)
    return GenerationBill(
        generation_id=data.id or generation_id,
        cost=bill.cost,
        literal=bill.literal,
        usage=Usage(
            input_tokens=tokens(
                data.tokens_prompt if data.native_tokens_prompt is None else data.native_tokens_prompt
            ),
            output_tokens=tokens(
                data.tokens_completion
                if data.native_tokens_completion is None
                else data.native_tokens_completion
            ),
            cached_tokens=tokens(data.native_tokens_cached),
            reasoning_tokens=tokens(data.native_tokens_reasoning),
        ),
        model=data.model,
        provider=data.provider_name,
        cancelled=bool(data.cancelled),
        finish_reason=data.finish_reason,
        is_byok=bool(data.is_byok),
    )


def parse_key(body: bytes) -> KeyStatus | Failure:
    """A 200 of `/key`."""
    try:
        data = _KEY.decode(body).data
    except (ValueError, RecursionError):
        return _unreadable("/key")
    free = data.free_model_daily_requests or _FreeRequests()
    return KeyStatus(
        label=data.label,
        limit=balance_of(data.limit),
        limit_remaining=balance_of(data.limit_remaining),
        usage=balance_of(data.usage),
        is_free_tier=data.is_free_tier,
        free_requests_used=free.used,
        free_requests_limit=free.limit,
        free_requests_remaining=free.remaining,
    )


def parse_activity(body: bytes) -> tuple[DayOfModel, ...] | Failure:
    """A 200 of `/activity`. One amount that cannot be read makes all of it unreadable: sums must be whole."""
    try:
        rows = _ACTIVITY.decode(body).data
    except (ValueError, RecursionError):
        return _unreadable("/activity")
    days: list[DayOfModel] = []
    for row in rows:
        usage, inference = balance_of(row.usage), balance_of(row.byok_usage_inference)
        if usage is None:
            return _unreadable("/activity")
        days.append(
            DayOfModel(
                day=row.date[:10],  # a date, or a time at its beginning
                model=row.model,
                permaslug=row.model_permaslug or row.model,
                billed=added(usage, inference or Decimal(0)),
                requests=tokens(row.requests),
            )
        )
    return tuple(days)


def parse_models_page(body: bytes, *, offset: int) -> ModelsPage | Failure:
    """A 200 of `/models` that was asked for from `offset` on. Rows that are no objects are left out.

    Of `links.next` only the offset is taken: the next page is asked of the same host.
    """
    try:
        reply: object = _ANY.decode(body)
    except (ValueError, RecursionError):
        return _unreadable("/models")
    if not isinstance(reply, dict):
        return _unreadable("/models")
    page = cast(Mapping[str, object], reply)
    data = page.get("data")
    if not isinstance(data, list):
        return _unreadable("/models")
    rows = [cast(dict[str, object], row) for row in cast(list[object], data) if isinstance(row, dict)]
    return ModelsPage(rows=rows, next_offset=_next_offset(page, offset, len(cast(list[object], data))))


def _next_offset(page: Mapping[str, object], offset: int, count: int) -> int | None:
    links = page.get("links")
    link = cast(Mapping[str, object], links).get("next") if isinstance(links, dict) else None
    total = page.get("total_count")
    if count == 0:
        return None
    if isinstance(link, str) and link:
        said = _offset_in(link)
        return said if said is not None and said > offset else offset + count
    if isinstance(total, int) and offset + count < total:
        return offset + count
    return None


def _offset_in(link: str) -> int | None:
    try:
        values = parse_qs(urlsplit(link).query).get("offset", [])
    except ValueError:
        return None
    return (
        int(values[0])
        if values and values[0].isascii() and values[0].isdigit() and len(values[0]) < 10
        else None
    )


def _unreadable(endpoint: str) -> Failure:
    return Failure(kind=FailureKind.malformed, message=f"{endpoint} answered with something else", status=200)
