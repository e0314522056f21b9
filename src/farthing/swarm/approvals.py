"""Tool calls that wait for a person's word: kept in the database, asked here, decided here or elsewhere.

A row is written before the question is told and before a decision is acted on. Which calls wait is
`confirming.py`'s. While one waits nothing is held: no money, no permit, no connection.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2s
from typing import Literal, TypeAlias, cast

import sqlalchemy as sa

from farthing.clock import Clock, SystemClock
from farthing.errors import SwarmError
from farthing.storage.database import Database
from farthing.storage.tables import approval as table
from farthing.swarm.channel import end_all
from farthing.swarm.company import Approved, Decision, Denied, PendingApproval, Undecided
from farthing.swarm.confirming import Confirm, needs_approval
from farthing.swarm.events import ApprovalAsked, ApprovalGiven
from farthing.task import Tool

OnPause = Literal["wait", "stop"]
"""What a piece of work does when nothing but a person's word is left to it."""

OnApproval: TypeAlias = Callable[[PendingApproval], Awaitable["Decision | bool | None"]]
"""Asks a person in this process: True and False decide, None leaves the decision to somebody else."""

Tell: TypeAlias = Callable[[ApprovalAsked | ApprovalGiven], Awaitable[None]]

POLL_S = 0.5
"""How often the database is asked for decisions of other processes."""
_LONGEST_ID = 80
_US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptApproval:
    """A row: what was asked, and what was decided, if it was. `decision` None: it is pending."""

    approval: PendingApproval
    decision: Approved | Denied | None
    decided_at: datetime | None


def short_id(call_id: str) -> str:
    """A model's id of a call as it is kept: whole, or its digest where it is too long for its column."""
    if len(call_id) <= _LONGEST_ID:
        return call_id
    return f"call-{blake2s(call_id.encode('utf-8', 'replace'), digest_size=16).hexdigest()}"


def keep(database: Database, approval: PendingApproval) -> Approved | Denied | None:
    """Writes down that it is asked, and returns what was decided of it before.

    A decision on other arguments under the same id is none on these: it is asked anew.
    """
    row = {
        "run_id": approval.run_id,
        "piece": approval.piece,
        "call_id": approval.call_id,
        "state": "pending",
        "agent_id": approval.agent_id,
        "tool": approval.tool,
        "arguments": approval.arguments,
        "asked_us": round(approval.asked_at.timestamp() * _US),
        "decided_us": None,
        "note": "",
    }
    with database.write() as connection:
        if database.add_missing(connection, table, [row]):
            return None
        found = connection.execute(sa.select(table).where(*_place(approval))).mappings().one()
        if (found["tool"], found["arguments"]) == (approval.tool, approval.arguments):
            return _decision(found)
        database.replace(connection, table, row)
    return None


def decide(
    database: Database, approval: PendingApproval, decision: Approved | Denied, *, now_us: int
) -> Approved | Denied:
    """Writes a decision down, unless there is one already; returns the one that holds.

    Raises `SwarmError` when nothing was asked under that id.
    """
    said = {
        "state": "approved" if isinstance(decision, Approved) else "denied",
        "note": decision.note if isinstance(decision, Denied) else "",
        "decided_us": now_us,
    }
    with database.write() as connection:
        pending = sa.update(table).where(*_place(approval), table.c.state == "pending").values(said)
        connection.execute(pending)
        found = connection.execute(sa.select(table).where(*_place(approval))).mappings().one_or_none()
    held = None if found is None else _decision(found)
    if held is None:
        raise SwarmError(f"no call {approval.call_id!r} of {approval.piece!r} waits for approval")
    return held


def read(
    connection: sa.Connection, *, run_id: str | None = None, pending: bool = True
) -> tuple[KeptApproval, ...]:
    """The approvals of a run, or of all, oldest first; only those that are pending, or all."""
    asked = sa.select(table).order_by(table.c.asked_us, table.c.piece, table.c.call_id)
    if run_id is not None:
        asked = asked.where(table.c.run_id == run_id)
    if pending:
        asked = asked.where(table.c.state == "pending")
    return tuple(_kept(row) for row in connection.execute(asked).mappings())


@dataclass(slots=True, kw_only=True)
class _Asked:
    approval: PendingApproval
    word: "asyncio.Future[Approved | Denied]"


