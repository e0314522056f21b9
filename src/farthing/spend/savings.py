"""What each lever saved, measured row by row, and against what. Pure; sums are nano-dollars.

The levers are the steps from the baseline's cost to what was paid, so they add up to the report's savings
to the nano-dollar: baseline → the chosen models' paid prices (routing) → answers given again → free
variants → cached prompts → cheaper hours → the bill → failed attempts → uncertain money. What a bill is below
the dated price is the tier's or the batch's where the call went that way. A step whose price is not known any
more is in routing. Only what happened is here: what clamping would have cost otherwise nobody measured.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec
from msgspec import structs

from farthing.catalog.pricing import Price, computed_nano
from farthing.money import from_nano
from farthing.spend.ledger import OutcomeBody, ReuseBody
from farthing.spend.runs import Call
from farthing.task import Usage

PriceOf = Callable[[str, str], Price | None]
"""A model's price in a book (`book`, `model`), as it was kept; None where it was not."""

_FREE = ":free"


class Steps(NamedTuple):
    """Nano-dollars saved by each step; negative is paid on top."""

    routing: int = 0
    reuse: int = 0
    free_variants: int = 0
    prompt_caching: int = 0
    off_peak: int = 0
    flex: int = 0
    batch: int = 0
    bills: int = 0
    failed: int = 0
    uncertain: int = 0


class Saving(msgspec.Struct, frozen=True, kw_only=True):
    """One lever: US dollars saved (negative: paid on top), against what, on how many calls."""

    lever: str
    saved: Decimal
    against: str
    calls: int


_AGAINST = {
    "routing": "{baseline} for the accepted answers' tokens; the chosen models at their own dated prices",
    "reuse": "what the reused answers had cost, which asking again would have",
    "free_variants": "the same model's paid price in the same book",
    "prompt_caching": "the same tokens without the provider's cache, at the model's dated rates",
    "off_peak": "the same tokens by the model's dated price when the task came, which could wait",
    "flex": "the dated price: what the cheapest provider or the flex tier billed for work that could wait",
    "batch": "the dated price: what batches billed for work that could wait",
    "bills": "the dated price for the tokens: what bills were below it (or above)",
    "failed": "no attempt failing: what retries and fallbacks came after",
    "uncertain": "nothing uncertain: counted as spent at its worst case",
}


class Savings:
    """Adds up the steps of a period's calls."""

    def __init__(self, price_of: PriceOf) -> None:
        self._price_of = price_of
        self._sums = [0] * len(Steps._fields)
        self._calls = [0] * len(Steps._fields)

    def add(self, call: Call, ended_us: int | None) -> None:
        """A call that is still open saved nothing yet."""
        self._add(steps_of(call, ended_us, self._price_of))

    def add_reuse(self, reuse: ReuseBody) -> None:
        """A task that was given an earlier answer: routing had made that cheap, and reuse made it free."""
        self._add(Steps(routing=reuse.baseline - reuse.saved, reuse=reuse.saved))

    def _add(self, steps: Steps) -> None:
        for at, nano in enumerate(steps):
            if nano:
                self._sums[at] += nano
                self._calls[at] += 1

    @property
    def total(self) -> int:
        return sum(self._sums)

    def lines(self, baseline: str) -> tuple[Saving, ...]:
        """Every lever that did something, in the order of the steps; routing always."""
        return tuple(
            Saving(
                lever=name.replace("_", " "),
                saved=from_nano(nano),
                against=_AGAINST[name].format(baseline=baseline),
                calls=calls,
            )
            for name, nano, calls in zip(Steps._fields, self._sums, self._calls, strict=True)
            if calls or name == "routing"
        )


def steps_of(call: Call, ended_us: int | None, price_of: PriceOf) -> Steps:
    """The steps from one call's baseline to its cost; they sum to baseline − cost (uncertain: worst case)."""
    outcome = call.outcome
    if outcome is None:
        return Steps()
    if call.cost is None:
        return Steps(routing=outcome.baseline, uncertain=-call.worst)
    if not outcome.accepted:
        return Steps(routing=outcome.baseline, failed=-call.cost)
    price = price_of(call.intent.price_book, call.intent.model)
    if price is None:
        return Steps(routing=outcome.baseline - call.cost)
    at = datetime.fromtimestamp((ended_us or call.at_us) / 1_000_000, UTC)
    usage = usage_of(outcome)
    dated = came = computed_nano(price, usage, at=at)
    if call.intent.waited_s:
        at = datetime.fromtimestamp(call.at_us / 1_000_000 - call.intent.waited_s, UTC)
        came = computed_nano(price, usage, at=at)
    fresh = came
    if usage.cached_tokens or usage.cache_write_tokens:
        fresh = computed_nano(price, structs.replace(usage, cached_tokens=0, cache_write_tokens=0), at=at)
    paid = fresh
    if call.intent.model.endswith(_FREE):
        sibling = price_of(call.intent.price_book, call.intent.model.removesuffix(_FREE))
        paid = fresh if sibling is None else computed_nano(sibling, usage, at=at)
    steps = Steps(
        routing=outcome.baseline - paid,
        free_variants=paid - fresh,
        prompt_caching=fresh - came,
        off_peak=came - dated,
    )
    below = dated - call.cost
    if "batch" in call.intent.deferral:
        return steps._replace(batch=below)
    return steps._replace(flex=below) if "flex" in call.intent.deferral else steps._replace(bills=below)


def usage_of(outcome: OutcomeBody) -> Usage:
    """The tokens of an ended call."""
    return Usage(
        input_tokens=outcome.input_tokens,
        output_tokens=outcome.output_tokens,
        cached_tokens=outcome.cached_tokens,
        cache_write_tokens=outcome.cache_write_tokens,
        reasoning_tokens=outcome.reasoning_tokens,
    )
