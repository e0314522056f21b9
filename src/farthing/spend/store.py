"""The ledger's SQL: each function runs in the caller's transaction and does one thing.

No decisions (those are `batch.py`'s) and no threads (those are `writer.py`'s).
"""

from collections.abc import Container, Iterable, Sequence
from typing import cast

import msgspec
import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from farthing.catalog.pricing import Price
from farthing.spend.alerts import Alert, KeptAlert
from farthing.spend.batch import Delivered, Doubt, OpenCall, Plan, RollupByKey, RollupKey, RollupSums
from farthing.spend.budget import AccountKey, Balance, Claim
from farthing.spend.ledger import Intent, Row, decode_intent, decode_outcome, genesis
from farthing.storage.database import Database
from farthing.storage.prepared import Prepared, PreparedInsert
from farthing.storage.tables import account, alert, ledger, meta, price, rollup, rollup_by, writer

_INSERT_ROWS = PreparedInsert(ledger, Row._fields)
_ADD_PRICES = PreparedInsert(price, ("book", "model", "rates"), missing_only=True)
_SUMS = RollupSums._fields
_SAME_ACCOUNT = sa.and_(account.c.scope == sa.bindparam("s"), account.c.period == sa.bindparam("p"))
_SET_ACCOUNT = Prepared(
    account.update().where(_SAME_ACCOUNT).values({n: sa.bindparam(f"n_{n}") for n in Balance._fields}),
    ("s", "p", *(f"n_{n}" for n in Balance._fields)),
)
_ACCOUNT = Prepared(sa.select(*(account.c[n] for n in Balance._fields)).where(_SAME_ACCOUNT), ("s", "p"))


def _adding(table: sa.Table, keys: Sequence[str]) -> Prepared:
    same = sa.and_(*(table.c[name] == sa.bindparam(f"k_{name}") for name in keys))
    more = {table.c[name]: table.c[name] + sa.bindparam(f"d_{name}") for name in _SUMS}
    names = (*(f"k_{name}" for name in keys), *(f"d_{name}" for name in _SUMS))
    return Prepared(table.update().where(same).values(more), names)


_ADD_TO_ROLLUP = _adding(rollup, RollupKey._fields)
_ADD_TO_ROLLUP_BY = _adding(rollup_by, RollupByKey._fields)
_SAME_ALERT = sa.and_(*(column == sa.bindparam(f"a_{column.name}") for column in alert.primary_key))
# Two lists, not one of pairs: SQLite searches its index for these and scans the table for pairs. In one order
# everywhere, so that two writers on PostgreSQL never lock crosswise.
_LOCK_ACCOUNTS = (
    sa.select(account)
    .where(account.c.scope.in_(sa.bindparam("scopes", expanding=True)))
    .where(account.c.period.in_(sa.bindparam("periods", expanding=True)))
    .order_by(account.c.scope, account.c.period)
    .with_for_update()
)
_KEEP_LEASE = Prepared(
    writer.update()
    .where(writer.c.epoch == sa.bindparam("e"), writer.c.state == sa.literal_column("'live'"))
    .values(lease_until=sa.bindparam("until"), head=sa.bindparam("h")),
    ("e", "h", "until"),
)


def open_epoch(connection: sa.Connection, *, label: str, lease_until: float) -> int:
    """A new writer with a chain of its own; returns its epoch."""
    values = {"label": label, "state": "live", "lease_until": lease_until, "head": ""}
    epoch = int(connection.execute(writer.insert().returning(writer.c.epoch), values).scalar_one())
    connection.execute(writer.update().where(writer.c.epoch == epoch).values(head=genesis(epoch)))
    return epoch


def keep_lease(connection: sa.Connection, *, epoch: int, head: str, lease_until: float) -> bool:
    """Prolongs an epoch's lease and records its head; False when the epoch is no longer live."""
    return _KEEP_LEASE.run(connection, (epoch, head, lease_until)) == 1


