"""How much of the prompts came from providers' caches, and what that saved. Pure.

Money is the step that `savings.py` calls prompt caching, so that both say the same; tokens are those of every
settled call, also of one that failed.
"""

from decimal import Decimal

import msgspec

from farthing.money import from_nano
from farthing.spend.runs import Call
from farthing.spend.savings import PriceOf, steps_of


class PromptCache(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of a period's prompts. `saved` is US dollars at the models' dated rates, negative where writing
    to the caches cost more than reading from them saved."""

    input_tokens: int
    cached_tokens: int
    written_tokens: int
    calls: int
    """Calls that read or wrote a cache."""
    saved: Decimal

    @property
    def hit_percent(self) -> Decimal | None:
        """Cached tokens of all input tokens, 0–100; None where there were none."""
        return Decimal(self.cached_tokens) * 100 / self.input_tokens if self.input_tokens else None


class CachedPrompts:
    """Adds up the calls that used a cache; others need not be given."""

    def __init__(self, price_of: PriceOf) -> None:
        self._price_of = price_of
        self._cached = self._written = self._calls = self._saved = 0

    def add(self, call: Call, ended_us: int | None) -> None:
        outcome = call.outcome
        if outcome is None or call.cost is None or not (outcome.cached_tokens or outcome.cache_write_tokens):
            return
        self._calls += 1
        self._cached += outcome.cached_tokens
        self._written += outcome.cache_write_tokens
        self._saved += steps_of(call, ended_us, self._price_of).prompt_caching

    def result(self, *, input_tokens: int) -> PromptCache:
        """`input_tokens` are those of all calls of the period."""
        return PromptCache(
            input_tokens=input_tokens,
            cached_tokens=self._cached,
            written_tokens=self._written,
            calls=self._calls,
            saved=from_nano(self._saved),
        )
