"""A worker: claims pieces as it has room, does them as the deploying process would, and ends them.

What it has claimed it holds by its deployment's lease. When it dies the lease ends, and the others claim its
pieces again. Nothing here knows of Ray, signals or the terminal.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from farthing.errors import SwarmError
from farthing.storage.database import Database
from farthing.storage.tables import piece as pieces
from farthing.storage.tables import writer
from farthing.swarm import claims
from farthing.swarm.channel import end_all
from farthing.swarm.claims import ClaimedPiece
from farthing.swarm.events import SwarmEvent
from farthing.swarm.journal import Pages
from farthing.swarm.pages import KeptPages, read_piece_pages
from farthing.swarm.placing import Workplace
from farthing.swarm.results import WorkResult
from farthing.swarm.work import Means, do_work
from farthing.swarm.written import QUEUED, FindTool, read_piece, write_end
from farthing.task import StepKey

log = logging.getLogger("farthing.worker")

SOON_S, LATE_S = 0.05, 0.5
"""How long an idle worker pauses before it asks for pieces again."""
HELD_EVERY_S = 2.0
"""How often it looks whether its pieces are still its own."""


class Held(NamedTuple):
    """A piece that is ours, by the epoch that claimed it."""

    run_id: str
    name: str
    epoch: int


class Tally(msgspec.Struct, kw_only=True):
    """What a worker has done so far."""

    claimed: int = 0
    again: int = 0
    """Of these, pieces that somebody else had begun and was lost over."""
    done: int = 0
    failed: int = 0
    dropped: int = 0
    """Pieces that were taken from it: cancelled, or claimed by another after its lease was lost."""


class Worker:
    """Use from one event loop: `work` until `stop`. `run_id` None is any run; they take turns."""

    def __init__(
        self,
        workplace: Workplace,
        *,
        find: FindTool,
        concurrency: int = 16,
        run_id: str | None = None,
        drain_s: float = 30.0,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_end: Callable[[ClaimedPiece, WorkResult], None] | None = None,
    ) -> None:
        """`drain_s`: what is under way when it stops may take so long; the rest is given back."""
        if concurrency < 1:
            raise SwarmError(f"concurrency is {concurrency}; give at least 1")
        self._place, self._find, self._concurrency = workplace, find, concurrency
        self._run_id, self._drain_s, self._pause, self._on_end = run_id, drain_s, pause, on_end
        self._under_way: dict[Held, asyncio.Task[None]] = {}
        self._ending: set[Held] = set()
        self._bug: BaseException | None = None
        self._stop = asyncio.Event()
        self._turn = ""
        self._looked_at = float("-inf")
        self.tally = Tally()

    @property
    def in_flight(self) -> int:
        return len(self._under_way)

    def stop(self) -> None:
        """Claims no more. `work` ends when what is under way has ended, or after `drain_s`."""
        self._stop.set()

    async def work(self) -> None:
        """Claims and does pieces until `stop`; leaves nothing claimed. Stops at a bug, which it raises."""
        wait_s = SOON_S
        try:
            while not self._stop.is_set():
                begun = await self._patiently(self._claim_and_begin)
                await self._patiently(self._drop_lost)
                wait_s = SOON_S if begun else min(wait_s * 1.5, LATE_S)
                await self._rest(wait_s)
            await self._drain()
        finally:
            epochs = {held.epoch for held in self._under_way} | {self._place.epoch}
            await end_all(list(self._under_way.values()))
            for epoch in epochs:
                await asyncio.to_thread(claims.give_back, self._place.database, epoch)
        if self._bug is not None:
            raise self._bug

    async def _patiently(self, work: Callable[[], Awaitable[int]]) -> int:
        """A database that is away is asked again: the lease tells the others if it is for long."""
        try:
            return await work()
        except DBAPIError as error:
            log.warning("the database does not answer, trying again: %s", error.orig)
            return 0

    async def _rest(self, wait_s: float) -> None:
        """Until there may be something to do: time has passed, a piece has ended, or it is to stop."""
        pausing = asyncio.ensure_future(self._pause(wait_s))
        stopping = asyncio.ensure_future(self._stop.wait())
        full = len(self._under_way) >= self._concurrency
        ending = self._under_way.values() if full else ()
        try:
            await asyncio.wait([pausing, stopping, *ending], return_when=asyncio.FIRST_COMPLETED)
        finally:
            pausing.cancel()
            stopping.cancel()

    async def _claim_and_begin(self) -> int:
        room = self._concurrency - len(self._under_way)
        if room <= 0:
            return 0
        epoch = self._place.epoch
        claimed = await asyncio.to_thread(self._claim, room, epoch)
        for one in claimed:
            held = Held(one.run_id, one.name, epoch)
            task = asyncio.create_task(self._do(one, held), name=f"{one.run_id}/{one.name}")
            self._under_way[held] = task
            task.add_done_callback(partial(self._left, held))
        self.tally.claimed += len(claimed)
        self.tally.again += sum(one.claims > 1 for one in claimed)
        return len(claimed)

    def _left(self, held: Held, task: "asyncio.Task[None]") -> None:
        self._under_way.pop(held, None)
        self._ending.discard(held)
        if not task.cancelled() and (bug := task.exception()) is not None:
            self._bug = bug
            self._stop.set()

    def _claim(self, room: int, epoch: int) -> list[ClaimedPiece]:
        """At most `room` pieces, a fair share of them of each run that has any: none waits for another's
        last."""
        if self._run_id is not None:
            return claims.claim(self._place.database, epoch, room, self._run_id)
        found: list[ClaimedPiece] = []
        runs = in_turn(waiting_runs(self._place.database), self._turn)
        for place, run_id in enumerate(runs):
            share = -(-(room - len(found)) // (len(runs) - place))
            if share > 0:
                found += claims.claim(self._place.database, epoch, share, run_id)
                self._turn = run_id
        return found

    async def _do(self, one: ClaimedPiece, held: Held) -> None:
        work = await self._done(one, held.epoch)
        self._ending.add(held)
        self.tally.done += work.ok
        self.tally.failed += not work.ok
        if not await self._ended(held, write_end(work, at_us=self._place.now_us())):
            self.tally.dropped += 1
            log.warning("%s of %s is another's by now; its result is dropped", one.name, one.run_id)
        if self._on_end is not None:
            self._on_end(one, work)

    async def _done(self, one: ClaimedPiece, epoch: int) -> WorkResult:
        try:
            piece, caps = read_piece(one.body, self._find)
        except SwarmError as error:
            return WorkResult(agent_id="", role="", stage=0, title=one.name, error=error)
        means = Means(
            journey=self._place.journey,
            caps=caps,
            clock=time.monotonic,
            emit=_drop,
            keep=_forget,
            drive=do_work,
            pages=partial(self._pages, one, epoch),
        )
        return await do_work(piece, means)

    async def _pages(self, one: ClaimedPiece, epoch: int, name: str) -> Pages:
        """Its journal: with what somebody who was lost over it had done. Written only while we hold it."""
        place = self._place
        steps, calls = (
            await asyncio.to_thread(read_piece_pages, place.database, one.run_id, name)
            if one.claims > 1
            else ({}, {})
        )
        key = StepKey(run_id=one.run_id, piece=name, number=0, epoch=epoch)
        return KeptPages(key, steps, calls, record=place.ledger.record, now_us=place.now_us)

    async def _ended(self, held: Held, result: str) -> bool:
        """Ends the piece in the database, which is asked until it answers; whether it was still ours."""
        while True:
            try:
                return await asyncio.to_thread(claims.finish, self._place.database, *held, result)
            except DBAPIError as error:
                log.warning("%s cannot be ended yet: %s", held.name, error.orig)
                await self._pause(LATE_S)

    async def _drop_lost(self) -> int:
        """Stops what is not ours any more: withdrawn by who put it there, or claimed by another."""
        now = time.monotonic()
        if not self._under_way or now < self._looked_at + HELD_EVERY_S:
            return 0
        self._looked_at = now
        mine = [held for held in self._under_way if held not in self._ending]
        lost = await asyncio.to_thread(lost_of, self._place.database, mine)
        for held in lost:
            task = self._under_way.get(held)
            if task is not None and held not in self._ending:
                log.info("%s of %s was taken from this worker", held.name, held.run_id)
                self.tally.dropped += 1
                task.cancel()
        return 0

    async def _drain(self) -> None:
        if self._under_way:
            await asyncio.wait(list(self._under_way.values()), timeout=self._drain_s)


def waiting_runs(database: Database) -> list[str]:
    """The runs that have pieces to claim, in order."""
    live = sa.select(writer.c.epoch).where(writer.c.state == "live")
    free = sa.or_(
        pieces.c.state == "ready", sa.and_(pieces.c.state == "claimed", pieces.c.epoch.not_in(live))
    )
    for_workers = pieces.c.body.like(f"{QUEUED}%")
    query = sa.select(pieces.c.run_id).where(free, for_workers).distinct().order_by(pieces.c.run_id)
    with database.read() as connection:
        return list(connection.execute(query).scalars())


def in_turn(runs: Sequence[str], last: str) -> list[str]:
    """The runs, beginning behind the last that had its turn."""
    return [*(run for run in runs if run > last), *(run for run in runs if run <= last)]


def lost_of(database: Database, mine: Sequence[Held]) -> list[Held]:
    """Those that the database does not have as claimed by their epoch."""
    query = sa.select(pieces.c.run_id, pieces.c.piece, pieces.c.epoch).where(
        pieces.c.state == "claimed", pieces.c.epoch.in_({held.epoch for held in mine})
    )
    with database.read() as connection:
        held = {Held(*row) for row in connection.execute(query)}
    return [one for one in mine if one not in held]


async def _drop(event: SwarmEvent) -> None:
    """Events of a piece stay where it is done; its result passes."""


def _forget(work: WorkResult) -> None:
    """The result goes to the database."""
