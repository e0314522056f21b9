"""How much was saved, and how sure that is: a paired bootstrap over units. Pure; the generator is given.

A unit is a session or a task that stands alone: what depends on each other is drawn together. Each draw takes
as many units as there are, with replacement, the same ones on both sides, and the interval holds the middle
95 % of the savings so found. Where several workloads are joined, each is drawn from by itself.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from random import Random

import msgspec

DRAWS = 1000
_LEAST_UNITS = 5
"""Fewer say nothing of how others would come out."""


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """Percent saved, negative where it became more; None where there was nothing to save. `least` and `most`
    are the interval's ends, None where there are too few units."""

    percent: float | None
    least: float | None = None
    most: float | None = None


def savings(
    off: Sequence[Sequence[int]],
    on: Sequence[Sequence[int]],
    rng: Random,
    *,
    strata: Sequence[int] = (),
    draws: int = DRAWS,
) -> tuple[Saved, ...]:
    """One saving for each pair of columns (dollars, tokens); a column has one number a unit, in one order.

    `strata`: how many units each joined workload has; none is one workload. All columns are judged on the
    same draws. Raises `ValueError` when lengths differ.
    """
    units = {len(column) for column in (*off, *on)}
    if len(off) != len(on) or len(units) != 1:
        raise ValueError(f"columns of {sorted(units)} units, {len(off)} and {len(on)} of them: not in pairs")
    count = units.pop()
    pairs = list(zip(off, on, strict=True))
    found: list[list[float]] = [[] for _ in pairs]
    if sum(strata or (count,)) != count:
        raise ValueError(f"strata of {list(strata)} units in all, columns of {count}")
    parts = _ranges(strata or (count,))
    for _ in range(draws if count >= _LEAST_UNITS else 0):
        drawn = [place for part in parts for place in rng.choices(part, k=len(part))]
        for kept, (before, after) in zip(found, pairs, strict=True):
            percent = percent_of(sum(map(before.__getitem__, drawn)), sum(map(after.__getitem__, drawn)))
            if percent is not None:
                kept.append(percent)
    return tuple(
        _saved(percent_of(sum(before), sum(after)), sorted(kept))
        for kept, (before, after) in zip(found, pairs, strict=True)
    )


def _ranges(sizes: Sequence[int]) -> list[range]:
    ends = list(accumulate(sizes, initial=0))
    return [range(start, end) for start, end in pairwise(ends) if end > start]


def percent_of(before: int, after: int) -> float | None:
    """What `after` saves against `before`, in percent; None against nothing."""
    return None if before == 0 else 100 * (before - after) / before


def _saved(percent: float | None, ordered: Sequence[float]) -> Saved:
    if percent is None or not ordered:
        return Saved(percent=percent)
    last = len(ordered) - 1
    return Saved(percent=percent, least=ordered[round(last * 0.025)], most=ordered[round(last * 0.975)])
