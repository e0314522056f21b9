"""What a change of models earns on what it costs to make: break-even and return. Pure; US dollars.

Simple, not discounted: months are equal, and money later counts as much as money now.
"""

from decimal import ROUND_CEILING, Decimal

import msgspec


class Return(msgspec.Struct, frozen=True, kw_only=True):
    """The state after some months. `net` is savings less the investment; `roi_percent`, net over it."""

    months: int
    savings: Decimal
    net: Decimal
    roi_percent: Decimal | None
    """None where nothing was invested."""


class Roi(msgspec.Struct, frozen=True, kw_only=True):
    """An investment against monthly savings. `break_even_months` is None where it never pays."""

    investment: Decimal
    monthly_savings: Decimal
    break_even_months: int | None
    """The first month at whose end the savings have paid for it; 0 without an investment."""
    after: tuple[Return, ...]


def roi(investment: Decimal, monthly_savings: Decimal, *, horizons: tuple[int, ...] = (12, 36)) -> Roi:
    """Break-even, and the state after each horizon in months. `ValueError` for a negative investment."""
    if investment < 0:
        raise ValueError(f"an investment of {investment} dollars is none; give 0 or more")
    months = None
    if investment == 0:
        months = 0
    elif monthly_savings > 0:
        months = int((investment / monthly_savings).to_integral_value(rounding=ROUND_CEILING))
    return Roi(
        investment=investment,
        monthly_savings=monthly_savings,
        break_even_months=months,
        after=tuple(_after(investment, monthly_savings, count) for count in horizons),
    )


def _after(investment: Decimal, monthly_savings: Decimal, months: int) -> Return:
    savings = monthly_savings * months
    net = savings - investment
    return Return(
        months=months, savings=savings, net=net, roi_percent=net / investment * 100 if investment else None
    )
