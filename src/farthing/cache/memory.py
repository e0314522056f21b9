"""Answers in this process's memory: the ones used longest ago go first. Pure; times are given.

The front of the cache, and all of it where nothing may lie in the database.
"""

from collections import OrderedDict
from typing import NamedTuple

from farthing.cache.answer import Asked, CachedAnswer
from farthing.task import TaskType

FRESH_US = 5_000_000
"""So long an answer is given without a look at the database, where it may have been invalidated."""


class Only(NamedTuple):
    """Which answers are meant; None is all."""

    task_type: TaskType | None = None
    tenant: str | None = None

    def takes(self, asked: Asked) -> bool:
        return self.task_type in (None, asked.task_type) and self.tenant in (None, asked.tenant)


class _Kept(NamedTuple):
    answer: CachedAnswer
    asked: Asked
    checked_us: int


class Memory:
    """The answers of each region, most recently used last."""

    def __init__(self) -> None:
        self._regions: dict[str, OrderedDict[str, _Kept]] = {}

    def get(self, asked: Asked, now_us: int) -> CachedAnswer | None:
        """The answer if it is young enough; None also where the database is to be asked again."""
        region = self._regions.get(asked.region)
        kept = None if region is None else region.get(asked.key)
        if region is None or kept is None:
            return None
        if now_us >= kept.answer.until_us:
            del region[asked.key]
            return None
        if asked.shared and now_us >= kept.checked_us + FRESH_US:
            return None
        region.move_to_end(asked.key)
        return kept.answer

    def put(self, asked: Asked, answer: CachedAnswer, now_us: int) -> None:
        region = self._regions.setdefault(asked.region, OrderedDict())
        region[asked.key] = _Kept(answer, asked, now_us)
        region.move_to_end(asked.key)
        while len(region) > asked.max_size:
            region.popitem(last=False)

    def forget(self, asked: Asked) -> None:
        self._regions.get(asked.region, OrderedDict[str, _Kept]()).pop(asked.key, None)

    def clear(self, only: Only) -> int:
        """Forgets the answers that are meant; how many there were."""
        gone = 0
        for kept in self._regions.values():
            keys = [key for key, one in kept.items() if only.takes(one.asked)]
            gone += len(keys)
            for key in keys:
                del kept[key]
        return gone

    def __len__(self) -> int:
        return sum(map(len, self._regions.values()))
