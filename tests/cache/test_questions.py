"""Questions and standings on both databases: found after a restart and by others, summed, and off for all."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.cache.asking import NOW_US, answered, asked

from farthing import Deployment
from farthing.cache import questions, store
from farthing.cache.recheck import Counted, Standing
from farthing.cache.standings import Standings
from farthing.storage.database import Database
from farthing.testing import ScriptedUpstream, VirtualClock, answer, deployment_on

QUESTION = "How do I reset my password?"
SAME = "Could you tell me how to reset my password?"
ALSO = "How can I reset my password?"
ON = {
    "optimization.caching.enabled": True,
    "optimization.caching.semantic.enabled": True,
    "optimization.caching.semantic.recheckRate": 0,
    "optimization.caching.ttl": 3600,
}
RECHECKED = ON | {"optimization.caching.semantic.recheckRate": 1}


def opened(
    upstream: ScriptedUpstream, folder: Path, url: str, overrides: Mapping[str, object], clock: VirtualClock
) -> Deployment:
    placed = {**overrides, "storage.databaseUrl": url}
    own = ScriptedUpstream([])  # its script is cleared when its deployment closes
    own.script = list(upstream.script)
    return deployment_on(own, folder, clock=clock, overrides=placed)


async def how(deployment: Deployment, words: str) -> str:
    result = await deployment.execute_task(words, type="general")
    return result.reused.how if result.reused else "asked"


async def landed(deployment: Deployment) -> None:
    """Waits until what it has been answered is in the database."""
    await deployment._opened().means.answers.aclose()  # pyright: ignore[reportPrivateUsage] - only closing waits


async def test_after_a_restart_a_question_is_found_in_other_words(url: str, tmp_path: Path) -> None:
    upstream, clock = ScriptedUpstream([answer("Click on Forgot."), answer("never sent")]), VirtualClock()
    async with opened(upstream, tmp_path, url, ON, clock) as deployment:
        assert await how(deployment, QUESTION) == "asked"
    async with opened(upstream, tmp_path, url, ON, clock) as deployment:
        assert await how(deployment, SAME) == "semantic"
        assert deployment.semantic_cache["general"].hits == 1
    async with opened(upstream, tmp_path, url, ON, clock) as deployment:
        assert deployment.semantic_cache["general"].hits == 1


async def test_two_deployments_on_one_database_find_each_others_questions(url: str, tmp_path: Path) -> None:
    upstream, clock = ScriptedUpstream([answer("one"), answer("two"), answer("three")]), VirtualClock()
    async with (
        opened(upstream, tmp_path, url, ON, clock) as here,
        opened(upstream, tmp_path, url, ON, clock) as there,
    ):
        assert await how(there, "How do I bake bread?") == "asked"  # loads the setting, which is empty
        assert await how(here, QUESTION) == "asked"
        await landed(here)
        await clock.sleep(10)
        assert await how(there, SAME) == "semantic"
        await clock.sleep(10)
        assert await how(here, ALSO) == "semantic"
    async with opened(upstream, tmp_path, url, ON, clock) as later:
        assert later.semantic_cache["general"].hits == 2


async def test_an_expired_answer_is_not_found(url: str, tmp_path: Path) -> None:
    upstream, clock = ScriptedUpstream([answer("one"), answer("two")]), VirtualClock()
    async with opened(upstream, tmp_path, url, ON, clock) as deployment:
        await how(deployment, QUESTION)
    await clock.sleep(3601)
    async with opened(upstream, tmp_path, url, ON, clock) as deployment:
        assert await how(deployment, SAME) == "asked"


async def test_an_answer_that_went_after_it_was_loaded_is_not_given(url: str, tmp_path: Path) -> None:
    upstream, clock = ScriptedUpstream([answer("one"), answer("two"), answer("three")]), VirtualClock()
    async with opened(upstream, tmp_path, url, ON, clock) as deployment:
        await how(deployment, QUESTION)
    async with (
        opened(upstream, tmp_path, url, ON, clock) as here,
        opened(upstream, tmp_path, url, ON, clock) as there,
    ):
        assert await how(here, SAME) == "semantic"
        assert await there.clear_cache() == 1
        await clock.sleep(10)
        assert await how(here, ALSO) == "asked"


async def test_a_type_that_is_off_is_off_for_all_and_after_a_restart(url: str, tmp_path: Path) -> None:
    upstream, clock = ScriptedUpstream([f"It is {number}." for number in range(9)]), VirtualClock()
    async with (
        opened(upstream, tmp_path, url, RECHECKED, clock) as here,
        opened(ScriptedUpstream(["No, it is not."] * 3), tmp_path, url, RECHECKED, clock) as there,
    ):
        await how(here, QUESTION)
        for deployment, words in ((here, SAME), (there, ALSO)):  # each has seen one false hit only
            await how(deployment, words)
            means = deployment._opened().means  # pyright: ignore[reportPrivateUsage] - only closing waits
            await asyncio.gather(*means.under_way._tasks)  # pyright: ignore[reportPrivateUsage]
            await means.semantic.written()
        assert there.semantic_cache["general"].off
    async with opened(upstream, tmp_path, url, RECHECKED, clock) as later:
        standing = later.semantic_cache["general"]
        assert (standing.hits, standing.rechecks, standing.false_hits, standing.off) == (2, 2, 2, True)
        assert await how(later, "Please tell me how to reset my password") == "asked"
        assert later.semantic_cache["general"] == standing


async def test_without_the_semantic_cache_no_question_is_kept(url: str, tmp_path: Path) -> None:
    off, clock = ON | {"optimization.caching.semantic.enabled": False}, VirtualClock()
    upstream = ScriptedUpstream([answer("one"), answer("two")])
    async with opened(upstream, tmp_path, url, off, clock) as deployment:
        await how(deployment, QUESTION)
    async with opened(upstream, tmp_path, url, ON, clock) as deployment:
        assert await how(deployment, SAME) == "asked"


async def test_counts_of_several_are_added_up(database: Database) -> None:
    many = [Standings(database, VirtualClock()) for _ in range(4)]
    for one in many * 5:
        one.count("general", Counted(hits=2, rechecks=1))
    await asyncio.gather(*(one.aclose() for one in many))
    total = {"general": Standing(task_type="general", hits=40, rechecks=20)}
    assert questions.shared_of(database) == total
    again = Standings(database, VirtualClock())
    await again.fresh()
    assert again.all() == total


async def test_others_counts_are_read_now_and_then(database: Database) -> None:
    clock = VirtualClock()
    here, there = Standings(database, clock), Standings(database, clock)
    await here.fresh()
    there.count("simple", Counted(rechecks=2, false_hits=2, rate=0.01))
    await there.aclose()
    await here.fresh()
    await here.aclose()
    assert not here.of("simple").off
    await clock.sleep(6)
    await here.fresh()
    await here.aclose()
    assert here.of("simple").off


@pytest.mark.parametrize(("most", "keys"), [(9, ["b", "c"]), (1, ["c"])])
def test_the_newest_young_questions_of_a_setting_are_loaded(
    database: Database, most: int, keys: list[str]
) -> None:
    text = questions.encode(QUESTION)
    landed = [
        (asked("a", setting="s", question=text, max_size=9), answered(made_us=NOW_US, until_us=NOW_US + 5)),
        (asked("b", setting="s", question=text), answered(made_us=NOW_US + 1)),
        (asked("c", setting="s", question=text), answered(made_us=NOW_US + 2)),
        (asked("d", setting="other", question=text, max_size=9), answered()),
        (asked("e", max_size=9), answered()),
    ]
    with database.write() as connection:
        for one, kept in landed:
            store.keep(connection, database, [(one, kept)], now_us=NOW_US)
        found = questions.load(connection, "s", "general", since_us=0, now_us=NOW_US + 9, most=most)
    assert [key[0] for key, _ in found] == keys
    assert {reading.text for _, reading in found} == {QUESTION}
