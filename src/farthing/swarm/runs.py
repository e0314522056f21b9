"""The SQL of runs: begun, taken over, ended, cancelled, listed, forgotten; and a run's journal as it is read.

Each function is one transaction. Who works on what is `claims.py`'s; what a body means is `resuming.py`'s.
"""

import os
import socket
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from farthing.errors import SwarmError
from farthing.spend.stepstore import delete_steps
from farthing.storage.database import Database
from farthing.storage.tables import approval, piece, run, step, writer

RESUMABLE = ("running", "paused", "stopped")
ENDED = ("finished", "cancelled")


class RunRow(NamedTuple):
    """A run, with its conductor: `label` and `lease_until` are None where nobody who lives conducts it."""

    run_id: str
    state: str
    epoch: int
    began_us: int
    ended_us: int | None
    body: str
    result: str | None
    label: str | None
    lease_until: float | None

    @property
    def standing(self) -> str:
        """Its state; `interrupted` for one that is at work by its row, and whose process is gone."""
        return "interrupted" if self.state == "running" and self.label is None else self.state


class StepRow(NamedTuple):
    """A journalled step."""

    piece: str
    number: int
    kind: str
    call_id: str | None
    at_us: int
    body: str


class PieceRow(NamedTuple):
    piece: str
    state: str
    epoch: int
    claims: int
    body: str
    result: str | None


def no_such_run(run_id: str, database: Database) -> SwarmError:
    return SwarmError(
        f"there is no run {run_id!r} in {database.display_url}",
        hint="`farthing runs list` shows those there are",
    )


def begin(database: Database, run_id: str, body: str, *, epoch: int, at_us: int) -> None:
    """Writes a run down before anything is done of it."""
    with database.write() as connection:
        row = {"run_id": run_id, "state": "running", "epoch": epoch, "began_us": at_us, "body": body}
        connection.execute(run.insert(), row)


def read(database: Database, run_id: str) -> RunRow | None:
    with database.read() as connection:
        row = connection.execute(_runs().where(run.c.run_id == run_id)).first()
        return None if row is None else RunRow(*row)


def listed(connection: sa.Connection, *, states: Sequence[str] = ()) -> list[RunRow]:
    """All runs, or those in these states, newest first."""
    query = _runs().order_by(run.c.began_us.desc(), run.c.run_id)
    if states:
        query = query.where(run.c.state.in_(list(states)))
    return [RunRow(*row) for row in connection.execute(query)]


def named(connection: sa.Connection, prefix: str) -> list[RunRow]:
    """The runs whose id begins so."""
    return [RunRow(*row) for row in connection.execute(_runs().where(run.c.run_id.startswith(prefix)))]


def take(database: Database, run_id: str, *, body: str, seen: int, epoch: int) -> bool:
    """Makes `epoch` the conductor of a run that `seen` conducted; False where that has changed meanwhile."""
    same = (run.c.run_id == run_id, run.c.epoch == seen, run.c.state.in_(RESUMABLE))
    values = {"epoch": epoch, "state": "running", "ended_us": None, "result": None, "body": body}
    with database.write() as connection:
        return connection.execute(run.update().where(*same).values(values)).rowcount == 1


def end(
    database: Database, run_id: str, *, epoch: int, state: str, at_us: int, result: str, body: str | None
) -> bool:
    """Ends a run that `epoch` conducts. A run that was cancelled meanwhile stays so.

    `body` not None: its journal is forgotten, and this takes the place of what was asked for. False, with
    nothing changed, where another conducts it now.
    """
    state_then = sa.case((run.c.state == "cancelled", "cancelled"), else_=state)
    values: dict[str, object] = {"epoch": 0, "state": state_then, "ended_us": at_us, "result": result}
    if body is not None:
        values["body"] = body
    mine = (run.c.run_id == run_id, run.c.epoch == epoch)
    with database.write() as connection:
        if connection.execute(run.update().where(*mine).values(values)).rowcount == 0:
            return False
        given = (piece.c.run_id == run_id, piece.c.state == "claimed", piece.c.epoch == epoch)
        connection.execute(piece.update().where(*given).values(state="ready", epoch=0))
        if body is not None:
            delete_steps(connection, [run_id])
    return True


