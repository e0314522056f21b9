"""The one timer of an exchange."""

import asyncio

import pytest

from farthing.upstream.deadline import Wait, Watchdog


async def forever() -> None:
    await asyncio.Event().wait()


async def test_it_cancels_when_the_wait_is_over() -> None:
    with Watchdog(total_s=5, wait_s=0.01, wait=Wait.connect) as watch:
        with pytest.raises(asyncio.CancelledError):
            await forever()
        assert watch.expired()
        assert not watch.total_passed
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_the_total_bounds_every_wait() -> None:
    with Watchdog(total_s=0.01, wait_s=5, wait=Wait.connect) as watch:
        watch.expect(Wait.first_token, 5)
        watch.expect(Wait.reader, None)
        with pytest.raises(asyncio.CancelledError):
            await forever()
        assert watch.expired()
        assert watch.total_passed


async def test_a_deadline_moves_nearer_and_away() -> None:
    with Watchdog(total_s=5, wait_s=4, wait=Wait.connect) as watch:
        watch.expect(Wait.next_token, 0.01)
        watch.expect(Wait.reader, None)
        fired = asyncio.Event()
        asyncio.get_running_loop().call_later(0.03, fired.set)
        await fired.wait()  # longer than the deadline that was moved away
        watch.expect(Wait.next_token, 0.01)
        with pytest.raises(asyncio.CancelledError):
            await forever()
        assert watch.expired()
        assert watch.wait is Wait.next_token


async def test_somebody_elses_cancellation_is_not_its_own() -> None:
    async def call() -> bool:
        with Watchdog(total_s=5, wait_s=5, wait=Wait.connect) as watch:
            try:
                await forever()
            except asyncio.CancelledError:
                return watch.expired()
        return True

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    task.cancel()
    assert await task is False


async def test_both_at_once_count_as_somebody_elses() -> None:
    answers: list[bool] = []

    async def call() -> None:
        task = asyncio.current_task()
        assert task is not None
        with Watchdog(total_s=5, wait_s=0.01, wait=Wait.connect) as watch:
            try:
                await forever()
            except asyncio.CancelledError:
                task.cancel()  # arrives before the first was looked at
                answers.append(watch.expired())

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(call())
    assert answers == [False]


async def test_a_swallowed_cancellation_leaves_nothing_behind() -> None:
    with Watchdog(total_s=5, wait_s=0.01, wait=Wait.connect), pytest.raises(asyncio.CancelledError):
        await forever()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
