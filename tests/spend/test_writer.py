"""The writer on a real file: budgets under concurrency, cancellation, closing, a database that goes away."""

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest
from tests.spend.calls import (
    AT_US,
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
from farthing.spend import store
from farthing.spend.batch import Seen
from farthing.spend.budget import AccountKey, Admitted, Balance, Claim, Denied
from farthing.spend.writer import LedgerWriter
from farthing.storage.database import Database


@pytest.fixture
def failing(database: Database) -> Failing:
    return Failing(database)


async def test_two_hundred_at_once_never_pass_the_limit(database: Database) -> None:
    async with writing(database) as ledger:
        asked = [reserve(ledger, intent(f"c{n}", 10, limit=505)) for n in range(200)]
        decisions = await asyncio.gather(*asked)
        assert sum(isinstance(decision, Admitted) for decision in decisions) == 50
        assert balance(database) == Balance(held=500)


async def test_parked_calls_get_through_as_others_settle(database: Database) -> None:
    at_once, most = 0, 0

    async def call(ledger: LedgerWriter, number: int) -> None:
        nonlocal at_once, most
        decision = await reserve(ledger, intent(f"c{number}", 10, limit=300), wait_s=LONG_S)
        assert isinstance(decision, Admitted)
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        ledger.record(outcome(f"c{number}", 1))

    async with writing(database) as ledger:
        await asyncio.gather(*(call(ledger, number) for number in range(200)))
        assert await flushed(ledger)
        assert most <= 30
    assert balance(database) == Balance(settled=200)


async def test_a_call_that_can_never_fit_is_denied_at_once(database: Database) -> None:
    async with writing(database) as ledger:
        await admitted(ledger, "a", 60, limit=100)
        decision = await reserve(ledger, intent("b", 101, limit=100), wait_s=LONG_S)
        assert isinstance(decision, Denied)
        assert not decision.transient


async def test_a_parked_call_is_denied_at_its_deadline(database: Database) -> None:
    async with writing(database) as ledger:
        await admitted(ledger, "a", 60, limit=100)
        decision = await reserve(ledger, intent("b", 60, limit=100), wait_s=0.05)
        assert isinstance(decision, Denied)
        assert decision.transient
        assert decision.balance == Balance(held=60)
    assert kinds(database, "b") == []


async def test_all_scopes_or_none(database: Database) -> None:
    swarm, agent = AccountKey("swarm:1", "total"), AccountKey("agent:1/1", "total")
    async with writing(database) as ledger:
        decision = await reserve(ledger, intent("a", 10, limit=10, keys=(MONTH, swarm, agent)))
        assert isinstance(decision, Admitted)
        refused = await reserve(
            ledger, intent("b", 10, limit=10, keys=(agent, AccountKey("task:b", "total")))
        )
        assert isinstance(refused, Denied)
        assert await reserve(ledger, intent("c", 10**9, keys=())) == Admitted(granted=10**9)
        assert balance(database, swarm) == balance(database, agent) == Balance(held=10)
        assert balance(database, AccountKey("task:b", "total")) == Balance()


async def test_a_cancelled_wait_holds_nothing(database: Database) -> None:
    async with writing(database) as ledger:
        await admitted(ledger, "a", 60, limit=100)
        waits = [asyncio.create_task(reserve(ledger, intent("b", 60, limit=100), wait_s=LONG_S))]
        waits.append(asyncio.create_task(reserve(ledger, intent("c", 10, limit=100))))
        await asyncio.sleep(0)
        for wait in waits:
            wait.cancel()
        assert await asyncio.gather(*waits, return_exceptions=True)
        ledger.record(outcome("a", 1))
        assert await flushed(ledger)
        await asyncio.sleep(0)  # an admission that found nobody records that it was not sent
        assert await flushed(ledger)
        assert balance(database) == Balance(settled=1)


async def test_a_wait_cancelled_after_its_decision_holds_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The future has its result, the task that awaits it has not run yet, and is cancelled."""
    async with writing(database) as ledger:
        publish = ledger._publish  # pyright: ignore[reportPrivateUsage]  (the moment between two callbacks)
        wait: asyncio.Task[object] | None = None

        def publish_and_cancel(*arguments: object) -> None:
            publish(*arguments)  # pyright: ignore[reportArgumentType]  (handed on as it came)
            assert wait is not None
            wait.cancel()

        monkeypatch.setattr(ledger, "_publish", publish_and_cancel)
        wait = asyncio.create_task(reserve(ledger, intent("a", 10, limit=100)))
        with pytest.raises(asyncio.CancelledError):
            await wait
        monkeypatch.undo()
        assert await flushed(ledger)
        assert kinds(database, "a") == ["intent", "settled"]
        assert balance(database) == Balance()


async def test_closing_refuses_what_waits_and_leaves_open_calls_uncertain(database: Database) -> None:
    async with writing(database) as ledger:
        await admitted(ledger, "a", 60, limit=100)
        await admitted(ledger, "b", 30, limit=100)
        wait = asyncio.create_task(reserve(ledger, intent("c", 60, limit=100), wait_s=LONG_S))
        await asyncio.sleep(0)
        ledger.record(outcome("b", 7))
    with pytest.raises(LedgerUnavailableError, match="closed"):
        await wait
    assert balance(database) == Balance(settled=7, uncertain=60)
    assert states(database) == ["closed"]
    with pytest.raises(LedgerUnavailableError, match="closed"):
        await reserve(ledger, intent("d", 1))
    assert kinds(database, "c") == kinds(database, "d") == []


async def test_a_restart_sees_the_same_balances(database: Database) -> None:
    async with writing(database) as ledger:
        await admitted(ledger, "a", 60, limit=100)
        ledger.record(outcome("a", 40))
        await admitted(ledger, "b", 20, limit=100)
    async with writing(database) as ledger:
        claims = (Claim(MONTH, 100),)
        assert ledger.headroom(claims) == 40
        assert isinstance(await reserve(ledger, intent("c", 41, limit=100)), Denied)
        ledger.record(outcome("b", 5))  # what the first start left uncertain, settled late
        assert await flushed(ledger)
        assert ledger.headroom(claims) == 55
    assert balance(database) == Balance(settled=45)
    assert kinds(database, "b") == ["intent", "uncertain", "settled"]


async def test_what_is_told_twice_or_of_nobody_changes_nothing(database: Database) -> None:
    async with writing(database) as ledger:
        await admitted(ledger, "a", 60)
        for event in (Seen("a", AT_US, "g"), outcome("nobody", 9), Seen("a", AT_US, "g"), outcome("a", None)):
            ledger.record(event)
            assert await flushed(ledger)
        assert balance(database) == Balance(uncertain=60)
        for cost in (5, 6, None):
            ledger.record(outcome("a", cost))
            assert await flushed(ledger)
    assert kinds(database, "a") == ["intent", "seen", "uncertain", "settled"]
    assert balance(database) == Balance(settled=5)


async def test_what_the_database_refuses_does_not_hold_up_the_rest(database: Database) -> None:
    async with writing(database) as ledger:
        await admitted(ledger, "a", 10)
        await admitted(ledger, "b", 10)
        ledger.record(outcome("a", 3, reason="\ud800"))  # no UTF-8: its row cannot be written
        ledger.record(outcome("b", 4))
        asked = [intent("c", 10), intent("d", 1 << 70), intent("e", 10), intent("a", 10)]
        answers = await asyncio.gather(*(reserve(ledger, one) for one in asked), return_exceptions=True)
        assert [type(answer) for answer in answers] == [
            Admitted,
            LedgerUnavailableError,  # more than the database can count
            Admitted,
            LedgerUnavailableError,  # its id was used before
        ]
        assert await flushed(ledger)
        assert balance(database) == Balance(settled=7, held=20)


async def test_a_call_that_another_process_settled_is_left_to_it(database: Database) -> None:
    async with writing(database) as one, writing(database) as two:
        await admitted(one, "a", 10)
        two.record(outcome("a", 3))
        assert await flushed(two)
        one.record(outcome("a", 4))
        await admitted(one, "b", 10)
        assert await flushed(one)
        assert balance(database) == Balance(settled=3, held=10)
    assert balance(database) == Balance(settled=3, uncertain=10)


@pytest.mark.parametrize("fault", ["lost", "unsure"])
async def test_a_commit_that_raises_is_neither_lost_nor_done_twice(
    database: Database, failing: Failing, fault: str
) -> None:
    async with writing(database) as ledger:
        await admitted(ledger, "a", 10, limit=100)
        ledger.record(outcome("a", 3))
        failing.commits = [fault]
        await admitted(ledger, "b", 10, limit=100)
        await failing.failures(1)
        failing.commits = [fault, fault]
        ledger.record(outcome("b", 4))
        assert await flushed(ledger)
        assert balance(database) == Balance(settled=7)
    await failing.failures(3)


async def test_an_unsure_commit_is_remembered_while_the_database_stays_away(
    database: Database, failing: Failing
) -> None:
    async with writing(database) as ledger:
        failing.commits = ["unsure"]
        wait = asyncio.create_task(reserve(ledger, intent("a", 10, limit=100)))
        await failing.failures(1)
        failing.away = True
        await failing.failures(3)
        failing.away = False
        assert await wait == Admitted(granted=10)
        ledger.record(outcome("a", 4))
        assert await flushed(ledger)
    assert kinds(database, "a") == ["intent", "settled"]
    assert balance(database) == Balance(settled=4)


async def test_a_heartbeat_that_fails_does_not_break_the_chain(database: Database, failing: Failing) -> None:
    async with writing(database, lease_s=0.003) as ledger:
        failing.commits = ["lost", "unsure", "lost"]
        await failing.failures(3)
        await admitted(ledger, "a", 10)
        ledger.record(outcome("a", 4))
        assert await flushed(ledger)
        assert balance(database) == Balance(settled=4)


async def test_without_a_database_no_call_is_admitted(
    database: Database, failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farthing.spend.writer._PATIENCE_S", 0.05)
    async with writing(database) as ledger:
        await admitted(ledger, "a", 10)
        failing.away = True
        ledger.record(outcome("a", 4))
        with pytest.raises(LedgerUnavailableError, match="away, as the test asked"):
            await reserve(ledger, intent("b", 10), wait_s=LONG_S)
        assert not await asyncio.to_thread(ledger.flush, 0.01)
        failing.away = False
        await admitted(ledger, "c", 10)
        assert balance(database) == Balance(settled=4, held=10)


class ShiftedTime:
    """The real clock, set forward by the test; seconds."""

    sleep = staticmethod(time.sleep)

    def __init__(self) -> None:
        self.shift = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.shift


async def test_a_call_that_has_waited_long_for_money_outlasts_a_short_outage(
    database: Database, failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    shifted = ShiftedTime()
    monkeypatch.setattr("farthing.spend.writer.time", shifted)
    async with writing(database) as ledger:
        await admitted(ledger, "a", 60, limit=100)
        wait = asyncio.create_task(reserve(ledger, intent("b", 60, limit=100), wait_s=10 * LONG_S))
        await admitted(ledger, "c", 1, limit=100)  # by now, b is parked
        shifted.shift = LONG_S
        failing.commits = ["lost"]
        await failing.failures(1)
        ledger.record(outcome("a", 4))
        assert await wait == Admitted(granted=60)


async def test_a_locked_file_is_waited_for(tmp_path: Path) -> None:
    database = open_database(tmp_path / "ledger.db")
    async with writing(database) as ledger:
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        wait = asyncio.create_task(reserve(ledger, intent("a", 10)))
        done, _ = await asyncio.wait([wait], timeout=0.05)
        assert not done
        other.execute("ROLLBACK")
        other.close()
        assert await wait == Admitted(granted=10)
    database.close()


async def test_a_writer_that_fails_says_so_to_everyone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    async with writing(database) as ledger:
        monkeypatch.setattr(store, "load_balances", broken)
        for call_id in ("a", "b"):
            with pytest.raises(LedgerUnavailableError, match="a fault of ours"):
                await reserve(ledger, intent(call_id, 10), wait_s=LONG_S)
        assert await flushed(ledger)  # nothing was recorded, so nothing is missing
        ledger.record(outcome("a", 1))
        assert not await flushed(ledger)


async def test_closing_what_was_never_started_is_harmless(database: Database) -> None:
    await LedgerWriter(database, label="test", now_us=now_us).aclose()
    assert states(database) == []
