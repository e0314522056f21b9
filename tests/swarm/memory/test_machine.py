"""Any order of operations, any movement of the clock: a dictionary with times, versions and leases."""

import asyncio
import tempfile
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.swarm.memory.conftest import StandingClock

from farthing.errors import SharedMemoryError
from farthing.storage.database import sqlite_url
from farthing.swarm.memory.entry import Bounds, Conflict, Lease, MemoryEntry, Taken
from farthing.swarm.memory.shared import Memories, Memory

T = TypeVar("T")
KEYS = st.sampled_from(["a", "b", "c", "d"])
VALUES = st.sampled_from([0, 7, "apple pie", ["pear"], None])
TTLS = st.sampled_from([None, 1.0, 10.0])
HOLDERS = st.sampled_from(["one", "two"])
MOST = 3


@dataclass
class Kept:
    value: object
    version: int
    until: float | None


@dataclass
class Model:
    """What should be there."""

    now: float
    kept: dict[str, Kept] = field(default_factory=dict[str, Kept])
    leases: dict[str, Lease] = field(default_factory=dict[str, Lease])
    last: int = 0

    def move(self, seconds: float) -> None:
        self.now += seconds
        self.kept = {k: one for k, one in self.kept.items() if one.until is None or one.until > self.now}

    def full(self, key: str) -> bool:
        return key not in self.kept and len(self.kept) >= MOST

    def keep(self, key: str, value: object, version: int, until: float | None) -> None:
        assert version > self.last, "a version was used twice"
        self.last = version
        self.kept[key] = Kept(value, version, until)

    def until(self, ttl_s: float | None) -> float | None:
        return None if ttl_s is None else self.now + ttl_s

    def holder(self, key: str) -> str | None:
        lease = self.leases.get(key)
        held = lease is not None and lease.holder and lease.until.timestamp() > self.now
        return lease.holder if lease is not None and held else None


class MemoryMachine(RuleBasedStateMachine):
    """Two processes' worth of shared memory on one file, beside a model."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        url = sqlite_url(Path(self.folder.name) / "memory.db")
        self.databases = [StandingClock(url), StandingClock(url)]
        self.memories = [Memories(one, Bounds(entries=MOST)) for one in self.databases]
        self.spaces = [one.open("shared:notes", by="machine") for one in self.memories]
        self.model = Model(now=self.databases[0].seconds)
        self.turn = 0

    def teardown(self) -> None:
        for memories in self.memories:
            self.run(memories.aclose())
        with self.databases[0].write() as connection:  # raises if the index is not what the rows say
            connection.exec_driver_sql(
                "INSERT INTO memory_words(memory_words, rank) VALUES ('integrity-check', 1)"
            )
        for database in self.databases:
            database.close()
        self.loop.close()
        self.folder.cleanup()

    def run(self, work: Coroutine[object, object, T]) -> T:
        return self.loop.run_until_complete(work)

    @property
    def notes(self) -> Memory:
        """Either process, in turn."""
        self.turn += 1
        return self.spaces[self.turn % 2]

    @rule(seconds=st.sampled_from([0.5, 1.0, 9.0, 700.0]))
    def time_goes_by(self, seconds: float) -> None:
        self.model.move(seconds)
        for database in self.databases:
            database.seconds += seconds

    @rule(key=KEYS, value=VALUES, ttl_s=TTLS)
    def put(self, key: str, value: object, ttl_s: float | None) -> None:
        full = self.model.full(key)
        try:
            version = self.run(self.notes.put(key, value, ttl_s=ttl_s))
        except SharedMemoryError:
            assert full
            return
        assert not full
        self.model.keep(key, value, version, self.model.until(ttl_s))

    @rule(key=KEYS, value=VALUES, ttl_s=TTLS, right=st.booleans())
    def compare_and_set(self, key: str, value: object, ttl_s: float | None, right: bool) -> None:
        before = self.model.kept.get(key)
        present = 0 if before is None else before.version
        expected = present if right else present + 1
        answer: MemoryEntry | Conflict | None = None
        with suppress(SharedMemoryError):
            answer = self.run(self.notes.compare_and_set(key, value, expected, ttl_s=ttl_s))
        if not right:
            assert isinstance(answer, Conflict)
            assert answer.version == present
        elif answer is None:
            assert self.model.full(key)
        else:
            assert isinstance(answer, MemoryEntry)
            self.model.keep(key, value, answer.version, self.model.until(ttl_s))

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        assert self.run(self.notes.delete(key)) == (key in self.model.kept)
        self.model.kept.pop(key, None)

    @rule(key=KEYS, by=st.integers(-5, 5))
    def increment(self, key: str, by: int) -> None:
        before = self.model.kept.get(key)
        value = 0 if before is None else before.value
        adds = isinstance(value, int) and not self.model.full(key)
        try:
            total = self.run(self.notes.increment(key, by))
        except SharedMemoryError:
            assert not adds
            return
        assert adds
        assert isinstance(value, int)
        assert total == value + by
        self._changed(key, total, before)

    @rule(key=KEYS, item=VALUES, most=st.sampled_from([None, 2]))
    def append(self, key: str, item: object, most: int | None) -> None:
        before = self.model.kept.get(key)
        value: object = [] if before is None else before.value
        adds = isinstance(value, list) and not self.model.full(key)
        try:
            length = self.run(self.notes.append(key, item, most=most))
        except SharedMemoryError:
            assert not adds
            return
        assert adds
        assert isinstance(value, list)
        items: list[object] = [*value, item]
        items = items if most is None else items[-most:]
        assert length == len(items)
        self._changed(key, items, before)

    def _changed(self, key: str, value: object, before: Kept | None) -> None:
        entry = self.run(self.notes.get(key))
        assert entry is not None
        self.model.keep(key, value, entry.version, None if before is None else before.until)

    @rule(key=KEYS, holder=HOLDERS, lease_s=st.sampled_from([1.0, 20.0]))
    def claim(self, key: str, holder: str, lease_s: float) -> None:
        held = self.model.holder(key)
        answer = self.run(self.notes.claim(key, holder, lease_s))
        if held in (None, holder):
            assert isinstance(answer, Lease)
            before = self.model.leases.get(key)
            if before is not None:
                assert answer.token == before.token if held == holder else answer.token > before.token
            self.model.leases[key] = answer
        else:
            assert isinstance(answer, Taken)
            assert answer.holder == held

    @rule(key=KEYS, holder=HOLDERS)
    def release(self, key: str, holder: str) -> None:
        held = self.model.holder(key)
        assert self.run(self.notes.release_of(key, holder)) == (held == holder)
        lease = self.model.leases.get(key)
        if lease is not None and held == holder:
            self.model.leases[key] = Lease(key=key, holder="", until=lease.until, token=lease.token)

    @invariant()
    def everything_is_as_it_should_be(self) -> None:
        entries = self.run(self.notes.list())
        assert {entry.key: (entry.value, entry.version) for entry in entries} == {
            key: (one.value, one.version) for key, one in self.model.kept.items()
        }
        found = {match.entry.key for match in self.run(self.notes.search("apple pear"))}
        assert found == {key for key, one in self.model.kept.items() if _has_fruit(one.value)}


def _has_fruit(value: object) -> bool:
    return any(fruit in str(value) for fruit in ("apple", "pear"))


TestMemoryMachine = MemoryMachine.TestCase
TestMemoryMachine.settings = settings(max_examples=20, stateful_step_count=30)
