"""What shared memory promises, alike on SQLite and PostgreSQL."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

import pytest
import sqlalchemy as sa
from tests.swarm.memory.conftest import StandingClock

from farthing.errors import DeploymentClosedError, SharedMemoryError
from farthing.storage.tables import memory, memory_space
from farthing.swarm.memory.entry import Bounds, Conflict, Lease, MemoryEntry, Taken
from farthing.swarm.memory.shared import Memories, Memory


async def value_of(notes: Memory, key: str) -> object:
    entry = await notes.get(key)
    return "nothing" if entry is None else entry.value


async def test_a_value_is_kept_with_who_and_when(notes: Memory, database: StandingClock) -> None:
    version = await notes.put("plan", {"step": [1, "two", None, True, 0.5]})
    assert await notes.get("plan") == MemoryEntry(
        key="plan",
        value={"step": [1, "two", None, True, 0.5]},
        version=version,
        changed_at=datetime.fromtimestamp(database.seconds, UTC),
        changed_by="tester",
    )
    assert await notes.signed("other").put("plan", None) > version
    entry = await notes.get("plan")
    assert entry is not None
    assert (entry.value, entry.changed_by) == (None, "other")  # null is a value


async def test_a_value_of_any_text_comes_back(notes: Memory) -> None:
    for number, text in enumerate(["\x00", "'; DROP TABLE memory; --", '"', "\\", "\n", "😀", "%s ? :x"]):
        await notes.put(f"k{number}", text)
        assert await value_of(notes, f"k{number}") == text


async def test_deleting_says_whether_there_was_one(notes: Memory) -> None:
    version = await notes.put("a", 1)
    assert not await notes.delete("a", version=version + 1)
    assert await notes.delete("a", version=version)
    assert not await notes.delete("a")
    assert await notes.get("a") is None


async def test_a_version_is_never_used_again(notes: Memory) -> None:
    seen: list[int] = []
    for _ in range(3):
        seen.append(await notes.put("a", 1))
        await notes.delete("a")
    assert seen == sorted(set(seen))
    assert isinstance(await notes.compare_and_set("a", 2, seen[-1]), Conflict)


async def test_time_to_live_holds_on_every_read(notes: Memory, database: StandingClock) -> None:
    await notes.put("soon gone", "apple", ttl_s=10)
    await notes.put("stays", "apple")
    entry = await notes.get("soon gone")
    assert entry is not None
    assert entry.expires_at == datetime.fromtimestamp(database.seconds + 10, UTC)
    database.seconds += 10
    assert await notes.get("soon gone") is None
    assert [entry.key for entry in await notes.list()] == ["stays"]
    assert [match.entry.key for match in await notes.search("apple")] == ["stays"]
    assert not await notes.delete("soon gone")
    assert isinstance(await notes.put_if_absent("soon gone", 2), MemoryEntry)


async def test_putting_anew_ends_the_time_to_live_and_adding_keeps_it(
    notes: Memory, database: StandingClock
) -> None:
    for key in ("put", "sum", "list"):
        await notes.put(key, [] if key == "list" else 1, ttl_s=10)
    await notes.put("put", 2)
    await notes.increment("sum")
    await notes.append("list", 1)
    database.seconds += 11
    assert [entry.key for entry in await notes.list()] == ["put"]
    assert await notes.increment("sum", 5, ttl_s=3) == 5
    database.seconds += 4
    assert await notes.get("sum") is None


async def test_expired_rows_are_removed_by_and_by(notes: Memory, database: StandingClock) -> None:
    await asyncio.gather(*(notes.put(f"k{number}", 1, ttl_s=1) for number in range(100)))
    database.seconds += 2
    for _ in range(64):
        await notes.put("other", 1)
    with database.read() as connection:
        living = sa.select(sa.func.count()).select_from(memory).where(memory.c.value.is_not(None))
        assert connection.execute(living).scalar_one() == 1
        assert connection.execute(sa.select(memory_space.c.entries)).scalar_one() == 1


async def test_what_was_deleted_long_ago_is_forgotten(notes: Memory, database: StandingClock) -> None:
    for number in range(40):
        await notes.put(f"k{number}", 1)
        await notes.delete(f"k{number}")
    database.seconds += 601
    for _ in range(64):
        await notes.increment("n")
    with database.read() as connection:
        assert connection.execute(sa.select(memory.c.key)).scalars().all() == ["n"]


async def test_compare_and_set(notes: Memory) -> None:
    first = await notes.compare_and_set("a", 1, 0)
    assert isinstance(first, MemoryEntry)
    conflict = await notes.compare_and_set("a", 2, 0)
    assert conflict == Conflict(key="a", version=first.version, entry=first)
    second = await notes.compare_and_set("a", 2, first.version)
    assert isinstance(second, MemoryEntry)
    assert second.version > first.version
    assert await notes.compare_and_set("b", 1, 7) == Conflict(key="b", version=0, entry=None)
    assert await value_of(notes, "a") == 2


async def test_of_many_who_put_if_absent_one_does(notes: Memory) -> None:
    answers = await asyncio.gather(*(notes.put_if_absent("a", number) for number in range(20)))
    assert sum(isinstance(answer, MemoryEntry) for answer in answers) == 1


async def test_sums_are_exact(notes: Memory) -> None:
    assert await notes.increment("n") == 1
    assert await notes.increment("n", -3) == -2
    for _ in range(10):
        await notes.increment("d", Decimal("0.1"))
    assert await notes.increment("d", 0.2) == Decimal("1.2")
    assert await notes.increment("big", 10**60) == 10**60
    assert await notes.increment("big") == 10**60 + 1
    assert await value_of(notes, "big") == 10**60 + 1


@pytest.mark.parametrize("kept", ["text", None, True, [1], {"a": 1}])
async def test_what_is_no_number_is_not_added_to(notes: Memory, kept: object) -> None:
    version = await notes.put("a", kept)
    with pytest.raises(SharedMemoryError, match=r"'a' has .*, which is no number to add to"):
        await notes.increment("a")
    entry = await notes.get("a")
    assert entry is not None
    assert entry.version == version


async def test_a_sum_that_would_lose_digits_is_refused(notes: Memory) -> None:
    await notes.put("a", 1e300)
    with pytest.raises(SharedMemoryError, match="more than 64 digits"):
        await notes.increment("a")
    for amount in (True, float("nan"), Decimal("Infinity"), "1"):
        with pytest.raises(SharedMemoryError, match="no number to add"):
            await notes.increment("n", amount)  # pyright: ignore[reportArgumentType]


async def test_appending_loses_nothing_and_keeps_the_newest(notes: Memory) -> None:
    assert await notes.append("log", "a", {"b": 1.10}) == 2
    assert await notes.append("log", 3) == 3
    assert await value_of(notes, "log") == ["a", {"b": 1.1}, 3]
    assert await notes.append("log", 4, most=2) == 2
    assert await value_of(notes, "log") == [3, 4]
    assert await notes.append("log") == 2
    await notes.put("text", "x")
    with pytest.raises(SharedMemoryError, match="no list to append to"):
        await notes.append("text", 1)
    with pytest.raises(SharedMemoryError, match="most is 0"):
        await notes.append("log", 1, most=0)


async def test_bounds_of_size_and_number_are_told(database: StandingClock) -> None:
    memories = Memories(database, Bounds(entries=2, value_bytes=20))
    notes = memories.open("shared:notes")
    await notes.append("a", "x" * 10)
    with pytest.raises(SharedMemoryError, match="would have 27 bytes, and 20 are allowed"):
        await notes.append("a", "x" * 10)
    await notes.put("b", 1, ttl_s=5)
    for work in (notes.put("c", 1), notes.increment("c"), notes.append("c", 1), notes.put_if_absent("c", 1)):
        with pytest.raises(SharedMemoryError, match="has 2 entries, and 2 are allowed"):
            await work
    await notes.put("a", 2)  # one that is there may change
    assert isinstance(await notes.claim("c", "w", 5), Lease)  # a lease is no entry
    database.seconds += 6
    await notes.put("c", 1)  # b's time is over
    await memories.aclose()


async def test_pages_in_the_order_of_keys(notes: Memory) -> None:
    keys = ["B", "a/1", "a/2", "a/é", "a/日", "a0", "aé", "b%", "b_", "bx", "😀"]
    for key in reversed(keys):
        await notes.put(key, key)
    assert [entry.key for entry in await notes.list()] == keys
    assert [entry.key for entry in await notes.list("a/")] == ["a/1", "a/2", "a/é", "a/日"]
    assert [entry.key for entry in await notes.list("b_")] == ["b_"]
    found: list[str] = []
    while page := await notes.list(limit=3, after=found[-1] if found else ""):
        found += [entry.key for entry in page]
    assert found == keys
    for limit in (0, 1_001):
        with pytest.raises(SharedMemoryError, match=f"limit is {limit}; give 1 to 1,000"):
            await notes.list(limit=limit)


async def test_tenants_and_namespaces_see_nothing_of_each_other(memories: Memories) -> None:
    everyone = [
        memories.open("shared:notes"),
        memories.open("shared:notes", key="acme"),
        memories.open("shared:notes", key="other"),
        memories.open("shared:more"),
    ]
    for number, one in enumerate(everyone):
        await one.put("who", f"apple {number}")
        assert await one.increment("n") == 1
    for number, one in enumerate(everyone):
        assert await value_of(one, "who") == f"apple {number}"
        assert len(await one.list()) == 2
        assert [match.entry.value for match in await one.search("apple")] == [f"apple {number}"]
        assert isinstance(await one.claim("job", f"w{number}", 5), Lease)
    assert await everyone[0].delete("who")
    assert await value_of(everyone[1], "who") == "apple 1"
    assert [place[:2] for place in await memories.namespaces()] == [
        ("", "shared:more"),
        ("", "shared:notes"),
        ("acme", "shared:notes"),
        ("other", "shared:notes"),
    ]


async def test_a_claim_is_for_one(notes: Memory, database: StandingClock) -> None:
    lease = await notes.claim("job", "one", 10)
    assert isinstance(lease, Lease)
    assert await notes.claim("job", "two", 10) == Taken(key="job", holder="one", until=lease.until)
    again = await notes.claim("job", "one", 20)
    assert isinstance(again, Lease)
    assert again.token == lease.token
    database.seconds += 20
    taken_over = await notes.claim("job", "two", 10)
    assert isinstance(taken_over, Lease)
    assert taken_over.token > lease.token
    assert not await notes.release(lease)
    assert await notes.renew(again, 10) == Taken(key="job", holder="two", until=taken_over.until)
    assert await notes.release(taken_over)
    assert not await notes.release(taken_over)
    assert await notes.renew(taken_over, 10) == Taken(key="job", holder=None, until=None)
    assert await notes.get("job") is None
    assert await notes.list() == ()


async def test_a_lapsed_lease_that_nobody_took_is_renewed(notes: Memory, database: StandingClock) -> None:
    lease = await notes.claim("job", "one", 10)
    assert isinstance(lease, Lease)
    database.seconds += 60
    renewed = await notes.renew(lease, 10)
    assert isinstance(renewed, Lease)
    assert renewed.token == lease.token
    assert isinstance(await notes.claim("job", "two", 10), Taken)


async def test_leases_and_values_leave_each_other_alone(notes: Memory, database: StandingClock) -> None:
    version = await notes.put("a", 1, ttl_s=5)
    assert isinstance(await notes.claim("a", "one", 100), Lease)
    entry = await notes.get("a")
    assert entry is not None
    assert entry.version == version
    database.seconds += 6
    await notes.put("b", 1)
    await notes.delete("b")
    assert isinstance(await notes.claim("a", "two", 1), Taken)
    assert await notes.release_of("a", "one")


async def test_search_finds_the_best_first(notes: Memory) -> None:
    await notes.put("a", {"title": "Invoices", "body": "The invoices of March were paid."})
    await notes.put("b", "An invoice came in april")
    await notes.put("march", 3)
    await notes.put("c", ["nothing", "of", "the", "kind"])
    found = await notes.search("March INVOICES")
    assert [(one.entry.key, one.words) for one in found] == [
        ("a", ("march", "invoices")),
        ("march", ("march",)),
    ]
    assert found[0].snippet == "title Invoices body The invoices of March were paid."
    assert [one.entry.key for one in await notes.search("invo")] == ["a", "b"]
    assert [one.entry.key for one in await notes.search("invo", limit=1)] == ["a"]
    await notes.put("a", "rewritten")
    await notes.delete("march")
    assert [one.entry.key for one in await notes.search("march invoice")] == ["b"]
    assert await notes.search("march") == ()


@pytest.mark.parametrize(
    "words",
    [
        "",
        "   ",
        "***",
        '"',
        "' | 'x",
        "a AND",
        "NOT",
        "NEAR(",
        "space : 1",
        "x:*",
        "\\",
        "((",
        "-",
        "^a",
        "; --",
    ],
)
async def test_nothing_in_a_query_is_an_operator(notes: Memory, words: str) -> None:
    await notes.put("k", "plain text")
    assert await notes.search(words) == ()


async def test_search_of_many_is_the_same_on_every_database(notes: Memory) -> None:
    """The expected order stands here, and both databases are held to it."""
    for number in range(60):
        await notes.put(
            f"k{number:02}", f"common {'rare ' if number % 20 == 7 else ''}{'word ' * (number % 5)}"
        )
    found = [one.entry.key for one in await notes.search("rare common", limit=5)]
    assert found == ["k47", "k27", "k07", "k55", "k50"]


async def test_a_cancelled_change_has_happened_or_not(notes: Memory) -> None:
    asked = [asyncio.ensure_future(notes.append("log", number)) for number in range(50)]
    await asyncio.sleep(0)
    for one in asked[::3]:
        one.cancel()
    done = await asyncio.gather(*asked, return_exceptions=True)
    kept = await value_of(notes, "log")
    assert isinstance(kept, list)
    numbers = cast("list[int]", kept)
    assert {number for number, answer in enumerate(done) if isinstance(answer, int)} <= set(numbers)
    assert len(numbers) == len(set(numbers))


async def test_one_refusal_is_not_the_others(notes: Memory) -> None:
    await notes.put("text", "x")
    done = await asyncio.gather(
        notes.increment("n"), notes.increment("text"), notes.increment("n"), return_exceptions=True
    )
    assert [done[0], done[2]] == [1, 2]
    assert isinstance(done[1], SharedMemoryError)


async def test_what_is_asked_for_together_is_one_transaction(
    notes: Memory, database: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[object] = []
    write = database.write
    monkeypatch.setattr(database, "write", lambda: (begun.append(None), write())[1])
    assert sorted(await asyncio.gather(*(notes.increment("n") for _ in range(300)))) == list(range(1, 301))
    assert len(begun) == 1


async def test_closing_waits_for_what_was_asked_and_refuses_more(database: StandingClock) -> None:
    memories = Memories(database)
    notes = memories.open("shared:notes")
    asked = [asyncio.ensure_future(notes.increment("n")) for _ in range(10)]
    await asyncio.sleep(0)
    await memories.aclose()
    assert sorted([await one for one in asked]) == list(range(1, 11))
    for work in (notes.put("a", 1), notes.get("a"), notes.list()):
        with pytest.raises(DeploymentClosedError, match="shared memory is closed"):
            await work
