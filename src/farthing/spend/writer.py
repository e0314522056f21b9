"""The one writer of a process: a thread that commits intents and outcomes in groups, durably.

Admission happens in the transaction that writes the intent (docs/adr/0003), so one database shared by
several processes is one budget, and an acknowledged intent costs one commit. Transactions are `epoch.py`'s;
this file is the queue, the thread, its patience with a database that is away, and the event loop's side.
"""

import asyncio
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from msgspec import structs
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from farthing.errors import LedgerUnavailableError
from farthing.spend.alerts import Alert, AlertRule
from farthing.spend.batch import Delivered, Event
from farthing.spend.budget import AccountKey, Admitted, Balance, Claim, Decision, Denied, headroom
from farthing.spend.epoch import REMEMBERED, Epoch, lasting
from farthing.spend.lease import never_sent
from farthing.spend.ledger import Intent, Outcome
from farthing.spend.spool import Spool, spool_path
from farthing.spend.waiting import Group, Request, lost_claim, refuse, unavailable, was_admitted
from farthing.storage.database import Database

log = logging.getLogger("farthing.spend")

_SETTLE_PAUSE_S = 0.02  # an outcome rides with the next intent, or waits this long
_COMPANY, _GATHER_S = 8, 0.002  # with so many calls open, a group waits this long to be worth its commit
_PARKED_PAUSE_S = 0.05  # how often money held by other processes is looked at again
_PATIENCE_S = 5.0  # how long an intent waits for a database that is away
_LEASE_S = 30.0
_ALL = 1 << 30
_REFUSED = (IntegrityError, DataError, ValueError, OverflowError)  # what one row causes and no waiting mends
_BARE = "its details could not be written"


