"""What reports read from a ledger: calls of some days, streamed with how they ended; prices; one call.

The SQL of reports, in the caller's transaction. Nothing is written, and no more rows than a few hundred are
in memory at once.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from farthing.catalog.pricing import Price, PriceOverride, Rates
from farthing.config.schema import DeploymentConfig
from farthing.money import from_nano
from farthing.spend import store
from farthing.spend.budget import Balance
from farthing.spend.claims import DEPLOYMENT, month_claim
from farthing.spend.forecast import HISTORY_DAYS, forecast
from farthing.spend.ledger import (
    SIMULATOR,
    Reuse,
    Row,
    day_of,
    decode_intent,
    decode_outcome,
    decode_seen,
    genesis,
)
from farthing.spend.promptcache import CachedPrompts
from farthing.spend.report import CostReport, cost_report
from farthing.spend.runs import Call, reuse_of
from farthing.spend.shortening import Shortenings
from farthing.spend.span import Span
from farthing.spend.tally import Entry
from farthing.storage.tables import checkpoint, ledger, price, rollup

_CHUNK = 500
MOST_READ = 5_000
"""Up to so many calls their rows are looked through for a month's report, which answers in milliseconds."""
_RECENT = 2000


class _Stated(msgspec.Struct):
    """A row of table `price`."""

    rates: Rates
    overrides: tuple[PriceOverride, ...] = ()


_stated = msgspec.json.Decoder(_Stated)


class Link(NamedTuple):
    """A row of one call with its place in the ledger, and the hash before it in its epoch."""

    seq: int
    row: Row
    before: str


def read_entries(connection: sa.Connection, span: Span, *, told: bool = False) -> Iterator[Entry]:
    """The calls whose intents are of these days, in the order they were written.

    `told`: only those that used a provider's prompt cache, or whose prompt was shortened.
    """
    settled, doubted, seen = (ledger.alias(name) for name in ("settled", "doubted", "seen"))
    query = (
        sa.select(ledger.c.call_id, ledger.c.run_id, ledger.c.at_us, ledger.c.nano, ledger.c.body)
        .add_columns(settled.c.nano, settled.c.at_us, settled.c.body)
        .add_columns(doubted.c.at_us, doubted.c.body, seen.c.body)
        .outerjoin(settled, _row_of(settled, "settled"))
        .outerjoin(doubted, _row_of(doubted, "uncertain"))
        .outerjoin(seen, _row_of(seen, "seen"))
        .where(ledger.c.kind == "intent", ledger.c.at_us >= span.from_us, ledger.c.at_us < span.until_us)
        .order_by(ledger.c.seq)
    )
    if told:  # a body names no tokens of a kind that it has none of
        cached = settled.c.body.contains('"cache', autoescape=True)
        query = query.where(sa.or_(cached, ledger.c.body.contains('"shortened_tokens', autoescape=True)))
    result = connection.execute(query.execution_options(yield_per=_CHUNK))  # the statement's, not for good
    for call_id, run_id, at_us, nano, body, cost, ended_us, end, doubted_us, doubt, first in result:
        text = doubt if end is None else end
        outcome = None if text is None else decode_outcome(text)
        call = Call(
            call_id=call_id,
            at_us=at_us,
            day=day_of(at_us),
            intent=decode_intent(body),
            worst=nano,
            run_id=run_id,
            outcome=outcome,
            cost=cost,
            generation_id=outcome.generation_id if outcome is not None else None,
            doubted=doubt is not None,
        )
        if call.generation_id is None and first is not None:
            call.generation_id = decode_seen(first).generation_id
        yield Entry(call, doubted_us if end is None else ended_us)


def read_reuses(connection: sa.Connection, span: Span) -> Iterator[Reuse]:
    """The tasks of these days that were given an earlier answer, in the order they were written."""
    query = (
        sa.select(*(ledger.c[name] for name in Row._fields))
        .where(ledger.c.kind == "reused", ledger.c.at_us >= span.from_us, ledger.c.at_us < span.until_us)
        .order_by(ledger.c.seq)
    )
    for row in connection.execute(query.execution_options(yield_per=_CHUNK)):
        yield reuse_of(Row(*row))


def read_held(connection: sa.Connection, span: Span) -> int:
    """What the open calls of these days hold, nano-dollars."""
    other = ledger.alias("other")
    ended = sa.exists().where(other.c.call_id == ledger.c.call_id, other.c.kind.in_(("settled", "uncertain")))
    query = sa.select(sa.func.coalesce(sa.func.sum(ledger.c.nano), 0)).where(
        ledger.c.kind == "intent", ledger.c.at_us >= span.from_us, ledger.c.at_us < span.until_us, ~ended
    )
    return int(connection.execute(query).scalar_one())


def read_spend_by_day(connection: sa.Connection, span: Span) -> dict[str, int]:
    """Settled and uncertain nano-dollars by day."""
    query = (
        sa.select(rollup.c.day, sa.func.sum(rollup.c.settled + rollup.c.uncertain))
        .where(rollup.c.day.between(span.first.isoformat(), span.last.isoformat()))
        .group_by(rollup.c.day)
    )
    return {day: int(nano) for day, nano in connection.execute(query)}


def read_history(connection: sa.Connection, now: datetime) -> dict[str, int]:
    """Spend by day, as far back as a forecast looks."""
    today = now.date()
    first = min(today - timedelta(days=HISTORY_DAYS), today.replace(day=1))
    return read_spend_by_day(connection, Span(first=first, last=today))


