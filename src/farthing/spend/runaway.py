"""Whether spend runs away: the rate of the last minutes against the usual. Pure; looking is `lookout.py`'s.

The usual day is the median of the days with spend among the 28 before today, if there are seven: a day that
ran away itself, and a week that nobody worked, do not move it. Until then it is a 30th of the month's
budget. Spend runs away when, at the same moment,

- the last `window` spent at least `factor` × usual day × window / 24 h,
- and at least `minimum`,
- and today as a whole has spent half as much again as a usual day: work that is done in one hour of each
  day is no runaway,

or when today has spent `factor` usual days and the minimum. An alert never moves a limit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from statistics import median
from typing import NamedTuple

from farthing.money import format_usd, from_nano
from farthing.spend.alerts import RUNAWAY, Alert
from farthing.spend.budget import AccountKey

LOOK_BACK_DAYS, ENOUGH_DAYS = 28, 7
_MONTH_DAYS = 30
_DAY_MINUTES = 24 * 60
_BUSY_DAY = Decimal("1.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunawayRule:
    """What counts as running away. `planned_nano` is the month's budget; None where none is set."""

    factor: Decimal
    window_minutes: int
    minimum_nano: int
    planned_nano: int | None


class Usual(NamedTuple):
    """A usual day's nano-dollars, and from how many days it is known; 0 of them: it is planned."""

    day: int
    days: int


class Sample(NamedTuple):
    """What a ledger had committed in all at one moment; nano-dollars."""

    at_us: int
    total: int


class Standing(NamedTuple):
    """What was committed in the last minutes, and today as a whole; nano-dollars."""

    window: int
    today: int


def usual_day(spent: Mapping[str, int], *, planned_nano: int | None) -> Usual | None:
    """The usual day from the sums of past days, nano-dollars by date, today not among them.

    None where there are too few days with spend and no budget: then nothing is unusual.
    """
    days = [nano for nano in spent.values() if nano > 0]
    if len(days) >= ENOUGH_DAYS:
        return Usual(int(median(days)), len(days))
    return Usual(planned_nano // _MONTH_DAYS, 0) if planned_nano else None


def within(samples: tuple[Sample, ...], latest: Sample, *, window_minutes: int) -> tuple[Sample, ...]:
    """The samples of the window that ends with the latest one, that one included. A clock that was set back
    drops what lies ahead of it."""
    since = latest.at_us - window_minutes * 60_000_000
    return (*(sample for sample in samples if since <= sample.at_us < latest.at_us), latest)


def spent_within(samples: tuple[Sample, ...]) -> int:
    """What was committed between the first and the last sample. Never more than the window spent: what came
    before the first look is not known."""
    return max(0, samples[-1].total - samples[0].total) if samples else 0


def runaways(
    rule: RunawayRule, usual: Usual | None, standing: Standing, *, now: datetime
) -> tuple[Alert, ...]:
    """The alerts of this moment, if spend runs away: of the hour and of the day, by their periods."""
    if usual is None or usual.day <= 0:
        return ()
    found: list[Alert] = []
    now = now.astimezone(UTC)
    in_window = Decimal(usual.day) * rule.window_minutes / _DAY_MINUTES
    least = max(rule.factor * in_window, Decimal(rule.minimum_nano))
    if standing.window >= least and standing.today >= _BUSY_DAY * usual.day:
        said = _words(standing.window, f"in {rule.window_minutes} minutes", in_window, usual)
        found.append(_alert(f"hour:{now:%Y-%m-%dT%H}", standing.window, said))
    if standing.today >= max(rule.factor * usual.day, Decimal(rule.minimum_nano)):
        said = _words(standing.today, "today", Decimal(usual.day), usual)
        found.append(_alert(f"day:{now:%Y-%m-%d}", standing.today, said))
    return tuple(found)


def _alert(period: str, spent: int, detail: str) -> Alert:
    # No base: a late bill moves the usual a little, and the row must be the same for every process.
    return Alert(AccountKey("deployment", period), RUNAWAY, 0, spent, detail=detail)


def _words(spent: int, when: str, usual_nano: Decimal, usual: Usual) -> str:
    source = f"the median of {usual.days} days" if usual.days else "a 30th of the month's budget for a day"
    times = Decimal(spent) / usual_nano
    amount, expected = format_usd(from_nano(spent)), format_usd(from_nano(int(usual_nano)))
    return f"{amount} {when}, {times:.1f} times the usual {expected} ({source})"