def close_epoch(connection: sa.Connection, *, epoch: int, state: str) -> None:
    """Ends a live epoch; one that has ended already stays as it is."""
    live = (writer.c.epoch == epoch) & (writer.c.state == "live")
    connection.execute(writer.update().where(live).values(state=state))


def epoch_head(connection: sa.Connection, *, epoch: int) -> str | None:
    """The hash of an epoch's last row as the database has it; None when it has no such epoch."""
    return connection.execute(sa.select(writer.c.head).where(writer.c.epoch == epoch)).scalar_one_or_none()


def expired_epochs(connection: sa.Connection, *, now: float) -> list[int]:
    """Live epochs whose lease has run out, locked: their processes died or were stopped."""
    query = sa.select(writer.c.epoch).where(writer.c.state == "live", writer.c.lease_until < now)
    return list(connection.execute(query.with_for_update(skip_locked=True)).scalars())


def load_balances(
    connection: sa.Connection,
    database: Database,
    keys: Iterable[AccountKey],
    *,
    known: Container[AccountKey] = (),
) -> dict[AccountKey, Balance]:
    """The balances of the given accounts, locked until the transaction ends; an unknown one is zero.

    `known` are accounts that are surely there.
    """
    found: dict[AccountKey, Balance] = dict.fromkeys(keys, Balance())
    if not found:
        return found
    if database.is_sqlite:  # one search of the index each costs less than a list
        for key in found:
            row = _ACCOUNT.first(connection, key)
            if row is not None:
                settled, held, uncertain = cast("tuple[int, int, int]", row)
                found[key] = Balance(settled, held, uncertain)
        return found
    # Two writers would both see zero: only a row that is there is locked.
    _add_accounts(connection, database, [key for key in found if key not in known])
    lists = {"scopes": list({key.scope for key in found}), "periods": list({key.period for key in found})}
    for scope, period, *sums in connection.execute(_LOCK_ACCOUNTS, lists):
        key = AccountKey(scope, period)
        if key in found:
            found[key] = Balance(*sums)
    return found


def write_plan(
    connection: sa.Connection, database: Database, plan: Plan, *, known: Container[AccountKey]
) -> None:
    """Writes a plan's rows, balances and roll-ups. `known` are accounts that are surely there."""
    _INSERT_ROWS.run(connection, plan.rows)
    _add_accounts(connection, database, [key for key in plan.touched if key not in known])
    _SET_ACCOUNT.run_each(connection, [(*key, *plan.balances[key]) for key in plan.touched])
    for key, sums in sorted(plan.rollups.items()):
        _add_sums(connection, database, rollup, _ADD_TO_ROLLUP, key, sums)
    for by, sums in sorted(plan.rollups_by.items()):
        _add_sums(connection, database, rollup_by, _ADD_TO_ROLLUP_BY, by, sums)


def elect(
    connection: sa.Connection, database: Database, alerts: Sequence[Alert], *, epoch: int, at_us: int
) -> list[Alert]:
    """The alerts that this transaction is the first to record: their sender is its process."""
    return [
        reached
        for reached in alerts
        if database.add_missing(
            connection,
            alert,
            [
                {
                    "scope": reached.key.scope,
                    "period": reached.key.period,
                    "level": reached.level,
                    "base": reached.base,
                    "subject": reached.subject,
                    "at_us": at_us,
                    "committed": reached.committed,
                    "detail": reached.detail,
                    "epoch": epoch,
                    "tries": 0,
                    "delivered": False,
                }
            ],
        )
    ]


def note_delivery(connection: sa.Connection, delivered: Delivered) -> None:
    """Records how the delivery of an alert ended."""
    found = delivered.alert
    values = {
        "a_scope": found.key.scope,
        "a_period": found.key.period,
        "a_level": found.level,
        "a_base": found.base,
        "a_subject": found.subject,
        "n": delivered.tries,
        "taken": delivered.taken,
    }
    change = alert.update().where(_SAME_ALERT)
    connection.execute(
        change.values(tries=alert.c.tries + sa.bindparam("n"), delivered=sa.bindparam("taken")), values
    )


