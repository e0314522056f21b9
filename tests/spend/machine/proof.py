"""Follows the rows of a ledger with the model: each new row must be a step that the laws allow, by then.

The rows decide the order of what happened, the model whether it may have happened, and what every sum must be
after it. Reads by an engine of its own, never through a process that is under test.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from tests.spend.chains import first_broken_link
from tests.spend.machine.model import Account, LawBrokenError, Model, Sums
from tests.spend.machine.stage import LEASE_S, Stage

from farthing.spend.ledger import Row, genesis
from farthing.spend.runs import fold
from farthing.storage.tables import account, alert, ledger, rollup, rollup_by, writer


def law(holds: bool, message: str) -> None:
    """Raises `LawBrokenError` with this message unless it holds."""
    if not holds:
        raise LawBrokenError(message)


class Kept(NamedTuple):
    """What the tables hold."""

    rows: list[Row]
    accounts: dict[Account, Sums]
    rollups: dict[tuple[object, ...], tuple[int, ...]]
    rollups_by: dict[tuple[object, ...], tuple[int, ...]]
    writers: dict[int, tuple[str, str]]
    """State and head of each epoch."""


def read(stage: Stage) -> Kept:
    with stage.reader.read() as connection:
        return Kept(
            [Row(*row) for row in _all(connection, _ROWS)],
            {(row[0], row[1]): row[2:] for row in _all(connection, _ACCOUNTS) if any(row[2:])},
            {row[:6]: row[6:] for row in _all(connection, _ROLLUPS)},
            {row[:4]: row[4:] for row in _all(connection, _ROLLUPS_BY)},
            {row[0]: (row[1], row[2]) for row in _all(connection, _WRITERS)},
        )


def _all(connection: sa.Connection, sql: str) -> list[Any]:
    """On the driver's own cursor: this runs after every step, and SQLAlchemy would take most of it."""
    cursor = connection.connection.cursor()
    cursor.execute(sql)
    found = cursor.fetchall()
    cursor.close()
    return list(found)


def _select(table: sa.Table, names: Sequence[str] = (), order: str = "") -> str:
    return f"SELECT {', '.join(names or table.c.keys())} FROM {table.name}{order}"  # noqa: S608 - no values


_ROWS = _select(ledger, Row._fields, " ORDER BY seq")
_ACCOUNTS, _ROLLUPS, _ROLLUPS_BY = (_select(table) for table in (account, rollup, rollup_by))
_WRITERS = _select(writer, ("epoch", "state", "head"))


