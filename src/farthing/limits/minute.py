"""A minute that several processes count together: how much was taken in each of its parts. Pure.

Time is cut into parts of 2.5 seconds by a clock that all of them ask, the database's. Who is granted an
amount has it for the part it was granted in, and what is left of it then counts as not taken. Any sixty
seconds touch twenty-five parts at most, and these never hold more than the limit: so the limit is kept in
every minute, wherever it begins, and at a steady rate 96 % of it can be used.
"""

import math

import msgspec

PART_S = 2.5
_PARTS = 25
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a process wants of a limit of `most` a minute: `wanted` if there is so much, at least `least`.

    `corrections` are what it took more (or less) than was counted, by the number of the part.
    """

    most: int
    wanted: int = 0
    least: int = 0
    corrections: tuple[tuple[int, int], ...] = ()


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What it is given for the part `number`, which ends in `left_s`; `opens_s`: until `least` can be had."""

    number: int
    granted: int
    left_s: float
    opens_s: float = 0.0


class Minute(msgspec.Struct, frozen=True):
    """What was taken: the number of the newest part, and the parts' amounts, the newest first."""

    newest: int = 0
    taken: tuple[int, ...] = ()


def answered(minute: Minute, ask: Ask, now_s: float) -> tuple[Minute, Told]:
    """The minute after an ask, and the answer. `now_s` is the shared clock; where it goes back, it stands
    still here.

    At most half of what is left is given at once, so that others find something too; what is more than the
    limit itself goes when nothing else counts.
    """
    number = max(math.floor(now_s / PART_S), minute.newest)
    taken = _corrected(_moved(minute, number), number, ask.corrections)
    left = ask.most - sum(taken)
    granted, opens = 0, number
    if ask.wanted > 0:
        if left >= ask.least:
            granted = min(ask.wanted, max(ask.least, -(-left // 2)))
        elif not any(taken):
            granted = ask.least
        else:
            opens = _opens(taken, number, ask)
    taken[0] += granted
    ends_s = (number + 1) * PART_S - now_s
    told = Told(
        number=number,
        granted=granted,
        left_s=ends_s,
        opens_s=0.0 if opens == number else ends_s + (opens - number - 1) * PART_S,
    )
    return Minute(number, tuple(taken)), told


def as_text(minute: Minute) -> str:
    """In at most 200 characters, for amounts of up to six digits of base 36 a part."""
    return f"{minute.newest}:{','.join(_base36(amount) for amount in minute.taken)}"


def of_text(text: str) -> Minute:
    """What `as_text` wrote."""
    newest, _, amounts = text.partition(":")
    return Minute(int(newest), tuple(int(amount, 36) for amount in amounts.split(",") if amount))


def _moved(minute: Minute, number: int) -> list[int]:
    taken = [0] * min(number - minute.newest, _PARTS) + list(minute.taken)
    return (taken + [0] * _PARTS)[:_PARTS]


def _corrected(taken: list[int], number: int, corrections: tuple[tuple[int, int], ...]) -> list[int]:
    for part, more in corrections:
        place = number - part
        if 0 <= place < _PARTS:
            taken[place] = max(0, taken[place] + more)
    return taken


def _opens(taken: list[int], number: int, ask: Ask) -> int:
    """The number of the part in which enough of the older ones counts no more."""
    over = sum(taken) + ask.least - ask.most
    for place in range(_PARTS - 1, -1, -1):
        over -= taken[place]
        if over <= 0:
            return number - place + _PARTS
    return number + _PARTS  # more than the limit itself: when nothing else counts


def _base36(amount: int) -> str:
    digits = ""
    while amount or not digits:
        amount, digit = divmod(amount, 36)
        digits = _DIGITS[digit] + digits
    return digits
