"""What a period's calls would have cost by another price book. Pure; sums are nano-dollars.

Each settled row's tokens are taken at the other book's rates of the same model, cached, cache-write and
reasoning tokens by their own. What cannot be compared is left out of both sides and named: a model that the
book does not price, a call whose tokens nobody stated, money that is uncertain.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from farthing.catalog.pricing import Price, computed_nano
from farthing.money import from_nano
from farthing.spend.runs import Call
from farthing.spend.savings import usage_of


class Repriced(msgspec.Struct, frozen=True, kw_only=True):
    """One model, or all: what was paid, what it would have cost, in US dollars."""

    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost: Decimal
    repriced: Decimal

    @property
    def difference(self) -> Decimal:
        """What the other book would have cost more; negative: less."""
        return self.repriced - self.cost

    @property
    def difference_percent(self) -> Decimal | None:
        """Of the cost, 0–100; None where nothing was paid."""
        return self.difference * 100 / self.cost if self.cost else None


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that could not be compared: the model, why, and what they cost in US dollars."""

    model: str
    why: str
    calls: int
    cost: Decimal


class Repricing(msgspec.Struct, frozen=True, kw_only=True):
    """A period by another book."""

    book: str
    total: Repriced
    models: tuple[Repriced, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(slots=True)
class _Sums:
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    repriced: int = 0


class Repricer:
    """Adds up a period's calls by another book. `price_of` is the book's price of a model, or None."""

    def __init__(self, book: str, price_of: Callable[[str], Price | None]) -> None:
        self._book, self._price_of = book, price_of
        self._models: dict[str, _Sums] = {}
        self._left: dict[tuple[str, str], _Sums] = {}
        self._prices: dict[str, Price | None] = {}

    def add(self, call: Call, ended_us: int | None) -> None:
        """A call that is still open is not looked at."""
        outcome, model = call.outcome, call.intent.model
        if outcome is None:
            return
        if call.cost is None:
            self._leave(model, "uncertain, so its tokens are not known", call.worst)
            return
        usage = usage_of(outcome)
        if not usage.total_tokens and call.cost:
            self._leave(model, "billed without a word of its tokens", call.cost)
            return
        if model not in self._prices:
            self._prices[model] = self._price_of(model)
        price = self._prices[model]
        if price is None:
            self._leave(model, f"{self._book} has no price for it", call.cost)
            return
        at = datetime.fromtimestamp((ended_us or call.at_us) / 1_000_000, UTC)
        sums = self._models.setdefault(model, _Sums())
        sums.calls += 1
        sums.input_tokens += usage.input_tokens
        sums.output_tokens += usage.output_tokens
        sums.cost += call.cost
        # A call that used nothing would cost nothing, whatever a book asks for a request.
        sums.repriced += computed_nano(price, usage, at=at) if usage.total_tokens else 0

    def _leave(self, model: str, why: str, nano: int) -> None:
        sums = self._left.setdefault((model, why), _Sums())
        sums.calls += 1
        sums.cost += nano

    def result(self) -> Repricing:
        """By model, dearest first."""
        everything = _Sums()
        for sums in self._models.values():
            for name in ("calls", "input_tokens", "output_tokens", "cost", "repriced"):
                setattr(everything, name, getattr(everything, name) + getattr(sums, name))
        models = [_line(model, sums) for model, sums in self._models.items()]
        left = [
            LeftOut(model=model, why=why, calls=sums.calls, cost=from_nano(sums.cost))
            for (model, why), sums in self._left.items()
        ]
        return Repricing(
            book=self._book,
            total=_line("all", everything),
            models=tuple(sorted(models, key=lambda one: (-one.cost, one.model))),
            left_out=tuple(sorted(left, key=lambda one: (-one.cost, one.model, one.why))),
        )


def _line(model: str, sums: _Sums) -> Repriced:
    return Repriced(
        model=model,
        calls=sums.calls,
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        cost=from_nano(sums.cost),
        repriced=from_nano(sums.repriced),
    )
