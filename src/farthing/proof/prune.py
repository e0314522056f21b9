"""Puts a ledger's old rows away: into a file, and what they came to into a checkpoint.

The whole ledger is verified first, and one with a finding is left as it is. The file is on the disk before a
row is deleted; rows, checkpoint and the chained row that fixes it change in one transaction. Rows of calls
that are not settled stay, and all balances and roll-ups: no limit and no report of days changes by it.
"""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from farthing.errors import FarthingError
from farthing.proof import archive, checkpoint
from farthing.proof.checkpoint import Checkpoint
from farthing.proof.read import OnRow, read_checkpoint, read_kept, read_rows
from farthing.proof.replay import Replay
from farthing.proof.verify import hold_against
from farthing.spend import store
from farthing.spend.ledger import CheckpointBody, Row, chained, genesis
from farthing.storage import tables
from farthing.storage.database import Database
from farthing.storage.tables import ledger

_REST = timedelta(hours=1)
"""No transaction takes so long: what was written before the day is committed by then."""


class Pruned(NamedTuple):
    """What was put away: rows in the file, rows that stay as their calls are open, and the checkpoint."""

    rows: int
    left: int
    checkpoint: Checkpoint
    path: Path


def prune(
    database: Database, path: Path, *, before: date, now: datetime, on_row: OnRow | None = None
) -> Pruned | None:
    """Puts away the rows that were written before a UTC day began; None when there are none.

    Raises `FarthingError` for a ledger with a finding, for a day that is not over, for a file that is there;
    nothing is changed then.
    """
    if _begin(before) > now - _REST:
        raise FarthingError(
            f"{before} has not begun an hour ago: calls of the day before may still be under way",
            hint=f"at most {(now - _REST).date()}",
        )
    found = _archived(database, path, before=before, on_row=on_row)
    if found is None:
        return None
    old, kept = found
    try:
        rows = _delete(database, kept, at_us=round(now.timestamp() * 1_000_000), old=old)
    except BaseException:
        path.unlink()  # its rows are all in the ledger
        raise
    return Pruned(rows, len(kept.anchors), kept, path)


def _archived(
    database: Database, path: Path, *, before: date, on_row: OnRow | None
) -> tuple[Checkpoint | None, Checkpoint] | None:
    """Writes the file; returns the checkpoint that was the newest, and the one that follows."""
    with database.read() as connection:
        newest = read_checkpoint(connection)
        old = None if newest is None else newest[0]
        through = _last_before(connection, before)
        if through <= (0 if old is None else old.through):
            return None
        replay = Replay()
        captured: Checkpoint | None = None
        with archive.writing(path, start=old) as write:
            if old is not None:
                left = list(read_rows(connection, to=old.through))
                for seq, row in left:
                    write(seq, row)
                checkpoint.resume(replay, old, left)
            for seq, row in read_rows(connection, after=replay.through):
                if captured is None and seq > through:
                    captured = _captured(replay, old, before)
                if seq <= through:
                    write(seq, row)
                replay.take(seq, row)
                if on_row is not None:
                    on_row(seq, row)
            captured = captured or _captured(replay, old, before)
            hold_against(replay, read_kept(connection, newest))
            _refuse(replay)
    return old, captured


def _captured(replay: Replay, old: Checkpoint | None, before: date) -> Checkpoint:
    number = 1 if old is None else old.number + 1
    return checkpoint.capture(replay, number=number, before=before.isoformat())


def _refuse(replay: Replay) -> None:
    if replay.findings:
        count = len(replay.findings) + replay.left_out
        raise FarthingError(
            f"the ledger has {count} finding{'s' if count > 1 else ''}, and nothing was put away: "
            f"{replay.findings[0].text}",
            hint="farthing ledger verify tells all of them",
        )


def _last_before(connection: sa.Connection, before: date) -> int:
    """The place of the last row before the first that is as young as this day; 0: there is none."""
    first_young = sa.select(sa.func.min(ledger.c.seq)).where(
        ledger.c.at_us >= round(_begin(before).timestamp() * 1_000_000)
    )
    young = connection.execute(first_young).scalar_one()
    query = sa.select(sa.func.max(ledger.c.seq))
    if young is not None:
        query = query.where(ledger.c.seq < young)
    return int(connection.execute(query).scalar_one() or 0)


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _delete(database: Database, new: Checkpoint, *, at_us: int, old: Checkpoint | None) -> int:
    """One transaction; returns how many rows are gone."""
    text, sha256 = checkpoint.encode(new)
    expected = new.rows - (0 if old is None else old.rows) + (0 if old is None else len(old.anchors))
    expected -= len(new.anchors)
    with database.write() as connection:
        newest = read_checkpoint(connection)
        if (None if newest is None else newest[0].number) != (None if old is None else old.number):
            raise FarthingError("another process put rows away at the same time; nothing was changed here")
        # First: SQLite gives the place of the last row again when it is gone.
        _append(connection, database, CheckpointBody(number=new.number, sha256=sha256), at_us=at_us)
        gone = _delete_between(connection, new)
        if gone != expected:
            raise FarthingError(
                f"{gone} rows would go, and {expected} are in the archive: rows have changed meanwhile",
                hint="nothing was changed; run it again, then farthing ledger verify",
            )
        connection.execute(
            tables.checkpoint.insert(),
            {"number": new.number, "at_us": at_us, "body": text, "hash": sha256},
        )
    return gone


def _delete_between(connection: sa.Connection, new: Checkpoint) -> int:
    """Deletes all rows up to the checkpoint's place but those that it anchors."""
    gone, after = 0, 0
    for end in (*(anchor.seq for anchor in new.anchors), new.through + 1):
        between = ledger.delete().where(ledger.c.seq > after, ledger.c.seq < end)
        gone += connection.execute(between).rowcount
        after = end
    return gone


def _append(connection: sa.Connection, database: Database, body: CheckpointBody, *, at_us: int) -> None:
    """A chained row, in an epoch of its own that ends with it."""
    now = database.now(connection)
    epoch = store.open_epoch(connection, label="farthing ledger prune", lease_until=now)
    row = chained(
        genesis(epoch),
        epoch=epoch,
        kind="checkpoint",
        call_id=f"checkpoint-{body.number}",
        run_id=None,
        at_us=at_us,
        nano=0,
        body=body,
    )
    connection.execute(ledger.insert(), dict(zip(Row._fields, row, strict=True)))
    store.keep_lease(connection, epoch=epoch, head=row.hash, lease_until=now)
    store.close_epoch(connection, epoch=epoch, state="closed")
