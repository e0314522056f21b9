"""Answers to the same question in other words: looks up, draws rechecks, keeps count.

The exact cache asks here after it has missed, and tells here what it keeps. It holds the answers; here are
only questions and their keys. What is the same question is decided in `guards.py` and `meaning.py`, when a
task type has to be switched off in `recheck.py`.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy.exc import DBAPIError

from farthing.cache.embed import Embedder
from farthing.cache.meaning import Known, MeaningIndex, Near, Vector, cosine
from farthing.cache.questions import load
from farthing.cache.reading import Reading, read
from farthing.cache.recheck import Counted, Standing, agrees
from farthing.cache.standings import REFRESH_S, Standings
from farthing.clock import Clock
from farthing.config.optimizing import SemanticCache
from farthing.storage.database import Database
from farthing.task import TaskType

log = logging.getLogger("farthing.cache")

_LATE_US = 60_000_000
"""So late an answer may come into the database, or so far another machine's clock be behind."""


class Question(msgspec.Struct, kw_only=True, eq=False):
    """What a task asks. `frame` is the key of all else in it, `key` that of the whole task's answer."""

    frame: str
    key: str
    text: str
    reading: Reading | None = None
    """Read once, when it is first looked for or kept."""
    setting: str | None = None
    """Under which the database has it; None where it may not lie there."""


class Match(NamedTuple):
    """An earlier question that is the same: its answer stands under `key`."""

    key: str
    question: str
    cosine: float


class NoMatch(NamedTuple):
    """No answer from here. `why` names the guard that refused, or is `threshold`, `off` or `unread`."""

    why: str


class Semantic:
    """One deployment's questions. Nothing is loaded before a question comes near; close it at the end."""

    def __init__(self, database: Database | None = None, clock: Clock | None = None) -> None:
        self._index = MeaningIndex()
        self.embedder = Embedder()
        self._database, self._clock = database, clock
        self._standings = Standings(database, clock)
        self._loaded: dict[str, tuple[float, int]] = {}
        """Frame to when its questions were last loaded: monotonic seconds, and microseconds since 1970."""

    async def begin(self) -> None:
        """Reads what was counted before."""
        await self._standings.fresh()

    async def find(
        self, question: Question, task_type: TaskType, settings: SemanticCache, *, most: int = 1000
    ) -> Match | NoMatch:
        """The nearest earlier question that all guards and the threshold take for the same.

        Raises `ConfigError` where the extra `semantic` is missing.
        """
        await self._standings.fresh()
        if self.standing(task_type).off:
            return NoMatch("off")
        if question.setting is not None:
            await self._load(question.frame, question.setting, task_type, most=most)
        reading = question.reading = question.reading or read(question.text)
        near = self._index.near(question.frame, reading)
        if not near.known:
            return NoMatch(near.refused)
        vector = await self.embedder.vector(question.text)
        if vector is None:
            return NoMatch("unread")
        found = await self._nearest(near, vector)
        if found is None or found[1] < settings.threshold:
            return NoMatch("threshold")
        known, cos = found
        return Match(key=known.key, question=known.reading.text, cosine=cos)

    async def _load(self, frame: str, setting: str, task_type: TaskType, *, most: int) -> None:
        """Questions that other processes, or an earlier start, have the answers of: all, then new ones."""
        if self._database is None or self._clock is None:
            return
        now_s, now_us = self._clock.monotonic(), self._clock.now_us()
        last_s, last_us = self._loaded.pop(frame, (None, 0))
        if last_s is not None and now_s < last_s + REFRESH_S:
            self._loaded[frame] = last_s, last_us
            return
        since_us = max(last_us - _LATE_US, 0)

        def loaded(database: Database) -> list[tuple[str, Reading]]:
            with database.read() as connection:
                return load(connection, setting, task_type, since_us=since_us, now_us=now_us, most=most)

        try:
            found = await asyncio.to_thread(loaded, self._database)
        except (DBAPIError, msgspec.MsgspecError) as error:
            log.warning("earlier questions cannot be read: %s", error)
            found = []
        else:
            last_us = now_us
        self._loaded[frame] = now_s, last_us
        while len(self._loaded) > most:
            del self._loaded[next(iter(self._loaded))]
        for key, reading in found:
            if key not in self._index:
                self._index.remember(frame, key, reading, most=most)

    async def _nearest(self, near: Near, vector: Vector) -> tuple[Known, float] | None:
        found: tuple[Known, float] | None = None
        for known in near.known:
            if known.vector is None:
                known.vector = await self.embedder.vector(known.reading.text)
            cos = -1.0 if known.vector is None else cosine(vector, known.vector)
            if found is None or cos > found[1]:
                found = known, cos
        return found

    def draws(self, task_type: TaskType, settings: SemanticCache, *, chance: float) -> bool:
        """Counts a match whose answer is there; whether to ask anew all the same. `chance` is random, 0–1."""
        self._standings.count(task_type, Counted(hits=1))
        return chance < settings.recheck_rate

    def remember(self, question: Question, *, most: int) -> None:
        """A question whose answer the exact cache now keeps; `most` questions are kept."""
        reading = question.reading or read(question.text)
        self._index.remember(question.frame, question.key, reading, most=most)

    def knows(self, key: str) -> bool:
        """Whether the question of this answer is kept."""
        return key in self._index

    def forget(self, key: str) -> None:
        """An answer that the exact cache no longer has."""
        self._index.forget(key)

    def clear(self) -> None:
        """All answers are gone. What the rechecks showed stays."""
        self._index.clear()
        self._loaded.clear()

    async def rechecked(
        self, task_type: TaskType, kept: str, fresh: str, settings: SemanticCache
    ) -> Standing:
        """Counts a recheck by its two answers; switches the type off when too many were false."""
        one, other = await self.embedder.gist(kept), await self.embedder.gist(fresh)
        agreed = agrees(kept, fresh, cosine(one, other))
        counted = Counted(rechecks=1, false_hits=int(not agreed), rate=settings.max_false_hit_rate)
        return self._standings.count(task_type, counted)

    def standing(self, task_type: TaskType) -> Standing:
        """What was counted for a type, and whether it is off."""
        return self._standings.of(task_type)

    @property
    def standings(self) -> Mapping[TaskType, Standing]:
        """Every type that had a hit or a recheck."""
        return self._standings.all()

    async def written(self) -> None:
        """Waits until what was counted is in the database."""
        await self._standings.aclose()

    async def aclose(self) -> None:
        self.embedder.close()
        await self._standings.aclose()
