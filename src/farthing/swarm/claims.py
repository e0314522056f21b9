"""Pieces of work in the database, and who does them: put there, claimed by an epoch, finished, given back.

Each function is one transaction. Which epochs live is told by table `writer`: a piece whose claimer's epoch
is not live any more is anybody's. What is done in a piece is no concern of this file.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from farthing.storage.database import Database
from farthing.storage.tables import piece, run, writer

_ENDED = ("finished", "stopped", "cancelled")


class NewPiece(NamedTuple):
    """A piece that is to be done. `body` is JSON for whoever claims it."""

    name: str
    body: str = "{}"


class ClaimedPiece(NamedTuple):
    """A piece that is ours. `claims` above 1: somebody was lost over it, and its journal may have steps."""

    run_id: str
    name: str
    claims: int
    body: str


class Standing(NamedTuple):
    """Where a piece that was asked for stands: `done` with its result, ours, or held by the live `epoch`."""

    name: str
    state: str
    epoch: int
    claims: int
    result: str | None


def put(database: Database, run_id: str, pieces: Iterable[NewPiece]) -> int:
    """Makes the pieces ready to be claimed; those that the run has already stay as they are. How many are
    new."""
    with database.write() as connection:
        return _put(connection, database, run_id, pieces)


def claim(database: Database, epoch: int, limit: int, run_id: str | None = None) -> list[ClaimedPiece]:
    """At most `limit` pieces that nobody does, of one run or of all that go on, oldest first.

    Any number of processes may claim at once, each piece goes to one. None for an epoch that is not live.
    """
    free = [_free(), piece.c.run_id.not_in(sa.select(run.c.run_id).where(run.c.state.in_(_ENDED)))]
    if run_id is not None:
        free.append(piece.c.run_id == run_id)
    query = (
        sa.select(piece.c.run_id, piece.c.piece, piece.c.claims, piece.c.body)
        .where(*free)
        .order_by(piece.c.ready_us, piece.c.run_id, piece.c.piece)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    with database.write() as connection:
        if not _is_live(connection, epoch):
            return []
        found = [ClaimedPiece(*row)._replace(claims=row.claims + 1) for row in connection.execute(query)]
        _take(connection, epoch, [(one.run_id, one.name) for one in found])
    return found


def claim_named(
    database: Database, run_id: str, pieces: Sequence[NewPiece], *, epoch: int
) -> dict[str, Standing]:
    """Puts and claims these pieces at once, where they are free; how each stands then, by name.

    A piece that is ours stands as `claimed` by `epoch`. Nothing is claimed for an epoch that is not live.
    """
    names = sorted({one.name for one in pieces})
    query = (
        sa.select(piece.c.piece, piece.c.state, piece.c.epoch, piece.c.claims, piece.c.result)
        .where(piece.c.run_id == run_id, piece.c.piece.in_(names))
        .order_by(piece.c.piece)
    )
    with database.write() as connection:
        live = _is_live(connection, epoch)
        _put(connection, database, run_id, pieces)
        if live:
            free = list(connection.execute(query.where(_free()).with_for_update()).scalars())
            _take(connection, epoch, [(run_id, name) for name in free])
        return {row.piece: Standing(*row) for row in connection.execute(query)}


def finish(database: Database, run_id: str, name: str, epoch: int, result: str) -> bool:
    """Ends a piece with its result, JSON. False, with nothing changed, where it is not `epoch`'s any more."""
    with database.write() as connection:
        return (
            connection.execute(
                piece.update().where(*_held(run_id, name, epoch)).values(state="done", result=result)
            ).rowcount
            == 1
        )


def give_back(database: Database, epoch: int, run_id: str | None = None) -> int:
    """Makes what `epoch` has claimed, in one run or in all, ready for others; how many pieces that were."""
    mine = [piece.c.state == "claimed", piece.c.epoch == epoch]
    if run_id is not None:
        mine.append(piece.c.run_id == run_id)
    with database.write() as connection:
        return connection.execute(piece.update().where(*mine).values(state="ready", epoch=0)).rowcount


def counts(database: Database, run_id: str) -> Mapping[str, int]:
    """How many pieces of a run are in each state."""
    query = sa.select(piece.c.state, sa.func.count()).where(piece.c.run_id == run_id)
    with database.read() as connection:
        return {row[0]: row[1] for row in connection.execute(query.group_by(piece.c.state))}


def _put(connection: sa.Connection, database: Database, run_id: str, pieces: Iterable[NewPiece]) -> int:
    now_us = int(database.now(connection) * 1_000_000)
    rows = [
        {
            "run_id": run_id,
            "piece": one.name,
            "state": "ready",
            "epoch": 0,
            "claims": 0,
            "ready_us": now_us,
            "body": one.body,
            "result": None,
        }
        for one in sorted(pieces)
    ]
    return database.add_missing(connection, piece, rows)


def _free() -> ColumnElement[bool]:
    """Ready, or claimed by somebody who is gone."""
    live = sa.select(writer.c.epoch).where(writer.c.state == "live")
    return sa.or_(piece.c.state == "ready", sa.and_(piece.c.state == "claimed", piece.c.epoch.not_in(live)))


def _held(run_id: str, name: str, epoch: int) -> tuple[ColumnElement[bool], ...]:
    return (
        piece.c.run_id == run_id,
        piece.c.piece == name,
        piece.c.state == "claimed",
        piece.c.epoch == epoch,
    )


def _is_live(connection: sa.Connection, epoch: int) -> bool:
    """Locked for the transaction: who reaps this epoch comes before or after it."""
    query = sa.select(writer.c.state).where(writer.c.epoch == epoch)
    return connection.execute(query.with_for_update(read=True)).scalar_one_or_none() == "live"


def _take(connection: sa.Connection, epoch: int, pieces: Sequence[tuple[str, str]]) -> None:
    if not pieces:
        return
    taking = (
        piece.update()
        .where(piece.c.run_id == sa.bindparam("r"), piece.c.piece == sa.bindparam("p"))
        .values(state="claimed", epoch=epoch, claims=piece.c.claims + 1)
    )
    connection.execute(taking, [{"r": run_id, "p": name} for run_id, name in pieces])
