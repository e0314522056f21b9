"""What shorter prompts saved, against the same prompts unshortened: an estimate beside the savings. Pure.

The tokens left out are counted by our estimate when a call is sent, and priced as fresh input at the call's
dated price. The steps of `savings.py` start from what was sent, so this is in none of them.
"""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
from msgspec import structs

from farthing.catalog.pricing import computed_nano
from farthing.money import from_nano
from farthing.spend.runs import Call
from farthing.spend.savings import PriceOf, usage_of

AGAINST = "the same prompts unshortened, at the dated input prices; an estimate, and in none of the levers"


class Shortened(msgspec.Struct, frozen=True, kw_only=True):
    """Input tokens that were not sent, on how many calls, and US dollars. `unpriced_tokens` are of models
    whose price was not kept: they are among the tokens and worth nothing here."""

    calls: int
    tokens: int
    saved: Decimal
    unpriced_tokens: int = 0
    against: str = AGAINST


class Shortenings:
    """Adds up what was left out of a period's calls."""

    def __init__(self, price_of: PriceOf) -> None:
        self._price_of = price_of
        self._calls = self._tokens = self._unpriced = self._nano = 0

    def add(self, call: Call, ended_us: int | None) -> None:
        """A call counts when it has a cost and its input was read: one refused up front saved nothing."""
        left_out, outcome = call.intent.shortened_tokens, call.outcome
        if not left_out or outcome is None or call.cost is None or not outcome.input_tokens:
            return
        self._calls += 1
        self._tokens += left_out
        price = self._price_of(call.intent.price_book, call.intent.model)
        if price is None:
            self._unpriced += left_out
            return
        usage = usage_of(outcome)
        whole = structs.replace(usage, input_tokens=usage.input_tokens + left_out)
        at = datetime.fromtimestamp((ended_us or call.at_us) / 1_000_000, UTC)
        self._nano += computed_nano(price, whole, at=at) - computed_nano(price, usage, at=at)

    def result(self) -> Shortened | None:
        """The sums; None where nothing was shortened."""
        if not self._calls:
            return None
        return Shortened(
            calls=self._calls,
            tokens=self._tokens,
            saved=from_nano(self._nano),
            unpriced_tokens=self._unpriced,
        )
