"""Runs map and reduce: items side by side, and a tree of reductions over their results.

Bounded however many items there are: a few groups of `fanIn` items are under way at once, each becomes one
text, and texts are reduced again as soon as there are `fanIn` of them. Groups are judged in the order of the
items, so the tree does not depend on who was sooner.
"""

import asyncio
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from farthing.config.patterns import MapReduce
from farthing.errors import SwarmError
from farthing.swarm.brief import Earlier, digest
from farthing.swarm.casting import Cast
from farthing.swarm.channel import end_all
from farthing.swarm.conducting.items import items_in
from farthing.swarm.conducting.rounds import concluded, first_failure, stopped_at
from farthing.swarm.events import StageStarted
from farthing.swarm.parts import map_piece, reduce_piece, split_piece
from farthing.swarm.plan import RunFrame
from farthing.swarm.readings import is_quorate, read_parts
from farthing.swarm.results import WorkResult
from farthing.swarm.stages import Conducted, halt_reason, read, run_piece
from farthing.swarm.work import Means

_TRIAL = 20
"""The quorum is looked at once so many items are done, and not at the end only."""


async def conduct_map_reduce(pattern: MapReduce, cast: Cast, frame: RunFrame, means: Means) -> Conducted:
    """The last reduction's text; stops where too many items failed, with the first failure."""
    items = await _items(pattern, cast, frame, means)
    if isinstance(items, Conducted):
        return items
    started = StageStarted(
        run_id=frame.run_id,
        number=1,
        stages=2,
        role=cast.members[0].role,
        agent_ids=tuple(agent.id for agent in cast.members),
        title="map",
    )
    await means.emit(started)
    return await _Folding(pattern=pattern, cast=cast, frame=frame, means=means).run(items)


async def _items(pattern: MapReduce, cast: Cast, frame: RunFrame, means: Means) -> Iterable[str] | Conducted:
    if pattern.items:
        return pattern.items
    if pattern.items_file is not None:
        return items_in(pattern.items_file)
    ended = await run_piece(split_piece(cast, pattern, frame), means)
    if ended.result is None:
        return stopped_at(ended, "the splitter")
    parts = read_parts(ended.result.output, pattern.max_items)
    return parts or Conducted(output="", stopped="the splitter made no parts")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """What became of the items of a group. `text` is None where none succeeded."""

    results: int
    failed: int
    first: str
    halted: str | None
    text: Earlier | None
    parts: tuple[Earlier, ...]


