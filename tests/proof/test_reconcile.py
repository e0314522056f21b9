"""Uncertain calls and their bills, against a simulator over HTTP, on both databases."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec import structs
from tests.journeys.books import billed_by_id
from tests.proof.book import Book, intent, outcome

from farthing.errors import FarthingError
from farthing.proof import bills, reconcile
from farthing.proof.bills import Drift
from farthing.proof.read import verified
from farthing.proof.reconcile import BY_ID, Asked, Reconciled
from farthing.simulator.server import Simulator, start_simulator
from farthing.spend import store
from farthing.spend.batch import Seen
from farthing.spend.ledger import Intent
from farthing.spend.runs import Fold, fold
from farthing.storage.database import Database
from farthing.testing import deployment_at
from farthing.upstream.client import Client
from farthing.upstream.direct import DirectTransport
from farthing.upstream.failure import Failure

WORST = 10**9
AT_US = 1_795_000_000_000_000
NOW = (0.0, 0.0)


class Upstream(NamedTuple):
    """A simulator with some generations on its bill, by id."""

    simulator: Simulator
    client: Client
    billed: dict[str, int]


@pytest.fixture
async def upstream(tmp_path: Path) -> AsyncGenerator[Upstream]:
    async with start_simulator(seed=3) as simulator:
        folder = tmp_path / "others"
        folder.mkdir()
        async with deployment_at(simulator.base_url, folder) as deployment:
            for number in range(4):
                await deployment.execute_task(f"Explain step {number}.")
        client = Client(DirectTransport(), base_url=simulator.base_url, api_key="sk-or-simulated")
        yield Upstream(simulator, client, billed_by_id(simulator.bill()))
        await client.aclose()


def asked(name: str, *, worst: int = WORST, model: str = "a/model") -> Intent:
    return structs.replace(intent(name, at_us=AT_US, worst=worst), upstream="simulator", model=model)


def doubt(book: Book, name: str, generation_id: str | None, *, seen: bool = False) -> None:
    """An uncertain call, whose id stands in its own row or in that of its end."""
    book.write([asked(name)])
    if seen and generation_id is not None:
        book.write(events=[Seen(name, AT_US, generation_id)])
    book.write(events=[outcome(name, None, at_us=AT_US, generation_id=None if seen else generation_id)])


def folded(database: Database) -> Fold:
    with database.read() as connection:
        return fold(store.read_rows(connection))


async def reconciled(database: Database, client: Client) -> Reconciled:
    async with reconcile.writing(database, label="test", now_us=lambda: AT_US) as writer:
        return await reconcile.reconcile_open(database, client, writer, now_us=lambda: AT_US, delays_s=NOW)


async def test_what_has_an_id_is_settled_by_its_bill_and_the_rest_stays(
    database: Database, upstream: Upstream
) -> None:
    book, (first, second, *_) = Book(database, "simulated"), upstream.billed
    doubt(book, "at-its-end", first)
    doubt(book, "seen", second, seen=True)
    doubt(book, "idless", None)
    doubt(book, "unknown", "gen-nobody-has")
    book.write([asked("flying")])
    done = await reconciled(database, upstream.client)
    assert {call.call_id: nano for call, nano in done.settled} == {
        "at-its-end": upstream.billed[first],
        "seen": upstream.billed[second],
    }
    assert [(one.call.call_id, one.problem) for one in done.unknown] == [
        ("unknown", "upstream does not know the id")
    ]
    assert [call.call_id for call in done.idless] == ["idless"]
    assert done.live == 1
    found = verified(database)
    assert found.findings == []
    assert found.total == (upstream.billed[first] + upstream.billed[second], WORST, 2 * WORST)
    call = folded(database).calls["seen"]
    assert call.outcome is not None
    assert (call.outcome.basis, call.outcome.reason, call.outcome.late) == ("reported", BY_ID, True)
    again = await reconciled(database, upstream.client)
    assert (again.settled, len(again.unknown), len(again.idless)) == ((), 1, 1)


async def test_a_lag_is_waited_for(database: Database, upstream: Upstream) -> None:
    upstream.simulator.set_scenario({"generation_lag_polls": 1})
    doubt(Book(database, "simulated"), "c", next(iter(upstream.billed)))
    assert len((await reconciled(database, upstream.client)).settled) == 1


async def test_settled_rows_are_held_against_their_bills_and_not_changed(
    database: Database, upstream: Upstream
) -> None:
    book, names = Book(database, "simulated"), list(upstream.billed)
    for at, generation_id in enumerate(names):
        cost = upstream.billed[generation_id] - (7 if at == 1 else 0)
        book.write([asked(f"c{at}")])
        book.write(events=[outcome(f"c{at}", cost, at_us=AT_US, generation_id=generation_id)])
    book.write([asked("unknown")])
    book.write(events=[outcome("unknown", 5, at_us=AT_US, generation_id="gen-nobody-has")])
    before = folded(database)
    found = [one async for one in reconcile.drifts(upstream.client, before.calls.values(), delays_s=NOW)]
    drifts = {one.call_id: one.drift for one in found if isinstance(one, Drift)}
    assert drifts == {f"c{at}": 7 if at == 1 else 0 for at in range(len(names))}
    assert [one.call.call_id for one in found if isinstance(one, Asked)] == ["unknown"]
    assert folded(database).total() == before.total()


async def test_a_day_that_leaves_what_its_calls_may_cost_settles_them(
    database: Database, upstream: Upstream
) -> None:
    activity = await upstream.client.activity()
    assert not isinstance(activity, Failure)
    day, total = activity[0], sum(upstream.billed.values())
    assert {row.model for row in activity} == {day.model}, "one model answered: its day is the whole bill"
    book, (first, *_) = Book(database, "simulated"), upstream.billed
    at_us = _midday_us(day.day)
    for name in ("known", "one", "two"):
        book.write([structs.replace(asked(name, model=day.model), at_us=at_us)])
    book.write(events=[outcome("known", upstream.billed[first], at_us=at_us, generation_id=first)])
    book.write(events=[outcome("one", None, at_us=at_us), outcome("two", None, at_us=at_us)])
    calls = list(folded(database).calls.values())
    (left,) = bills.residuals(activity, bills.day_sums(calls), days=[day.day])
    assert (left.residual, left.worst, left.covered) == (total - upstream.billed[first], 2 * WORST, True)
    doubted = [call for call in calls if call.doubted]
    async with reconcile.writing(database, label="test", now_us=lambda: AT_US) as writer:
        given = await reconcile.settle_by_day(writer, left, doubted, now_us=lambda: AT_US)
    assert sum(given.values()) == left.residual
    found = verified(database)
    assert found.findings == []
    assert found.total == (total, 0, 0)


def _midday_us(day: str) -> int:
    return round(datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC).timestamp() * 1_000_000)


async def test_money_of_another_kind_is_not_reconciled(database: Database, upstream: Upstream) -> None:
    Book(database, "real")
    with pytest.raises(FarthingError, match="holds real money, and this upstream's is simulated"):
        await reconcile.check_upstream(database, upstream.client)


async def test_an_upstream_that_is_away_is_told(database: Database) -> None:
    client = Client(DirectTransport(), base_url="http://127.0.0.1:9/api/v1", api_key="sk-or-simulated")
    try:
        with pytest.raises(FarthingError, match="upstream does not answer"):
            await reconcile.check_upstream(database, client)
        doubt(Book(database, "simulated"), "c", "gen-1")
        done = await reconciled(database, client)
        assert [one.call.call_id for one in done.unknown] == ["c"]
    finally:
        await client.aclose()


async def test_two_that_reconcile_at_once_book_a_bill_once(database: Database, upstream: Upstream) -> None:
    book = Book(database, "simulated")
    for at, generation_id in enumerate(upstream.billed):
        doubt(book, f"c{at}", generation_id)
    await asyncio.gather(*(reconciled(database, upstream.client) for _ in range(2)))
    found = verified(database)
    assert found.findings == []
    assert found.total == (sum(upstream.billed.values()), 0, 0)
