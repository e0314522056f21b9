"""At most so much in any sixty seconds: a sliding window that is exact, unlike a bucket. Pure.

`now` is seconds on any clock that only goes forward, given by the caller.
"""

from collections import deque

import msgspec

MINUTE_S = 60.0
_SAME_S = 0.01
"""Entries so near to each other are one, counted at the later time: memory is bounded at any rate."""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """Requests and tokens a minute; None is no limit."""

    requests: int | None = None
    tokens: int | None = None


class Entry(msgspec.Struct):
    """What was taken at a time."""

    at: float
    amount: int


class Window:
    """What was taken in the last minute, and when there is room again."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0
        self._entries: deque[Entry] = deque()

    def ready(self, amount: int, now: float) -> float:
        """When `amount` may be taken. What is more than the limit itself goes when nothing else counts."""
        self._forget(now)
        over = self.used + amount - self.most
        if over <= 0 or not self._entries:
            return now
        for entry in self._entries:
            over -= entry.amount
            if over <= 0:
                return entry.at + MINUTE_S
        return self._entries[-1].at + MINUTE_S

    def opens(self, now: float) -> float:
        """When there is room for anything."""
        return self.ready(1, now)

    def take(self, amount: int, now: float) -> Entry:
        """Takes, whether there is room or not; the entry can be corrected."""
        self._forget(now)
        self.used += amount
        last = self._entries[-1] if self._entries else None
        if last is not None and now - last.at < _SAME_S:
            last.at, last.amount = now, last.amount + amount
            return last
        entry = Entry(now, amount)
        self._entries.append(entry)
        return entry

    def correct(self, entry: Entry, more: int, now: float) -> None:
        """What was taken was `more` than said, or less. What has left the window counts no more."""
        self._forget(now)
        if entry.at + MINUTE_S > now:
            more = max(more, -entry.amount)
            entry.amount += more
            self.used += more

    def _forget(self, now: float) -> None:
        while self._entries and self._entries[0].at + MINUTE_S <= now:
            self.used -= self._entries.popleft().amount
