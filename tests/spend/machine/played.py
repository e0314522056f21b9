"""One process's ledger writer, taken in steps: the product's own code, without its thread and event loop.

A round is what the thread does between two waits. What the writer hands to the event loop happens at once.
"""

import asyncio
from collections.abc import Callable

from tests.spend.machine.model import Call
from tests.spend.machine.stage import LEASE_S, PlayedDatabase, Stage

from farthing.spend.batch import Event
from farthing.spend.budget import Decision
from farthing.spend.ledger import Intent
from farthing.spend.spool import Spool
from farthing.spend.waiting import Request
from farthing.spend.writer import LedgerWriter

LONG_S = 1000.0


class Process(LedgerWriter):
    """Raises `stage.KilledError` where a fault kills it; nothing may be asked of it after that."""

    def __init__(self, stage: Stage, slot: int, loop: asyncio.AbstractEventLoop) -> None:
        self.played: PlayedDatabase = stage.databases[slot]
        super().__init__(
            self.played,
            label=f"process-{slot}",
            now_us=stage.clocks.now_us,
            lease_s=LEASE_S,
            spool=Spool(stage.spool_path),
        )
        self.slot = slot
        self.waits: list[tuple[Call, asyncio.Future[Decision]]] = []
        self.told: list[tuple[Event, Call]] = []
        """What it was told and has not, as far as we know, written."""
        self.asked: list[Call] = []
        self.flying: list[Call] = []
        """Its calls that were admitted and whose end nobody told it."""
        self.last_try = 0.0
        """When it last did anything that could prolong its lease, on the lease clock."""
        self._stage, self._answers = stage, loop

    def begin(self) -> None:
        """Starts. Raises `LedgerUnavailableError` when the database is away."""
        self._note()
        self._open()

    def ask(self, call: Call, intent: Intent) -> None:
        answer: asyncio.Future[Decision] = self._answers.create_future()
        now = self._stage.clocks.monotonic()
        self._queue.append(Request(intent, answer, now + LONG_S if call.patient else now, now))
        self.waits.append((call, answer))
        self.asked.append(call)

    def tell(self, event: Event, call: Call) -> None:
        self.told.append((event, call))
        self.record(event)

    def round(self) -> bool:
        """One round; True when nothing went wrong in it, so that all it was given must be done."""
        before = self.played.faults.happened
        was_there = self._away_since is None
        self._note()
        self._round()
        self._note()
        return was_there and self.played.faults.happened == before

    def end(self) -> bool:
        """Closes; True when nothing went wrong."""
        before = self.played.faults.happened
        self._note()
        self._stopping = True
        self._finish()
        self._note()
        self._epoch.disconnect()
        self._ended = True
        self._spool_rest()
        return self.played.faults.happened == before

    def die(self) -> None:
        """What the system does with the connections of a killed process."""
        self.played.faults.clear()
        self._epoch.disconnect()

    @property
    def number(self) -> int:
        """The epoch that it takes for its own."""
        return self._epoch.number  # pyright: ignore[reportPrivateUsage]  (nothing else tells of an idle process)

    def _note(self) -> None:
        self.last_try = self._stage.clocks.monotonic()

    def _in_loop(self, call: Callable[..., None], *arguments: object) -> None:
        call(*arguments)
