"""Prices as fractions of a dollar, read from the raw strings: the simulator's own arithmetic.

Pure. It is written apart from the product's pricing on purpose (money.md, law 17): exact fractions, not
decimals, and another way of picking overrides. Nothing may be shared with `catalog.pricing`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from fractions import Fraction

from farthing.simulator.shapes import items, mapping, whole

Rates = Mapping[str, Fraction]
"""US dollars per token by OpenRouter's key; `request` is per call."""

_CONDITIONS = frozenset({"min_prompt_tokens", "utc_start", "utc_end"})
_ZERO = Fraction(0)
_INPUT = ("prompt", "input_cache_read", "input_cache_write")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What one exchange used. Cached and written tokens are part of `prompt`, reasoning of `completion`."""

    prompt: int
    completion: int
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    rates: Rates
    above_prompt_tokens: int | None
    start: time | None
    end: time | None

    def holds(self, prompt_tokens: int, at: time) -> bool:
        if self.above_prompt_tokens is not None and prompt_tokens <= self.above_prompt_tokens:
            return False
        if self.start is None or self.end is None:
            return True
        if self.start <= self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """All prices of one model."""

    usual: Rates
    overrides: tuple[Override, ...] = ()

    @property
    def is_free(self) -> bool:
        return not any(self.usual.values()) and not any(any(o.rates.values()) for o in self.overrides)

    def at(self, prompt_tokens: int, now: datetime) -> Rates:
        """The rates for a prompt of this size at this moment; later overrides win key by key."""
        if not self.overrides:
            return self.usual
        moment = now.time().replace(tzinfo=None)
        rates = dict(self.usual)
        for override in self.overrides:
            if override.holds(prompt_tokens, moment):
                rates.update(override.rates)
        return rates

    def dearest_input(self) -> Fraction:
        """The dearest rate any input token can have, at any time."""
        books = (self.usual, *(override.rates for override in self.overrides))
        return max(book.get(key, _ZERO) for book in books for key in _INPUT)


def charge(rates: Rates, tokens: Tokens) -> Fraction:
    """What a call costs, in exact dollars. A missing cache rate is the prompt's.

    A reasoning rate of 0 stands for "as completion": that is what rows with "0" are billed.
    """
    prompt = rates.get("prompt", _ZERO)
    completion = rates.get("completion", _ZERO)
    total = prompt * (tokens.prompt - tokens.cached - tokens.cache_write)
    total += completion * (tokens.completion - tokens.reasoning)
    if tokens.cached:
        total += rates.get("input_cache_read", prompt) * tokens.cached
    if tokens.cache_write:
        total += rates.get("input_cache_write", prompt) * tokens.cache_write
    if tokens.reasoning:
        total += (rates.get("internal_reasoning") or completion) * tokens.reasoning
    fee = rates.get("request")
    return total + fee if fee else total


def shared(rates: Rates, share: Fraction) -> Rates:
    """The rates of a cheaper tier: all that are for tokens at this share, a fee per request as it is."""
    return {key: rate if key == "request" else rate * share for key, rate in rates.items()}


def digits(amount: Fraction) -> str:
    """The exact decimal digits of a dollar amount. Raises `ValueError` if it has no finite decimal."""
    if not amount:
        return "0"
    places, scale = 0, 1
    while scale % amount.denominator:
        places, scale = places + 1, scale * 10
        if places > 120:
            raise ValueError(f"{amount} has no finite decimal")
    shown = str(amount.numerator * (scale // amount.denominator))
    if not places:
        return shown
    shown = shown.rjust(places + 1, "0")
    return f"{shown[:-places]}.{shown[-places:]}"


def tariff_from(pricing: Mapping[str, object]) -> Tariff:
    """A tariff from a row's `pricing`, whose rates are strings in US dollars per token."""
    return Tariff(
        usual=_rates(pricing), overrides=tuple(_override(mapping(o)) for o in items(pricing.get("overrides")))
    )


def _rates(raw: Mapping[str, object]) -> Rates:
    return {
        key: Fraction(Decimal(value))
        for key, value in raw.items()
        if isinstance(value, str) and key not in _CONDITIONS
    }


def _override(raw: Mapping[str, object]) -> Override:
    return Override(
        rates=_rates(raw),
        above_prompt_tokens=whole(raw.get("min_prompt_tokens")),
        start=_clock(raw.get("utc_start")),
        end=_clock(raw.get("utc_end")),
    )


def _clock(value: object) -> time | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return time(value % 24)
    if not isinstance(value, str):
        return None
    return time.fromisoformat(value.removesuffix("Z")).replace(tzinfo=None)
