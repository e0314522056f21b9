"""A run that lasts: who conducts it, who does its pieces, and the pages that its work is journalled on.

`RunKeeper` begins runs and takes over those whose process is gone; a `RunJournal` is one of them at work.
What is on a page is `pages.py`'s, what a settlement takes along is `journalling.py`'s and the ledger's.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

import msgspec
from sqlalchemy.exc import DBAPIError

from farthing.config.schema import DeploymentConfig
from farthing.errors import (
    BudgetExceededError,
    DeploymentClosedError,
    FarthingError,
    LedgerUnavailableError,
    SwarmError,
)
from farthing.spend.step import PieceDone
from farthing.spend.writer import LedgerWriter
from farthing.storage.database import Database
from farthing.swarm import claims, runs
from farthing.swarm.channel import end_all
from farthing.swarm.claims import NewPiece, Standing
from farthing.swarm.journal import Pages
from farthing.swarm.pages import NOTHING_KNOWN, KeptPages, Known, read_known
from farthing.swarm.results import Totals, WorkResult
from farthing.swarm.resuming import (
    RunOrder,
    decode_order,
    encode,
    failed_work,
    piece_end,
    scope_of,
)
from farthing.swarm.runs import RunRow
from farthing.swarm.stages import Conducted
from farthing.swarm.work import Means, Piece, do_work
from farthing.task import StepKey

log = logging.getLogger("farthing.swarm")

WATCH_S = 1.0
"""How often a conductor looks whether its run was cancelled, or taken over."""
DAY_US = 86_400_000_000
UNFINISHED_DAYS = 30
"""A run that nobody went on with for so long is forgotten."""
CANCELLED_ELSEWHERE = "it was cancelled by another process"
_REAPED_S = 5.0


class RunJournal:
    """One run at work, conducted by this process. Use from one event loop; `end` it however it ends."""

    def __init__(
        self,
        database: Database,
        ledger: LedgerWriter,
        order: RunOrder,
        *,
        run_id: str,
        known: Known,
        now_us: Callable[[], int],
        forgets: bool,
    ) -> None:
        self.run_id, self.order, self.known = run_id, order, known
        self.lost = ""
        """Why it is not ours any more; empty while it is."""
        self._database, self._ledger, self._now_us = database, ledger, now_us
        self._forgets = forgets
        self._epoch = ledger.epoch
        self._pieces = known.pieces
        self._asked: list[tuple[NewPiece, asyncio.Future[Standing]]] = []
        self._claiming: asyncio.Task[None] | None = None

    async def pages(self, name: str) -> Pages:
        key = StepKey(run_id=self.run_id, piece=name, number=0, epoch=self._epoch)
        rows = self.known.steps.get(name, {})
        return KeptPages(key, rows, self.known.calls, record=self._ledger.record, now_us=self._now_us)

    async def drive(self, piece: Piece, means: Means) -> WorkResult:
        """Claims the piece and does it here; a failure that stands is given back as it was."""
        failed = self.known.failed.get(piece.name)
        if failed is not None:
            work = failed_work(failed)
            means.keep(work)
            return work
        standing = await self._claim(piece)
        if standing.state != "done" and standing.epoch != self._epoch:
            raise SwarmError(f"{piece.name} of {self.run_id} is held by epoch {standing.epoch}")
        work = await do_work(piece, means)
        if standing.state != "done" and not is_open(work.error):
            self._end_piece(piece.name, work)
        return work

    async def until_done(self, work: "asyncio.Task[Conducted]") -> None:
        """Waits for the end of the work, and ends it when the run was cancelled or is not ours any more."""
        watch = asyncio.create_task(self._watch(work.cancel))
        try:
            await asyncio.wait({work})
        finally:
            await end_all([watch])

    async def _watch(self, stop: Callable[[], object]) -> None:
        while not self.lost:
            await asyncio.sleep(WATCH_S)
            with suppress(DBAPIError):  # a database that is away says nothing
                row = await asyncio.to_thread(runs.read, self._database, self.run_id)
                self.lost = self._why_lost(row)
        stop()

    async def end(self, stopped: str | None, totals: Totals) -> None:
        """Writes down how it ended, after all that it journalled. The journal of one that cannot be gone on
        with is forgotten, where contents are not kept."""
        state = "finished" if stopped is None else "stopped"
        cost = totals.cost + sum((one.cost for one in self.known.interrupted), Decimal(0))
        told = {"stopped": stopped, "cost": f"{cost:f}", "done": totals.finished, "failed": totals.failed}
        result = msgspec.json.encode(told).decode()
        forgotten = self._forgets and (state == "finished" or self.lost == CANCELLED_ELSEWHERE)
        body = encode(without_texts(self.order)) if forgotten else None
        await asyncio.to_thread(self._end, state, result, body)

    def _end(self, state: str, result: str, body: str | None) -> None:
        self._ledger.flush()
        try:
            runs.end(
                self._database,
                self.run_id,
                epoch=self._epoch,
                state=state,
                at_us=self._now_us(),
                result=result,
                body=body,
            )
        except DBAPIError:
            log.warning("how %s ended could not be written down: it can be resumed", self.run_id)

    def _why_lost(self, row: RunRow | None) -> str:
        if row is None or row.epoch != self._epoch:
            return "another process goes on with it"
        if self._ledger.epoch != self._epoch:
            return "its process did not renew its lease in time; it can be resumed"
        return CANCELLED_ELSEWHERE if row.state == "cancelled" else ""

    def _end_piece(self, name: str, work: WorkResult) -> None:
        end = msgspec.structs.replace(piece_end(work, at_us=self._now_us()), pieces=self._pieces)
        try:
            result = encode(end)
        except ValueError:  # text that is no UTF-8: it is gone through again from its steps
            log.exception("the end of %s in %s cannot be journalled", name, self.run_id)
            return
        self._ledger.record(PieceDone(run_id=self.run_id, piece=name, epoch=self._epoch, result=result))

    async def _claim(self, piece: Piece) -> Standing:
        """What is asked for at once, a stage, is claimed in one transaction."""
        told = {"agent": piece.task.agent_id, "role": piece.task.role, "stage": piece.stage}
        body = msgspec.json.encode(told).decode()
        answer: asyncio.Future[Standing] = asyncio.get_running_loop().create_future()
        self._asked.append((NewPiece(piece.name, body), answer))
        if self._claiming is None:
            self._claiming = asyncio.create_task(self._claim_all())
        return await answer

    async def _claim_all(self) -> None:
        try:
            while self._asked:
                group, self._asked = self._asked, []
                try:
                    found = await asyncio.to_thread(self._claim_group, [piece for piece, _ in group])
                except DBAPIError as error:
                    away = LedgerUnavailableError(f"no work could be claimed: {error.orig}")
                    _fail(group, away)
                    continue
                self._pieces += sum(one.claims == 1 for one in found.values())
                for piece, answer in group:
                    if not answer.done():
                        answer.set_result(found[piece.name])
        finally:
            self._claiming = None

    def _claim_group(self, pieces: Sequence[NewPiece]) -> Mapping[str, Standing]:
        return claims.claim_named(self._database, self.run_id, pieces, epoch=self._epoch)


class Durable:
    """What a swarm needs to make its runs last: each is written down, or (`resumed`) gone on with."""

    def __init__(
        self,
        keeper: "RunKeeper | None",
        order: RunOrder,
        *,
        resumed: "RunJournal | ReplayedRun | None" = None,
    ) -> None:
        self._keeper, self._order, self._resumed = keeper, order, resumed

    @property
    def run_id(self) -> str | None:
        """Of the run that is gone on with; None for the next new one."""
        return None if self._resumed is None else self._resumed.run_id

    async def open(self, run_id: str, goal: str) -> "RunJournal | ReplayedRun | None":
        """The journal of the next run. Raises `LedgerUnavailableError`."""
        resumed, self._resumed = self._resumed, None
        if resumed is not None or self._keeper is None:
            return resumed
        return await self._keeper.begin(run_id, msgspec.structs.replace(self._order, goal=goal))


class ReplayedRun:
    """A run that is shown again from its journal: nothing is asked, claimed or written."""

    lost = ""

    def __init__(self, run_id: str, order: RunOrder, known: Known) -> None:
        self.run_id, self.order, self.known = run_id, order, known

    async def pages(self, name: str) -> Pages:
        key = StepKey(run_id=self.run_id, piece=name, number=0)
        rows = self.known.steps.get(name, {})
        return KeptPages(key, rows, self.known.calls, record=None, now_us=lambda: 0)

    async def until_done(self, work: "asyncio.Task[Conducted]") -> None:
        await asyncio.wait({work})

    async def end(self, stopped: str | None, totals: Totals) -> None:
        pass

    async def drive(self, piece: Piece, means: Means) -> WorkResult:
        failed = self.known.failed.get(piece.name)
        if failed is None:
            return await do_work(piece, means)
        work = failed_work(failed)
        means.keep(work)
        return work


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKeeper:
    """Begins and takes over the runs of one deployment. `keep_days`: for which an ended one's journal stays;
    with 0 it is forgotten at its end."""

    database: Database
    ledger: LedgerWriter
    now_us: Callable[[], int]
    keep_days: int

    async def begin(self, run_id: str, order: RunOrder) -> RunJournal:
        """Writes the run down. Raises `LedgerUnavailableError`."""
        try:
            await asyncio.to_thread(self._begin, run_id, encode(order))
        except DBAPIError as error:
            raise LedgerUnavailableError(f"the run cannot be written down: {error.orig}") from error
        return self._journal(run_id, order, NOTHING_KNOWN)

    def _begin(self, run_id: str, body: str) -> None:
        now_us = self.now_us()
        forget_old(self.database, keep_days=self.keep_days, now_us=now_us)
        runs.begin(self.database, run_id, body, epoch=self.ledger.epoch, at_us=now_us)

    async def take(self, run_id: str, *, budget_usd: Decimal | None = None) -> RunJournal:
        """Takes over a run that nobody conducts, with another limit from now on where one is given.

        Raises `SwarmError` where that cannot be, and says why.
        """
        row = await asyncio.to_thread(self._free, run_id)
        if row.epoch not in (0, self.ledger.epoch) and row.label is not None:
            row = await self._reaped(row)
        order = decode_order(row.body)
        if budget_usd is not None:
            order = msgspec.structs.replace(order, budget_usd=budget_usd)
        mine = {"seen": row.epoch, "epoch": self.ledger.epoch}
        taken = await asyncio.to_thread(runs.take, self.database, run_id, body=encode(order), **mine)
        if not taken:
            raise SwarmError(f"{run_id} was taken over by another process just now")
        known = await asyncio.to_thread(read_known, self.database, run_id, resumes=True)
        return self._journal(run_id, order, known)

    async def _reaped(self, row: RunRow) -> RunRow:
        """The run after the lease of its dead conductor is over: its open calls are uncertain then."""
        if not await asyncio.to_thread(runs.forsake, self.database, row.epoch, row.label or ""):
            raise await asyncio.to_thread(conducted_elsewhere, self.database, row)
        for _ in range(int(_REAPED_S / 0.02)):
            self.ledger.reap()
            await asyncio.sleep(0.02)
            found = await asyncio.to_thread(runs.read, self.database, row.run_id)
            if found is not None and found.label is None:
                return found
        raise await asyncio.to_thread(conducted_elsewhere, self.database, row)

    def _free(self, run_id: str) -> RunRow:
        row = runs.read(self.database, run_id)
        if row is None:
            raise runs.no_such_run(run_id, self.database)
        if row.state in runs.ENDED:
            raise SwarmError(f"{run_id} is {row.state}, and cannot be resumed", hint="begin a new run")
        return row

    def _journal(self, run_id: str, order: RunOrder, known: Known) -> RunJournal:
        return RunJournal(
            self.database,
            self.ledger,
            order,
            run_id=run_id,
            known=known,
            now_us=self.now_us,
            forgets=self.keep_days == 0,
        )


def kept_days(config: DeploymentConfig) -> int:
    """For how long the journal of an ended run is kept."""
    return max(config.swarm.keep_days, config.content.retention_days if config.content.keep else 0)


def conducted_elsewhere(database: Database, row: RunRow) -> SwarmError:
    with database.read() as connection:
        left_s = max(0.0, (row.lease_until or 0.0) - database.now(connection))
    return SwarmError(
        f"{row.run_id} is conducted by {row.label}",
        hint=f"`farthing runs cancel {row.run_id}` ends it there; if that process is gone, its lease is over "
        f"in {left_s:.0f} s",
    )


def is_open(error: FarthingError | None) -> bool:
    """Whether a piece that ended so is done again when the run goes on: nothing was wrong with the work."""
    if isinstance(error, BudgetExceededError):
        return not scope_of(error).startswith(("agent:", "task:"))
    return isinstance(error, LedgerUnavailableError | DeploymentClosedError)


def forget_old(database: Database, *, keep_days: int, now_us: int) -> int:
    """Forgets what is too old: ended runs after `keep_days`, all others (and those whose texts are forgotten
    already) after `UNFINISHED_DAYS`."""
    kept_us = (keep_days or UNFINISHED_DAYS) * DAY_US
    ended = runs.forget(database, before_us=now_us - kept_us, states=runs.ENDED)
    left = runs.forget(database, before_us=now_us - UNFINISHED_DAYS * DAY_US, states=runs.RESUMABLE)
    return ended + left


def without_texts(order: RunOrder) -> RunOrder:
    """What may stay of an order when its texts are forgotten: who was there."""
    specs = tuple(
        msgspec.structs.replace(spec, instructions="", tools=(), tools_by=None) for spec in order.specs
    )
    return RunOrder(goal="", specs=specs, budget_usd=order.budget_usd, profile=order.profile)


def _fail(group: Sequence[tuple[NewPiece, asyncio.Future[Standing]]], error: FarthingError) -> None:
    for _, answer in group:
        if not answer.done():
            answer.set_exception(error)
