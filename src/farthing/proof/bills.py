"""Decides what the provider's bills say of a ledger's calls: amounts, drift, and what is left of a day.

Pure; money is nano-dollars. A settled row is never changed: where its bill says something else, that is drift
and is told. Only calls that are uncertain are booked by a bill.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from farthing.money import nano_half_even
from farthing.result import CostBasis
from farthing.spend.ledger import Outcome
from farthing.spend.runs import Call
from farthing.spend.settlement import Known
from farthing.task import Usage
from farthing.upstream.account import DayOfModel


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """A settled call beside its bill."""

    call_id: str
    generation_id: str
    model: str
    day: str
    basis: CostBasis
    booked: int
    billed: int

    @property
    def drift(self) -> int:
        """How much more was billed than booked."""
        return self.billed - self.booked


class DriftSums(NamedTuple):
    """All calls whose bill was found."""

    calls: int = 0
    differing: int = 0
    booked: int = 0
    billed: int = 0

    @property
    def percent(self) -> Decimal | None:
        """The drift as a share of the bill, 0–100; None where nothing was billed."""
        return None if self.billed == 0 else Decimal(100 * (self.billed - self.booked)) / self.billed


class DaySums(NamedTuple):
    """What the ledger has of one model on one UTC day."""

    settled: int = 0
    calls: int = 0
    uncertain: tuple[Call, ...] = ()


class Residual(msgspec.Struct, frozen=True, kw_only=True):
    """One model on one day: what the account was billed beyond what the ledger settled.

    `uncertain` are the ledger's calls of that day and model whose cost nobody knows, `worst` what they hold.
    """

    day: str
    model: str
    billed: int
    requests: int
    settled: int
    calls: int
    uncertain: tuple[str, ...]
    worst: int

    @property
    def residual(self) -> int:
        return self.billed - self.settled

    @property
    def covered(self) -> bool:
        """Whether the uncertain calls can be what is left, if nobody else used the account."""
        return bool(self.uncertain) and 0 <= self.residual <= self.worst


def drift_of(call: Call, billed: int) -> Drift | None:
    """A settled call beside its bill; None for one that is not settled or has no id."""
    if call.cost is None or call.outcome is None or call.generation_id is None:
        return None
    return Drift(
        call_id=call.call_id,
        generation_id=call.generation_id,
        model=call.intent.model,
        day=call.day,
        basis=call.outcome.basis,
        booked=call.cost,
        billed=billed,
    )


def added(sums: DriftSums, drift: Drift) -> DriftSums:
    return DriftSums(
        sums.calls + 1,
        sums.differing + (drift.drift != 0),
        sums.booked + drift.booked,
        sums.billed + drift.billed,
    )


def outcome_of(call: Call, known: Known, *, at_us: int, reason: str) -> Outcome:
    """The settlement of an uncertain call: what it costs is new, all else stays as it was known."""
    was = call.outcome
    usage = Usage() if was is None else Usage(input_tokens=was.input_tokens, output_tokens=was.output_tokens)
    return Outcome(
        call_id=call.call_id,
        at_us=at_us,
        cost=known.nano,
        basis=known.basis,
        accepted=was is not None and was.accepted,
        reason=reason,
        literal=known.literal,
        generation_id=call.generation_id,
        provider=None if was is None else was.provider,
        usage=known.usage if known.usage.total_tokens else usage,
        baseline=0 if was is None else was.baseline,
        latency_ms=0.0 if was is None else was.latency_ms,
        first_token_ms=None if was is None else was.first_token_ms,
        finish="" if was is None else was.finish,
        limit="" if was is None else was.limit,
    )


def day_sums(calls: Iterable[Call]) -> dict[tuple[str, str], DaySums]:
    """Sums by day and model, a variant's under its model."""
    sums: dict[tuple[str, str], DaySums] = {}
    for call in calls:
        key = call.day, _base(call.intent.model)
        old = sums.get(key, DaySums())
        open_calls = old.uncertain if call.cost is not None else (*old.uncertain, call)
        sums[key] = DaySums(old.settled + (call.cost or 0), old.calls + 1, open_calls)
    return sums


def residuals(
    activity: Sequence[DayOfModel], sums: dict[tuple[str, str], DaySums], *, days: Sequence[str]
) -> list[Residual]:
    """Every model of these days that the account or the ledger knows, in their order."""
    billed: dict[tuple[str, str], tuple[int, int]] = {}
    for row in activity:
        name = next((n for n in (row.model, row.permaslug) if (row.day, _base(n)) in sums), row.model)
        old = billed.get((row.day, _base(name)), (0, 0))
        billed[row.day, _base(name)] = old[0] + nano_half_even(row.billed), old[1] + row.requests
    wanted = set(days)
    return [
        _residual(key, billed.get(key, (0, 0)), sums.get(key, DaySums()))
        for key in sorted(billed.keys() | sums.keys())
        if key[0] in wanted
    ]


def split(residual: Residual, calls: Sequence[Call]) -> dict[str, int]:
    """What each uncertain call is given of what is left: in order, up to its worst case. The sum is the rest.

    Raises `ValueError` where the calls cannot be what is left.
    """
    if not residual.covered:
        raise ValueError(f"{residual.residual} nano-dollars are not these calls' of {residual.worst}")
    rest, shares = residual.residual, dict[str, int]()
    for call in calls:
        shares[call.call_id] = min(rest, call.worst)
        rest -= shares[call.call_id]
    return shares


def _residual(key: tuple[str, str], billed: tuple[int, int], sums: DaySums) -> Residual:
    return Residual(
        day=key[0],
        model=key[1],
        billed=billed[0],
        requests=billed[1],
        settled=sums.settled,
        calls=sums.calls,
        uncertain=tuple(call.call_id for call in sums.uncertain),
        worst=sum(call.worst for call in sums.uncertain),
    )


def _base(model: str) -> str:
    return model.partition(":")[0]
