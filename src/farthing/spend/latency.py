"""Quantiles of very many durations in little memory: counts in buckets that grow by 2 %. Pure.

A quantile is the middle of its bucket, so it is within 1 % of the exact one (the relative-error guarantee of
logarithmic histograms); mean, least and most are exact. A day of a million calls takes a few hundred numbers.
"""

from dataclasses import dataclass, field
from math import ceil, floor, log

_GROWTH = 1.02
_LEAST_MS = 0.001
ERROR_PERCENT = 1
"""How far a quantile may be from the exact one."""


@dataclass(slots=True)
class Durations:
    """Durations in milliseconds, counted."""

    count: int = 0
    total_ms: float = 0.0
    most_ms: float = 0.0
    least_ms: float = 0.0
    buckets: dict[int, int] = field(default_factory=dict[int, int])

    def add(self, ms: float) -> None:
        """A duration below a microsecond counts as one."""
        ms = max(ms, _LEAST_MS)
        bucket = floor(log(ms / _LEAST_MS) / log(_GROWTH))
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        self.least_ms = min(self.least_ms, ms) if self.count else ms
        self.most_ms = max(self.most_ms, ms)
        self.count += 1
        self.total_ms += ms

    def merge(self, other: "Durations") -> None:
        """Adds all of another's durations."""
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count
        if other.count:
            self.least_ms = min(self.least_ms, other.least_ms) if self.count else other.least_ms
        self.most_ms = max(self.most_ms, other.most_ms)
        self.count += other.count
        self.total_ms += other.total_ms

    @property
    def mean_ms(self) -> float | None:
        return self.total_ms / self.count if self.count else None

    def quantile(self, fraction: float) -> float | None:
        """The least duration that this fraction of all is not above; None when there are none."""
        rank = max(1, ceil(fraction * self.count))
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                middle = _LEAST_MS * _GROWTH ** (bucket + 0.5)
                return min(max(middle, self.least_ms), self.most_ms)
        return None
