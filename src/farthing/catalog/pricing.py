"""Dated prices and what a call costs by them. Pure arithmetic in exact dollars.

The rates are OpenRouter's: US dollars per token (`request`: per call). Tiers and off-peak windows are
`overrides`: all conditions of one must hold, later entries win key by key. Nothing here reads a file,
and no float ever becomes a price. A row's `discount` is a remark of the provider, not a rate: it lowers
nothing here, because a reservation must not count on it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal
from typing import NamedTuple, TypeGuard, cast

from farthing.money import parse_usd, ratio_half_even, ratio_up
from farthing.task import Usage

_EXACT = Context(prec=60)
_ZERO = Decimal(0)
_DEAREST = Decimal(1000)
"""Dollars: a token or a call that costs this much is a mistake of the row, and no 64 bits could sum it."""
_MOST_TOKENS = 10**9

RATE_KEYS: Mapping[str, str] = {
    "prompt": "prompt",
    "completion": "completion",
    "request": "request",
    "input_cache_read": "cache_read",
    "input_cache_write": "cache_write",
    "internal_reasoning": "reasoning",
}
"""OpenRouter's name of a rate → the field of `Rates`. Other keys (image, web_search, …) bill other things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """US dollars per token, `request` per call. `reasoning` None: billed as output.

    `cache_read` and `cache_write` None: billed as fresh input.
    """

    prompt: Decimal
    completion: Decimal
    request: Decimal = Decimal(0)
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceOverride:
    """Rates that replace the usual ones while all stated conditions hold.

    `rates` is keyed by the field names of `Rates`. `utc_start` is within the window, `utc_end` is not;
    both are `HH:MM` or `HH:MM:SS`, and a window whose end is not after its start wraps past midnight.
    """

    rates: Mapping[str, Decimal]
    min_prompt_tokens: int | None = None
    """The prompt must be larger than this."""
    utc_start: str | None = None
    utc_end: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of one model in one dated book."""

    model: str
    book: str
    rates: Rates
    overrides: tuple[PriceOverride, ...] = ()
    dearest: Rates = field(init=False, repr=False, compare=False)
    """What `dearest_rates` says, found once: every reservation asks."""
    scaled: "Scaled" = field(init=False, repr=False, compare=False)
    """`rates` as integers."""
    scaled_dearest: "Scaled" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dearest", _dearest(self))
        object.__setattr__(self, "scaled", _scaled(self.rates))
        object.__setattr__(self, "scaled_dearest", _scaled(self.dearest))

    @property
    def is_free(self) -> bool:
        """True when no rate that can ever apply is above zero."""
        return self.dearest.prompt == self.dearest.completion == self.dearest.request == 0


class Scaled(NamedTuple):
    """Rates as exact integers of 10 to the power of minus `digits` dollars, `per_nano` to the nano-dollar."""

    digits: int
    per_nano: int
    prompt: int
    completion: int
    request: int
    cache_read: int
    cache_write: int
    reasoning: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBook:
    """All prices of one day from one source. `id` is `2025-10-07/tutorial` or `2026-11-23/openrouter`."""

    id: str
    day: date
    source: str
    prices: Mapping[str, Price]


def rates_at(price: Price, *, input_tokens: int, at: datetime) -> Rates:
    """The rates that hold for a prompt of this size at this moment (aware; read as UTC)."""
    rates = price.rates
    if not price.overrides:
        return rates
    moment = at.astimezone(UTC).time()
    for override in price.overrides:
        if _holds(override, input_tokens=input_tokens, moment=moment):
            rates = _replaced(rates, override.rates)
    return rates


def dearest_rates(price: Price) -> Rates:
    """For each kind, the dearest rate that can apply at any time to any size: what a reservation uses.

    `prompt` is the dearest of fresh input, cache read and cache write; `completion` of output and
    reasoning. `cache_read`, `cache_write` and `reasoning` are None: they are within those two.
    """
    return price.dearest


