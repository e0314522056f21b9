"""Leases and alerts over two writers on one file: nothing is given back by time, and one of them sends."""

import asyncio
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from tests.spend.calls import (
    LONG_S,
    MONTH,
    Failing,
    admitted,
    balance,
    flushed,
    intent,
    kinds,
    now_us,
    open_database,
    outcome,
    reserve,
    states,
    writing,
)

from farthing.errors import LedgerUnavailableError
from farthing.spend.alerts import Alert, AlertRule
from farthing.spend.batch import Delivered
from farthing.spend.budget import Admitted, Balance, Claim, Decision, Denied
from farthing.spend.epoch import Epoch
from farthing.spend.waiting import Request
from farthing.spend.writer import LedgerWriter
from farthing.storage.database import Database


class HostClock:
    """A clock that the test moves; seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> HostClock:
    return HostClock()


@pytest.fixture
def database(tmp_path: Path, clock: HostClock) -> Iterator[Database]:
    opened = open_database(tmp_path / "ledger.db", host_clock=clock)
    yield opened
    opened.close()


async def stopped_past_its_lease(first: LedgerWriter, database: Database, clock: HostClock) -> None:
    """Two calls of `first` are on the wire when its lease runs out and another process starts."""
    await admitted(first, "a", 60, limit=100)
    await admitted(first, "b", 30, limit=100)
    clock.now += LONG_S + 1
    async with writing(database):
        assert balance(database) == Balance(uncertain=90)


async def test_an_expired_lease_leaves_its_calls_uncertain(database: Database, clock: HostClock) -> None:
    async with writing(database) as first:
        await stopped_past_its_lease(first, database, clock)
        assert states(database) == ["expired", "closed"]


async def test_a_process_that_comes_back_settles_its_calls_late(database: Database, clock: HostClock) -> None:
    async with writing(database) as first:
        await stopped_past_its_lease(first, database, clock)
        first.record(outcome("a", 7))
        assert await flushed(first)
        assert balance(database) == Balance(settled=7, uncertain=30)
        await admitted(first, "c", 63, limit=100)
        assert isinstance(await reserve(first, intent("d", 1, limit=100)), Denied)
    assert kinds(database, "a") == ["intent", "uncertain", "settled"]
    assert states(database) == ["expired", "closed", "closed"]
    assert balance(database) == Balance(settled=7, uncertain=93)


async def test_a_process_that_comes_back_may_not_know_how_its_call_ended(
    database: Database, clock: HostClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with writing(database) as first:
        await stopped_past_its_lease(first, database, clock)
        first.record(outcome("a", None))
        await admitted(first, "c", 10, limit=100)
        assert await flushed(first)
    assert kinds(database, "a") == ["intent", "uncertain"]
    assert balance(database) == Balance(uncertain=100)
    assert "refuses" not in caplog.text  # its epoch was at fault, not its row


async def test_a_process_that_comes_back_only_to_close_changes_nothing(
    database: Database, clock: HostClock
) -> None:
    async with writing(database) as first:
        await stopped_past_its_lease(first, database, clock)
    assert balance(database) == Balance(uncertain=90)
    assert states(database)[0] == "expired"


async def test_the_number_of_an_epoch_that_was_not_committed_is_not_used(
    database: Database, clock: HostClock, tmp_path: Path
) -> None:
    """Else the next process gets the same number, and two of them write one chain."""
    other = open_database(tmp_path / "ledger.db", host_clock=clock)
    async with writing(database) as first:
        await stopped_past_its_lease(first, database, clock)
        failing = Failing(database)
        failing.commits = ["lost"]  # the commit of the new epoch
        wait = asyncio.create_task(reserve(first, intent("c", 10)))
        await failing.failures(1)
        failing.away = True  # until the number is another's
        async with writing(other) as second:
            await admitted(second, "d", 10)
            failing.away = False
            assert await wait == Admitted(granted=10)
            second.record(outcome("d", 2))
            first.record(outcome("c", 3))
            assert await flushed(first)
            assert await flushed(second)
            assert balance(other) == Balance(settled=5, uncertain=90)
    other.close()


async def test_an_unsure_commit_before_the_lease_ran_out_is_found_again(
    database: Database, clock: HostClock, tmp_path: Path
) -> None:
    other = open_database(tmp_path / "ledger.db", host_clock=clock)
    failing = Failing(database)
    async with writing(database) as first:
        await admitted(first, "a", 10)
        failing.commits = ["lost"]
        first.record(outcome("a", None))  # not written by us …
        failing_from = 1
        await failing.failures(failing_from)
        failing.away = True
        await failing.failures(failing_from + 1)
        clock.now += LONG_S + 1
        async with writing(other):  # … but by the process that found our lease expired
            assert kinds(other, "a") == ["intent", "uncertain"]
        wait = asyncio.create_task(reserve(first, intent("b", 5)))
        failing.away = False
        assert await wait == Admitted(granted=5)
        assert kinds(database, "b") == ["intent"]
        assert balance(database) == Balance(held=5, uncertain=10)
    other.close()


async def test_an_expired_process_without_calls_stays_expired(database: Database, clock: HostClock) -> None:
    async with writing(database):
        clock.now += LONG_S + 1
        async with writing(database):
            assert states(database) == ["expired", "live"]
    assert states(database) == ["expired", "closed"]


@pytest.mark.parametrize("fault", ["lost", "unsure"])
async def test_a_failed_heartbeat_that_was_reaping_does_not_break_the_chain(
    database: Database, clock: HostClock, fault: str
) -> None:
    dead, alive = (Epoch(database, label="test", now_us=now_us, lease_s=0.0) for _ in range(2))
    alive.open()
    dead.open()
    assert commit(dead, "a") == [Admitted(granted=10)]
    clock.now += 1  # both leases are over; whose process runs on takes its own up again
    failing = Failing(database)
    failing.commits = [fault]
    with pytest.raises(OperationalError):
        alive.keep_alive()
    alive.disconnect()
    assert alive.recover() is None
    assert commit(alive, "b") == [Admitted(granted=10)]
    alive.keep_alive()
    assert balance(database) == Balance(held=10, uncertain=10)
    for epoch in (alive, dead):
        epoch.disconnect()


def commit(epoch: Epoch, call_id: str) -> list[Decision]:
    """One intent of 10 nano-dollars, whose answer nobody waits for."""
    answer: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
    return epoch.commit([Request(intent(call_id, 10), answer, 0.0, 0.0)], [], ()).plan.decisions


async def test_a_start_without_a_database_is_refused(database: Database) -> None:
    Failing(database).away = True
    ledger = LedgerWriter(database, label="test", now_us=now_us)
    with pytest.raises(LedgerUnavailableError, match="away, as the test asked"):
        await ledger.start()


async def test_headroom_follows_what_other_processes_spend(database: Database) -> None:
    async with writing(database) as one, writing(database) as two:
        await admitted(one, "a", 60, limit=100)
        await admitted(two, "b", 10, limit=100)
        assert two.headroom((Claim(MONTH, 100),)) == 30
        assert one.headroom((Claim(MONTH, None),)) is None


RULE = AlertRule(
    scope="deployment",
    period="month",
    base_nano=100,
    thresholds={"warning": Decimal("0.8"), "critical": Decimal("0.95")},
)


async def test_of_two_writers_one_is_elected_for_each_level(database: Database) -> None:
    heard: list[tuple[str, str, bool]] = []

    def listener(name: str, alert: Alert, elected: bool) -> None:
        heard.append((name, alert.level, elected))

    async with (
        writing(database, on_alert=lambda a, e: listener("one", a, e), rules=(RULE,)) as one,
        writing(database, on_alert=lambda a, e: listener("two", a, e), rules=(RULE,)) as two,
    ):
        for number, (ledger, cost) in enumerate(
            [(one, 79), (one, 1), (two, 0), (one, 0), (two, 15), (one, 0)]
        ):
            await admitted(ledger, f"c{number}", 15 if number else 79)
            ledger.record(outcome(f"c{number}", cost))
            assert await flushed(ledger)
            await asyncio.sleep(0)
    assert heard == [
        ("one", "warning", True),
        ("two", "warning", False),
        ("two", "critical", True),
        ("one", "critical", False),
    ]


def wait_until_idle(ledger: LedgerWriter) -> None:
    while not ledger._idle:  # pyright: ignore[reportPrivateUsage]  (the state the test is about)
        time.sleep(0.001)


async def test_a_late_settlement_wakes_a_writer_that_has_nothing_to_do(database: Database) -> None:
    heard = {"warning": asyncio.Event(), "critical": asyncio.Event()}
    async with writing(database, on_alert=lambda alert, _: heard[alert.level].set(), rules=(RULE,)) as ledger:
        await admitted(ledger, "a", 90)
        ledger.record(outcome("a", None))
        await heard["warning"].wait()
        await asyncio.to_thread(wait_until_idle, ledger)
        ledger.record(outcome("a", 96))
        await asyncio.wait_for(heard["critical"].wait(), LONG_S / 6)  # its next heartbeat is later than that


async def test_an_alert_is_sent_once_over_restarts(database: Database) -> None:
    heard: list[bool] = []
    alerts: list[Alert] = []

    def hear(alert: Alert, elected: bool) -> None:
        heard.append(elected)
        alerts.append(alert)

    for number in range(2):
        async with writing(database, on_alert=hear, rules=(RULE,)) as ledger:
            await admitted(ledger, f"c{number}", 90)
            ledger.record(outcome(f"c{number}", 90 - 90 * number))
            assert await flushed(ledger)
            await asyncio.sleep(0)
            ledger.record(Delivered(alerts[0]))
    assert heard == [True, False]


async def test_an_alert_that_was_not_delivered_comes_back_to_the_next_process(database: Database) -> None:
    heard: list[tuple[str, bool]] = []

    def hear(alert: Alert, elected: bool) -> None:
        heard.append((alert.level, elected))

    async with writing(database, on_alert=hear, rules=(RULE,)) as ledger:
        await admitted(ledger, "a", 90)
        ledger.record(outcome("a", 90))
        assert await flushed(ledger)
    async with writing(database) as silent:  # it has nobody to tell, and takes nothing over
        await admitted(silent, "b", 1)
    async with writing(database, on_alert=hear, rules=(RULE,)) as ledger:
        await admitted(ledger, "c", 1)
        assert await flushed(ledger)
        await asyncio.sleep(0)
    assert (heard[0], heard[1]) == (("warning", True), ("warning", True))


async def test_a_listener_that_raises_stops_nothing(database: Database) -> None:
    def broken(alert: Alert, elected: bool) -> None:
        raise RuntimeError(f"{alert.level} {elected}")

    raised: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context["exception"]))
    async with writing(database, on_alert=broken, rules=(RULE,)) as ledger:
        await admitted(ledger, "a", 90)
        ledger.record(outcome("a", 85))
        await admitted(ledger, "b", 5)
        ledger.record(outcome("b", 5))
        assert await flushed(ledger)
        await asyncio.sleep(0)
    assert [str(error) for error in raised] == ["warning True"]
    assert balance(database) == Balance(settled=90)
