"""Why one call cost what it cost: its tokens at the rates of its own dated price, beside the bill. Pure.

The parts are exact dollars and add up to the computed cost before it is rounded to a nano-dollar.
"""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from farthing.catalog.pricing import Price, Rates, computed_nano, output_tokens_within, rates_at
from farthing.money import from_nano
from farthing.spend.runs import Call
from farthing.spend.savings import usage_of
from farthing.task import Usage


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of token: how many, US dollars for each, and their product."""

    kind: str
    tokens: int
    rate: Decimal
    cost: Decimal


class Reckoning(msgspec.Struct, frozen=True, kw_only=True):
    """A call by its dated price. `difference` is the booked cost less the computed one."""

    book: str
    charges: tuple[Charge, ...]
    computed: Decimal
    difference: Decimal | None
    output_tokens_held: int | None
    """How many output tokens the hold would have paid for beside the input that was used; None for a free
    model, and where no token was stated."""


def reckoned(call: Call, ended_us: int | None, price: Price) -> Reckoning | None:
    """The reckoning of an ended call; None while it is open."""
    if call.outcome is None:
        return None
    usage = usage_of(call.outcome)
    at = datetime.fromtimestamp((ended_us or call.at_us) / 1_000_000, UTC)
    used = bool(usage.total_tokens)
    computed = from_nano(computed_nano(price, usage, at=at)) if used else Decimal(0)
    bounded = used and price.dearest.completion > 0
    held = output_tokens_within(price, call.worst, input_tokens=usage.input_tokens) if bounded else None
    return Reckoning(
        book=price.book,
        charges=charges_of(rates_at(price, input_tokens=usage.input_tokens, at=at), usage) if used else (),
        computed=computed,
        difference=None if call.cost is None else from_nano(call.cost) - computed,
        output_tokens_held=held,
    )


def charges_of(rates: Rates, usage: Usage) -> tuple[Charge, ...]:
    """Each kind of token that was used, and the fee for a request where there is one."""
    cached = min(usage.cached_tokens, usage.input_tokens)
    written = min(usage.cache_write_tokens, usage.input_tokens - cached)
    reasoning = min(usage.reasoning_tokens, usage.output_tokens)
    kinds = (
        ("input", usage.input_tokens - cached - written, rates.prompt),
        ("cached", cached, rates.prompt if rates.cache_read is None else rates.cache_read),
        ("cache write", written, rates.prompt if rates.cache_write is None else rates.cache_write),
        ("output", usage.output_tokens - reasoning, rates.completion),
        ("reasoning", reasoning, rates.completion if rates.reasoning is None else rates.reasoning),
        ("request", int(rates.request > 0), rates.request),
    )
    return tuple(
        Charge(kind=kind, tokens=count, rate=rate, cost=rate * count) for kind, count, rate in kinds if count
    )