def _dearest(price: Price) -> Rates:
    return Rates(
        prompt=max(_stated(price, "prompt", "cache_read", "cache_write")),
        completion=max(_stated(price, "completion", "reasoning")),
        request=max(_stated(price, "request")),
    )


def computed_cost(price: Price, usage: Usage, *, at: datetime) -> Decimal:
    """Usage times dated price, exactly: fresh, cached, cache-write, output, reasoning and per-request.

    Cached and cache-write tokens are parts of the input, reasoning of the output; a usage that claims
    larger parts than the whole is read as all of it, so the cost is never above `worst_cost`.
    """
    scaled = _scaled_at(price, usage.input_tokens, at)
    return Decimal(_cost(scaled, usage)).scaleb(-scaled.digits, context=_EXACT)


def computed_nano(price: Price, usage: Usage, *, at: datetime) -> int:
    """`computed_cost` in nano-dollars, rounded half to even."""
    scaled = _scaled_at(price, usage.input_tokens, at)
    return ratio_half_even(_cost(scaled, usage), scaled.per_nano)


def worst_nano(price: Price, *, input_tokens: int, output_tokens: int) -> int:
    """The most a call of at most these tokens can cost under `dearest_rates`: nano-dollars, rounded up."""
    dearest = price.scaled_dearest
    cost = dearest.prompt * input_tokens + dearest.completion * output_tokens + dearest.request
    return ratio_up(cost, dearest.per_nano)


def output_tokens_within(price: Price, nano: int, *, input_tokens: int) -> int:
    """The most output tokens for which `worst_nano` is not above this; may be negative."""
    dearest = price.scaled_dearest
    room = nano * dearest.per_nano - dearest.prompt * input_tokens - dearest.request
    return room // dearest.completion


def _scaled_at(price: Price, input_tokens: int, at: datetime) -> Scaled:
    if not price.overrides:
        return price.scaled
    return _scaled(rates_at(price, input_tokens=input_tokens, at=at))


def _cost(rates: Scaled, usage: Usage) -> int:
    cached = min(usage.cached_tokens, usage.input_tokens)
    written = min(usage.cache_write_tokens, usage.input_tokens - cached)
    reasoning = min(usage.reasoning_tokens, usage.output_tokens)
    return (
        rates.prompt * (usage.input_tokens - cached - written)
        + rates.cache_read * cached
        + rates.cache_write * written
        + rates.completion * (usage.output_tokens - reasoning)
        + rates.reasoning * reasoning
        + rates.request
    )


def _scaled(rates: Rates) -> Scaled:
    """Integers by the power of ten that leaves none of these rates a fraction."""
    stated = (
        rates.prompt,
        rates.completion,
        rates.request,
        _else(rates.cache_read, rates.prompt),
        _else(rates.cache_write, rates.prompt),
        _else(rates.reasoning, rates.completion),
    )
    digits = max(9, *(-_exponent(rate) for rate in stated))
    return Scaled(digits, 10 ** (digits - 9), *(int(rate.scaleb(digits, context=_EXACT)) for rate in stated))


def _exponent(rate: Decimal) -> int:
    exponent = rate.normalize(_EXACT).as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def price_from_row(row: Mapping[str, object], *, book: str) -> Price:
    """A `/models` row's `pricing` object, whose values are strings in US dollars per token.

    Raises `ValueError` when a rate is missing, unreadable, a float, or negative (`"-1"` means that the
    price is not known): such a row has no price, which is never the same as a price of zero.
    """
    pricing = row.get("pricing")
    if not isinstance(pricing, Mapping):
        raise ValueError("it has no pricing object")  # noqa: TRY004 - one error type for a bad row
    stated = cast("Mapping[str, object]", pricing)
    for key in ("prompt", "completion"):
        if stated.get(key) is None:
            raise ValueError(f"its {key} price is missing")
    found = _rates(stated)
    rates = Rates(
        prompt=found["prompt"],
        completion=found["completion"],
        request=found.get("request", _ZERO),
        cache_read=found.get("cache_read"),
        cache_write=found.get("cache_write"),
        reasoning=found.get("reasoning"),
    )
    raw_overrides = stated.get("overrides") or ()
    if isinstance(raw_overrides, str) or not isinstance(raw_overrides, Sequence):
        raise ValueError("its price overrides are not a list")  # noqa: TRY004 - one error type for a bad row
    overrides = tuple(_override(entry) for entry in cast("Sequence[object]", raw_overrides))
    return Price(model=str(row.get("id", "")), book=book, rates=rates, overrides=overrides)


