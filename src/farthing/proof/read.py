"""Reads a whole ledger, in one state, for a replay. The SQL of proofs; nothing is written."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import sqlalchemy as sa

from farthing.errors import FarthingError
from farthing.proof import archive, checkpoint, heads
from farthing.proof.archive import Archived
from farthing.proof.checkpoint import Checkpoint
from farthing.proof.heads import HeadWatch
from farthing.proof.replay import Replay
from farthing.proof.verify import Kept, Writer, hold_against
from farthing.spend.batch import RollupByKey, RollupKey, RollupSums
from farthing.spend.budget import AccountKey, Balance
from farthing.spend.ledger import Row
from farthing.storage import tables
from farthing.storage.database import Database
from farthing.storage.tables import account, ledger, meta, rollup, rollup_by, writer

_CHUNK = 2000

OnRow = Callable[[int, Row], None]


def verified(
    database: Database,
    *,
    exported: heads.ExportedHead | None = None,
    archives: Sequence[Path] = (),
    on_row: OnRow | None = None,
) -> Replay:
    """Replays a ledger in one state and holds it against all laws; what is wrong is in its findings.

    `archives` are rows that were put away, oldest first; they are replayed before. `on_row` is called with
    each row. Raises `FarthingError` for an archive or a checkpoint that cannot be read.
    """
    watch = None if exported is None else HeadWatch(exported)
    before = [archive.replayed(path, watch=watch, on_row=on_row) for path in archives]
    with database.read() as connection:
        newest = read_checkpoint(connection)
        replay = _begun(connection, newest, watch)
        _hold_archives(replay, before, newest)
        for seq, row in read_rows(connection, after=replay.through):
            replay.take(seq, row)
            if on_row is not None:
                on_row(seq, row)
        hold_against(replay, read_kept(connection, newest))
    if watch is not None:
        watch.hold_against(replay, put_away={} if newest is None else newest[0].heads)
    for path, found in zip(archives, before, strict=True):
        for one in found.replay.findings:
            replay.find(one.law, f"{path.name}: {one.text}", one.seq, one.call_id)
    return replay


def count_rows(connection: sa.Connection) -> int:
    """How many rows there are to replay."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(ledger)).scalar_one())


def read_rows(
    connection: sa.Connection, *, after: int = 0, to: int | None = None
) -> Iterator[tuple[int, Row]]:
    """The rows behind the place `after`, up to `to`, in order, streamed, each with its place."""
    columns = (ledger.c.seq, *(ledger.c[name] for name in Row._fields))
    query = sa.select(*columns).where(ledger.c.seq > after).order_by(ledger.c.seq)
    if to is not None:
        query = query.where(ledger.c.seq <= to)
    for seq, *row in connection.execute(query.execution_options(yield_per=_CHUNK)):
        yield seq, Row(*row)


def read_checkpoint(connection: sa.Connection) -> tuple[Checkpoint, str] | None:
    """The newest checkpoint, and the SHA-256 of its text; None while nothing was put away."""
    query = sa.select(tables.checkpoint).order_by(tables.checkpoint.c.number.desc()).limit(1)
    row = connection.execute(query).first()
    if row is None:
        return None
    try:
        return checkpoint.decode(row.body), checkpoint.digest(row.body)
    except msgspec.DecodeError as error:
        raise FarthingError(
            f"checkpoint {row.number} cannot be read: {error}", hint="take the ledger's last backup"
        ) from error


def read_kept(connection: sa.Connection, newest: tuple[Checkpoint, str] | None) -> Kept:
    """All that is kept beside the rows."""
    accounts = connection.execute(sa.select(account))
    width, by_width = len(RollupKey._fields), len(RollupByKey._fields)
    return Kept(
        accounts={AccountKey(scope, period): Balance(*sums) for scope, period, *sums in accounts},
        rollups={
            RollupKey(*row[:width]): RollupSums(*row[width:]) for row in connection.execute(sa.select(rollup))
        },
        rollups_by={
            RollupByKey(*row[:by_width]): RollupSums(*row[by_width:])
            for row in connection.execute(sa.select(rollup_by))
        },
        writers={row.epoch: Writer(row.state, row.head) for row in connection.execute(sa.select(writer))},
        money=connection.execute(sa.select(meta.c.value).where(meta.c.key == "money")).scalar_one_or_none(),
        checkpoint=None if newest is None else (newest[0].number, newest[1]),
    )


def _begun(
    connection: sa.Connection, newest: tuple[Checkpoint, str] | None, watch: HeadWatch | None
) -> Replay:
    """A replay at the newest checkpoint, or at the beginning."""
    replay = Replay(on_head=None if watch is None else watch.see)
    if newest is None:
        return replay
    found = newest[0]
    checkpoint.resume(replay, found, read_rows(connection, to=found.through))
    if watch is not None:
        watch.see_all(found.heads)
    return replay


def _hold_archives(
    replay: Replay, archives: Sequence[Archived], newest: tuple[Checkpoint, str] | None
) -> None:
    """Each archive must begin where the one before ends, and the last must lead to the checkpoint."""
    starts = [*(one.start for one in archives), None if newest is None else newest[0]][1:]
    for one, following in zip(archives, starts, strict=True):
        if following is None or one.replay.through != following.through:
            replay.find("checkpoint", f"{one.path.name} does not end where the next rows begin")
        elif one.replay.heads != following.heads or one.replay.balances != dict(following.balances):
            text = f"{one.path.name} does not come to what the checkpoint after it says"
            replay.find("checkpoint", text)
