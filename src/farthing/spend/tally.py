"""A period's calls, one by one, as the sums that a report is made of; only those of one key or tag, if asked.

Pure, and in memory bounded by the groups, not by the calls. The sums are those that the roll-ups keep.
"""

from dataclasses import dataclass, field
from operator import add
from typing import NamedTuple

from farthing.spend.batch import (
    RollupByKey,
    RollupKey,
    RollupSums,
    added,
    reuse_sums,
    rollup_by_keys,
    rollup_key,
)
from farthing.spend.budget import Balance
from farthing.spend.ledger import IntentBody, Reuse, ReuseBody
from farthing.spend.runs import Call, call_sums


class Entry(NamedTuple):
    """One call of a period; `ended_us` is its last row's time, None while it is open."""

    call: Call
    ended_us: int | None


class Only(NamedTuple):
    """Which calls are looked at; None is all."""

    key: str | None = None
    tag: str | None = None

    def __bool__(self) -> bool:
        return self.key is not None or self.tag is not None

    def takes(self, intent: IntentBody | ReuseBody) -> bool:
        return (self.key is None or intent.key == self.key) and (self.tag is None or self.tag in intent.tags)

    def __str__(self) -> str:
        parts = (("key", self.key), ("tag", self.tag))
        return ", ".join(f"{name} {value}" for name, value in parts if value is not None)


@dataclass(slots=True)
class Tally:
    """The sums so far."""

    balance: Balance = field(default_factory=Balance)
    rollups: dict[RollupKey, RollupSums] = field(default_factory=dict[RollupKey, RollupSums])
    rollups_by: dict[RollupByKey, RollupSums] = field(default_factory=dict[RollupByKey, RollupSums])

    def add(self, call: Call) -> None:
        """A call that is still open counts as held and nothing else."""
        self.balance = Balance(*map(add, self.balance, call.balance))
        if call.outcome is None:
            return
        sums = call_sums(call, call.outcome)
        key = rollup_key(call.intent, call.day)
        self.rollups[key] = added(self.rollups.get(key), sums)
        for by in rollup_by_keys(call.intent, call.day, call.run_id):
            self.rollups_by[by] = added(self.rollups_by.get(by), sums)

    def add_reuse(self, reuse: Reuse) -> None:
        """A task that was given an earlier answer."""
        sums = reuse_sums(reuse.body)
        key = rollup_key(reuse.body, reuse.day)
        self.rollups[key] = added(self.rollups.get(key), sums)
        for by in rollup_by_keys(reuse.body, reuse.day, reuse.run_id):
            self.rollups_by[by] = added(self.rollups_by.get(by), sums)
