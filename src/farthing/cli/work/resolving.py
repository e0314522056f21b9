"""`farthing ledger resolve`: settles one uncertain call at what a person says that it cost."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import typer

from farthing.cli.work import show
from farthing.cli.work.proving import ledger_at
from farthing.errors import FarthingError, nearest
from farthing.money import from_nano, nano_half_even
from farthing.proof import bills, reconcile
from farthing.spend import readings
from farthing.spend.runs import Call
from farthing.spend.settlement import Known
from farthing.storage.database import Database


def tell_resolved(
    wanted: str,
    cost: Decimal,
    config: Path | None,
    *,
    note: str,
    yes: bool,
    database: str | None,
    simulated: bool,
    as_json: bool,
) -> None:
    """Raises `FarthingError` for a call that is not there, not uncertain, or not the only one."""
    with ledger_at(config, database=database, simulated=simulated) as ledger:
        call = asyncio.run(_found(ledger, wanted))
        if not yes:
            show.note(
                f"{call.call_id}: {call.intent.model}, {call.day}; {show.usd(from_nano(call.worst))} is "
                f"uncertain and becomes {show.usd(cost)}"
            )
            typer.confirm("Go on? It cannot be taken back", abort=True, err=True)
        asyncio.run(_settle(ledger, call, cost, note))
        _check(ledger, call, cost)
    if as_json:
        show.write_json({"call_id": call.call_id, "held": from_nano(call.worst), "settled": cost})
    else:
        show.note(f"{call.call_id} is settled at {show.usd(cost)}")


async def _found(ledger: Database, wanted: str) -> Call:
    async with reconcile.writing(ledger, label="farthing ledger resolve", now_us=_now_us):
        calls = reconcile.read_unsettled(ledger)  # after the dead are reaped
    fits = [call for call in calls if call.call_id.startswith(wanted)]
    exact = [call for call in fits if call.call_id == wanted] or fits
    if not exact:
        close = nearest(wanted, [call.call_id for call in calls])
        raise FarthingError(
            f"no unsettled call begins with {wanted!r}" + (f"; the nearest is {close}" if close else ""),
            hint="farthing ledger reconcile --json lists the uncertain ones; a settled row is never changed",
        )
    if len(exact) > 1:
        raise FarthingError(
            f"{len(exact)} unsettled calls begin with {wanted!r}: {', '.join(c.call_id for c in exact[:5])}",
            hint="give more of the id",
        )
    if not exact[0].doubted:
        raise FarthingError(
            f"{exact[0].call_id} is on the wire of a live process, which will settle it",
            hint="when that process is gone its calls become uncertain, and can be resolved",
        )
    return exact[0]


async def _settle(ledger: Database, call: Call, cost: Decimal, note: str) -> None:
    reason = "resolved by hand" + (f": {note}" if note else "")
    known = Known(nano=nano_half_even(cost), basis="computed")
    async with reconcile.writing(ledger, label="farthing ledger resolve", now_us=_now_us) as writer:
        writer.record(bills.outcome_of(call, known, at_us=_now_us(), reason=reason))


def _check(ledger: Database, call: Call, cost: Decimal) -> None:
    """Raises `FarthingError` where somebody else was faster: a row is settled once."""
    with ledger.read() as connection:
        links = readings.read_links(connection, call.call_id)
    booked = next(link.row.nano for link in links if link.row.kind == "settled")
    if booked != nano_half_even(cost):
        raise FarthingError(f"{call.call_id} was settled meanwhile, at {show.usd(from_nano(booked))}")


def _now_us() -> int:
    return round(datetime.now(UTC).timestamp() * 1_000_000)
