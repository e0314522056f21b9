"""What was paid beside the answers: failed attempts, tool steps, syntheses, judges, repairs. Pure.

The parts do not overlap, and add up to what is spent: an attempt that failed counts as failed whatever it
was for, an accepted one by its purpose, uncertain money by itself.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from farthing.money import from_nano
from farthing.spend.batch import RollupKey, RollupSums

_ANSWERS = "task"
_WORDS = {
    "task": "answers",
    "hedge": "answers",  # one that won; what it overtook has failed
    "tool_step": "tool steps",
    "synthesis": "syntheses",
    "judge": "judges",
    "repair": "repairs",
}


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the spend, in US dollars; `percent` of all of it, 0–100, None when nothing was spent."""

    name: str
    cost: Decimal
    percent: Decimal | None
    is_overhead: bool


def spend_parts(rollups: Iterable[tuple[RollupKey, RollupSums]]) -> tuple[Part, ...]:
    """The parts of the spend, answers first; those that cost nothing are left out, answers stay."""
    parts: dict[str, int] = {"answers": 0}
    failed = uncertain = 0
    for key, sums in rollups:
        name = _WORDS.get(key.purpose, key.purpose)
        parts[name] = parts.get(name, 0) + sums.settled - sums.wasted
        failed += sums.wasted
        uncertain += sums.uncertain
    parts |= {"failed attempts": failed, "uncertain": uncertain}
    total = sum(parts.values())
    return tuple(
        Part(
            name=name,
            cost=from_nano(nano),
            percent=Decimal(nano) * 100 / total if total else None,
            is_overhead=name != "answers",
        )
        for name, nano in parts.items()
        if nano or name == _WORDS[_ANSWERS]
    )
