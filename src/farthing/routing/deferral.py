"""How a task that may wait is sent most cheaply under its deadline. One pure decision, taken as it comes.

Three ways: at once, by the cheapest provider or the flex tier (`:floor`); at an hour when the model's dated
price is lower; in a batch, at about half price within 24 hours. The least expected cost wins, of equals the
soonest. What flex will save is not known beforehand, so none of it is counted on. The deadline says how long
a task may wait, never when it is given up: that is its timeout's, whose clock starts when it is sent.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Literal

import msgspec

from farthing.catalog.pricing import Price, computed_cost
from farthing.money import format_usd
from farthing.task import Usage

BATCH_WINDOW_S = 86_400.0
"""OpenRouter's only completion window, `24h`: the most a batch may take."""
GATHER_S = 5.0
"""How long the first task of a batch waits for others."""
_BATCH_SHARE = Decimal("0.5")
"""Of the dated price, where the catalogue has no `:batch` row for the model: "typically billed at 50 %"."""

Way = Literal["off_peak", "free_pace", "batch", "flex"]


class Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """Which ways this task and its first model may go."""

    flex: bool = False
    off_peak: bool = False
    batch: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided. `wait_s` is waited before anything is held; then `ways` say how it is sent."""

    ways: tuple[Way, ...] = ()
    wait_s: float = 0.0
    latest_s: float = 0.0
    """Seconds from now until it must be sent directly at the latest: a batch is waited for no longer."""
    reason: str = ""
    expected: Decimal | None = None
    at_once: Decimal | None = None
    """Expected cost if it were sent at once by the dated price, US dollars; None: no price is known."""

    @property
    def in_batch(self) -> bool:
        return "batch" in self.ways

    @property
    def word(self) -> str:
        """How the ledger names it: `off_peak+flex`."""
        return "+".join(way for way in self.ways if way != "free_pace")


class _Option(msgspec.Struct, frozen=True, kw_only=True):
    ways: tuple[Way, ...]
    wait_s: float
    cost: Decimal
    words: str


def plan_for(
    deadline: datetime,
    *,
    now: datetime,
    margin_s: float,
    price: Price | None,
    batch_price: Price | None,
    usage: Usage,
    allowed: Allowed,
    pace_s: float = 0.0,
) -> Plan:
    """The decision for a task with a deadline.

    `margin_s` is kept free before the deadline: all the time the task is given once it is sent. `price` and
    `batch_price` are the first candidate's (`batch_price` None: no row of its own), `usage` is what it is
    expected to take, `pace_s` how long the day's free requests ask a free model's task to wait.
    """
    latest_s = (deadline - now).total_seconds() - margin_s
    if latest_s <= 0:
        return Plan(reason=f"sent at once: the deadline {_shown(deadline, now)} leaves no room to wait")
    if price is None or price.is_free:
        return _paced(pace_s, latest_s, now)
    at_once = computed_cost(price, usage, at=now)
    flex: tuple[Way, ...] = ("flex",) if allowed.flex else ()
    options = [_Option(ways=flex, wait_s=0.0, cost=at_once, words="")]
    if allowed.off_peak:
        options += _cheaper_hours(price, usage, now=now, latest_s=latest_s, ways=("off_peak", *flex))
    if allowed.batch and latest_s >= GATHER_S + BATCH_WINDOW_S:
        cost = at_once * _BATCH_SHARE if batch_price is None else computed_cost(batch_price, usage, at=now)
        options.append(_Option(ways=("batch",), wait_s=0.0, cost=cost, words="in a batch, within 24 hours"))
    best = min(options, key=lambda option: (option.cost, option.wait_s))
    if best.words:
        reason = f"{best.words}: expected {format_usd(best.cost)}, at once {format_usd(at_once)}"
    else:
        reason = f"sent at once{' by the cheapest provider or flex tier' if flex else ''}: "
        reason += f"nothing under its deadline {_shown(deadline, now)} is expected to be cheaper"
    return Plan(
        ways=best.ways,
        wait_s=best.wait_s,
        latest_s=latest_s,
        reason=reason,
        expected=best.cost,
        at_once=at_once,
    )


def _paced(pace_s: float, latest_s: float, now: datetime) -> Plan:
    """A model that costs nothing has no cheaper hour; the day's requests may ask it to wait."""
    if 0 < pace_s <= latest_s:
        when = _shown(now + timedelta(seconds=pace_s), now)
        reason = f"waits until {when}: the day's free requests are spread over the day"
        return Plan(ways=("free_pace",), wait_s=pace_s, latest_s=latest_s, reason=reason)
    return Plan(latest_s=latest_s, reason="sent at once: its model has no cheaper hour")


def _cheaper_hours(
    price: Price, usage: Usage, *, now: datetime, latest_s: float, ways: tuple[Way, ...]
) -> Iterator[_Option]:
    """The next beginning of each stretch of hours whose price may differ, where it comes in time."""
    for moment in _turns(price):
        day = now.astimezone(UTC)
        start = datetime.combine(day.date(), moment, UTC)
        if start <= day:
            start += timedelta(days=1)
        wait_s = (start - day).total_seconds()
        if wait_s <= latest_s:
            cost = computed_cost(price, usage, at=start)
            yield _Option(ways=ways, wait_s=wait_s, cost=cost, words=f"waits until {_shown(start, now)}")


def _turns(price: Price) -> set[time]:
    """When a window begins or ends: dearer hours end as cheaper ones begin."""
    stated = (edge for override in price.overrides for edge in (override.utc_start, override.utc_end))
    return {time.fromisoformat(edge).replace(tzinfo=None) for edge in stated if edge is not None}


def _shown(moment: datetime, now: datetime) -> str:
    """`16:30 UTC`, with its date where it is not today's."""
    moment, today = moment.astimezone(UTC), now.astimezone(UTC).date()
    return f"{moment:%H:%M} UTC" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M} UTC"