@dataclass(slots=True, kw_only=True)
class _Folding:
    """One run's tree. `levels[0]` has the texts of groups, `levels[1]` those of reductions of them, …"""

    pattern: MapReduce
    cast: Cast
    frame: RunFrame
    means: Means
    levels: list[list[Earlier]] = field(default_factory=list[list[Earlier]])
    made: list[int] = field(default_factory=list[int])
    done: int = 0
    failed: int = 0
    first: str = ""

    async def run(self, items: Iterable[str]) -> Conducted:
        """Maps and reduces all of it."""
        at_once = asyncio.Semaphore(len(self.cast.members))
        waiting: deque[asyncio.Task[_Group]] = deque()
        width = math.ceil(2 * len(self.cast.members) / self.pattern.fan_in) + 1
        groups = _groups(items, self.pattern.fan_in)
        try:
            while True:
                while len(waiting) < width and (group := next(groups, None)) is not None:
                    number, numbered, alone = group
                    work = self._group(number, numbered, at_once, alone=alone)
                    waiting.append(asyncio.create_task(work, name=f"group-{number}"))
                if not waiting:
                    break
                if stopped := await self._take(await waiting[0]):
                    return Conducted(output="", stopped=stopped)
                waiting.popleft()
        except SwarmError as error:  # the file of items
            return Conducted(output="", stopped=error.message)
        finally:
            await end_all(waiting)
        return await self._end()

    async def _group(
        self, number: int, items: Sequence[tuple[int, str]], at_once: asyncio.Semaphore, *, alone: bool
    ) -> _Group:
        async def one(place: int, item: str) -> WorkResult:
            async with at_once:
                return await run_piece(map_piece(self.cast, self.frame, place, item), self.means)

        running = [asyncio.create_task(one(place, item)) for place, item in items]
        try:
            results = await asyncio.gather(*running)
        finally:
            await end_all(running)
        parts = tuple(
            Earlier(agent_id=f"item {place}", stage=1, title=told.title, text=told.text)
            for (place, _), told in zip(items, map(read, results), strict=True)
            if told.text
        )
        failed = [result for result in results if not result.ok]
        halted, text = halt_reason(results), None
        if parts and not halted and not alone:
            text, halted = await self._reduced(f"1/{number}", parts, len(failed))
        return _Group(
            results=len(results),
            failed=len(failed),
            first=first_failure(failed),
            halted=halted,
            text=text,
            parts=parts if alone else (),
        )

    async def _reduced(
        self, place: str, parts: Sequence[Earlier], failed: int = 0
    ) -> tuple[Earlier | None, str | None]:
        """One text of several, or why the run cannot go on. Where a reduction fails, a digest has to do."""
        piece = reduce_piece(
            self.cast, self.frame, place, parts, final=False, failed=_told(failed, len(parts) + failed)
        )
        ended = await run_piece(piece, self.means)
        if halted := halt_reason([ended]):
            return None, halted
        room = self.frame.digest_chars // self.pattern.fan_in
        text = read(ended).text if ended.ok else digest(parts, about=self.frame.goal, bound=room)
        return Earlier(agent_id=piece.name, stage=2, title=piece.title, text=text), None

    async def _take(self, group: _Group) -> str | None:
        """Takes a group into the tree; returns why the run cannot go on, if so."""
        self.done += group.results
        self.failed += group.failed
        self.first = self.first or group.first
        if group.halted:
            return group.halted
        if self.done >= _TRIAL and not self._is_quorate():
            return self._short()
        if group.parts:
            self.levels.append(list(group.parts))
        elif group.text is not None:
            return await self._add(0, group.text)
        return None

    async def _add(self, level: int, text: Earlier) -> str | None:
        """Adds a text; where a level is full, it is reduced to one of the next."""
        while len(self.levels) <= level:
            self.levels.append([])
            self.made.append(0)
        self.levels[level].append(text)
        if len(self.levels[level]) <= self.pattern.fan_in:
            return None
        # Reduced only when one more than fits has come: what fits is left to the final reduction.
        full, self.levels[level] = self.levels[level][:-1], self.levels[level][-1:]
        self.made[level] += 1
        higher, halted = await self._reduced(f"{level + 2}/{self.made[level]}", full)
        return halted or (None if higher is None else await self._add(level + 1, higher))

    async def _end(self) -> Conducted:
        if self.done == 0:
            return Conducted(output="", stopped="there are no items")
        if not self._is_quorate():
            return Conducted(output="", stopped=self._short())
        left = [text for level in reversed(self.levels) for text in level]
        if not left:
            return Conducted(output="", stopped="no item has a result that says anything")
        level, fan_in = len(self.levels), self.pattern.fan_in
        while len(left) > fan_in:
            level += 1
            texts: list[Earlier] = []
            for number, start in enumerate(range(0, len(left), fan_in), start=1):
                text, halted = await self._reduced(f"{level}/{number}", left[start : start + fan_in])
                if halted:
                    return Conducted(output="", stopped=halted)
                texts.extend([] if text is None else [text])
            left = texts
        failed = _told(self.failed, self.done)
        last = reduce_piece(self.cast, self.frame, "", left, final=True, failed=failed)
        return await concluded(last, self.means, who="the last reduction")

    def _is_quorate(self) -> bool:
        return is_quorate(self.done - self.failed, self.done, self.pattern.quorum)

    def _short(self) -> str:
        succeeded = f"only {self.done - self.failed:,} of {self.done:,} items succeeded"
        return f"{succeeded}, and the quorum is {self.pattern.quorum:.0%}; {self.first}"


def _groups(items: Iterable[str], size: int) -> Iterator[tuple[int, list[tuple[int, str]], bool]]:
    """Numbered groups of numbered items; whether a group is the only one is known by looking one ahead."""
    numbered = enumerate(items, start=1)
    number, group = 1, list(islice(numbered, size))
    while group:
        after = list(islice(numbered, size))
        yield number, group, number == 1 and not after
        number, group = number + 1, after


def _told(failed: int, asked: int) -> str:
    return f"{failed:,} of {asked:,} items have no result." if failed else ""