class LedgerWriter:
    """Admits, records and settles calls. Use from one event loop; `start` it, and `aclose` it."""

    def __init__(
        self,
        database: Database,
        *,
        label: str,
        now_us: Callable[[], int],
        on_alert: Callable[[Alert, bool], None] | None = None,
        lease_s: float = _LEASE_S,
        spool: Spool | None = None,
    ) -> None:
        """`now_us` dates rows. `on_alert(alert, elected)` is called in the event loop when a level is
        reached; `elected` is True in the one process that must deliver it."""
        self.database = database
        self.rules: tuple[AlertRule, ...] = ()
        self._now_us, self._on_alert, self._lease_s = now_us, on_alert, lease_s
        self._spool = spool or Spool(spool_path(database.url, environ=os.environ))
        self._queue: deque[Request | Event | Delivered | Alert | threading.Event] = deque()
        self._wake = threading.Event()
        self._stopping, self._ended, self._spooled, self._idle = False, False, False, True
        self._ending = threading.Lock()  # the rest is spooled by the thread, then by whoever records
        self._failure: Exception | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="farthing-ledger", daemon=True)
        # What follows belongs to the thread.
        self._epoch = Epoch(database, label=label, now_us=now_us, lease_s=lease_s)
        self._parked: list[Request] = []
        self._backlog: list[Event] = []
        self._marks: list[Delivered | Alert] = []
        self._away_since: float | None = None
        self._fresh = True
        self._reaping = False  # asked for by the event loop, at once
        self._most = _ALL  # how many a group takes; fewer while one is looked for that is refused
        # Published to the event loop.
        self._balances: dict[AccountKey, Balance] = {}

    @property
    def epoch(self) -> int:
        """The number of this process's lease, by which other processes know whether it lives."""
        return self._epoch.number

    async def start(self) -> None:
        """Opens an epoch and replays the spool. Raises `LedgerUnavailableError` when the database is away."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._open)
        self._thread.start()

    async def reserve(self, intent: Intent, *, deadline: float) -> Decision:
        """Holds the worst case in all its accounts and writes the intent durably, or says what is in the way.

        Waits until `deadline` (monotonic seconds) while only calls on the wire hold the money. Raises
        `LedgerUnavailableError` when no durable intent can be had. A cancelled wait holds nothing.
        """
        answer: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._queue.append(Request(intent, answer, deadline, time.monotonic()))
        if not self._wake.is_set():
            self._wake.set()
        # After the append: the thread answers what is queued after it has set these.
        if self._stopping or self._failure is not None:
            answer.cancel()
            raise unavailable(self._failure or "the ledger is closed")
        try:
            return await answer
        except asyncio.CancelledError:
            if was_admitted(answer):  # the decision was on its way and reached nobody
                self.record(never_sent(intent.call_id, at_us=self._now_us()))
            raise

    def record(self, event: Event | Delivered) -> None:
        """Queues an outcome or a generation id. Never raises: it is retried until the database has it, and
        spooled for the next start once the writer has ended. What became of an alert is not spooled: one
        whose delivery is not known is delivered again."""
        self._queue.append(event)
        if self._idle:
            self._wake.set()
        if self._ended:
            self._spool_rest()

    def raise_alert(self, alert: Alert) -> None:
        """Queues an alert that no commit raises, such as of a rate of spend; `on_alert` is called for it if
        it is the first of its scope, period, level and base."""
        self._queue.append(alert)
        if self._idle:
            self._wake.set()

    def headroom(self, claims: Sequence[Claim]) -> int | None:
        """Nano-dollars that all limits still allow, as of the last commit; None where nothing is limited."""
        known = {claim.key: self._balances.get(claim.key, Balance()) for claim in claims}
        return headroom(known, claims)

    def reap(self) -> None:
        """Looks for epochs whose lease has run out now, and not only when a third of our own is over."""
        self._reaping = True
        self._wake.set()

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Blocks until everything recorded so far is committed; False when it could not be in `timeout_s`."""
        done = threading.Event()
        self._queue.append(done)
        self._wake.set()
        if self._ended:
            self._spool_rest()
        return done.wait(timeout_s) and not self._spooled

    async def aclose(self) -> None:
        """Refuses what waits, commits what is recorded, makes calls still open uncertain, closes the epoch.

        Outcomes that the database does not take within some seconds go to the spool.
        """
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    # The thread.

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._wake.wait(self._pause_s())
                if len(self._epoch.open_calls) >= _COMPANY:
                    time.sleep(_GATHER_S)
                self._wake.clear()
                self._round()
            self._finish()
        except Exception as error:
            log.exception("the ledger's writer stopped")
            self._failure = error
        finally:
            self._epoch.disconnect()
            self._ended = True
            self._spool_rest()

    def _pause_s(self) -> float:
        if self._epoch.open_calls or self._backlog:
            return _SETTLE_PAUSE_S
        if self._parked:
            return _PARKED_PAUSE_S
        self._idle = True  # before the look at the queue: what `record` adds after it wakes us
        return self._lease_s / 3 if not self._queue else 0.0

    def _round(self) -> None:
        flushes = self._drain()
        try:
            self._recover()
            self._keep_alive()
            self._commit()
            self._mark()
        except DBAPIError as error:
            self._away(error)
        for flush in flushes:
            if self._backlog:
                self._queue.append(flush)
            else:
                flush.set()

    def _keep_alive(self) -> None:
        due = self._epoch.keep_alive(now=self._reaping)
        self._reaping = False
        # With the first call, too: a process may be short-lived, and has set its callbacks by then.
        if self._fresh and (self._parked or self._backlog):
            self._fresh, due = False, True
        if due and self._on_alert is not None:
            for alert in self._epoch.adopt_alerts():
                self._in_loop(self._on_alert, alert, True)

    def _drain(self) -> list[threading.Event]:
        flushes: list[threading.Event] = []
        self._idle = False
        with suppress(IndexError):
            while True:
                match self._queue.popleft():
                    case Request() as request:
                        self._parked.append(request)
                    case threading.Event() as flush:
                        flushes.append(flush)
                    case Delivered() | Alert() as mark:
                        self._marks.append(mark)
                    case event:
                        self._backlog.append(event)
        return flushes

    def _commit(self) -> None:
        """One transaction for all that waits. Raises `DBAPIError` with nothing lost when it fails."""
        self._parked = [request for request in self._parked if self._may_be_decided(request)]
        events = tuple(self._backlog[: self._most])
        requests = tuple(self._parked[: self._most - len(events)])
        if not requests and not events:
            return
        try:
            group = self._epoch.commit(requests, events, self.rules)
        except _REFUSED as error:
            self._set_aside(requests, events, error)
            return
        self._most = _ALL
        self._accept(group)

    def _may_be_decided(self, request: Request) -> bool:
        if request.answer.cancelled():
            return False
        if not self._epoch.admits(request):
            self._in_loop(refuse, request.answer, lost_claim())
            return False
        return True

    def _mark(self) -> None:
        """Alerts raised beside the calls, and what became of those that were sent."""
        while self._marks:
            match self._marks[0]:
                case Alert() as alert:
                    elected = self._epoch.elect(alert)
                    if self._on_alert is not None:
                        self._in_loop(self._on_alert, alert, elected)
                case Delivered() as delivered:
                    self._epoch.note_delivery(delivered)
            del self._marks[0]

    def _accept(self, group: Group) -> None:
        """What a committed group changes here, and its decisions for the event loop."""
        plan, requests, events, alerts = group
        self._backlog = self._backlog[len(events) :]
        decided = {id(request) for request in requests}
        self._parked = [request for request in self._parked if id(request) not in decided]
        answered: list[tuple[Request, Decision]] = []
        now = time.monotonic()
        for request, decision in zip(requests, plan.decisions, strict=True):
            if isinstance(decision, Denied) and decision.transient and now < request.deadline:
                self._parked.append(request)
            else:
                answered.append((request, decision))
        self._in_loop(self._publish, answered, plan.balances)
        if self._on_alert is not None:
            for alert, elected in alerts:
                self._in_loop(self._on_alert, alert, elected)

    def _publish(
        self, answered: Sequence[tuple[Request, Decision]], balances: dict[AccountKey, Balance]
    ) -> None:
        self._balances.update(balances)
        if len(self._balances) > REMEMBERED:
            self._balances = {key: self._balances[key] for key in filter(lasting, self._balances)}
        for request, decision in answered:
            if not request.answer.done():
                request.answer.set_result(decision)
            elif isinstance(decision, Admitted):
                self.record(never_sent(request.intent.call_id, at_us=self._now_us()))

    def _open(self) -> None:
        try:
            self._epoch.open()
            self._balances = self._epoch.balances(scope="deployment")
            with self._spool.claim() as events:
                self._backlog = list(events)
                self._commit_backlog()
        except (DBAPIError, OSError) as error:
            self._epoch.disconnect()
            raise LedgerUnavailableError(f"the ledger does not open: {error}") from error

    # A database that is away, or refuses.

    def _away(self, error: DBAPIError) -> None:
        """Keeps outcomes for the next try, and gives up on intents that waited too long for a database."""
        if self._away_since is None:
            log.warning("the ledger's database does not answer, trying again: %s", error.orig)
            # Not since the round began: a process that was stopped meanwhile has not been waiting.
            self._away_since = time.monotonic()
        self._epoch.disconnect()
        patient: list[Request] = []
        for request in self._parked:
            if time.monotonic() < max(request.since, self._away_since) + _PATIENCE_S:
                patient.append(request)
            else:
                self._in_loop(refuse, request.answer, unavailable(error.orig))
        self._parked = patient
        time.sleep(_PARKED_PAUSE_S)

    def _recover(self) -> None:
        """After a failure: takes the last commit as done if it was."""
        if self._away_since is None:
            return
        worked = self._epoch.recover()
        self._away_since = None
        log.warning("the ledger's database answers again")
        if worked is not None:
            self._accept(worked)

    def _set_aside(self, requests: Sequence[Request], events: Sequence[Event], error: Exception) -> None:
        """What the database refuses must not hold up the rest: halves the group until it stands alone."""
        if len(requests) + len(events) > 1:
            self._most = (len(requests) + len(events)) // 2
            return
        self._most = _ALL
        for request in requests:
            self._parked.remove(request)
            self._in_loop(refuse, request.answer, unavailable(error))
        for event in events:
            settled = self._epoch.forget_if_settled(event.call_id)
            log.error("the ledger refuses %s of %s: %s", type(event).__name__, event.call_id, error)
            self._backlog = self._backlog[1:]
            if not settled and isinstance(event, Outcome) and event.reason != _BARE:
                bare = structs.replace(
                    event, reason=_BARE, literal=None, generation_id=None, provider=None, step=None
                )
                self._backlog.insert(0, bare)

    def _finish(self) -> None:
        """Refuses what waits, commits what is recorded, leaves open calls uncertain and the epoch closed."""
        flushes: list[threading.Event] = []
        give_up = time.monotonic() + _PATIENCE_S
        while True:
            flushes += self._drain()
            self._refuse_parked("the ledger is closed")
            try:
                self._recover()
                self._commit_backlog()
                self._backlog += self._epoch.write_offs()
                self._commit_backlog()
                self._mark()
                self._epoch.close()
                break
            except DBAPIError as error:
                self._away(error)
                if time.monotonic() > give_up:
                    break
        self._queue.extend(flushes)

    def _commit_backlog(self) -> None:
        while self._backlog:
            self._commit()

    def _spool_rest(self) -> None:
        """Keeps what came too late for the database, or found it away, for the next start."""
        with self._ending:
            flushes = self._drain()
            self._refuse_parked(self._failure or "the ledger is closed")
            events, self._backlog = self._backlog, []
            if events:
                self._spooled = True
                log.warning("%s outcomes wait in %s for the next start", len(events), self._spool.path)
                try:
                    self._spool.append(events)
                except OSError:
                    log.exception("they could not be kept: their calls stay uncertain")
        for flush in flushes:
            flush.set()

    def _refuse_parked(self, reason: object) -> None:
        for request in self._parked:
            self._in_loop(refuse, request.answer, unavailable(reason))
        self._parked = []

    def _in_loop(self, call: Callable[..., None], *arguments: object) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(call, *arguments)