class Proof:
    """What is known of one example's ledger from the rows read so far."""

    def __init__(self, stage: Stage, model: Model) -> None:
        self.stage, self.model = stage, model
        self.rows: list[Row] = []
        self.ended: set[int] = set()
        """Epochs that were seen closed or expired."""
        self.lease_lasts: dict[int, float] = {}
        """The least moment, on the lease clock, at which an epoch's lease can run out."""
        self.since = 0.0
        """When what is read next began to be written, on the lease clock."""

    def follow(self, *, closing: Collection[str] = ()) -> Kept:
        """Takes the new rows, then compares every sum. `closing`: the calls of a process that has closed,
        which left those uncertain that were open. Raises `LawBrokenError`."""
        kept = read(self.stage)
        law(kept.rows[: len(self.rows)] == self.rows, "a row that was written has changed or is gone")
        for row in kept.rows[len(self.rows) :]:
            law(row.epoch not in self.ended, f"epoch {row.epoch} wrote after it had ended")
            self._take(row, closing=closing)
            self.lease_lasts[row.epoch] = self.since + LEASE_S
        self.rows = kept.rows
        law(not self.stage.errors, f"the ledger complains: {self.stage.errors}")
        self.ended = {epoch for epoch, (state, _) in kept.writers.items() if state != "live"}
        self._sums_agree(kept)
        self._chains_hold(kept)
        self.bill_is_covered()
        return kept

    def _take(self, row: Row, *, closing: Collection[str]) -> None:
        call, body = self.model.calls[row.call_id], json.loads(row.body)
        match row.kind:
            case "intent":
                law(call.state == "", f"{call.name} has a second intent")
                expected = self.model.grant(call)
                law(expected == row.nano, f"{call.name} was admitted for {row.nano}, not for {expected}")
                limits = {tuple(key): limit for key, limit in _limits(body)}
                law(limits == call.limits, f"{call.name} was charged to {limits}, not to {call.limits}")
                call.state, call.granted, call.epoch = "held", row.nano, row.epoch
            case "seen":
                law(call.state in ("held", "uncertain"), f"{call.name} is {call.state}, and its id came")
                law(not call.seen and call.has_id, f"the id of {call.name} came twice or from nowhere")
                law(body["generation_id"] == f"gen-{call.name}", "an id is another's")
                call.seen = call.findable = True
            case "uncertain":
                law(call.state == "held", f"{call.name} is {call.state or 'unknown'}, and became uncertain")
                law(row.nano == call.granted, f"{call.name} held {call.granted}, uncertain is {row.nano}")
                lost = self.stage.clocks.lease > self.lease_lasts[call.epoch]
                law(
                    lost or call.name in closing or None in call.told,
                    f"{call.name} became uncertain for no reason",
                )
                call.state = "uncertain"
                call.findable = call.findable or "generation_id" in body
            case _:
                law(call.state in ("held", "uncertain"), f"{call.name} is {call.state}, and was settled")
                law(row.nano in call.told, f"{call.name} was settled at {row.nano}, told was {call.told}")
                call.state, call.cost = "settled", row.nano

    def _sums_agree(self, kept: Kept) -> None:
        model, book = self.model, fold(kept.rows)
        law(kept.accounts == model.balances(), f"kept {kept.accounts}, the calls say {model.balances()}")
        folded = {tuple(key): tuple(sums) for key, sums in book.balances().items() if any(sums)}
        law(kept.accounts == folded, f"kept {kept.accounts}, the rows say {folded}")
        law(kept.rollups == _plain(book.rollups()), "the kept roll-ups are not the fold of the rows")
        law(kept.rollups_by == _plain(book.rollups_by()), "the roll-ups by group are not the fold")
        days: Counter[tuple[str, str]] = Counter()
        for (day, *_), (calls, _failed, settled, uncertain, *_rest) in kept.rollups.items():
            days.update(
                {
                    (str(day), "calls"): calls,
                    (str(day), "settled"): settled,
                    (str(day), "uncertain"): uncertain,
                }
            )
        law({key: sum_ for key, sum_ in days.items() if sum_} == model.days(), "the days are not the calls'")
        groups = {
            (day, dimension, name): sums[2] + sums[3]
            for (day, _, dimension, name), sums in kept.rollups_by.items()
            if sums[2] + sums[3]
        }
        law(groups == model.groups(), f"groups {groups}, the calls say {model.groups()}")

    def _chains_hold(self, kept: Kept) -> None:
        broken = first_broken_link(kept.rows)
        law(broken is None, f"the chain is broken at {broken}")
        heads = {epoch: genesis(epoch) for epoch in kept.writers}
        heads.update({row.epoch: row.hash for row in kept.rows})
        law(
            {epoch: head for epoch, (_, head) in kept.writers.items()} == heads,
            "a head is not its last row's",
        )

    def bill_is_covered(self) -> None:
        settled, held, uncertain = self.model.total()
        bill = self.model.bill()
        law(settled <= bill, f"settled {settled} is above the bill, {bill}")
        covered = settled + held + uncertain + self.model.unbooked_overruns()
        law(bill <= covered, f"the bill, {bill}, is above all that counts, {covered}")
        for call in self.model.calls.values():
            if call.state == "settled":
                law(call.cost == call.bill, f"{call.name} is settled at {call.cost} and billed {call.bill}")
            law(not call.sent or call.state != "", f"{call.name} was sent without an intent")

    def overruns_were_told(self) -> None:
        """Each bill above its bound has its alert."""
        with self.stage.reader.read() as connection:
            query = sa.select(alert.c.subject).where(alert.c.level == "overrun")
            told: Sequence[str] = connection.execute(query).scalars().all()
        over = {c.name for c in self.model.calls.values() if c.state == "settled" and c.cost > c.granted}
        law(set(told) == over, f"overruns {sorted(over)}, alerts {sorted(told)}")


def _limits(body: dict[str, list[object]]) -> list[tuple[list[str], int | None]]:
    accounts, limits = body["accounts"], body.get("limits", [])
    return list(zip(accounts, limits, strict=True))  # pyright: ignore[reportReturnType]  (JSON as it came)


def _plain(sums: Mapping[Any, Iterable[int]]) -> dict[tuple[object, ...], tuple[int, ...]]:
    return {tuple(key): tuple(value) for key, value in sums.items()}
