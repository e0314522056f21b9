"""Who may spend how much: accounts, balances, and the decision to admit a call. Pure; money is nano-dollars.

An account is a scope in a period. The law, for every account at every instant:
`settled + held + uncertain + new worst case ≤ limit` at admission. Nothing here reads a database or a clock.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

from farthing.money import format_usd, from_nano

PeriodKind = Literal["total", "day", "week", "month"]


class AccountKey(NamedTuple):
    """A scope (`deployment`, `key:NAME`, `swarm:ID`, …) in a period (`total`, `month:2026-11`, …)."""

    scope: str
    period: str


class Balance(NamedTuple):
    """What an account has settled, holds for calls on the wire, and counts as uncertain; nano-dollars."""

    settled: int = 0
    held: int = 0
    uncertain: int = 0

    @property
    def committed(self) -> int:
        """What counts against the limit."""
        return self.settled + self.held + self.uncertain


class Claim(NamedTuple):
    """An account a call is charged to, and its limit; None only keeps the balance.

    A soft limit refuses nothing: near it cheaper models come first, and passing it is an alert.
    """

    key: AccountKey
    limit: int | None
    soft: bool = False


class Admitted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The call may be sent, costing at most `granted` nano-dollars, which are now held."""

    granted: int


class Denied(msgspec.Struct, frozen=True, kw_only=True):
    """The limit that stands in the way. `transient`: only calls on the wire hold the money just now."""

    key: AccountKey
    limit: int
    balance: Balance
    wanted: int
    fits: int
    transient: bool

    def __str__(self) -> str:
        settled, held, uncertain = (_usd(part) for part in self.balance)
        period = self.key.period.partition(":")[0]
        return (
            f"the {period} limit of {self.key.scope}, {_usd(self.limit)}, would be passed: "
            f"{settled} settled, {held} held, {uncertain} uncertain; the call may cost {_usd(self.wanted)} "
            f"and {_usd(self.fits)} would fit"
        )


Decision = Admitted | Denied


def period_key(kind: PeriodKind, at: datetime) -> str:
    """The period of a UTC moment: `day:2026-11-23`, `week:2026-W48` (ISO), `month:2026-11`, `total`."""
    return _period_of(kind, at.date())


@lru_cache(maxsize=16)  # every call asks, and the answer changes once a day
def _period_of(kind: PeriodKind, day: date) -> str:
    match kind:
        case "total":
            return "total"
        case "day":
            return f"day:{day:%Y-%m-%d}"
        case "week":
            year, week, _ = day.isocalendar()
            return f"week:{year}-W{week:02d}"
        case "month":
            return f"month:{day:%Y-%m}"


def admit(
    balances: Mapping[AccountKey, Balance], claims: Sequence[Claim], *, worst: int, floor: int
) -> Decision:
    """Admits a call in all its accounts or in none.

    `worst` is the most it may cost; `floor` the least worst case it can be clamped to (equal to `worst`
    when it must not be clamped), `0 ≤ floor ≤ worst`. The grant is the largest amount between the two that
    every limit allows. A denial names the limit that will not give way, if there is one; `fits` is of all.
    """
    granted = worst
    refused: list[Claim] = []
    for claim in claims:
        if claim.limit is None or claim.soft:
            continue
        room = claim.limit - balances[claim.key].committed
        granted = min(granted, room)
        if room < floor:
            refused.append(claim)
    if not refused:
        return Admitted(granted=granted)
    denials = [_denied(claim, balances[claim.key], wanted=floor, fits=max(granted, 0)) for claim in refused]
    return next((denied for denied in denials if not denied.transient), denials[0])


def _denied(claim: Claim, balance: Balance, *, wanted: int, fits: int) -> Denied:
    limit = claim.limit or 0
    could_fit = limit - balance.settled - balance.uncertain >= wanted
    return Denied(
        key=claim.key,
        limit=limit,
        balance=balance,
        wanted=wanted,
        fits=fits,
        transient=could_fit and balance.held > 0,
    )


class Posting(NamedTuple):
    """A change of every account of one call; nano-dollars, may be negative."""

    settled: int = 0
    held: int = 0
    uncertain: int = 0


def hold(granted: int) -> Posting:
    """An intent: the grant is held."""
    return Posting(held=granted)


def settle(cost: int, *, held: int, was_uncertain: bool) -> Posting:
    """A known cost replaces the hold, or what had become uncertain. An overrun is booked whole."""
    return Posting(settled=cost, uncertain=-held) if was_uncertain else Posting(settled=cost, held=-held)


def doubt(held: int) -> Posting:
    """An unknown cost: the hold goes on counting, as uncertain."""
    return Posting(held=-held, uncertain=held)


def post(balances: dict[AccountKey, Balance], keys: Iterable[AccountKey], posting: Posting) -> None:
    """Applies one posting to all accounts of a call."""
    for key in keys:
        settled, held, uncertain = balances[key]
        balances[key] = Balance(settled + posting.settled, held + posting.held, uncertain + posting.uncertain)


def headroom(balances: Mapping[AccountKey, Balance], claims: Sequence[Claim]) -> int | None:
    """The nano-dollars that every limit still leaves, soft ones too; None when none has a limit.

    Negative where a soft limit, or an overrun, is passed.
    """
    rooms = [claim.limit - balances[claim.key].committed for claim in claims if claim.limit is not None]
    return min(rooms) if rooms else None


def _usd(nano: int) -> str:
    return format_usd(from_nano(nano))