def read_month(
    connection: sa.Connection, config: DeploymentConfig, *, now: datetime, simulated: bool
) -> CostReport:
    """The month to date of all processes on a ledger, with its forecast."""
    claim = month_claim(config, now)
    rollups = store.read_rollups(connection, first_day=f"{now:%Y-%m}-01", last_day=f"{now:%Y-%m-%d}")
    balance = store.read_accounts(connection, scope=DEPLOYMENT).get(claim.key, Balance())
    span = Span(first=now.date().replace(day=1), last=now.date())
    costs = cost_report(
        rollups,
        balance,
        scope=DEPLOYMENT,
        period=claim.key.period,
        limit=None if claim.limit is None else from_nano(claim.limit),
        baseline_model=config.baseline.model,
        now=now,
        simulated=simulated or any(key.upstream == SIMULATOR for key, _ in rollups),
        forecast=forecast(read_history(connection, now), now),
    )
    if costs.calls > MOST_READ:
        return costs
    finder = PriceFinder(read_prices(connection, with_bases({key.model for key, _ in rollups})))
    cached, shortenings = CachedPrompts(finder), Shortenings(finder)
    for call, ended_us in read_entries(connection, span, told=True):
        cached.add(call, ended_us)
        shortenings.add(call, ended_us)
    return replace(
        costs,
        prompt_cache=cached.result(input_tokens=costs.input_tokens),
        shortened=shortenings.result(),
    )


def read_prices(connection: sa.Connection, models: Iterable[str]) -> dict[tuple[str, str], Price]:
    """The kept prices of these models in every book, by book and model."""
    wanted = sorted(set(models))
    rows = connection.execute(sa.select(price).where(price.c.model.in_(wanted))) if wanted else ()
    return {(row.book, row.model): _price(row.book, row.model, row.rates) for row in rows}


def read_books(connection: sa.Connection) -> list[str]:
    """The names of all kept books, oldest first."""
    return list(connection.execute(sa.select(price.c.book).distinct().order_by(price.c.book)).scalars())


def read_pruned(connection: sa.Connection) -> bool:
    """Whether old rows were put into a checkpoint: their calls can be read no more, their roll-ups can."""
    return connection.execute(sa.select(checkpoint.c.number).limit(1)).first() is not None


def find_call_ids(connection: sa.Connection, prefix: str, *, most: int = 6) -> list[str]:
    """Calls whose id begins with this, at most so many."""
    query = sa.select(ledger.c.call_id).where(
        ledger.c.kind == "intent", ledger.c.call_id.startswith(prefix, autoescape=True)
    )
    return sorted(connection.execute(query.limit(most)).scalars())


def recent_call_ids(connection: sa.Connection) -> list[str]:
    """The ids of the latest calls, to find the nearest to a mistyped one."""
    query = sa.select(ledger.c.call_id).where(ledger.c.kind == "intent").order_by(ledger.c.seq.desc())
    return list(connection.execute(query.limit(_RECENT)).scalars())


def read_task_rows(connection: sa.Connection, task_prefix: str, *, run_id: str | None = None) -> list[Row]:
    """The rows of the calls of the tasks whose id begins with this, in order."""
    # The body of an intent, or of a reuse, is canonical JSON and begins with the task.
    like = ledger.c.body.startswith(f'{{"task_id":"{task_prefix}', autoescape=True)
    calls = sa.select(ledger.c.call_id).where(ledger.c.kind.in_(("intent", "reused")), like)
    if run_id is not None:
        calls = calls.where(ledger.c.run_id == run_id)
    query = sa.select(*(ledger.c[name] for name in Row._fields)).where(ledger.c.call_id.in_(calls))
    return [Row(*row) for row in connection.execute(query.order_by(ledger.c.seq))]


def read_links(connection: sa.Connection, call_id: str) -> list[Link]:
    """The rows of a call in order, each with the hash that its own was made from."""
    columns = [ledger.c.seq, *(ledger.c[name] for name in Row._fields)]
    query = sa.select(*columns).where(ledger.c.call_id == call_id).order_by(ledger.c.seq)
    return [
        Link(seq, Row(*row), _hash_before(connection, epoch=row[0], seq=seq))
        for seq, *row in connection.execute(query).all()
    ]


class PriceFinder:
    """The price of a model in a book; a `:floor` and the like has its model's."""

    def __init__(self, prices: Mapping[tuple[str, str], Price]) -> None:
        self._prices = prices

    def __call__(self, book: str, model: str) -> Price | None:
        found = self._prices.get((book, model))
        base, _, variant = model.rpartition(":")
        if found is None and variant in ("floor", "exacto", "thinking"):
            return self._prices.get((book, base))
        return found


def with_bases(models: Iterable[str]) -> list[str]:
    """The models, and those that they are variants of."""
    names = list(models)
    return [*names, *(name.rpartition(":")[0] for name in names if ":" in name)]


def _price(book: str, model: str, rates: str) -> Price:
    stated = _stated.decode(rates)
    return Price(model=model, book=book, rates=stated.rates, overrides=stated.overrides)


def _hash_before(connection: sa.Connection, *, epoch: int, seq: int) -> str:
    query = (
        sa.select(ledger.c.hash)
        .where(ledger.c.epoch == epoch, ledger.c.seq < seq)
        .order_by(ledger.c.seq.desc())
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none() or genesis(epoch)


def _row_of(other: sa.FromClause, kind: str) -> sa.ColumnElement[bool]:
    return sa.and_(other.c.call_id == ledger.c.call_id, other.c.kind == kind)
