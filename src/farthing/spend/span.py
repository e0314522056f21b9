"""The days that a report is of: from which to which, as a person names them. Pure; days are UTC.

A call belongs to the day of its intent, so a span is of intents.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_LAST = re.compile(r"(\d{1,4})\s*([dw])")
_EPOCH = date(1970, 1, 1)
_US_A_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Whole days, both included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"{self.last} is before {self.first}")

    @property
    def from_us(self) -> int:
        """The first microsecond since 1970."""
        return (self.first - _EPOCH).days * _US_A_DAY

    @property
    def until_us(self) -> int:
        """The first microsecond after it."""
        return ((self.last - _EPOCH).days + 1) * _US_A_DAY

    def days(self) -> tuple[str, ...]:
        """Every day, as the ledger writes them."""
        count = (self.last - self.first).days + 1
        return tuple((self.first + timedelta(days=at)).isoformat() for at in range(count))

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


def month_to_date(now: datetime) -> Span:
    """From the first of the month to today."""
    today = now.astimezone(UTC).date()
    return Span(first=today.replace(day=1), last=today)


def span_of(*, since: str | None, until: str | None, last: str | None, now: datetime) -> Span:
    """The span that is asked for: `since` and `until` are days, `last` is `30d` or `4w` up to today.

    Nothing asked is the month to date; without `since` it begins with the month of `until`. Raises
    `ValueError` that says which one is wrong.
    """
    today = now.astimezone(UTC).date()
    if last is not None:
        if since is not None or until is not None:
            raise ValueError("--last is a span by itself; give it, or --since and --until")
        return Span(first=today - timedelta(days=_count(last) - 1), last=today)
    end = today if until is None else _day("--until", until)
    first = end.replace(day=1) if since is None else _day("--since", since)
    if end < first:
        raise ValueError(f"--until {end} is before --since {first}")
    return Span(first=first, last=end)


def _count(text: str) -> int:
    found = _LAST.fullmatch(text.strip().lower())
    days = int(found[1]) * (7 if found[2] == "w" else 1) if found else 0
    if days < 1:
        raise ValueError(f"--last {text!r} is no number of days; write it as 30d or 4w")
    return days


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{option} {text!r} is no day; write it as 2026-11-23") from None
