"""A limit that several processes share: nobody goes on without a grant, and what is not used goes back."""

import asyncio
from collections.abc import Awaitable, Callable

from farthing.limits.minute import Ask, Minute, Told, answered
from farthing.limits.permits import Permits, Rates, Wish
from farthing.limits.window import Rate
from farthing.testing import VirtualClock

Exchange = Callable[[str, Ask], Awaitable[Told | None]]


class Table:
    """Counts by name, as the database does; `away` answers nobody."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.minutes: dict[str, Minute] = {}
        self.away = False
        self.asked = 0

    async def exchange(self, name: str, ask: Ask) -> Told | None:
        await asyncio.sleep(0)
        self.asked += 1
        if self.away:
            return None
        minute, told = answered(self.minutes.get(name, Minute()), ask, 10_000 + self._clock.monotonic())
        self.minutes[name] = minute
        return told


async def _through(permits: Permits, count: int, *, tokens: int = 0) -> list[asyncio.Task[object]]:
    """So many callers; those that came through have left again."""

    async def one() -> None:
        wish = Wish(tokens=tokens)
        assert await permits.enter(wish) is None
        permits.leave(wish)

    crowd: list[asyncio.Task[object]] = [asyncio.create_task(one()) for _ in range(count)]
    for _ in range(200):
        await asyncio.sleep(0)
    return crowd


def _done(*crowds: list[asyncio.Task[object]]) -> int:
    return sum(one.done() for crowd in crowds for one in crowd)


async def _end(*crowds: list[asyncio.Task[object]]) -> None:
    for one in (one for crowd in crowds for one in crowd):
        one.cancel()
        await asyncio.gather(one, return_exceptions=True)


class Still(VirtualClock):
    """Time that only moves when a test says so: who sleeps waits for it."""

    async def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        while self.monotonic() < until:  # noqa: ASYNC110 - it is the test that moves the time
            await asyncio.sleep(0)


async def test_two_processes_together_send_what_the_limit_allows_and_no_more() -> None:
    clock = Still()
    table = Table(clock)
    rates = Rates(deployment=Rate(requests=10))
    first, second = (Permits(None, rates=rates, clock=clock, exchange=table.exchange) for _ in range(2))
    crowds = [await _through(permits, 10) for permits in (first, second)]
    assert _done(*crowds) == 10
    clock.advance(30)
    crowds.append(await _through(first, 0))
    assert _done(*crowds) == 10
    clock.advance(33)
    await _through(first, 0)
    assert _done(*crowds) == 20
    await first.end_asking()
    await second.end_asking()


async def test_while_nobody_answers_nobody_goes() -> None:
    clock = Still()
    table = Table(clock)
    table.away = True
    permits = Permits(None, rates=Rates(deployment=Rate(requests=10)), clock=clock, exchange=table.exchange)
    crowd = await _through(permits, 3)
    assert table.asked > 0
    assert _done(crowd) == 0
    table.away = False
    clock.advance(1)
    await _through(permits, 0)
    assert _done(crowd) == 3
    await permits.end_asking()


async def test_tokens_are_corrected_when_an_attempt_took_more() -> None:
    clock = Still()
    table = Table(clock)
    permits = Permits(None, rates=Rates(deployment=Rate(tokens=100)), clock=clock, exchange=table.exchange)
    wish = Wish(tokens=10)
    assert await asyncio.wait_for(permits.enter(wish), 5) is None
    permits.leave(wish, tokens=95)
    await _through(permits, 0)
    clock.advance(1)
    crowd = await _through(permits, 2, tokens=5)
    assert _done(crowd) == 1
    assert sum(table.minutes["deployment tokens"].taken) == 100
    await _end(crowd)
    await permits.end_asking()


async def test_what_was_granted_and_not_used_goes_back() -> None:
    clock = Still()
    table = Table(clock)
    permits = Permits(1, rates=Rates(deployment=Rate(requests=10)), clock=clock, exchange=table.exchange)
    held = Wish()
    assert await asyncio.wait_for(permits.enter(held), 5) is None
    crowd = await _through(permits, 5)
    assert _done(crowd) == 0  # there is no room, so nothing was asked for them
    assert sum(table.minutes["deployment requests"].taken) == 1
    permits.leave(held)
    await _through(permits, 0)
    assert _done(crowd) == 5
    assert sum(table.minutes["deployment requests"].taken) == 6
    await permits.end_asking()
