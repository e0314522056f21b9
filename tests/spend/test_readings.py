"""The SQL of reports on both databases: what rows say is what the roll-ups say, and groups add up."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from tests.spend.made import DAY_US, MONTH, START_US, made_calls, planned

from farthing.catalog.pricing import Price, PriceOverride, Rates
from farthing.money import from_nano
from farthing.spend import readings, store
from farthing.spend.budget import Balance
from farthing.spend.ledger import Intent, Outcome, row_hash
from farthing.spend.report import NO_NAME, lines_by
from farthing.spend.savings import Savings
from farthing.spend.span import Span
from farthing.spend.tally import Only, Tally
from farthing.storage import tables
from farthing.storage.database import Database

SPAN = Span(first=date(2026, 11, 1), last=date(2026, 11, 3))
Calls = list[tuple[Intent, tuple[Outcome, ...]]]


@pytest.fixture
def connection(database: Database) -> Iterator[sa.Connection]:
    with database.write() as opened:
        yield opened


def write(connection: sa.Connection, database: Database, calls: Calls) -> None:
    """An empty ledger with these calls, as the writer would have written them."""
    for table in reversed(tables.metadata.sorted_tables):
        connection.execute(table.delete())
    epoch = store.open_epoch(connection, label="test", lease_until=0.0)
    head = store.epoch_head(connection, epoch=epoch)
    assert head is not None
    store.write_plan(connection, database, planned(calls, epoch=epoch, head=head), known=())


same_database = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)


@same_database
@given(made_calls())
def test_the_rows_of_a_period_sum_up_to_its_roll_ups(
    connection: sa.Connection, database: Database, calls: Calls
) -> None:
    write(connection, database, calls)
    tally, savings = Tally(), Savings(lambda book, model: None)
    for call, ended_us in readings.read_entries(connection, SPAN):
        tally.add(call)
        savings.add(call, ended_us)
    kept = dict(store.read_rollups(connection, first_day="2026-11-01", last_day="2026-11-03"))
    assert tally.rollups == kept
    account = store.read_accounts(connection, scope="deployment").get(MONTH, Balance())
    assert tally.balance == account
    assert readings.read_held(connection, SPAN) == account.held
    spent = sum(sums.settled + sums.uncertain for sums in kept.values())
    assert savings.total == sum(sums.baseline for sums in kept.values()) - spent
    assert sum(readings.read_spend_by_day(connection, SPAN).values()) == spent


@same_database
@given(made_calls())
def test_every_named_group_adds_up_to_the_total(
    connection: sa.Connection, database: Database, calls: Calls
) -> None:
    write(connection, database, calls)
    kept = store.read_rollups(connection, first_day="2026-11-01", last_day="2026-11-03")
    total = from_nano(sum(sums.settled for _, sums in kept))
    tally = Tally()
    for call, _ in readings.read_entries(connection, SPAN):
        tally.add(call)
    for dimension in ("agent", "swarm", "key", "tag"):
        found = store.read_rollups_by(
            connection, first_day="2026-11-01", last_day="2026-11-03", dimension=dimension
        )
        assert dict(found) == {
            key: sums for key, sums in tally.rollups_by.items() if key.dimension == dimension
        }
        lines = lines_by(found, [sums for _, sums in kept], overlapping=dimension == "tag")
        if dimension == "tag":
            assert NO_NAME not in lines
        else:
            assert sum((line.cost for line in lines.values()), Decimal(0)) == total
            assert sum(line.calls for line in lines.values()) == sum(sums.calls for _, sums in kept)


@same_database
@given(made_calls())
def test_a_filter_takes_its_own_and_the_rest_is_the_rest(
    connection: sa.Connection, database: Database, calls: Calls
) -> None:
    write(connection, database, calls)
    everything = [entry.call for entry in readings.read_entries(connection, SPAN)]
    assert [call.call_id for call in everything] == [intent.call_id for intent, _ in calls]
    for key in ("one", "two", None):
        taken = [call for call in everything if Only(key=key).takes(call.intent)]
        assert taken == [call for call in everything if key is None or call.intent.key == key]


def test_a_period_begins_and_ends_with_its_days(connection: sa.Connection, database: Database) -> None:
    def at(at_us: int, name: str) -> tuple[Intent, tuple[Outcome, ...]]:
        return (
            Intent(
                call_id=name,
                at_us=at_us,
                task_id=f"task_{name}",
                model="m",
                upstream="u",
                price_book="b",
                worst=1,
                floor=1,
                claims=(),
                task_type="coding",
                purpose="task",
            ),
            (),
        )

    ends = {"before": -1, "first": 0, "last": DAY_US - 1, "after": DAY_US}
    write(connection, database, [at(START_US + shift, name) for name, shift in ends.items()])
    one_day = Span(first=date(2026, 11, 1), last=date(2026, 11, 1))
    assert [entry.call.call_id for entry in readings.read_entries(connection, one_day)] == ["first", "last"]
    assert readings.find_call_ids(connection, "b") == ["before"]
    assert readings.find_call_ids(connection, "b%") == []
    assert readings.recent_call_ids(connection)[0] == "after"
    (row,) = readings.read_task_rows(connection, "task_fir")
    assert row.call_id == "first"
    assert readings.read_task_rows(connection, 'task_fir"') == []
    (link,) = readings.read_links(connection, "last")
    assert row_hash(link.before, *link.row[:-1]) == link.row.hash


def test_prices_are_read_as_they_were_kept(connection: sa.Connection) -> None:
    kept = Price(
        model="a/x",
        book="2026-11-01/openrouter",
        rates=Rates(prompt=Decimal("0.0000001"), completion=Decimal("0.4"), cache_read=Decimal(0)),
        overrides=(PriceOverride(rates={"prompt": Decimal("0.2")}, min_prompt_tokens=5, utc_start="10:00"),),
    )
    store.keep_prices(connection, [kept])
    prices = readings.PriceFinder(readings.read_prices(connection, readings.with_bases(["a/x:floor"])))
    assert prices(kept.book, "a/x") == prices(kept.book, "a/x:floor") == kept
    assert prices(kept.book, "a/x:free") is None
    assert prices(kept.book, "a/x:nitro") is None
    assert readings.read_books(connection) == [kept.book]
    assert readings.read_pruned(connection) is False