class Approvals:
    """Where the calls of one swarm wait. Use from one event loop. Without a database nothing outlives it."""

    def __init__(
        self,
        *,
        database: Database | None = None,
        clock: Clock | None = None,
        confirm: Confirm = "effects",
        on_approval: OnApproval | None = None,
        on_pause: OnPause = "wait",
    ) -> None:
        self._database, self._clock = database, clock or SystemClock()
        self._setting: Confirm = confirm
        self._on_approval, self._on_pause = on_approval, on_pause
        self._asked: dict[tuple[str, str], _Asked] = {}
        self._poller: asyncio.Task[None] | None = None

    @property
    def attended(self) -> bool:
        """Whether a person answers while the work is under way."""
        return self._on_approval is not None and self._on_pause == "wait"

    @property
    def pending(self) -> tuple[PendingApproval, ...]:
        return tuple(one.approval for one in self._asked.values() if not one.word.done())

    def now(self) -> datetime:
        return self._clock.now()

    def needs_approval(self, tool: Tool) -> bool:
        return needs_approval(tool, self._setting)

    def decide(self, call_id: str, decision: Approved | Denied, agent_id: str | None = None) -> None:
        """Decides on a call that waits here. Raises `SwarmError` where none does, or several by that id."""
        found = [
            one
            for one in self._asked.values()
            if one.approval.call_id == call_id and not one.word.done()
            if agent_id is None or one.approval.agent_id == agent_id
        ]
        if len(found) != 1:
            waiting = ", ".join(f"{one.call_id} of {one.agent_id}" for one in self.pending) or "none"
            many = "several calls" if found else "no call"
            raise SwarmError(
                f"{many} with the id {call_id!r} wait for approval; waiting: {waiting}",
                hint="name the agent too: approve(call_id, agent_id=…)" if found else None,
            )
        found[0].word.set_result(decision)

    async def ask(self, approval: PendingApproval, tell: Tell) -> Decision:
        """The person's word on a call; what was decided in an earlier run of it is not asked again."""
        known = await self._keep(approval)
        if known is not None:
            return known
        asked = _Asked(approval=approval, word=asyncio.get_running_loop().create_future())
        key = approval.piece, approval.call_id
        self._asked[key] = asked
        try:
            await tell(ApprovalAsked(approval=approval))
            decision = await self._word(asked)
        finally:
            del self._asked[key]
            await self._rest()
        if isinstance(decision, Undecided):
            return decision
        note = decision.note if isinstance(decision, Denied) else ""
        approved = isinstance(decision, Approved)
        await tell(ApprovalGiven(approval=approval, approved=approved, note=note))
        return decision

    async def _word(self, asked: _Asked) -> Decision:
        if self._on_pause == "stop":
            said = None if self._on_approval is None else await self._on_approval(asked.approval)
            decision = Undecided() if said is None else _decided(said)
        else:
            decision = await self._waited_for(asked)
        if isinstance(decision, Undecided) or self._database is None:
            return decision
        now_us = self._clock.now_us()
        # Whoever wrote first has decided, and that may be another process.
        return await asyncio.to_thread(decide, self._database, asked.approval, decision, now_us=now_us)

    async def _waited_for(self, asked: _Asked) -> Approved | Denied:
        if self._database is not None and self._poller is None:
            self._poller = asyncio.create_task(self._poll(self._database))
        if self._on_approval is None:
            return await asked.word
        asking = asyncio.create_task(self._call_back(asked, self._on_approval))
        try:
            await asyncio.wait({asking, asked.word}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                asking.result()  # a callback that fails is a bug of the caller's, and is his to see
            return await asked.word
        finally:
            await end_all([asking])

    async def _call_back(self, asked: _Asked, on_approval: OnApproval) -> None:
        said = await on_approval(asked.approval)
        decision = Undecided() if said is None else _decided(said)
        if not isinstance(decision, Undecided) and not asked.word.done():
            asked.word.set_result(decision)

    async def _keep(self, approval: PendingApproval) -> Approved | Denied | None:
        return None if self._database is None else await asyncio.to_thread(keep, self._database, approval)

    async def _poll(self, database: Database) -> None:
        """Notices what other processes decide."""
        while self._asked:
            await self._clock.sleep(POLL_S)
            runs = {one.approval.run_id for one in self._asked.values()}
            for row in await asyncio.to_thread(_decisions, database, runs):
                asked = self._asked.get((row.approval.piece, row.approval.call_id))
                if asked is not None and row.decision is not None and not asked.word.done():
                    asked.word.set_result(row.decision)

    async def _rest(self) -> None:
        if not self._asked and self._poller is not None:
            poller, self._poller = self._poller, None
            await end_all([poller])


def _decisions(database: Database, runs: set[str]) -> list[KeptApproval]:
    with database.read() as connection:
        rows = [row for run_id in runs for row in read(connection, run_id=run_id, pending=False)]
    return [row for row in rows if row.decision is not None]


def _decided(said: Decision | bool) -> Decision:
    if isinstance(said, bool):
        return Approved() if said else Denied()
    return said


def _place(approval: PendingApproval) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        table.c.run_id == approval.run_id,
        table.c.piece == approval.piece,
        table.c.call_id == approval.call_id,
    )


def _kept(row: sa.RowMapping) -> KeptApproval:
    decided_us = cast("int | None", row["decided_us"])
    return KeptApproval(
        approval=PendingApproval(
            run_id=row["run_id"],
            piece=row["piece"],
            agent_id=row["agent_id"],
            call_id=row["call_id"],
            tool=row["tool"],
            arguments=row["arguments"],
            asked_at=datetime.fromtimestamp(row["asked_us"] / _US, UTC),
        ),
        decision=_decision(row),
        decided_at=None if decided_us is None else datetime.fromtimestamp(decided_us / _US, UTC),
    )


def _decision(row: sa.RowMapping) -> Approved | Denied | None:
    match row["state"]:
        case "approved":
            return Approved()
        case "denied":
            return Denied(note=row["note"])
        case _:
            return None
