"""What each lever is expected to save on a month, by the tutorial's ranges; nothing here is measured. Pure.

A lever takes its share of what the ones before it have left, prompts of the input and lengths of the output.
Routing is measured instead: a profile's own figure against its primary model for everything.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from farthing.spend.projection import CostPart


class Lever(msgspec.Struct, frozen=True, kw_only=True):
    """A lever and the fractions it is expected to take off input and output costs, at least and at most."""

    name: str
    on_input: tuple[Decimal, Decimal]
    on_output: tuple[Decimal, Decimal]
    source: str


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What one lever takes off a month, in dollars, at least and at most; and what is left after it."""

    lever: str
    least: Decimal
    most: Decimal
    left_at_most: Decimal
    """The month's cost when this lever and all before it save their least."""
    left_at_least: Decimal
    source: str


_NOTHING = (Decimal(0), Decimal(0))
_CACHING = (Decimal("0.30"), Decimal("0.50"))

LEVERS: tuple[Lever, ...] = (
    Lever(
        name="response caching",
        on_input=_CACHING,
        on_output=_CACHING,
        source="30–50 %, for frequently repeated requests",
    ),
    Lever(
        name="prompt optimisation",
        on_input=(Decimal("0.40"), Decimal("0.60")),
        on_output=_NOTHING,
        source="40–60 % of input costs",
    ),
    Lever(
        name="output length control",
        on_input=_NOTHING,
        on_output=(Decimal("0.20"), Decimal("0.40")),
        source="20–40 % of output costs",
    ),
)
"""In the order in which a call meets them; the ranges are the tutorial's *Cost Optimization Tips*."""


def expected(parts: Sequence[CostPart]) -> tuple[Expected, ...]:
    """Each lever's part, applied one after another to the models' work. The sample stays as it is."""
    work = [part for part in parts if part.kind == "model"]
    sample = sum((part.cost for part in parts if part.kind != "model"), Decimal(0))
    inward = sum((part.input_cost for part in work), Decimal(0))
    outward = sum((part.output_cost for part in work), Decimal(0))
    # Two months go through the levers side by side: one where each saves its least, one with its most.
    months = [(inward, outward), (inward, outward)]
    found: list[Expected] = []
    for lever in LEVERS:
        after = [
            (month[0] * (1 - lever.on_input[at]), month[1] * (1 - lever.on_output[at]))
            for at, month in enumerate(months)
        ]
        saved = [_sum(before) - _sum(then) for before, then in zip(months, after, strict=True)]
        found.append(
            Expected(
                lever=lever.name,
                least=min(saved),
                most=max(saved),
                left_at_most=_sum(after[0]) + sample,
                left_at_least=_sum(after[1]) + sample,
                source=lever.source,
            )
        )
        months = after
    return tuple(found)


def _sum(month: tuple[Decimal, Decimal]) -> Decimal:
    return month[0] + month[1]
