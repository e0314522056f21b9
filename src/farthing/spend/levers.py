"""What each lever is expected to save on a month, by the tutorial's ranges; nothing here is measured. Pure.

A lever by itself takes its share of the month's work. Together each takes it of what the ones before it have
left, prompts of the input and lengths of the output. Routing is no expectation: a month has it already, and
what it does is told by the prices of the same work on each of its models alone.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from farthing.money import percent_saved
from farthing.spend.projection import CostPart, Costs


class Lever(msgspec.Struct, frozen=True, kw_only=True):
    """A lever and the fractions it is expected to take off input and output costs, at least and at most."""

    name: str
    on_input: tuple[Decimal, Decimal]
    on_output: tuple[Decimal, Decimal]
    source: str


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What one lever takes off a month by itself, in dollars; and what it and all before it leave of it."""

    lever: str
    least: Decimal
    most: Decimal
    left_at_most: Decimal
    """The month's cost when this lever and all before it save their least."""
    left_at_least: Decimal
    source: str


class Routed(msgspec.Struct, frozen=True, kw_only=True):
    """A month's work on one of its models alone, in dollars, and what routing saves against that."""

    model: str
    total: Decimal
    saved_percent: Decimal | None
    """0–100, negative where routing is dearer; None where the one model costs nothing."""


_NOTHING = (Decimal(0), Decimal(0))
_CACHING = (Decimal("0.30"), Decimal("0.50"))

LEVERS: tuple[Lever, ...] = (
    Lever(
        name="response caching",
        on_input=_CACHING,
        on_output=_CACHING,
        source="30–50 % of repeated work",
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
    """Each lever by itself, and one after another, on the models' work. The sample stays as it is."""
    work = [part for part in parts if part.kind == "model"]
    sample = sum((part.cost for part in parts if part.kind != "model"), Decimal(0))
    inward = sum((part.input_cost for part in work), Decimal(0))
    outward = sum((part.output_cost for part in work), Decimal(0))
    # Two months go through the levers side by side: one where each saves its least, one with its most.
    months = [(inward, outward), (inward, outward)]
    found: list[Expected] = []
    for lever in LEVERS:
        months = [
            (month[0] * (1 - lever.on_input[at]), month[1] * (1 - lever.on_output[at]))
            for at, month in enumerate(months)
        ]
        least, most = (inward * lever.on_input[at] + outward * lever.on_output[at] for at in (0, 1))
        found.append(
            Expected(
                lever=lever.name,
                least=least,
                most=most,
                left_at_most=sum(months[0]) + sample,
                left_at_least=sum(months[1]) + sample,
                source=lever.source,
            )
        )
    return tuple(found)


def routed(costs: Costs, alone: Iterable[Costs]) -> tuple[Routed, ...]:
    """A month's work against the same on each of its models, dearest first; nothing for a single model.

    `alone` is what `CostCalculator.calculate_model_cost` says for each model of the breakdown. The sample is
    no work of the models, and left out on both sides.
    """
    rivals = [(_work(one), one.profile) for one in alone]
    if len(rivals) < 2:
        return ()
    return tuple(
        Routed(model=model, total=total, saved_percent=percent_saved(_work(costs), total))
        for total, model in sorted(rivals, reverse=True)
    )


def _work(costs: Costs) -> Decimal:
    return sum((part.cost for part in costs.breakdown if part.kind == "model"), Decimal(0))
