"""How many are let through at once: in order, resizable, and never leaked by a cancellation."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.limits.allowance import FreeAllowance, FreeDay
from farthing.limits.permits import Permits, Rates, Wish
from farthing.limits.window import Rate
from farthing.testing import VirtualClock


async def hold(permits: Permits, until: asyncio.Event) -> None:
    wish = Wish()
    assert await permits.enter(wish) is None
    try:
        await until.wait()
    finally:
        permits.leave(wish)


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
        wish = Wish()
        assert await permits.enter(wish) is None
        order.append(number)
        await asyncio.sleep(0)
        permits.leave(wish)

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


async def test_the_third_in_a_minute_waits_until_the_first_is_a_minute_old() -> None:
    clock = VirtualClock()
    permits = Permits(None, rates=Rates(deployment=Rate(requests=2)), clock=clock)
    at: list[float] = []
    for _ in range(5):
        wish = Wish()
        assert await permits.enter(wish) is None
        permits.leave(wish)
        at.append(clock.monotonic())
    assert at == [0, 0, 60, 60, 120]


async def test_a_model_at_its_limit_holds_up_no_other() -> None:
    clock = VirtualClock()
    rates = Rates(models={"a": Rate(requests=1)})
    permits, order = Permits(None, rates=rates, clock=clock), list[str]()

    async def ask(model: str) -> None:
        wish = Wish(model=model)
        assert await permits.enter(wish) is None
        order.append(f"{model} {clock.monotonic():g}")
        permits.leave(wish)

    await asyncio.gather(*(ask(model) for model in ("a", "a", "b", "a", "b")))
    assert order == ["a 0", "b 0", "b 0", "a 60", "a 120"]
    assert permits.busy(["a", "b"], clock.monotonic()) == {"a": 180.0}


async def test_tokens_are_an_estimate_until_they_are_known() -> None:
    clock = VirtualClock()
    permits = Permits(None, rates=Rates(deployment=Rate(tokens=100)), clock=clock)
    first, second, third = Wish(tokens=90), Wish(tokens=90), Wish(tokens=80)
    assert await permits.enter(first) is None
    permits.leave(first, tokens=10)
    assert await permits.enter(second) is None
    assert clock.monotonic() == 0
    permits.leave(second)
    assert await permits.enter(third) is None
    assert clock.monotonic() == 60


async def test_who_leaves_before_its_turn_takes_nothing() -> None:
    permits = Permits(1, rates=Rates(deployment=Rate(requests=2)), clock=VirtualClock())
    holder = Wish()
    assert await permits.enter(holder) is None
    leaving = asyncio.ensure_future(permits.enter(Wish()))
    await spin()
    permits.leave(holder)  # the turn is given, and its owner is cancelled before it can know
    leaving.cancel()
    await asyncio.wait([leaving])
    clocked = Wish()
    assert await permits.enter(clocked) is None
    assert permits.in_flight == 1


async def test_a_deadline_ends_the_waiting() -> None:
    permits = Permits(1)
    assert await permits.enter(Wish()) is None
    refused = await permits.enter(Wish(), within_s=0.01)
    assert refused is not None
    assert (refused.why, permits.queue_depth) == ("late", 0)


async def test_a_full_queue_refuses_or_lets_wait_before_it() -> None:
    refusing = Permits(1, queue_size=1, when_full="refuse")
    patient = Permits(1, queue_size=1)
    for permits in (refusing, patient):
        assert await permits.enter(Wish()) is None
    waiting = asyncio.ensure_future(refusing.enter(Wish()))
    await spin()
    refused = await refusing.enter(Wish())
    assert refused is not None
    assert refused.why == "full"
    refusing.leave(Wish())
    assert await waiting is None
    crowd = [asyncio.ensure_future(patient.enter(Wish())) for _ in range(5)]
    await spin()
    assert patient.queue_depth == 5
    crowd[3].cancel()  # before the queue
    for index in (0, 1, 2, 4):
        patient.leave(Wish())
        assert await asyncio.wait_for(crowd[index], 10) is None
    assert patient.queue_depth == 0


async def test_the_days_free_requests_are_asked_for_and_counted() -> None:
    clock = VirtualClock(datetime(2026, 1, 31, 23, 0, tzinfo=UTC))
    asked: list[float] = []

    async def left() -> FreeDay | None:
        asked.append(clock.monotonic())
        return FreeDay(2)

    allowance = FreeAllowance(left, clock)
    permits = Permits(None, allowance=allowance, clock=clock)
    for _ in range(2):
        assert await permits.enter(Wish(model="a:free")) is None
    refused = await permits.enter(Wish(model="b:free"))
    assert refused is not None
    assert (refused.why, refused.wait_s) == ("spent", 3600.0)
    assert permits.busy(["a:free", "a"], clock.monotonic()) == {"a:free": 3600.0}
    assert await permits.enter(Wish(model="a")) is None
    clock.advance(3600)
    assert await permits.enter(Wish(model="a:free")) is None
    assert asked == [0, 3600]


async def test_an_account_that_says_nothing_is_asked() -> None:
    async def unknown() -> FreeDay | None:
        return None

    permits = Permits(None, allowance=FreeAllowance(unknown, VirtualClock()))
    for _ in range(60):
        assert await permits.enter(Wish(model="a:free")) is None


async def test_a_development_days_free_requests_are_spread_over_it() -> None:
    clock = VirtualClock(datetime(2026, 1, 31, 0, 0, tzinfo=UTC))

    async def told() -> FreeDay | None:
        return FreeDay(50, 50)

    permits = Permits(None, allowance=FreeAllowance(told, clock, spread=True), clock=clock)
    for _ in range(25):
        assert await permits.enter(Wish(model="a:free")) is None
    held = await permits.enter(Wish(model="a:free"))
    assert held is not None
    assert held.why == "spent"
    assert held.wait_s == pytest.approx(86_400 / 25)
    assert "25 of the day's 50" in held.text
    assert "00:57:36 UTC" in held.text
    assert permits.free_pace() == (25, 25.0)
    assert await permits.enter(Wish(model="a")) is None
    clock.advance(86_400 / 25)
    assert permits.free_wait_s() == 0
