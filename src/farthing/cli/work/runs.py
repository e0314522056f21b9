"""`farthing runs`: lists, shows, cancels, replays and forgets runs. Reads and marks; sends nothing."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from farthing.cli.work import show
from farthing.cli.work.live import Board
from farthing.cli.work.proving import ledger_at
from farthing.config.load import load_config
from farthing.config.schema import Swarm as SwarmSettings
from farthing.errors import FarthingError, SwarmError
from farthing.money import from_nano
from farthing.spend import store
from farthing.spend.runs import Fold, fold
from farthing.spend.span import span_of
from farthing.storage.database import Database
from farthing.swarm import runs
from farthing.swarm.events import AgentFailed, AgentFinished, SwarmEvent, SwarmFinished, ToolRan
from farthing.swarm.keeping import kept_days, without_texts
from farthing.swarm.replaying import replayed_swarm
from farthing.swarm.resuming import RunOrder, decode_order, decode_piece_end, decode_result, encode
from farthing.swarm.runs import PieceRow, RunRow, StepRow

STATES = ("running", "interrupted", "paused", "stopped", "finished", "cancelled")
_CANCEL_WAIT_S = 5.0


def tell_runs(
    config: Path | None, states: Sequence[str], *, database: str | None, simulated: bool, as_json: bool
) -> None:
    """Prints the runs, newest first."""
    unknown = [state for state in states if state not in STATES]
    if unknown:
        raise SwarmError(f"{unknown[0]!r} is no state of a run", hint=f"give one of {', '.join(STATES)}")
    with ledger_at(config, database=database, simulated=simulated) as ledger, ledger.read() as connection:
        found = [row for row in runs.listed(connection) if not states or row.standing in states]
    if as_json:
        show.write_json([_run_json(row) for row in found])
        return
    if not found:
        show.note("no run" + (f" is {' or '.join(states)}" if states else " was begun here"))
        return
    columns = ("run", "state", "began", "agents", "cost", "goal")
    show.console().print(show.table(columns, [_run_row(row) for row in found], right=("agents", "cost")))


def tell_run(
    prefix: str, config: Path | None, *, database: str | None, simulated: bool, as_json: bool
) -> None:
    """Prints one run."""
    with ledger_at(config, database=database, simulated=simulated) as ledger:
        row = _one(ledger, prefix)
        with ledger.read() as connection:
            pieces = runs.read_pieces(connection, row.run_id)
            steps = runs.read_steps(connection, row.run_id)
            approvals = runs.read_approvals(connection, row.run_id)
            book = fold(store.read_rows(connection, run_id=row.run_id))
    if as_json:
        told: dict[str, object] = {**_run_json(row), "committed_usd": from_nano(book.total().committed)}
        told["pieces"] = [_piece_json(piece, steps) for piece in pieces]
        told["in_flight"] = _in_flight(book)
        told["approvals"] = [
            {"piece": name, "tool": tool, "arguments": given} for name, tool, given in approvals
        ]
        show.write_json(told)
        return
    _show(row, pieces, steps, book, approvals)


def cancel_run(prefix: str, config: Path | None, *, database: str | None, simulated: bool) -> None:
    """Marks the run, and waits a little for its conductor to let go of it. Raises `SwarmError` for one that
    has ended."""
    settings = load_config(config)
    with ledger_at(config, database=database, simulated=simulated) as ledger:
        row = _one(ledger, prefix)
        if row.state in runs.ENDED:
            raise SwarmError(f"{row.run_id} is {row.state} already")
        runs.cancel(ledger, row.run_id, at_us=time.time_ns() // 1000)
        conductor = row.label
        until = time.monotonic() + _CANCEL_WAIT_S
        while row.label is not None and time.monotonic() < until:
            time.sleep(0.1)
            row = _one(ledger, row.run_id)
        if row.label is None and kept_days(settings) == 0:
            runs.forget_texts(ledger, row.run_id, body=encode(without_texts(decode_order(row.body))))
    if row.label is not None:
        show.note(f"{row.run_id} is marked; {conductor} has not noticed yet, or is gone")
    else:
        show.note(f"{row.run_id} is cancelled")


def replay_run(
    prefix: str, config: Path | None, *, database: str | None, simulated: bool, as_json: bool
) -> None:
    """Tells the run's events again. Raises `SwarmError` where its journal is forgotten."""
    settings = load_config(config)
    with ledger_at(config, database=database, simulated=simulated) as ledger:
        row = _one(ledger, prefix)
        events = asyncio.run(_replayed(ledger, row.run_id, settings.swarm))
    if as_json:
        show.write_json([told for event in events if (told := _event_json(event)) is not None])
        return
    board, out = Board(simulated=simulated), show.console()
    for event in events:
        line = board.apply(event)
        if line is not None:
            out.print(show.plain(line), soft_wrap=True)
        if isinstance(event, SwarmFinished):
            _show_end(event)


def prune_runs(
    older: str, config: Path | None, *, unfinished: bool, database: str | None, simulated: bool
) -> None:
    """Forgets runs that began longer ago. Raises `FarthingError` for a span that is none."""
    try:
        before_us = span_of(since=None, until=None, last=older, now=datetime.now(UTC)).from_us
    except ValueError as error:
        raise FarthingError(str(error), hint="give --older-than 30d, or 4w") from error
    states = (*runs.ENDED, *(runs.RESUMABLE if unfinished else ()))
    with ledger_at(config, database=database, simulated=simulated) as ledger:
        count = runs.forget(ledger, before_us=before_us, states=states)
    show.note(f"{show.counted(count, 'run')} forgotten")


async def _replayed(ledger: Database, run_id: str, settings: SwarmSettings) -> list[SwarmEvent]:
    return [event async for event in replayed_swarm(ledger, run_id, settings).stream()]


