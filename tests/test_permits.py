"""How many are let through at once: in order, resizable, and never leaked by a cancellation."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from farthing.permits import Permits


async def hold(permits: Permits, until: asyncio.Event) -> None:
    async with permits:
        await until.wait()


async def spin() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_without_a_limit_everyone_goes_through() -> None:
    permits, end = Permits(None), asyncio.Event()
    crowd = [asyncio.ensure_future(hold(permits, end)) for _ in range(100)]
    await spin()
    assert (permits.in_flight, permits.queue_depth) == (100, 0)
    end.set()
    await asyncio.gather(*crowd)
    assert permits.in_flight == 0


async def test_turns_come_in_order() -> None:
    permits, order = Permits(1), list[int]()

    async def note(number: int) -> None:
        async with permits:
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(note(number) for number in range(10)))
    assert order == list(range(10))


async def test_a_changed_limit_holds_for_those_who_come_next() -> None:
    permits, end = Permits(3), asyncio.Event()
    crowd = [asyncio.ensure_future(hold(permits, end)) for _ in range(6)]
    await spin()
    assert (permits.in_flight, permits.queue_depth) == (3, 3)
    permits.resize(1)
    await spin()
    assert permits.in_flight == 3
    permits.resize(5)
    await spin()
    assert (permits.limit, permits.in_flight, permits.queue_depth) == (5, 5, 1)
    permits.resize(None)
    await spin()
    assert permits.in_flight == 6
    end.set()
    await asyncio.gather(*crowd)


async def test_a_permit_given_to_a_cancelled_caller_goes_to_the_next() -> None:
    permits, end = Permits(1), asyncio.Event()
    holder, cancelled, following = (asyncio.ensure_future(hold(permits, end)) for _ in range(3))
    await spin()
    end.set()
    await holder  # its permit has just been given to the one that is cancelled now
    cancelled.cancel()
    await asyncio.wait([cancelled])
    await asyncio.wait_for(following, 10)
    assert (permits.in_flight, permits.queue_depth) == (0, 0)


class _Caller:
    def __init__(self, permits: Permits) -> None:
        self.end = asyncio.Event()
        self.task = asyncio.ensure_future(hold(permits, self.end))


@given(
    st.lists(
        st.tuples(st.sampled_from(["come", "leave", "cancel", "resize"]), st.integers(0, 7)), max_size=40
    )
)
def test_no_history_leaks_a_permit_or_passes_the_limit(history: list[tuple[str, int]]) -> None:
    async def play() -> None:
        permits = Permits(2)
        callers: list[_Caller] = []
        for action, number in history:
            if action == "come":
                callers.append(_Caller(permits))
            elif action == "resize":
                permits.resize(number + 1)
            elif callers:
                chosen = callers[number % len(callers)]
                _ = chosen.end.set() if action == "leave" else chosen.task.cancel()
            before = permits.in_flight
            await asyncio.sleep(0)
            assert permits.in_flight <= max(before, permits.limit or 0)
        for caller in callers:
            caller.end.set()
        await asyncio.gather(*(caller.task for caller in callers), return_exceptions=True)
        assert (permits.in_flight, permits.queue_depth) == (0, 0)

    asyncio.run(play())
