"""What the month will cost: an expectation with a band, from the days that are over. Pure and deterministic.

Days are taken as independent draws about a mean, or about the mean of their weekday when at least four weeks
are over. Of m days still to come the sum is forecast by the usual prediction interval (Hahn & Meeker,
"Statistical Intervals", for the sum of m future observations):

    m·x̄ ± t(90 %, n − p) · s · √(m + Σ m_g²/n_g)

n days in groups g (all days, or seven weekdays), p means estimated, s² the pooled variance. The 10 % and 90 %
quantiles bound an 80 % band; with few days Student's t makes it wide. A day beyond Tukey's outer fence
(the quartiles ± 3 times their distance) counts as the fence: one odd day is spent, but not expected again.
What is left of today is expected in proportion to the time left. Nothing is below what is spent.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from farthing.money import from_nano

HISTORY_DAYS = 56
"""How far back days are looked at: habits change."""

_WEEKDAYS_FROM = 28
_FENCED_FROM = 8
_FEW = 7
_ZERO = Decimal(0)
_T90 = (3.078, 1.886, 1.638, 1.533, 1.476, 1.440, 1.415, 1.397, 1.383, 1.372)
"""Student's t at 90 % for 1 to 10 degrees of freedom."""
_Z90 = Decimal("1.2816")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The month's spend in US dollars: what is expected, and the band that holds it 8 times in 10.

    `high` is None where fewer than two days are over: nothing can be said of how they differ.
    """

    spent: Decimal
    expected: Decimal
    low: Decimal
    high: Decimal | None
    days: int
    """Days that are over and were looked at."""
    by_weekday: bool
    days_left: int
    """Days of the month after today."""

    @property
    def basis(self) -> str:
        """What it rests on, in words."""
        seen = f"{self.days} day{'' if self.days == 1 else 's'}"
        if self.high is None:
            return f"from {seen} that are over: too few for a band"
        kind = ", each weekday by itself" if self.by_weekday else ""
        few = "; so few make the band wide" if self.days < _FEW else ""
        return f"from {seen}{kind}{few}"


def forecast(spend_by_day: Mapping[str, int], now: datetime) -> Forecast:
    """The forecast of the month of `now` (UTC) from nano-dollars by day (`2026-11-23`).

    Days without an entry before the first one with spend are not known; later ones cost nothing.
    """
    today = now.date()
    month = today.strftime("%Y-%m")
    spent = from_nano(sum(nano for day, nano in spend_by_day.items() if day.startswith(month)))
    over = _days_over(spend_by_day, today)
    left = monthrange(today.year, today.month)[1] - today.day
    ahead = [today + timedelta(days=at) for at in range(1, left + 1)]
    gone = Decimal(now.hour * 3600 + now.minute * 60 + now.second) / 86_400
    if not over:
        rate = spent / max(gone, Decimal(1) / 24)
        return Forecast(
            spent=spent,
            expected=spent + rate * (left + 1 - gone),
            low=spent,
            high=None,
            days=0,
            by_weekday=False,
            days_left=left,
        )
    weekly = len(over) >= _WEEKDAYS_FROM
    fence = _fence([amount for _, amount in over])
    groups = _grouped([(day, min(amount, fence)) for day, amount in over], weekly=weekly)
    means = {name: sum(members, _ZERO) / len(members) for name, members in groups.items()}
    wanted = _wanted([*ahead], today, Decimal(1) - gone, weekly=weekly)
    rest = sum((means[name] * share for name, share in wanted.items()), _ZERO)
    reach = _reach(groups, means, wanted)
    return Forecast(
        spent=spent,
        expected=spent + rest,
        low=spent + (_ZERO if reach is None else max(rest - reach, _ZERO)),
        high=None if reach is None else spent + rest + reach,
        days=len(over),
        by_weekday=weekly,
        days_left=left,
    )


def _days_over(spend_by_day: Mapping[str, int], today: date) -> list[tuple[date, Decimal]]:
    """The days before today from the first with spend on, at most `HISTORY_DAYS`."""
    earliest = (today - timedelta(days=HISTORY_DAYS)).isoformat()
    known = [day for day, nano in spend_by_day.items() if nano and earliest <= day < today.isoformat()]
    if not known:
        return []
    first = date.fromisoformat(min(known))
    days = [first + timedelta(days=at) for at in range((today - first).days)]
    return [(day, from_nano(spend_by_day.get(day.isoformat(), 0))) for day in days]


def _grouped(days: Sequence[tuple[date, Decimal]], *, weekly: bool) -> dict[int, list[Decimal]]:
    groups: dict[int, list[Decimal]] = {}
    for day, amount in days:
        groups.setdefault(day.weekday() if weekly else 0, []).append(amount)
    return groups


def _wanted(ahead: Sequence[date], today: date, rest: Decimal, *, weekly: bool) -> dict[int, Decimal]:
    """How many days of each group are to come; what is left of today is a part of one."""
    counts: dict[int, Decimal] = {}
    for day, share in [(today, rest), *((day, Decimal(1)) for day in ahead)]:
        name = day.weekday() if weekly else 0
        counts[name] = counts.get(name, _ZERO) + share
    return counts


def _reach(
    groups: Mapping[int, Sequence[Decimal]], means: Mapping[int, Decimal], wanted: Mapping[int, Decimal]
) -> Decimal | None:
    """Half the width of the band; None with no degree of freedom."""
    freedom = sum(map(len, groups.values())) - len(groups)
    if freedom < 1:
        return None
    squares = sum(
        ((amount - means[name]) ** 2 for name, members in groups.items() for amount in members), _ZERO
    )
    spread = sum((share + share**2 / len(groups[name]) for name, share in wanted.items()), _ZERO)
    return _t90(freedom) * (squares / freedom * spread).sqrt()


def _t90(freedom: int) -> Decimal:
    """Beyond the table by the first term of its expansion about the normal quantile; within 0.005."""
    if freedom <= len(_T90):
        return Decimal(str(_T90[freedom - 1]))
    return _Z90 + (_Z90**3 + _Z90) / (4 * freedom)


def _fence(amounts: Sequence[Decimal]) -> Decimal:
    """Tukey's outer fence; of a few days the largest, as quartiles of them say nothing."""
    ordered = sorted(amounts)
    if len(ordered) < _FENCED_FROM:
        return ordered[-1]
    low, high = ordered[len(ordered) // 4], ordered[(3 * len(ordered)) // 4]
    return high + 3 * (high - low) if high > low else ordered[-1]
