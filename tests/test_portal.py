"""A loop in a thread for callers without one: results, errors, interrupts, and nothing left behind."""

import asyncio
import threading
from collections.abc import AsyncGenerator

import pytest

from farthing.portal import Portal


async def where() -> str:
    await asyncio.sleep(0)
    return threading.current_thread().name


def test_work_runs_in_one_loop_and_hands_back_its_result() -> None:
    portal = Portal()
    loops: list[asyncio.AbstractEventLoop] = []

    async def note() -> int:
        loops.append(asyncio.get_running_loop())
        return len(loops)

    assert portal.call(where()) == "farthing-portal"
    assert (portal.call(note()), portal.call(note())) == (1, 2)
    assert loops[0] is loops[1]
    portal.close()
    assert loops[0].is_closed()
    assert "farthing-portal" not in [thread.name for thread in threading.enumerate()]


def test_an_error_comes_back_as_it_was_raised() -> None:
    async def fail() -> None:
        raise LookupError("not there")

    portal = Portal()
    with pytest.raises(LookupError, match="not there"):
        portal.call(fail())
    assert portal.call(where())
    portal.close()


def test_several_threads_may_call() -> None:
    portal, answers = Portal(), list[str]()
    threads = [threading.Thread(target=lambda: answers.append(portal.call(where()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    portal.close()
    assert answers == ["farthing-portal"] * 8


def test_closing_ends_generators_that_were_left_open() -> None:
    ended: list[bool] = []

    async def numbers() -> AsyncGenerator[int]:
        try:
            while True:
                yield 1
        finally:
            ended.append(True)

    kept = numbers()

    async def take_one() -> int:
        return await anext(kept)

    portal = Portal()
    assert portal.call(take_one()) == 1
    portal.close()
    assert ended == [True]