def adopt_alerts(connection: sa.Connection, *, epoch: int, most_tries: int = 20) -> list[Alert]:
    """Alerts that a process which is gone did not deliver: ours to deliver from now on."""
    live = sa.select(writer.c.epoch).where(writer.c.state == "live")
    left = sa.and_(alert.c.delivered.is_(sa.false()), alert.c.epoch.not_in(live), alert.c.tries < most_tries)
    # One statement, so that of two processes only one gets each.
    found = connection.execute(alert.update().where(left).values(epoch=epoch).returning(alert))
    return [_alert_of(row) for row in found]


def read_alerts(connection: sa.Connection, *, undelivered: bool = False) -> list[KeptAlert]:
    """All alerts, or those that no channel has taken yet, oldest first."""
    query = sa.select(alert).order_by(alert.c.at_us, alert.c.scope, alert.c.level, alert.c.subject)
    if undelivered:
        query = query.where(alert.c.delivered.is_(sa.false()))
    return [
        KeptAlert(_alert_of(row), row.at_us, row.tries, row.delivered) for row in connection.execute(query)
    ]


def keep_prices(connection: sa.Connection, prices: Iterable[Price]) -> bool:
    """Keeps the prices that calls will be reserved by: a row names its book, and books come and go upstream.

    False, with nothing written, where a book is kept with another price: a dated price is never overwritten.
    """
    wanted = {(entry.book, entry.model): msgspec.json.encode(_stated(entry)).decode() for entry in prices}
    books = {book for book, _ in wanted}
    kept = {
        (row.book, row.model): row.rates
        for row in connection.execute(sa.select(price).where(price.c.book.in_(books)))
    }
    if any(kept.get(name, rates) != rates for name, rates in wanted.items()):
        return False
    _ADD_PRICES.run(
        connection, [(*name, rates) for name, rates in sorted(wanted.items()) if name not in kept]
    )
    return True


def _stated(entry: Price) -> dict[str, object]:
    return {"rates": entry.rates, "overrides": entry.overrides}


def unsettled_calls(
    connection: sa.Connection, *, epochs: Iterable[int] | None = None, call_ids: Iterable[str] | None = None
) -> dict[str, OpenCall]:
    """Calls with an intent and no settlement: of the given epochs, among the given calls, or all."""
    settled, doubted, seen = ledger.alias("settled"), ledger.alias("doubted"), ledger.alias("seen")
    query = (
        sa.select(ledger.c.call_id, ledger.c.run_id, ledger.c.at_us, ledger.c.nano, ledger.c.body)
        .add_columns(doubted.c.body.label("doubt"), seen.c.seq.is_not(None).label("seen"))
        .outerjoin(settled, _row_of(settled, "settled"))
        .outerjoin(doubted, _row_of(doubted, "uncertain"))
        .outerjoin(seen, _row_of(seen, "seen"))
        .where(ledger.c.kind == "intent", settled.c.seq.is_(None))
    )
    if epochs is not None:
        query = query.where(ledger.c.epoch.in_(list(epochs)))
    if call_ids is not None:
        query = query.where(ledger.c.call_id.in_(list(call_ids)))
    return {row.call_id: _open_call(row) for row in connection.execute(query)}


def read_rows(connection: sa.Connection, *, run_id: str | None = None) -> Iterable[Row]:
    """Ledger rows in order, streamed; all of them, or those of one run."""
    query = sa.select(*(ledger.c[name] for name in Row._fields)).order_by(ledger.c.seq)
    if run_id is not None:
        query = query.where(ledger.c.run_id == run_id)
    # On the statement: a connection would keep the option, and PostgreSQL takes no cursor for a write.
    for row in connection.execute(query.execution_options(yield_per=1000)):
        yield Row(*row)


def read_accounts(connection: sa.Connection, *, scope: str) -> dict[AccountKey, Balance]:
    rows = connection.execute(sa.select(account).where(account.c.scope == scope))
    return {AccountKey(row.scope, row.period): Balance(row.settled, row.held, row.uncertain) for row in rows}


