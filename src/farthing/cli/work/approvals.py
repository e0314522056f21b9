"""Tool calls that wait for a person's word: listed, decided, and asked about in place on a terminal."""

import asyncio
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.live import Live
from rich.prompt import Confirm

from farthing.cli.work import show
from farthing.cli.work.proving import ledger_at
from farthing.errors import SwarmError
from farthing.swarm import approvals
from farthing.swarm.approvals import KeptApproval, OnApproval, OnPause
from farthing.swarm.company import GO_ON, Approved, Decision, Denied, PendingApproval

ApproveMode = Literal["ask", "never", "all"]
_SHOWN_CHARS = 2_000


def tell_approvals(
    run: str | None,
    config: Path | None,
    *,
    every: bool,
    database: str | None,
    simulated: bool,
    as_json: bool,
) -> None:
    """Prints what waits for a person, and with `every` what was decided."""
    with ledger_at(config, database=database, simulated=simulated) as ledger, ledger.read() as connection:
        found = approvals.read(connection, run_id=run, pending=not every)
    if as_json:
        show.write_json([_json(one) for one in found])
        return
    if not found:
        show.note("no call " + ("was ever asked about" if every else "waits for approval"))
        return
    columns = ("run", "agent", "call", "tool", "arguments", "asked", "state")
    show.console().print(show.table(columns, [_row(one) for one in found], cut=("arguments",)))


def tell_decided(
    run: str,
    call: str,
    agent: str | None,
    decision: Approved | Denied,
    config: Path | None,
    *,
    database: str | None,
    simulated: bool,
) -> None:
    """Decides on a waiting call. Raises `SwarmError` where none waits, or it was decided otherwise."""
    with ledger_at(config, database=database, simulated=simulated) as ledger:
        with ledger.read() as connection:
            waiting = approvals.read(connection, run_id=run)
        asked = _the_one([one.approval for one in waiting], run, call, agent)
        now_us = round(datetime.now(UTC).timestamp() * 1_000_000)
        held = approvals.decide(ledger, asked, decision, now_us=now_us)
    if held != decision:
        raise SwarmError(f"call {call!r} of {run} was decided meanwhile: {_state(held)}")
    show.note(f"{asked.tool} of {asked.agent_id} is {_state(held)}")


def _the_one(waiting: list[PendingApproval], run: str, call: str, agent: str | None) -> PendingApproval:
    found = [one for one in waiting if one.call_id == call and agent in (None, one.agent_id)]
    if not found:
        raise SwarmError(
            f"no call {call!r} of {run} waits for approval", hint=f"see: farthing swarm approvals {run}"
        )
    if len(found) > 1:
        agents = ", ".join(one.agent_id for one in found)
        raise SwarmError(f"calls of {agents} have the id {call!r}", hint="name one with --agent")
    return found[0]


class Asking:
    """Who is asked during `farthing swarm run`: the person at the terminal, nobody, or nobody because all is
    allowed. One question at a time; the live table makes room for it."""

    def __init__(self, mode: ApproveMode, out: Console, *, terminal: bool | None = None) -> None:
        """`terminal` None: whether there is one to ask on is seen by the streams."""
        asks = out.is_terminal and sys.stdin.isatty() if terminal is None else terminal
        self._out = out
        self._turn = asyncio.Lock()
        self.live: Live | None = None
        self.on_pause: OnPause = "stop" if mode == "never" else "wait"
        self.on_approval: OnApproval | None = None
        if mode == "all":
            self.on_approval = _allow
        elif mode == "ask" and asks:
            self.on_approval = self._ask

    async def _ask(self, asked: PendingApproval) -> Decision | None:
        async with self._turn:
            if self.live is not None:
                self.live.stop()
            try:
                return await _answer(lambda: self._answered(asked))
            finally:
                if self.live is not None:
                    self.live.start(refresh=True)

    def _answered(self, asked: PendingApproval) -> Decision | None:
        shown = asked.arguments[:_SHOWN_CHARS]
        cut = len(asked.arguments) - len(shown)
        text = f"{asked.agent_id} wants to call {asked.tool} with {shown}"
        text += f" […] ({cut:,} characters more)" if cut else ""
        self._out.print(show.plain(text), markup=False, soft_wrap=True)
        try:
            allowed = Confirm.ask("Allow it?", console=self._out)
        except EOFError:
            return None
        return Approved() if allowed else Denied(note="the person said no")


async def _allow(asked: PendingApproval) -> bool:
    """Every call, but not that an agent goes on in circles: that would take money for nothing."""
    return asked.tool != GO_ON


async def _answer(ask: Callable[[], Decision | None]) -> Decision | None:
    """Asks in a daemon thread: a question that nobody answers holds up neither the agents nor the end."""
    loop = asyncio.get_running_loop()
    word: asyncio.Future[Decision | None] = loop.create_future()

    def settle(said: Decision | None) -> None:
        if not word.done():
            word.set_result(said)

    def work() -> None:
        said = ask()
        try:
            loop.call_soon_threadsafe(settle, said)
        except RuntimeError:  # the run was left while the question stood
            return

    threading.Thread(target=work, name="farthing-approval", daemon=True).start()
    return await word


def _state(decision: Approved | Denied | None) -> str:
    match decision:
        case None:
            return "pending"
        case Approved():
            return "approved"
        case Denied(note=note):
            return f"denied: {note}" if note else "denied"


def _row(one: KeptApproval) -> tuple[str, ...]:
    asked = one.approval
    return (
        asked.run_id,
        asked.agent_id,
        asked.call_id,
        asked.tool,
        asked.arguments[:_SHOWN_CHARS],
        f"{asked.asked_at:%Y-%m-%d %H:%M:%S}",
        _state(one.decision),
    )


def _json(one: KeptApproval) -> dict[str, object]:
    asked = one.approval
    return {
        "run_id": asked.run_id,
        "piece": asked.piece,
        "agent": asked.agent_id,
        "call": asked.call_id,
        "tool": asked.tool,
        "arguments": asked.arguments,
        "asked_at": asked.asked_at,
        "state": _state(one.decision).partition(":")[0],
        "note": one.decision.note if isinstance(one.decision, Denied) else "",
        "decided_at": one.decided_at,
    }
