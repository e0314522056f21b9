"""What one attempt may cost at most, and how far it may be clamped. Pure; money.md laws 2 to 5.

Input is bounded by the bytes of the encoded request, output by `max_tokens`, which is always sent. The
provider is held to the reserved rates by `max_price`. What has no bound or no price is refused, or takes
a configured ceiling.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import cast

import msgspec

from farthing.catalog.models import Model
from farthing.catalog.pricing import Price, dearest_rates, output_tokens_within, worst_nano
from farthing.config.schema import Budget, MaxPrice, ProviderPreferences
from farthing.money import nano_up
from farthing.prompt.tokens import bound_tokens
from farthing.task import Message

_MILLION = Decimal(1_000_000)


class WorstCase(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The bound of one attempt, in nano-dollars. `floor` is the least it can be clamped to."""

    worst: int
    floor: int
    price: Price | None = None
    """None when the whole is a configured ceiling, which is never clamped."""
    input_tokens: int = 0
    extra_tokens: int = 0
    """Output tokens reserved beside `max_tokens`: the cap of the reasoning."""

    def output_tokens_within(self, granted: int) -> int:
        """The `max_tokens` that a grant below `worst` pays for."""
        if self.price is None:
            raise ValueError(f"a ceiling of {self.worst} nano-dollars cannot be clamped to {granted}")
        return output_tokens_within(self.price, granted, input_tokens=self.input_tokens) - self.extra_tokens


class Unbounded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """No worst case can be stated, so the attempt must not be sent."""

    reason: str


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about reasoning in the request, and the tokens to reserve for it."""

    setting: Mapping[str, object] | None
    extra_tokens: int


def worst_case(
    *,
    price: Price | None,
    body: bytes,
    messages: Iterable[Message],
    max_tokens: int,
    reasoning: Reasoning | Unbounded,
    budget: Budget,
    clampable_to: int | None,
) -> WorstCase | Unbounded:
    """The bound of an attempt with this encoded `body`. `clampable_to`: the least `max_tokens`, or None."""
    media = media_parts(messages)
    if media and budget.media_part_tokens is None:
        return Unbounded(
            reason="it has image or file parts and budget.mediaPartTokens states no bound for them"
        )
    if isinstance(reasoning, Unbounded) or price is None:
        if budget.unknown_price_ceiling is not None:
            return _ceiling(budget.unknown_price_ceiling)
        return reasoning if isinstance(reasoning, Unbounded) else Unbounded(reason="its price is not known")
    input_tokens = bound_tokens(body) + media * (budget.media_part_tokens or 0)
    extra = reasoning.extra_tokens
    worst = worst_nano(price, input_tokens=input_tokens, output_tokens=max_tokens + extra)
    floor = worst
    if clampable_to is not None and clampable_to < max_tokens:
        floor = worst_nano(price, input_tokens=input_tokens, output_tokens=clampable_to + extra)
    return WorstCase(worst=worst, floor=floor, price=price, input_tokens=input_tokens, extra_tokens=extra)


def costly_option(model: str, options: Mapping[str, object]) -> Unbounded | None:
    """An option that is billed beside the tokens and that `max_price` does not cover, if there is one."""
    if options.get("service_tier") not in (None, "auto", "default", "flex"):
        return Unbounded(reason=f"service_tier {options['service_tier']!r} is dearer than any dated price")
    plugins = options.get("plugins")
    for plugin in (
        cast("Iterable[Mapping[str, object]]", plugins) if isinstance(plugins, list | tuple) else ()
    ):
        if plugin.get("id") not in ("context-compression", "response-healing"):
            return Unbounded(reason=f"the plugin {plugin.get('id')!r} has a price of its own")
    if model.endswith((":online", ":nitro")):
        return Unbounded(reason=f"the variant of {model} may be billed above its dated price")
    return None


def reasoning_for(model: Model | None, options: Mapping[str, object]) -> Reasoning | Unbounded:
    """Reasoning is off unless the caller asked for it; asked for, its cap is reserved beside `max_tokens`.

    Source of the fields: OpenRouter's `reasoning {enabled, max_tokens, effort}`.
    """
    given = options.get("reasoning")
    asked = cast("Mapping[str, object]", given) if isinstance(given, Mapping) else None
    if asked is not None:
        cap = asked.get("max_tokens")
        if isinstance(cap, int) and cap >= 0:  # a negative cap would lower the bound
            return Reasoning(setting=asked, extra_tokens=cap)
        if asked.get("enabled") is False:
            return Reasoning(setting=asked, extra_tokens=0)
    wanted = given is not None or "reasoning_effort" in options
    if not wanted and (model is None or not model.reasons_by_default):
        return Reasoning(setting=None, extra_tokens=0)
    if not wanted and model is not None and "reasoning" in model.supported_parameters:
        return Reasoning(setting={"enabled": False}, extra_tokens=0)
    if model is not None and model.max_output_tokens is not None:
        return Reasoning(setting=asked, extra_tokens=model.max_output_tokens)
    return Unbounded(reason="its reasoning has no cap; set options.reasoning.max_tokens")


class ProviderMemo:
    """The `provider` object of requests, remembered for each model while what it is made from stands."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[ProviderPreferences, Price | None, Mapping[str, object]]] = {}

    def of(self, model: str, wished: ProviderPreferences, price: Price | None) -> Mapping[str, object]:
        known = self._known.get(model)
        if known is not None and known[0] is wished and known[1] is price:
            return known[2]
        said: dict[str, object] = wished.model_dump(exclude_none=True, exclude={"max_price"})
        if bound := max_price(price, wished.max_price):
            said["max_price"] = bound
        self._known[model] = (wished, price, said)
        return said


def max_price(price: Price | None, preferred: MaxPrice | None) -> dict[str, Decimal]:
    """OpenRouter's `provider.max_price`, US dollars per million tokens: the reserved rates, or less."""
    bound: dict[str, Decimal] = {}
    if price is not None:
        rates = dearest_rates(price)
        bound = {"prompt": rates.prompt * _MILLION, "completion": rates.completion * _MILLION}
    for kind in ("prompt", "completion"):
        wish: Decimal | None = getattr(preferred, kind, None)
        if wish is not None:
            bound[kind] = min(wish, bound.get(kind, wish))
    return bound


def media_parts(messages: Iterable[Message]) -> int:
    """How many content parts are not text."""
    return sum(
        part.get("type") != "text"
        for message in messages
        if message.content is not None and not isinstance(message.content, str)
        for part in message.content
    )


def _ceiling(ceiling: Decimal) -> WorstCase:
    nano = nano_up(ceiling)
    return WorstCase(worst=nano, floor=nano)
