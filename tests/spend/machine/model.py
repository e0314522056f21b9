"""What the ledger should say, worked out a second time: integers, fractions and one dict of calls.

Nothing of `farthing` is imported here and nothing is kept that could drift: every balance is summed anew from
the calls. Amounts are nano-dollars, a provider's charge is a `Fraction` of dollars. Times are microseconds
since 1970 and seconds of the lease clock.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Literal

Account = tuple[str, str]
Sums = tuple[int, int, int]
"""Settled, held, uncertain."""

_1970 = datetime(1970, 1, 1, tzinfo=UTC)


class LawBrokenError(AssertionError):
    """What the ledger must never do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One configured limit."""

    scope: str
    period: str
    amount: int
    hard: bool = True


@dataclass(slots=True, kw_only=True)
class Call:
    """One call: what was asked, what the provider did with it, and what the rows say of it so far."""

    name: str
    at_us: int
    worst: int
    floor: int
    limits: Mapping[Account, int | None]
    soft: Mapping[Account, int]
    groups: tuple[tuple[str, str], ...]
    patient: bool
    share: int
    """What the provider charges, in thousandths of the grant; above 1000 it is an overrun."""
    to_send: bool
    """Whether its caller sends it as soon as it is admitted."""
    sent: bool = False
    charge: Fraction = Fraction(0)
    has_id: bool = False
    told: set[int | None] = field(default_factory=set[int | None])
    """Every cost that a process was told for it, None for an end whose cost nobody knows."""
    state: Literal["", "held", "uncertain", "settled"] = ""
    granted: int = 0
    epoch: int = 0
    cost: int = 0
    seen: bool = False
    findable: bool = False
    """Whether a row names its generation id."""

    @property
    def bill(self) -> int:
        """The provider's charge as a settlement rounds it: half to even."""
        return round(self.charge * 10**9)

    @property
    def literal(self) -> str:
        """The charge in the provider's digits."""
        pico = self.charge * 10**12
        assert pico.denominator == 1
        whole, rest = divmod(pico.numerator, 10**12)
        return f"{whole}.{rest:012d}"

    @property
    def day(self) -> str:
        return f"{moment(self.at_us):%Y-%m-%d}"

    def sums(self) -> Sums:
        match self.state:
            case "settled":
                return (self.cost, 0, 0)
            case "held":
                return (0, self.granted, 0)
            case "uncertain":
                return (0, 0, self.granted)
            case "":
                return (0, 0, 0)

    def send(self) -> None:
        """The provider gets it, and will charge for it whatever becomes of us."""
        self.sent = True
        self.charge = Fraction(self.granted * self.share, 1000 * 10**9)


class Model:
    """All calls of one example, in the order in which they were asked for."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}

    def committed(self, account: Account, *, but_held: bool = False) -> int:
        """What counts against a limit."""
        found = (call.sums() for call in self.calls.values() if account in call.limits)
        return sum(settled + uncertain + (0 if but_held else held) for settled, held, uncertain in found)

    def grant(self, call: Call, *, but_held: bool = False) -> int | None:
        """The most that every limit allows the call now; None where that is less than it needs."""
        granted = call.worst
        for account, limit in call.limits.items():
            if limit is not None:
                granted = min(granted, limit - self.committed(account, but_held=but_held))
        return granted if granted >= call.floor else None

    def balances(self) -> dict[Account, Sums]:
        """Every account that is not empty."""
        sums: dict[Account, Sums] = {}
        for call in self.calls.values():
            mine = call.sums()
            for account in call.limits:
                old = sums.get(account, (0, 0, 0))
                sums[account] = (old[0] + mine[0], old[1] + mine[1], old[2] + mine[2])
        return {account: found for account, found in sums.items() if any(found)}

    def days(self) -> Counter[tuple[str, str]]:
        """Calls that ended, and what they settled or left uncertain, by day."""
        sums: Counter[tuple[str, str]] = Counter()
        for call in self.calls.values():
            if call.state in ("settled", "uncertain"):
                settled, _, uncertain = call.sums()
                sums[call.day, "calls"] += 1
                sums[call.day, "settled"] += settled
                sums[call.day, "uncertain"] += uncertain
        return Counter({key: found for key, found in sums.items() if found})

    def groups(self) -> Counter[tuple[str, str, str]]:
        """What the agents, swarms, keys and tags settled or left uncertain, by day."""
        sums: Counter[tuple[str, str, str]] = Counter()
        for call in self.calls.values():
            if call.state in ("settled", "uncertain"):
                for dimension, name in call.groups:
                    sums[call.day, dimension, name] += sum(call.sums())
        return Counter({key: found for key, found in sums.items() if found})

    def total(self) -> Sums:
        columns = list(zip(*(call.sums() for call in self.calls.values()), strict=True))
        return (sum(columns[0]), sum(columns[1]), sum(columns[2])) if columns else (0, 0, 0)

    def bill(self) -> int:
        return sum(call.bill for call in self.calls.values())

    def unbooked_overruns(self) -> int:
        """What is billed above the bound of calls that are not settled: nobody can know it yet."""
        return sum(
            max(0, call.bill - call.granted) for call in self.calls.values() if call.state != "settled"
        )


def charged(
    rules: Iterable[Rule], *, task: str, at_us: int, key: str | None, run: str | None, agent: str | None
) -> tuple[dict[Account, int | None], dict[Account, int]]:
    """The accounts of a call with the least hard limit of each, and its soft limits."""
    names = {"deployment": "deployment", "task": f"task:{task}"}
    if key is not None:
        names["key"] = names[f"key:{key}"] = f"key:{key}"
    if run is not None:
        names["swarm"] = f"swarm:{run}"
        if agent is not None:
            names["agent"] = f"agent:{run}/{agent}"
    hard: dict[Account, int | None] = {("deployment", period("month", at_us)): None}
    soft: dict[Account, int] = {}
    for rule in rules:
        if rule.scope not in names:
            continue
        account = (names[rule.scope], period(rule.period, at_us))
        known = hard.setdefault(account, None)
        if rule.hard:
            hard[account] = rule.amount if known is None else min(known, rule.amount)
        else:
            soft[account] = min(soft.get(account, rule.amount), rule.amount)
    return hard, soft


def moment(at_us: int) -> datetime:
    return _1970 + timedelta(microseconds=at_us)


def period(kind: str, at_us: int) -> str:
    """The account's period, written out by the calendar."""
    at = moment(at_us)
    match kind:
        case "day":
            return f"day:{at.year:04d}-{at.month:02d}-{at.day:02d}"
        case "week":  # ISO: the week belongs to the year of its Thursday
            thursday = at + timedelta(days=3 - at.weekday())
            return f"week:{thursday.year}-W{1 + (thursday.timetuple().tm_yday - 1) // 7:02d}"
        case "month":
            return f"month:{at.year:04d}-{at.month:02d}"
        case _:
            return "total"
