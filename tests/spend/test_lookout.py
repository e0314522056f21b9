"""The look at the rate of spend, on a ledger of either database with a clock of our own."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

from tests.proof.book import Book, intent, outcome

from farthing.spend import store
from farthing.spend.alerts import Alert
from farthing.spend.lookout import Lookout
from farthing.spend.runaway import RunawayRule
from farthing.storage.database import Database
from farthing.testing import VirtualClock

USD = 10**9
RULE = RunawayRule(factor=Decimal(10), window_minutes=60, minimum_nano=USD, planned_nano=30 * USD)


class Spender:
    """Spends on a ledger at the time of a clock."""

    def __init__(self, database: Database, clock: VirtualClock) -> None:
        self._book, self._clock, self._count = Book(database), clock, 0

    def spend(self, dollars: str) -> None:
        self._count += 1
        name, at_us, nano = f"c{self._count}", self._clock.now_us(), int(Decimal(dollars) * USD)
        self._book.write([intent(name, at_us=at_us, worst=nano)])
        self._book.write(events=[outcome(name, nano, at_us=at_us)])


def looking(database: Database, clock: VirtualClock) -> tuple[Lookout, list[Alert]]:
    raised: list[Alert] = []

    async def never(_seconds: float) -> None:
        await asyncio.Event().wait()

    lookout = Lookout(database, RULE, clock=clock, raise_alert=raised.append, pause=never)
    with database.read() as connection:
        lookout.begin(store.read_accounts(connection, scope="deployment"))
    return lookout, raised


async def test_a_burst_is_told_once_an_hour_and_a_day(database: Database) -> None:
    clock = VirtualClock(datetime(2026, 12, 9, 12, 5, tzinfo=UTC))
    spender = Spender(database, clock)
    spender.spend("5")  # before the look begins: it is today's, and not the last hour's
    lookout, raised = looking(database, clock)
    assert not await lookout.look()
    clock.advance(600)
    spender.spend("2")  # a dollar a day is usual; ten times that in an hour would be $0.42, and $1 the least
    assert await lookout.look()
    assert not await lookout.look()
    clock.advance(3600)
    spender.spend("2")
    assert await lookout.look()
    clock.advance(60)
    spender.spend("1")  # ten usual days today
    assert await lookout.look()
    assert [alert.key.period for alert in raised] == [
        "hour:2026-12-09T12",
        "hour:2026-12-09T13",
        "day:2026-12-09",
    ]
    await lookout.aclose(1)


async def test_a_usual_that_is_known_takes_the_place_of_the_planned(database: Database) -> None:
    clock = VirtualClock(datetime(2026, 12, 1, 12, tzinfo=UTC))
    spender = Spender(database, clock)
    for _ in range(7):
        spender.spend("100")
        clock.advance(86_400)
    lookout, raised = looking(database, clock)
    spender.spend("40")  # a hundred dollars a day are usual: ten times that in an hour would be $41.67
    assert not await lookout.look()
    spender.spend("120")
    clock.advance(60)
    assert await lookout.look()
    assert "the median of 7 days" in raised[0].detail
    await lookout.aclose(1)


async def test_closing_looks_a_last_time(database: Database) -> None:
    clock = VirtualClock(datetime(2026, 12, 9, 12, tzinfo=UTC))
    spender = Spender(database, clock)
    lookout, raised = looking(database, clock)
    spender.spend("50")
    assert await lookout.aclose(5)
    assert len(raised) == 1