def cancel(database: Database, run_id: str, *, at_us: int) -> None:
    """Marks a run as cancelled: its conductor, where one lives, notices and ends it. One that has ended stays
    as it is."""
    open_one = (run.c.run_id == run_id, run.c.state.in_(RESUMABLE))
    with database.write() as connection:
        connection.execute(run.update().where(*open_one).values(state="cancelled", ended_us=at_us))


def try_again(database: Database, run_id: str, names: Iterable[str]) -> None:
    """Makes pieces that failed ready again."""
    failed = (piece.c.run_id == run_id, piece.c.piece.in_(list(names)), piece.c.state == "done")
    with database.write() as connection:
        connection.execute(piece.update().where(*failed).values(state="ready", epoch=0, result=None))


def read_steps(connection: sa.Connection, run_id: str, *, name: str | None = None) -> list[StepRow]:
    """The journal of a run, or of one piece of it, in order."""
    columns = (step.c.piece, step.c.number, step.c.kind, step.c.call_id, step.c.at_us, step.c.body)
    query = sa.select(*columns).where(step.c.run_id == run_id).order_by(step.c.piece, step.c.number)
    if name is not None:
        query = query.where(step.c.piece == name)
    return [StepRow(*row) for row in connection.execute(query)]


def read_approvals(connection: sa.Connection, run_id: str) -> list[tuple[str, str, str]]:
    """The tool calls that wait for a person's word: piece, tool, arguments."""
    columns = (approval.c.piece, approval.c.tool, approval.c.arguments)
    waits = (approval.c.run_id == run_id, approval.c.state == "pending")
    found = connection.execute(sa.select(*columns).where(*waits).order_by(approval.c.asked_us))
    return [(row.piece, row.tool, row.arguments) for row in found]


def forget_texts(database: Database, run_id: str, *, body: str) -> None:
    """Deletes the journal of a run that has ended, and puts this in the place of what was asked for."""
    with database.write() as connection:
        delete_steps(connection, [run_id])
        connection.execute(run.update().where(run.c.run_id == run_id).values(body=body))


def read_pieces(connection: sa.Connection, run_id: str) -> list[PieceRow]:
    columns = (piece.c.piece, piece.c.state, piece.c.epoch, piece.c.claims, piece.c.body, piece.c.result)
    query = sa.select(*columns).where(piece.c.run_id == run_id).order_by(piece.c.ready_us, piece.c.piece)
    return [PieceRow(*row) for row in connection.execute(query)]


def forget(database: Database, *, before_us: int, states: Sequence[str]) -> int:
    """Deletes runs in these states that began before that and are conducted by nobody; how many."""
    live = sa.select(writer.c.epoch).where(writer.c.state == "live")
    old = (run.c.state.in_(list(states)), run.c.began_us < before_us, run.c.epoch.not_in(live))
    with database.write() as connection:
        found = list(connection.execute(sa.select(run.c.run_id).where(*old)).scalars())
        delete_steps(connection, found)
        for table in (piece, approval, run):
            connection.execute(table.delete().where(table.c.run_id.in_(found)))
    return len(found)


def forsake(database: Database, epoch: int, label: str) -> bool:
    """Ends the lease of an epoch whose process is gone, as far as this machine can tell; whether it did.

    What it had on the wire is made uncertain by whoever reaps it, as always. A process that lives after all
    loses its epoch and nothing else.
    """
    host, _, number = label.rpartition(":")
    if host != socket.gethostname() or not number.isdecimal() or _lives(int(number)):
        return False
    with database.write() as connection:
        same = (writer.c.epoch == epoch, writer.c.label == label, writer.c.state == "live")
        connection.execute(writer.update().where(*same).values(lease_until=0.0))
    return True


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _runs():  # its type is as long as its columns are many
    own = (run.c.run_id, run.c.state, run.c.epoch, run.c.began_us, run.c.ended_us, run.c.body, run.c.result)
    live = sa.and_(writer.c.epoch == run.c.epoch, writer.c.state == "live")
    return sa.select(*own, writer.c.label, writer.c.lease_until).outerjoin(writer, live)