def has_discount(row: Mapping[str, object]) -> bool:
    """Whether the row states a `discount`, which prices here ignore."""
    pricing = row.get("pricing")
    return isinstance(pricing, Mapping) and bool(cast("Mapping[str, object]", pricing).get("discount"))


def _rates(stated: Mapping[str, object]) -> dict[str, Decimal]:
    rates = {
        name: _rate(key, value) for key, name in RATE_KEYS.items() if (value := stated.get(key)) is not None
    }
    # Many rows fill internal_reasoning with 0 although reasoning tokens are billed as output there.
    if rates.get("reasoning") == 0:
        del rates["reasoning"]
    return rates


def _rate(key: str, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError(f"its {key} price {value!r} is no text in dollars")  # noqa: TRY004 - as above
    rate = parse_usd(value)
    if rate < 0:
        raise ValueError(f"its {key} price is {value}, which means unknown")
    if rate >= _DEAREST or (rate and rate.adjusted() < -30) or len(rate.as_tuple().digits) > 30:
        raise ValueError(f"its {key} price {str(value)[:40]} cannot be one")
    return rate


def _override(entry: object) -> PriceOverride:
    if not isinstance(entry, Mapping):
        raise ValueError(f"its price override {entry!r} is not an object")  # noqa: TRY004 - as above
    stated = cast("Mapping[str, object]", entry)
    threshold = stated.get("min_prompt_tokens")
    if threshold is not None and not _is_count(threshold):
        raise ValueError(f"its override's min_prompt_tokens {threshold!r:.40} is not a number of tokens")
    start, end = _clock("utc_start", stated), _clock("utc_end", stated)
    return PriceOverride(
        rates=_rates(stated),
        min_prompt_tokens=int(threshold) if _is_count(threshold) else None,
        utc_start=start,
        utc_end=end,
    )


def _is_count(value: object) -> TypeGuard[int | Decimal]:
    """Whether it can be a number of tokens; the digits of `1e999999` alone would take seconds."""
    return not isinstance(value, bool) and isinstance(value, int | Decimal) and 0 <= value <= _MOST_TOKENS


def _clock(key: str, stated: Mapping[str, object]) -> str | None:
    value = stated.get(key)
    if value is None:
        return None
    text = str(value).removesuffix("Z")
    try:
        time.fromisoformat(text)
    except ValueError:
        raise ValueError(f"its override's {key} {value!r} is not a time of day") from None
    return text


def _holds(override: PriceOverride, *, input_tokens: int, moment: time) -> bool:
    if override.min_prompt_tokens is not None and input_tokens <= override.min_prompt_tokens:
        return False
    if override.utc_start is None and override.utc_end is None:
        return True
    start = time.fromisoformat(override.utc_start or "00:00")
    end = time.fromisoformat(override.utc_end or "00:00")
    return start <= moment < end if start < end else moment >= start or moment < end


def _replaced(rates: Rates, changes: Mapping[str, Decimal]) -> Rates:
    known = {field.name for field in fields(Rates)}
    return replace(rates, **{name: value for name, value in changes.items() if name in known})


def _stated(price: Price, *names: str) -> Iterable[Decimal]:
    """Every value that one of these rates can take: the usual one and each override's."""
    usual = (cast("Decimal | None", getattr(price.rates, name)) for name in names)
    other = (override.rates.get(name) for override in price.overrides for name in names)
    return [rate for rate in (*usual, *other) if rate is not None]


def _else(rate: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if rate is None else rate
