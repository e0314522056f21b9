"""One process's writing of the ledger: its connection, its epoch with lease and chain, its open calls.

Each function is one transaction, or what a finished one changes here. No threads and no event loop: those are
`writer.py`'s. Decisions are `batch.py`'s, SQL is `store.py`'s.
"""

import logging
import time
from collections import ChainMap
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from farthing.spend import batch, stepstore, store
from farthing.spend.alerts import Alert, AlertRule, levels_reached
from farthing.spend.batch import Delivered, Event, OpenCall, Plan
from farthing.spend.budget import AccountKey, Balance
from farthing.spend.lease import keep_and_reap, lost
from farthing.spend.ledger import Outcome, Reuse, genesis
from farthing.spend.step import Journalled, PieceDone, StepDone
from farthing.spend.waiting import Group, Request
from farthing.storage.database import Database

log = logging.getLogger("farthing.spend")

_TRANSACTION_S = 5.0  # a slow one is not a stopped one
REMEMBERED = 10_000  # accounts; those of tasks are forgotten beyond it


class _StaleEpochError(Exception):
    """Another process found our lease expired and made our open calls uncertain."""


class Epoch:
    """Use from one thread at a time. All but `disconnect` raise `DBAPIError` when the database is away."""

    def __init__(self, database: Database, *, label: str, now_us: Callable[[], int], lease_s: float) -> None:
        self.database = database
        self.open_calls: dict[str, OpenCall] = {}
        """Our own calls that are neither settled nor doubted."""
        self._label, self._now_us, self._lease_s = label, now_us, lease_s
        self._connection: sa.Connection | None = None
        self.number = 0
        """0 before it is open; another one after a lease that was lost."""
        self._head = ""
        self._unsure: Group | None = None  # if its commit raised, it may have worked: the chain's head tells
        self._known: set[AccountKey] = set()
        self._announced: set[tuple[AccountKey, str, int, str]] = set()
        self._next_heartbeat = 0.0

    def open(self) -> None:
        """A new epoch, with a chain of its own; reaps what expired ones left open."""
        self._enter()
        self._heartbeat()

    def balances(self, *, scope: str) -> dict[AccountKey, Balance]:
        with self._begin() as connection:
            return store.read_accounts(connection, scope=scope)

    def keep_alive(self, *, now: bool = False) -> bool:
        """Prolongs the lease, and reaps, when a third of it is over or `now` is asked; True when it did."""
        # A lost lease shows itself at the next commit, which enters a new epoch.
        due = now or time.monotonic() >= self._next_heartbeat
        if due:
            self._heartbeat()
        return due

    def commit(
        self, requests: Sequence[Request], events: Sequence[Event], rules: Sequence[AlertRule]
    ) -> Group:
        """One transaction: decides the requests, writes the rows, elects who sends the alerts.

        A request for a piece of work that a lost epoch had claimed is left out: another may have claimed it.
        """
        try:
            group = self._transaction(requests, events, rules)
        except _StaleEpochError:
            log.warning("epoch %s expired; its open calls are uncertain until they are settled", self.number)
            self._enter()
            free = requests if all(not one.intent.epoch for one in requests) else self._free(requests)
            group = self._transaction(free, events, rules)
        self._unsure = None
        self._follow(group)
        return group

    def _free(self, requests: Sequence[Request]) -> Sequence[Request]:
        return [request for request in requests if self.admits(request)]

    def admits(self, request: Request) -> bool:
        """Whether its piece of work, if it is for one, was claimed by this epoch."""
        return request.intent.epoch in (0, self.number)

    def elect(self, alert: Alert) -> bool:
        """Records an alert that no commit raised; True when this is the first process to do so."""
        with self._begin() as connection:
            return bool(
                store.elect(connection, self.database, [alert], epoch=self.number, at_us=self._now_us())
            )

    def note_delivery(self, delivered: Delivered) -> None:
        with self._begin() as connection:
            store.note_delivery(connection, delivered)

    def adopt_alerts(self) -> list[Alert]:
        """The alerts that processes which are gone have not delivered."""
        with self._begin() as connection:
            return store.adopt_alerts(connection, epoch=self.number)

    def recover(self) -> Group | None:
        """After a failure: the last commit if it had worked, so that nothing is written twice."""
        with self._begin() as connection:
            head = store.epoch_head(connection, epoch=self.number)
        unsure, self._unsure = self._unsure, None
        worked = unsure if unsure is not None and unsure.plan.head == head else None
        if worked is not None:
            self._follow(worked)
        self._head = head or self._head  # a heartbeat may have written, too
        return worked

    def forget_if_settled(self, call_id: str) -> bool:
        """Whether another process settled the call; it is then no longer open here."""
        with self._begin() as connection:
            settled = call_id not in store.unsettled_calls(connection, call_ids=[call_id])
        if settled:
            self.open_calls.pop(call_id, None)
        return settled

    def write_offs(self) -> list[Outcome]:
        """The outcomes of calls that are still on the wire when the process closes."""
        reason = "its process closed while it was on the wire"
        return [lost(call_id, at_us=self._now_us(), reason=reason) for call_id in self.open_calls]

    def close(self) -> None:
        with self._begin() as connection:
            store.close_epoch(connection, epoch=self.number, state="closed")

    def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _enter(self) -> None:
        with self._begin() as connection:
            until = self.database.now(connection) + self._lease_s
            calls = store.unsettled_calls(connection, call_ids=list(self.open_calls))
            number = store.open_epoch(connection, label=self._label, lease_until=until)
        # Only now: the number of an epoch whose commit failed may become another process's.
        self.number, self._head = number, genesis(number)
        self.open_calls = {call_id: call for call_id, call in calls.items() if call.doubt is None}

    def _heartbeat(self) -> None:
        with self._begin() as connection:
            head = keep_and_reap(
                connection,
                self.database,
                epoch=self.number,
                head=self._head,
                lease_s=self._lease_s,
                at_us=self._now_us(),
            )
        self._head = head
        self._next_heartbeat = time.monotonic() + self._lease_s / 3

    def _transaction(
        self, requests: Sequence[Request], events: Sequence[Event], rules: Sequence[AlertRule]
    ) -> Group:
        intents = [request.intent for request in requests]
        with self._begin() as connection:
            calls = self._calls_of(connection, events)
            keys = batch.account_keys(calls, events, intents)
            plan = batch.plan(
                epoch=self.number,
                head=self._head,
                balances=store.load_balances(connection, self.database, keys, known=self._known),
                open_calls=calls,
                events=events,
                intents=intents,
            )
            steps = batch.journalled(events)
            alerts = self._write(connection, plan, rules, steps) if plan.rows or steps else []
            group = Group(plan, requests, events, alerts)
            self._unsure = group if plan.rows else None  # until the commit at the end of this block is known
        return group

    def _calls_of(self, connection: sa.Connection, events: Sequence[Event]) -> Mapping[str, OpenCall]:
        """Our open calls, and those that only the rows know: doubted, or of another process."""
        others = {
            event.call_id
            for event in events
            if event.call_id not in self.open_calls and not isinstance(event, Reuse | StepDone | PieceDone)
        }
        if not others:
            return self.open_calls
        return ChainMap(self.open_calls, store.unsettled_calls(connection, call_ids=others))

    def _write(
        self, connection: sa.Connection, plan: Plan, rules: Sequence[AlertRule], steps: Sequence[Journalled]
    ) -> list[tuple[Alert, bool]]:
        until = self.database.now(connection) + self._lease_s
        # First of all: what a dead epoch would write is refused for being dead, not for its rows.
        if not store.keep_lease(connection, epoch=self.number, head=plan.head, lease_until=until):
            raise _StaleEpochError
        if plan.rows:
            store.write_plan(connection, self.database, plan, known=self._known)
        if steps:
            stepstore.write(connection, steps)
        return self._elect(connection, plan, rules)

    def _follow(self, group: Group) -> None:
        """What a committed group changes here."""
        plan = group.plan
        self._head = plan.head
        self._known |= plan.touched
        if len(self._known) > REMEMBERED:
            self._known = set(filter(lasting, self._known))
        self._announced.update(map(_identity, (alert for alert, _ in group.alerts)))
        for call_id, call in plan.opened.items():
            if call.doubt is not None:
                self.open_calls.pop(call_id, None)
            elif not call.seen or call_id in self.open_calls:  # a seen call of another process stays its own
                self.open_calls[call_id] = call
        for call_id in plan.closed:
            self.open_calls.pop(call_id, None)

    def _elect(
        self, connection: sa.Connection, plan: Plan, rules: Sequence[AlertRule]
    ) -> list[tuple[Alert, bool]]:
        """The alert levels that this plan reaches first, each with whether we are the one to deliver it."""
        reached = [
            alert
            for alert in (
                *plan.alerts,
                *(
                    alert
                    for key in plan.touched
                    for rule in rules
                    for alert in levels_reached(rule, key, plan.balances[key])
                ),
            )
            if _identity(alert) not in self._announced
        ]
        if not reached:
            return []
        at_us = self._now_us()
        elected = store.elect(connection, self.database, reached, epoch=self.number, at_us=at_us)
        return [(alert, alert in elected) for alert in reached]

    @contextmanager
    def _begin(self) -> Generator[sa.Connection]:
        if self._connection is None:
            self._connection = self.database.engine.connect()
            seconds = max(self._lease_s, _TRANSACTION_S)
            self.database.bound_transactions(self._connection, seconds=seconds)
        with self._connection.begin():
            yield self._connection


def _identity(alert: Alert) -> tuple[AccountKey, str, int, str]:
    return alert.key, alert.level, alert.base, alert.subject


def lasting(key: AccountKey) -> bool:
    """Whether an account is remembered when they have become many: those of single tasks are not."""
    return not key.scope.startswith("task:")
