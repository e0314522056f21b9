"""Keeps what the ledger teaches: folds new rows into the table `experience`, and reads it back.

The fold goes on from the row it remembers, so that no start reads the whole ledger, and no call pays for it.
Rows are read and folded outside of any write; what they change is written in one short transaction, if no
other process was quicker. The table proves nothing and no limit rests on it: deleted, it grows anew.

Where two writers of a PostgreSQL commit out of order, a row may be passed over: a mean bears that.
"""

from datetime import date
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from farthing.routing.experience import (
    DayRecords,
    Ended,
    Experience,
    Record,
    Subject,
    experience_of,
    first_day,
    learned,
)
from farthing.spend.ledger import day_of, decode_intent, decode_outcome
from farthing.storage.database import Database
from farthing.storage.tables import experience, ledger, meta

CHUNK = 2000
"""Rows that are folded at a time: some 50 ms of work."""
BACKLOG = 50_000
"""How far back the first fold of a ledger goes, and one that has long not been made: newer rows tell more."""

_MARK = "experience_seq"
_ENDING = ("settled", "uncertain")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Record).decode


class _Fold(NamedTuple):
    """What some rows change: the mark before them, the one after, and the records."""

    before: int | None
    after: int
    records: DayRecords


def catch_up(database: Database, *, today: date, chunks: int = 1) -> bool:
    """Folds up to so many chunks of the rows that are not folded yet; True where there may be more.

    Raises `DBAPIError` when the database is away; what was folded by then stays.
    """
    for _ in range(chunks):
        fold = _folded(database, today)
        if fold is None:
            return False
        with database.write() as connection:
            _keep(connection, database, fold, oldest=first_day(today))
    return True


def read_experience(database: Database, *, today: date) -> Experience:
    """What was folded so far, of the window that ends today."""
    with database.read() as connection:
        query = sa.select(experience).where(experience.c.day >= first_day(today))
        return experience_of(
            (row.day, Subject(row.task_type, row.model), _decode(row.body))
            for row in connection.execute(query)
        )


def _folded(database: Database, today: date) -> _Fold | None:
    """The next rows as records; None where there are none."""
    with database.read() as connection:
        before = _mark(connection)
        newest = connection.execute(sa.select(sa.func.max(ledger.c.seq))).scalar_one() or 0
        start = max(before or 0, newest - BACKLOG)
        if newest <= start:
            return None
        end = min(newest, start + CHUNK)
        rows = _ended_between(connection, start, end)
        oldest = first_day(today)
        rows = [row for row in rows if row.day >= oldest]
        return _Fold(before, end, learned(_known(connection, rows), rows))


def _ended_between(connection: sa.Connection, start: int, end: int) -> list[Ended]:
    intent = ledger.alias("intent")
    query = (
        sa.select(ledger.c.kind, ledger.c.nano, ledger.c.at_us, ledger.c.body, intent.c.body.label("intent"))
        .join(intent, sa.and_(intent.c.call_id == ledger.c.call_id, intent.c.kind == "intent"))
        .where(ledger.c.seq > start, ledger.c.seq <= end, ledger.c.kind.in_(_ENDING))
        .order_by(ledger.c.seq)
    )
    return [
        Ended(
            day_of(row.at_us),
            decode_intent(row.intent),
            decode_outcome(row.body),
            row.nano if row.kind == "settled" else None,
        )
        for row in connection.execute(query)
    ]


def _known(connection: sa.Connection, rows: list[Ended]) -> dict[tuple[str, Subject], Record]:
    days = {row.day for row in rows}
    query = sa.select(experience).where(experience.c.day.in_(sorted(days)))
    return {
        (row.day, Subject(row.task_type, row.model)): _decode(row.body) for row in connection.execute(query)
    }


def _mark(connection: sa.Connection) -> int | None:
    found = connection.execute(sa.select(meta.c.value).where(meta.c.key == _MARK)).scalar_one_or_none()
    return None if found is None else int(found)


def _keep(connection: sa.Connection, database: Database, fold: _Fold, *, oldest: str) -> None:
    """Writes a fold, unless the mark has moved: then another process has folded the same rows."""
    if fold.before is None:
        moved = database.add_missing(connection, meta, [{"key": _MARK, "value": str(fold.after)}])
    else:
        unmoved = sa.and_(meta.c.key == _MARK, meta.c.value == str(fold.before))
        moved = connection.execute(meta.update().where(unmoved).values(value=str(fold.after))).rowcount
    if not moved:
        return
    for (day, subject), record in sorted(fold.records.items()):
        row = {"day": day, **subject._asdict(), "body": _encode(record).decode()}
        database.replace(connection, experience, row)
    connection.execute(experience.delete().where(experience.c.day < oldest))
