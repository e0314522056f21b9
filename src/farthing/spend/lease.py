"""Leases: a writer that stops renewing loses its epoch, and its open calls become uncertain, never free.

A paused process that comes back finds its epoch expired and adopts a new one; what it had on the wire goes
on counting until it is settled. Nothing is given back by time.
"""

import sqlalchemy as sa

from farthing.spend import batch, store
from farthing.spend.ledger import Outcome
from farthing.storage.database import Database


def keep_and_reap(
    connection: sa.Connection, database: Database, *, epoch: int, head: str, lease_s: float, at_us: int
) -> str:
    """Prolongs our lease, makes uncertain what expired epochs left open; returns our chain's new head.

    Changes nothing when our own lease is lost: a dead epoch must not write.
    """
    now = database.now(connection)
    dead = [found for found in store.expired_epochs(connection, now=now) if found != epoch]
    calls = store.unsettled_calls(connection, epochs=dead) if dead else {}
    reason = "its process died or stopped past its lease"
    events = [
        lost(call_id, at_us=at_us, reason=reason) for call_id, call in calls.items() if call.doubt is None
    ]
    plan = batch.plan(
        epoch=epoch,
        head=head,
        balances=store.load_balances(connection, database, batch.account_keys(calls, events, ())),
        open_calls=calls,
        events=events,
        intents=(),
    )
    if not store.keep_lease(connection, epoch=epoch, head=plan.head, lease_until=now + lease_s):
        return head
    store.write_plan(connection, database, plan, known=())
    for found in dead:
        store.close_epoch(connection, epoch=found, state="expired")
    return plan.head


def lost(call_id: str, *, at_us: int, reason: str) -> Outcome:
    """A call whose end nobody saw: its worst case stays, uncertain."""
    return Outcome(call_id=call_id, at_us=at_us, cost=None, basis="uncertain", accepted=False, reason=reason)


def never_sent(call_id: str, *, at_us: int) -> Outcome:
    """A call that was admitted and given up before a byte was written: it costs nothing."""
    reason = "cancelled before it was sent"
    return Outcome(call_id=call_id, at_us=at_us, cost=0, basis="computed", accepted=False, reason=reason)
