"""Exact dollars: parse, round by the law, format; integer nano-dollars for storage.

Decides how money is rounded and written. A float never becomes money here, and nothing here knows
what is being paid for. One nano-dollar is 1e-9 USD: a token of a $0.001/M model still has a digit.
"""

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

NANO_PER_USD = 1_000_000_000
_EXACT = Context(prec=60)
_ZERO = Decimal(0)


def parse_usd(text: str | int | Decimal) -> Decimal:
    """Reads a dollar amount exactly. Raises `ValueError` for a float and for what is no finite number."""
    if isinstance(text, float):
        problem = "is a float, which cannot hold cents exactly; write it as text"
        raise ValueError(f"{text!r} {problem}")  # noqa: TRY004 - one error type for a bad amount
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount of dollars") from None
    if not amount.is_finite():
        raise ValueError(f"{text!r} is not a finite amount of dollars")
    return amount


def nano_up(amount: Decimal) -> int:
    """Dollars to nano-dollars, rounded up: for reservations, which must never be short."""
    return int(_scaled(amount).to_integral_value(rounding=ROUND_CEILING))


def nano_half_even(amount: Decimal) -> int:
    """Dollars to nano-dollars, rounded half to even: for settlements, which must not drift."""
    return int(_scaled(amount).to_integral_value(rounding=ROUND_HALF_EVEN))


def ratio_up(numerator: int, denominator: int) -> int:
    """An exact fraction, rounded up: `nano_up` for amounts that are kept as integers."""
    return -(-numerator // denominator)


def ratio_half_even(numerator: int, denominator: int) -> int:
    """An exact fraction of nothing less than zero, rounded half to even: `nano_half_even` for integers."""
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))


def from_nano(nano: int) -> Decimal:
    """Nano-dollars to exact dollars."""
    return Decimal(nano).scaleb(-9, context=_EXACT) if nano else _ZERO


def format_usd(amount: Decimal | int, *, places: int | None = None) -> str:
    """Dollars for people: two places from a dollar up, else as many as show three significant digits.

    `amount` is dollars, never nano-dollars. `places` fixes the number of decimals.
    """
    value = Decimal(amount)
    if places is None:
        places = 2 if value == 0 or abs(value) >= 1 else min(9, max(2, 2 - value.adjusted()))
    return f"-${-value:,.{places}f}" if value < 0 else f"${value:,.{places}f}"


def percent_saved(cost: Decimal, baseline: Decimal) -> Decimal | None:
    """Savings against a baseline, 0–100 (negative when dearer); None when the baseline is zero."""
    if baseline == 0:
        return None
    return (1 - cost / baseline) * 100


def _scaled(amount: Decimal) -> Decimal:
    return amount.scaleb(9, context=_EXACT)
