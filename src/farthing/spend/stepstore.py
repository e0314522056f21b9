"""The SQL of a run's journal, in the caller's transaction: steps and ends of pieces, fenced by claims.

A piece belongs to the epoch that claimed it. Who lost it to another writes nothing of it any more, though
what it had on the wire is settled. Reading a whole journal is `swarm/runs.py`'s.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import cast

import sqlalchemy as sa

from farthing.spend.step import Journalled, PieceDone, StepDone
from farthing.storage.prepared import Prepared, PreparedInsert
from farthing.storage.tables import piece, step

_Name = tuple[str, str]
"""A run, and a piece of it."""

_ADD_STEPS = PreparedInsert(
    step, ("run_id", "piece", "number", "kind", "epoch", "call_id", "at_us", "body"), missing_only=True
)
_SAME = sa.and_(piece.c.run_id == sa.bindparam("r"), piece.c.piece == sa.bindparam("p"))
_HOLDER = Prepared(sa.select(piece.c.epoch).where(_SAME).with_for_update(), ("r", "p"))
_END = Prepared(
    piece.update()
    .where(_SAME, piece.c.epoch == sa.bindparam("e"), piece.c.state == sa.literal_column("'claimed'"))
    .values(state=sa.literal_column("'done'"), result=sa.bindparam("result")),
    ("r", "p", "e", "result"),
)


def write(connection: sa.Connection, entries: Sequence[Journalled]) -> None:
    """Writes what is not written yet: again is no harm. Rows are locked in one order everywhere."""
    holders = _holders(connection, {_name_of(entry) for entry in entries})
    ours = [
        entry
        for entry in entries
        if isinstance(entry, StepDone) and holders.get(_name_of(entry), entry.key.epoch) == entry.key.epoch
    ]
    _ADD_STEPS.run(connection, [_row(entry) for entry in ours])
    for entry in entries:
        if isinstance(entry, PieceDone):
            _END.run(connection, (entry.run_id, entry.piece, entry.epoch, entry.result))


def _holders(connection: sa.Connection, names: Collection[_Name]) -> Mapping[_Name, int]:
    found: dict[_Name, int] = {}
    for name in sorted(names):
        row = _HOLDER.first(connection, name)
        if row is not None:
            found[name] = cast(int, row[0])
    return found


def _name_of(entry: Journalled) -> _Name:
    if isinstance(entry, StepDone):
        return entry.key.run_id, entry.key.piece
    return entry.run_id, entry.piece


def _row(entry: StepDone) -> Sequence[object]:
    key = entry.key
    call_id = entry.call_id or None
    return (key.run_id, key.piece, key.number, entry.kind, key.epoch, call_id, entry.at_us, entry.body)


def delete_steps(connection: sa.Connection, run_ids: Iterable[str]) -> int:
    """Forgets the journals of these runs; how many steps that were."""
    return connection.execute(step.delete().where(step.c.run_id.in_(list(run_ids)))).rowcount
