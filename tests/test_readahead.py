"""What upstream may be ahead of a slow reader: so many texts, and so many characters."""

import asyncio

import pytest

from farthing.readahead import CHARACTERS, TEXTS, ReadAhead


def test_short_texts_are_bounded_by_their_number() -> None:
    ahead = ReadAhead()
    for _ in range(TEXTS):
        ahead.put_nowait("word ")
    with pytest.raises(asyncio.QueueFull):
        ahead.put_nowait("word ")


async def test_long_texts_are_bounded_by_their_characters_and_none_is_lost() -> None:
    ahead, texts = ReadAhead(), [str(number) * CHARACTERS for number in range(4)]

    async def bring() -> None:
        for text in texts:
            await ahead.put(text)

    bringing = asyncio.create_task(bring())
    for _ in range(10):
        await asyncio.sleep(0)
    assert ahead.qsize() == 1  # the others wait
    assert [await ahead.get() for _ in texts] == texts
    await bringing
    assert ahead.empty()
    assert not ahead.full()


def test_a_mark_weighs_nothing() -> None:
    ahead = ReadAhead()
    ahead.put_nowait("x" * (CHARACTERS - 1))
    ahead.put_nowait(None)
    assert not ahead.full()
    ahead.put_nowait("x")
    assert ahead.full()
