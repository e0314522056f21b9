"""Answers in memory: how long they are given, and who goes when there are too many."""

from tests.cache.asking import HOUR_US, NOW_US, answered, asked

from farthing.cache.memory import FRESH_US, Memory, Only


def test_an_answer_is_given_until_its_time() -> None:
    memory = Memory()
    memory.put(asked(shared=False), answered(), NOW_US)
    assert memory.get(asked(shared=False), NOW_US + HOUR_US - 1) == answered()
    assert memory.get(asked(shared=False), NOW_US + HOUR_US) is None
    assert len(memory) == 0


def test_the_one_used_longest_ago_goes_first() -> None:
    memory = Memory()
    for name in "abc":
        memory.put(asked(name), answered(name), NOW_US)
    assert memory.get(asked("a"), NOW_US) is not None
    memory.put(asked("d"), answered("d"), NOW_US)
    assert [name for name in "abcd" if memory.get(asked(name), NOW_US) is not None] == ["a", "c", "d"]


def test_each_region_has_room_of_its_own() -> None:
    memory = Memory()
    for region in ("general", "coding"):
        for name in "abc":
            memory.put(asked(name, region=region), answered(name), NOW_US)
    assert len(memory) == 6


def test_a_shared_answer_is_looked_up_again_after_a_while() -> None:
    """Another process may have cleared it."""
    memory = Memory()
    memory.put(asked(), answered(), NOW_US)
    memory.put(asked("b", shared=False), answered(), NOW_US)
    assert memory.get(asked(), NOW_US + FRESH_US - 1) is not None
    assert memory.get(asked(), NOW_US + FRESH_US) is None
    assert memory.get(asked("b", shared=False), NOW_US + FRESH_US) is not None


def test_clearing_is_of_a_type_or_a_tenant_or_all() -> None:
    memory = Memory()
    memory.put(asked("a", task_type="coding"), answered(), NOW_US)
    memory.put(asked("b", tenant="acme"), answered(), NOW_US)
    memory.put(asked("c"), answered(), NOW_US)
    assert memory.clear(Only(task_type="coding")) == 1
    assert memory.clear(Only(tenant="acme")) == 1
    assert memory.clear(Only()) == 1
