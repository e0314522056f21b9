"""A ledger that is written step by step by the product's own decision, without threads; and its forgers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from farthing.proof.read import read_rows
from farthing.spend import batch, store
from farthing.spend.batch import Event
from farthing.spend.budget import AccountKey, Admitted, Claim
from farthing.spend.ledger import Intent, Outcome, Row, genesis, row_hash
from farthing.storage.database import Database
from farthing.storage.tables import ledger, writer

DAY_US = 86_400_000_000
NEW_YEAR_US = 1_798_761_600_000_000
"""2027-01-01."""
MONTH = AccountKey("deployment", "month:2026-12")


@dataclass(slots=True)
class Book:
    """One writer's epoch on a database."""

    database: Database
    money: str = "real"
    epoch: int = field(init=False)

    def __post_init__(self) -> None:
        with self.database.write() as connection:
            store.claim_upstream(connection, self.database, kind=self.money)
            self.epoch = store.open_epoch(connection, label="test", lease_until=2e9)

    def write(self, intents: Sequence[Intent] = (), events: Sequence[Event] = ()) -> None:
        """One group commit; every intent must be admitted."""
        with self.database.write() as connection:
            names = [event.call_id for event in events]
            calls = store.unsettled_calls(connection, call_ids=names)
            keys = batch.account_keys(calls, events, intents)
            plan = batch.plan(
                epoch=self.epoch,
                head=str(store.epoch_head(connection, epoch=self.epoch)),
                balances=store.load_balances(connection, self.database, keys),
                open_calls=calls,
                events=events,
                intents=intents,
            )
            assert all(isinstance(decision, Admitted) for decision in plan.decisions)
            assert store.keep_lease(connection, epoch=self.epoch, head=plan.head, lease_until=2e9)
            store.write_plan(connection, self.database, plan, known=())

    def close(self) -> None:
        with self.database.write() as connection:
            store.close_epoch(connection, epoch=self.epoch, state="closed")


def intent(name: str, *, at_us: int = NEW_YEAR_US, worst: int = 100, limit: int | None = None) -> Intent:
    return Intent(
        call_id=name,
        at_us=at_us,
        task_id=f"task_{name}",
        model="a/model",
        upstream="openrouter.ai",
        price_book="book",
        worst=worst,
        floor=worst,
        claims=(Claim(MONTH, limit), Claim(AccountKey("deployment", "total"), None)),
        task_type="coding",
        purpose="task",
        tags=("t1",),
    )


def outcome(
    name: str, cost: int | None, *, at_us: int = NEW_YEAR_US, generation_id: str | None = None
) -> Outcome:
    basis = "uncertain" if cost is None else "computed"
    return Outcome(
        call_id=name,
        at_us=at_us,
        cost=cost,
        basis=basis,
        accepted=cost is not None,
        reason="ok",
        generation_id=generation_id,
    )


def some_calls(book: Book, prefix: str = "c", *, count: int = 5, at_us: int = NEW_YEAR_US) -> None:
    """Settled calls, the last of them late."""
    names = [f"{prefix}{number}" for number in range(count)]
    book.write([intent(name, at_us=at_us, limit=10_000) for name in names])
    book.write(events=[outcome(name, 10 + at, at_us=at_us) for at, name in enumerate(names[:-1])])
    book.write(events=[outcome(names[-1], None, at_us=at_us)])
    book.write(events=[outcome(names[-1], 40, at_us=at_us)])


def all_rows(database: Database) -> list[tuple[int, Row]]:
    with database.read() as connection:
        return list(read_rows(connection))


def change_row(database: Database, seq: int, **values: object) -> None:
    with database.write() as connection:
        connection.execute(ledger.update().where(ledger.c.seq == seq).values(values))


def cut_tail(database: Database, seq: int) -> None:
    """Takes the row and all behind it away."""
    with database.write() as connection:
        connection.execute(ledger.delete().where(ledger.c.seq >= seq))


def recompute(database: Database) -> None:
    """What a forger with the code does: all hashes and heads anew, so that the chains hold again."""
    heads: dict[int, str] = {}
    with database.write() as connection:
        for epoch in connection.execute(sa.select(writer.c.epoch)).scalars():
            heads[epoch] = genesis(epoch)
        for seq, row in list(read_rows(connection)):
            heads[row.epoch] = row_hash(heads[row.epoch], *row[:-1])
            connection.execute(ledger.update().where(ledger.c.seq == seq).values(hash=heads[row.epoch]))
        for epoch, head in heads.items():
            connection.execute(writer.update().where(writer.c.epoch == epoch).values(head=head))
