"""The driver that has pieces done elsewhere: it puts them into the database, and waits for their results.

One round serves all pieces of a run that wait: what is new is put in one transaction, what is done is read in
one query. Who does them is no concern of this file; the queue itself is `claims.py`'s.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from farthing.clock import undisturbed
from farthing.config.schema import DeploymentConfig
from farthing.errors import SwarmError
from farthing.spend.stepstore import delete_steps
from farthing.storage.database import Database
from farthing.storage.tables import piece as pieces
from farthing.storage.tables import run
from farthing.swarm import claims
from farthing.swarm.claims import NewPiece
from farthing.swarm.placing import Driving, Ground, Place, refuse_one_machine
from farthing.swarm.results import WorkResult
from farthing.swarm.work import Driver, Means, Piece
from farthing.swarm.written import QUEUED, read_end, write_piece
from farthing.task import Labels, labelled

log = logging.getLogger("farthing.swarm")

SOON_S, LATE_S = 0.02, 0.5
"""How long is paused between two looks: short while results come, longer while none do."""
_READ_AT_ONCE = 500

Pause = Callable[[float], Awaitable[None]]


@asynccontextmanager
async def queued(
    database: Database, run_id: str, *, labels: Labels | None = None, pause: Pause = asyncio.sleep
) -> AsyncGenerator[Driver, None]:
    """A driver for the pieces of a run, until the block is left. A piece whose wait is cancelled is taken out
    of the queue: a worker that has begun it stops."""
    post = _Post(database, run_id, labels, pause)
    rounds = asyncio.create_task(post.keep_looking())
    try:
        yield post.drive
    finally:
        post.close()
        await rounds  # not cancelled: its thread would go on with what is withdrawn here
        await post.withdraw()
        await asyncio.to_thread(forget_texts, database, run_id)


def driving(
    place: Place, config: DeploymentConfig, database: Database, labels: Labels | None = None
) -> Driving:
    """Runs whose pieces are done at that place. Raises `SwarmError` where it cannot be."""
    refuse_one_machine(database)

    @asynccontextmanager
    async def opened(run_id: str, modules: tuple[str, ...]) -> AsyncGenerator[Driver, None]:
        async with (
            place.staffed(Ground(run_id=run_id, config=config, database=database, modules=modules)),
            queued(database, run_id, labels=labels) as drive,
        ):
            yield drive

    return opened


class _Post:
    """What was handed in and is not back yet."""

    def __init__(self, database: Database, run_id: str, labels: Labels | None, pause: Pause) -> None:
        self._database, self._run_id, self._labels, self._pause = database, run_id, labels, pause
        self._new: list[NewPiece] = []
        self._waiting: dict[str, asyncio.Future[WorkResult]] = {}
        self._left: list[str] = []
        self._closing = asyncio.Event()

    async def drive(self, piece: Piece, means: Means) -> WorkResult:
        """One piece to its result, wherever it is done. Never raises a `FarthingError`: it is a result."""
        task = piece.task if self._labels is None else labelled(piece.task, self._labels)
        begun = WorkResult(
            agent_id=task.agent_id or "", role=task.role or "", stage=piece.stage, title=piece.title
        )
        try:
            body = write_piece(replace(piece, task=task), means.caps)
        except SwarmError as error:
            return _kept(failed(begun, error), means)
        answer: asyncio.Future[WorkResult] = asyncio.get_running_loop().create_future()
        self._waiting[piece.name] = answer
        self._new.append(NewPiece(piece.name, body))
        try:
            return _kept(await answer, means)
        except asyncio.CancelledError:
            if self._waiting.pop(piece.name, None) is not None:
                self._left.append(piece.name)
            means.keep(failed(begun, SwarmError("cancelled while another process had it")))
            raise

    async def keep_looking(self) -> None:
        """Until it is closed; raises only what is a bug, which ends the waiting too."""
        wait_s = SOON_S
        try:
            while await undisturbed(self._pause, wait_s, self._closing):
                came = await self._look_patiently()
                wait_s = SOON_S if came or self._new else min(wait_s * 1.5, LATE_S)
        finally:
            for answer in self._waiting.values():
                answer.cancel()

    def close(self) -> None:
        """Ends the rounds; one that is under way comes to its end."""
        self._closing.set()

    async def withdraw(self) -> None:
        """Takes what nobody waits for any more out of the queue."""
        self._left.extend(self._waiting)
        self._waiting.clear()
        await self._look_patiently()

    async def _look_patiently(self) -> int:
        try:
            return await self._look()
        except DBAPIError as error:
            log.warning("the queue of %s does not answer: %s", self._run_id, error.orig)
            return 0

    async def _look(self) -> int:
        """Puts what is new and hands out what is done; how many pieces that moved."""
        new, left = list(self._new), list(self._left)
        names = list(self._waiting)
        if not new and not names and not left:
            return 0
        done = await asyncio.to_thread(self._exchange, new, names, left)
        del self._new[: len(new)], self._left[: len(left)]
        for name, result in done:
            answer = self._waiting.pop(name, None)
            if answer is not None and not answer.done():
                answer.set_result(read_end(result))
        return len(done)

    def _exchange(
        self, new: Sequence[NewPiece], names: Sequence[str], left: Sequence[str]
    ) -> list[tuple[str, str]]:
        if new and claims.put(self._database, self._run_id, new) < len(new):
            reopen(self._database, self._run_id, new)
        if left:
            take_out(self._database, self._run_id, left)
        return read_done(self._database, self._run_id, names) if names else []


def read_done(database: Database, run_id: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """Those of the pieces that are done: name and result."""
    found: list[tuple[str, str]] = []
    with database.read() as connection:
        for start in range(0, len(names), _READ_AT_ONCE):
            query = sa.select(pieces.c.piece, pieces.c.result).where(
                pieces.c.run_id == run_id,
                pieces.c.piece.in_(names[start : start + _READ_AT_ONCE]),
                pieces.c.state == "done",
            )
            found += [(row.piece, row.result or "") for row in connection.execute(query)]
    return found


def take_out(database: Database, run_id: str, names: Sequence[str]) -> None:
    """Removes pieces that are not done. Their journal stays: put again, they go on where they were."""
    with database.write() as connection:
        for start in range(0, len(names), _READ_AT_ONCE):
            connection.execute(
                pieces.delete().where(
                    pieces.c.run_id == run_id,
                    pieces.c.piece.in_(names[start : start + _READ_AT_ONCE]),
                    pieces.c.state != "done",
                )
            )


def reopen(database: Database, run_id: str, asked: Sequence[NewPiece]) -> None:
    """Has pieces done that the run has from before: those that ended and whose result is not here any more
    (their journal is), and those that were begun by who conducted it then."""
    is_lost = sa.or_(
        sa.and_(pieces.c.state == "done", pieces.c.result.is_(None)), pieces.c.body.not_like(f"{QUEUED}%")
    )
    reopening = (
        pieces.update()
        .where(pieces.c.run_id == run_id, pieces.c.piece == sa.bindparam("p"), is_lost)
        .values(state="ready", epoch=0, result=None, body=sa.bindparam("b"))
    )
    with database.write() as connection:
        connection.execute(reopening, [{"p": one.name, "b": one.body} for one in sorted(asked)])


def take_all_out(database: Database, run_id: str) -> None:
    """Leaves nothing of a run to workers."""
    mine = (pieces.c.run_id == run_id, pieces.c.state != "done", pieces.c.body.like(f"{QUEUED}%"))
    with database.write() as connection:
        connection.execute(pieces.delete().where(*mine))


def forget_texts(database: Database, run_id: str) -> None:
    """Of a run that was left, prompts and answers do not stay in the queue; its journal has what it needs to
    be gone on with. What is no run that lasts, a map, leaves nothing at all."""
    known = sa.select(run.c.run_id).where(run.c.run_id == run_id)
    mine = pieces.c.run_id == run_id
    try:
        with database.write() as connection:
            if connection.execute(known).first() is None:
                delete_steps(connection, [run_id])
                connection.execute(pieces.delete().where(mine))
            else:
                connection.execute(pieces.update().where(mine).values(body="{}", result=None))
    except DBAPIError as error:
        log.warning("the texts of %s stay in the queue: %s", run_id, error.orig)


def failed(begun: WorkResult, error: SwarmError) -> WorkResult:
    """A piece that ended before it was done."""
    return WorkResult(
        agent_id=begun.agent_id, role=begun.role, stage=begun.stage, title=begun.title, error=error
    )


def _kept(work: WorkResult, means: Means) -> WorkResult:
    means.keep(work)
    return work