def _one(ledger: Database, prefix: str) -> RunRow:
    with ledger.read() as connection:
        found = runs.named(connection, prefix)
    if not found:
        raise runs.no_such_run(prefix, ledger)
    if len(found) > 1:
        raise SwarmError(f"{len(found)} runs begin with {prefix!r}", hint="give more of the id")
    return found[0]


def _when(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC)


def _ended(row: RunRow) -> Mapping[str, object]:
    return {} if row.result is None else msgspec.json.decode(row.result, type=dict[str, object])


def _agents(order: RunOrder) -> int:
    return sum(spec.count for spec in order.specs)


def _run_row(row: RunRow) -> tuple[str, ...]:
    order, ended = decode_order(row.body), _ended(row)
    cost = f"${ended['cost']}" if "cost" in ended else ""
    goal = " ".join(order.goal.split())[:60] or "(forgotten)"
    return (
        row.run_id,
        row.standing,
        f"{_when(row.began_us):%Y-%m-%d %H:%M}",
        str(_agents(order)),
        cost,
        goal,
    )


def _run_json(row: RunRow) -> dict[str, object]:
    order = decode_order(row.body)
    return {
        "run_id": row.run_id,
        "state": row.standing,
        "goal": order.goal or None,
        "profile": order.profile,
        "agents": _agents(order),
        "budget_usd": order.budget_usd,
        "conductor": row.label,
        "began_at": _when(row.began_us),
        "ended_at": None if row.ended_us is None else _when(row.ended_us),
        "tools_to_hand_over": order.to_hand_over,
        **_ended(row),
    }


def _in_flight(book: Fold) -> list[dict[str, object]]:
    return [
        {"call_id": call.call_id, "model": call.intent.model, "agent": call.intent.agent_id}
        for call in book.calls.values()
        if call.outcome is None
    ]


def _piece_json(piece: PieceRow, steps: Sequence[StepRow]) -> dict[str, object]:
    mine = [step for step in steps if step.piece == piece.piece]
    end = decode_piece_end(piece.result) if piece.result else None
    results = [decode_result(step.body) for step in mine if step.kind == "model"]
    return {
        "piece": piece.piece,
        "state": "failed" if end is not None and end.error else piece.state,
        "claims": piece.claims,
        "steps": [{"number": step.number, "kind": step.kind, "call_id": step.call_id} for step in mine],
        "model": results[-1].model if results else end.model if end else None,
        "journalled_usd": sum((one.metrics.cost for one in results), from_nano(0)),
        "error": end.message if end is not None and end.error else None,
    }


def _show(
    row: RunRow,
    pieces: Sequence[PieceRow],
    steps: Sequence[StepRow],
    book: Fold,
    approvals: Sequence[tuple[str, str, str]],
) -> None:
    out, order, total = show.console(), decode_order(row.body), book.total()
    told = [
        ("run", row.run_id),
        ("state", row.standing),
        ("goal", order.goal or "(forgotten)"),
        ("conductor", row.label or "nobody"),
        ("began", f"{_when(row.began_us):%Y-%m-%d %H:%M:%S} UTC"),
        ("spent", f"{show.usd(from_nano(total.settled))}, uncertain {show.usd(from_nano(total.uncertain))}"),
    ]
    stopped = _ended(row).get("stopped")
    told += [("stopped", str(stopped))] if stopped else []
    told += [("tools to hand over", ", ".join(order.to_hand_over))] if order.to_hand_over else []
    out.print(show.facts(told))
    rows = [_piece_row(_piece_json(piece, steps), steps) for piece in pieces]
    columns = ("piece", "state", "claims", "steps", "model", "cost", "why")
    out.print(show.table(columns, rows, right=("claims", "steps", "cost")))
    for call in _in_flight(book):
        out.print(f"in flight: {call['call_id']} of {call['agent']} at {call['model']}", soft_wrap=True)
    for name, tool, given in approvals:
        out.print(show.plain(f"waits for approval: {tool} of {name} with {given}"), soft_wrap=True)
    if row.standing in ("interrupted", "stopped", "paused"):
        out.print(f"go on: farthing swarm resume {row.run_id}", style="dim", soft_wrap=True)


def _piece_row(told: Mapping[str, object], steps: Sequence[StepRow]) -> tuple[str, ...]:
    count = sum(step.piece == told["piece"] for step in steps)
    cells = (told["piece"], told["state"], told["claims"], count, told["model"] or "")
    return (*map(str, cells), f"${told['journalled_usd']}" if count else "", str(told["error"] or ""))


def _show_end(event: SwarmFinished) -> None:
    result, out = event.result, show.console()
    if result.stopped is not None:
        out.print(show.plain(f"ends here: {result.stopped}"), soft_wrap=True)
    if result.output:
        out.print(show.plain(result.output), soft_wrap=True)
    cost = f"{show.usd(result.total_cost)} {result.totals.cost_basis}"
    out.print(f"replayed from the journal, nothing was sent; it had cost {cost}", style="dim", soft_wrap=True)


def _event_json(event: SwarmEvent) -> dict[str, object] | None:
    match event:
        case ToolRan():
            return {"event": "tool_ran", "agent": event.agent_id, "tool": event.name, "text": event.text}
        case AgentFinished(work=work):
            text = work.result.output if work.result else ""
            return {"event": "agent_finished", "agent": event.agent_id, "cost": work.cost, "output": text}
        case AgentFailed():
            return {"event": "agent_failed", "agent": event.agent_id, "error": event.error.message}
        case SwarmFinished(result=result):
            told = {"cost": result.total_cost, "stopped": result.stopped, "output": result.output}
            return {"event": "swarm_finished", **told}
        case _:
            return None
