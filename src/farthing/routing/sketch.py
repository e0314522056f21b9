"""A distribution of token counts in little room: how many fell into each of some log-spaced buckets.

Pure. A value read back is off by at most `ACCURACY` of it, however they are spread; sketches add up exactly.
After Masson, Rim and Lee, "DDSketch" (VLDB 2019), without its limit on buckets: a million tokens need 347.
"""

import math
from collections.abc import Mapping

import msgspec

ACCURACY = 0.02
"""The relative error of a quantile."""
_GROWTH = (1 + ACCURACY) / (1 - ACCURACY)
_LOG = math.log(_GROWTH)


class Sketch(msgspec.Struct, frozen=True):
    """Counts by bucket. Bucket 0 holds nothing but zeros, bucket n what is up to `edge_of(n)`."""

    counts: Mapping[int, int] = {}

    @property
    def count(self) -> int:
        return sum(self.counts.values())

    def quantile(self, share: float) -> int:
        """The least value that at least `share` (0–1) of all are not above; 0 of an empty sketch."""
        wanted, seen = share * self.count, 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted:
                return value_of(bucket)
        return 0

    def __add__(self, other: "Sketch") -> "Sketch":
        if not other.counts:
            return self
        counts = dict(self.counts)
        for bucket, count in other.counts.items():
            counts[bucket] = counts.get(bucket, 0) + count
        return Sketch(counts)


def sketch_of(*values: int) -> Sketch:
    """The sketch of some values; what is below zero counts as zero."""
    counts: dict[int, int] = {}
    for value in values:
        bucket = bucket_of(value)
        counts[bucket] = counts.get(bucket, 0) + 1
    return Sketch(counts)


def bucket_of(value: int) -> int:
    return 0 if value <= 0 else 1 + math.ceil(math.log(value) / _LOG - 1e-9)


def edge_of(bucket: int) -> int:
    """The most that a bucket holds."""
    return 0 if bucket <= 0 else math.floor(_GROWTH ** (bucket - 1) * (1 + 1e-9))


def value_of(bucket: int) -> int:
    """What stands for all values of a bucket, off by at most `ACCURACY` of each, and by the rounding."""
    return 0 if bucket <= 0 else round(_GROWTH ** (bucket - 1) * (1 - ACCURACY))