def read_rollups(
    connection: sa.Connection, *, first_day: str, last_day: str
) -> list[tuple[RollupKey, RollupSums]]:
    """Roll-up rows of the days from `first_day` to `last_day`, both included."""
    query = sa.select(rollup).where(rollup.c.day.between(first_day, last_day))
    width = len(RollupKey._fields)
    return [(RollupKey(*row[:width]), RollupSums(*row[width:])) for row in connection.execute(query)]


def read_rollups_by(
    connection: sa.Connection, *, first_day: str, last_day: str, dimension: str
) -> list[tuple[RollupByKey, RollupSums]]:
    """Likewise the rows of one dimension: `agent`, `swarm`, `key` or `tag`."""
    query = sa.select(rollup_by).where(rollup_by.c.day.between(first_day, last_day))
    width = len(RollupByKey._fields)
    found = connection.execute(query.where(rollup_by.c.dimension == dimension))
    return [(RollupByKey(*row[:width]), RollupSums(*row[width:])) for row in found]


def read_days(connection: sa.Connection, *, first_day: str, last_day: str) -> dict[str, int]:
    """What each day has settled and uncertain, nano-dollars; a day without rows is left out."""
    committed = sa.func.sum(rollup.c.settled + rollup.c.uncertain)
    query = sa.select(rollup.c.day, committed).where(rollup.c.day.between(first_day, last_day))
    return {day: int(nano) for day, nano in connection.execute(query.group_by(rollup.c.day))}


def claim_upstream(connection: sa.Connection, database: Database, *, kind: str) -> str:
    """Binds the database to `real` or `simulated` money on first use; returns what it is bound to."""
    database.add_missing(connection, meta, [{"key": "money", "value": kind}])
    return str(connection.execute(sa.select(meta.c.value).where(meta.c.key == "money")).scalar_one())


def _add_accounts(connection: sa.Connection, database: Database, keys: Sequence[AccountKey]) -> None:
    rows = [{**key._asdict(), **Balance()._asdict()} for key in sorted(keys)]
    database.add_missing(connection, account, rows)


def _add_sums(
    connection: sa.Connection,
    database: Database,
    table: sa.Table,
    adding: Prepared,
    key: RollupKey | RollupByKey,
    sums: RollupSums,
) -> None:
    if adding.run(connection, (*key, *sums)) == 0:
        database.add_missing(connection, table, [{**key._asdict(), **RollupSums()._asdict()}])
        adding.run(connection, (*key, *sums))


def _row_of(other: sa.FromClause, kind: str) -> ColumnElement[bool]:
    return sa.and_(other.c.call_id == ledger.c.call_id, other.c.kind == kind)


def _alert_of(row: sa.Row[tuple[object, ...]]) -> Alert:
    return Alert(
        AccountKey(row.scope, row.period), row.level, row.base, row.committed, row.subject, row.detail
    )


def _open_call(row: sa.Row[tuple[object, ...]]) -> OpenCall:
    body = decode_intent(row.body)
    intent = Intent(
        call_id=row.call_id,
        at_us=row.at_us,
        task_id=body.task_id,
        model=body.model,
        upstream=body.upstream,
        price_book=body.price_book,
        worst=row.nano,
        floor=row.nano,
        claims=tuple(Claim(AccountKey(*key), None) for key in body.accounts),
        task_type=body.task_type,
        purpose=body.purpose,
        run_id=row.run_id,
        agent_id=body.agent_id,
        role=body.role,
        reason=body.reason,
        key=body.key,
        tags=body.tags,
        metadata=body.metadata,
        baseline_model=body.baseline_model,
        shortened_tokens=body.shortened_tokens,
    )
    doubt = None if row.doubt is None else decode_outcome(row.doubt)
    return OpenCall(
        intent,
        row.nano,
        None if doubt is None else Doubt(doubt.accepted, doubt.baseline),
        bool(row.seen),
    )
