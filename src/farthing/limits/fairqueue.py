"""Who goes next: start-time fair queueing (Goyal, Vin and Cheng, 1996) over flows with a weight. Pure.

A flow is what waits together: an agent's tasks, a run's, a key's. Each gets its share, however many tasks it
has waiting; a higher priority has a larger share, and none starves. A lane is what can be held up alone: a
model at its limit holds up nobody who waits for another.
"""

from collections.abc import Callable, Iterator, Mapping
from heapq import heappop, heappush
from typing import Generic, NamedTuple, TypeVar

from farthing.task import Priority

T = TypeVar("T")

WEIGHTS: Mapping[Priority, int] = {"high": 16, "normal": 4, "low": 1}
"""Turns that a flow of each priority gets beside the others'."""
_RANKS: Mapping[Priority, int] = {"high": 0, "normal": 1, "low": 2}
_FLOWS_KEPT = 1024


class _Place(NamedTuple):
    """Where an item stands: by its virtual time, then its priority, then its coming."""

    start: float
    rank: int
    number: int


class FairQueue(Generic[T]):
    """Items by lane. `len` is how many wait."""

    def __init__(self) -> None:
        self._lanes: dict[str, list[tuple[_Place, T]]] = {}
        self._finish: dict[tuple[str, Priority], float] = {}
        self._removed: set[int] = set()
        self._now = 0.0
        self._number = 0
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def push(self, item: T, *, lane: str = "", flow: str = "", priority: Priority = "normal") -> int:
        """The item's number, by which it can be removed."""
        whose = (flow, priority)
        start = max(self._now, self._finish.get(whose, 0.0))
        self._finish[whose] = start + 1 / WEIGHTS[priority]
        self._number += 1
        place = _Place(start, _RANKS[priority], self._number)
        heappush(self._lanes.setdefault(lane, []), (place, item))
        self._waiting += 1
        return self._number

    def remove(self, number: int) -> None:
        """Takes out an item that waits; its place is cleared when its turn comes."""
        self._removed.add(number)
        self._waiting -= 1
        self._rest_when_empty()

    def waiting_in(self, lane: str) -> int:
        """How many wait in a lane, those included that were removed and not cleared yet."""
        return len(self._lanes.get(lane, ()))

    def heads(self) -> Iterator[T]:
        """The next of each lane."""
        for lane in list(self._lanes):
            head = self._head(lane)
            if head is not None:
                yield head[1]

    def pop(self, may_go: Callable[[T], bool]) -> T | None:
        """The first of those lanes' heads that may go; None where none may."""
        best: tuple[_Place, str] | None = None
        for lane in list(self._lanes):
            head = self._head(lane)
            if head is not None and (best is None or head[0] < best[0]) and may_go(head[1]):
                best = (head[0], lane)
        if best is None:
            return None
        place, item = heappop(self._lanes[best[1]])
        self._now = max(self._now, place.start)
        self._waiting -= 1
        self._rest_when_empty()
        return item

    def _head(self, lane: str) -> tuple[_Place, T] | None:
        entries = self._lanes[lane]
        while entries and entries[0][0].number in self._removed:
            self._removed.discard(heappop(entries)[0].number)
        if not entries:
            del self._lanes[lane]
            return None
        return entries[0]

    def _rest_when_empty(self) -> None:
        """Nobody waits: who had more turns before is owed nothing and owes nothing."""
        if not self._waiting:
            self._lanes.clear()
            self._removed.clear()
            self._finish.clear()
            self._now = 0.0
        elif len(self._finish) > _FLOWS_KEPT + self._waiting:
            self._finish = {flow: finish for flow, finish in self._finish.items() if finish > self._now}
