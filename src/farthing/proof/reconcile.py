"""Asks the provider for bills, and books what was uncertain. What a bill means is decided in `bills.py`.

Only documented endpoints are asked: `/generation` by a call's id, `/activity` for an account's days. All is
written by a `LedgerWriter` of our own, as any process would: in its own epoch, whole or not at all.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import NamedTuple

import sqlalchemy as sa

from farthing.errors import FarthingError
from farthing.money import format_usd, from_nano, nano_half_even
from farthing.proof import bills
from farthing.proof.bills import Drift, Residual
from farthing.spend import store
from farthing.spend.ledger import Row
from farthing.spend.runs import Call, fold
from farthing.spend.settlement import Known, billed
from farthing.spend.writer import LedgerWriter
from farthing.storage.database import Database
from farthing.storage.tables import ledger, meta
from farthing.task import Completion, Usage
from farthing.upstream.account import GenerationBill
from farthing.upstream.batches import batch_of, costs_nothing
from farthing.upstream.client import Client
from farthing.upstream.failure import Failure

DELAYS_S = (0.0, 0.5, 2.0, 5.0)
"""`/generation` lags some seconds behind a call."""
_AT_ONCE = 8
_CHUNK = 500
BY_ID = "reconciled by its generation id"
BY_DAY = "reconciled by what the day's activity leaves"


class Asked(NamedTuple):
    """A call and its bill. `bill` is None where upstream does not know the id, or no reply could be had."""

    call: Call
    bill: GenerationBill | None
    problem: str = ""


class Reconciled(NamedTuple):
    """What became of the calls that were not settled."""

    settled: tuple[tuple[Call, int], ...]
    """Each with its bill, nano-dollars."""
    unknown: tuple[Asked, ...]
    """With an id that gave no bill: their worst cases stay."""
    idless: tuple[Call, ...]
    live: int
    """Calls on the wire of processes that are alive: theirs to settle."""


async def check_upstream(database: Database, client: Client) -> None:
    """Raises `FarthingError` when upstream does not answer, or its money is not of the ledger's kind."""
    status = await client.key_status()
    if isinstance(status, Failure):
        raise FarthingError(
            f"upstream does not answer: {status.message}",
            hint="check OPENROUTER_API_KEY and OPENROUTER_BASE_URL",
        )
    kind = "simulated" if client.simulated else "real"
    with database.read() as connection:
        bound = connection.execute(sa.select(meta.c.value).where(meta.c.key == "money")).scalar_one_or_none()
    if bound not in (None, kind):
        raise FarthingError(
            f"{database.display_url} holds {bound} money, and this upstream's is {kind}",
            hint="set OPENROUTER_BASE_URL to where the calls were made, or name the other ledger",
        )


@asynccontextmanager
async def writing(
    database: Database, *, label: str, now_us: Callable[[], int]
) -> AsyncGenerator[LedgerWriter]:
    """A writer that has made uncertain what dead processes left open. Raises `LedgerUnavailableError`."""
    writer = LedgerWriter(database, label=label, now_us=now_us)
    await writer.start()
    try:
        yield writer
        if not await asyncio.to_thread(writer.flush):
            raise FarthingError("the ledger's database went away; run it again", hint="nothing is lost")
    finally:
        await writer.aclose()


async def reconcile_open(
    database: Database,
    client: Client,
    writer: LedgerWriter,
    *,
    now_us: Callable[[], int],
    delays_s: Sequence[float] = DELAYS_S,
    on_call: Callable[[Asked], None] | None = None,
) -> Reconciled:
    """Settles every uncertain call whose id the provider knows. What has no id, or no bill, stays."""
    calls = read_unsettled(database)
    doubted = [call for call in calls if call.doubted]
    with_id = [call for call in doubted if call.generation_id is not None]
    settled: list[tuple[Call, int]] = []
    unknown: list[Asked] = []
    async for asked in ask(client, with_id, delays_s=delays_s):
        if asked.bill is None or asked.bill.cost is None:
            unknown.append(asked)
        else:
            known = billed(asked.bill.cost, asked.bill.literal, asked.bill.usage)
            writer.record(bills.outcome_of(asked.call, known, at_us=now_us(), reason=BY_ID))
            settled.append((asked.call, known.nano))
        if on_call is not None:
            on_call(asked)
    return Reconciled(
        settled=tuple(settled),
        unknown=tuple(unknown),
        idless=tuple(call for call in doubted if call.generation_id is None),
        live=len(calls) - len(doubted),
    )


async def drifts(
    client: Client, calls: Iterable[Call], *, delays_s: Sequence[float] = (0.0, 1.0)
) -> AsyncIterator[Asked | Drift]:
    """Every settled call with an id beside its bill; as it was asked where there is no bill."""
    with_id = (call for call in calls if call.generation_id is not None and call.cost is not None)
    async for asked in ask(client, with_id, delays_s=delays_s):
        cost = None if asked.bill is None else asked.bill.cost
        drift = None if cost is None else bills.drift_of(asked.call, nano_half_even(cost))
        yield asked if drift is None else drift


async def settle_by_day(
    writer: LedgerWriter, residual: Residual, calls: Sequence[Call], *, now_us: Callable[[], int]
) -> dict[str, int]:
    """Books what the day's activity leaves as its uncertain calls' cost; returns what each was given.

    Only for an account that nothing but this ledger uses. Raises `ValueError` where they cannot be the rest.
    """
    shares = bills.split(residual, calls)
    rest = format_usd(from_nano(residual.residual))
    reason = f"{BY_DAY}: {rest} for {len(calls)} calls together"
    for call in calls:
        known = Known(nano=shares[call.call_id], basis="computed")
        writer.record(bills.outcome_of(call, known, at_us=now_us(), reason=reason))
    return shares


def read_unsettled(database: Database) -> list[Call]:
    """Every call that is not settled, in the order of their intents."""
    with database.read() as connection:
        names = list(store.unsettled_calls(connection))
        rows: list[Row] = []
        for start in range(0, len(names), _CHUNK):
            among = ledger.c.call_id.in_(names[start : start + _CHUNK])
            query = sa.select(*(ledger.c[name] for name in Row._fields)).where(among).order_by(ledger.c.seq)
            rows += [Row(*row) for row in connection.execute(query)]
    return list(fold(rows).calls.values())


async def ask(client: Client, calls: Iterable[Call], *, delays_s: Sequence[float]) -> AsyncIterator[Asked]:
    """The bills of these calls, some at once, as they come."""
    waiting: set[asyncio.Task[Asked]] = set()
    try:
        for call in calls:
            waiting.add(asyncio.create_task(_ask(client, call, delays_s)))
            if len(waiting) >= _AT_ONCE:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in waiting:
            task.cancel()


async def _ask(client: Client, call: Call, delays_s: Sequence[float]) -> Asked:
    batch_id = batch_of(call.generation_id)
    if batch_id is not None:
        return await _ask_batch(client, call, batch_id, delays_s)
    return await _ask_id(client, call, call.generation_id or "", delays_s)


async def _ask_batch(client: Client, call: Call, batch_id: str, delays_s: Sequence[float]) -> Asked:
    """An item whose process died before its batch had ended: the batch tells the id of its answer."""
    batch = await client.batch(batch_id)
    if isinstance(batch, Failure):
        return Asked(call, None, batch.message)
    if not batch.ended:
        return Asked(call, None, f"its batch is {batch.status}; ask again when it has ended")
    answer = batch.answers.get(call.call_id)
    if isinstance(answer, Completion) and answer.generation_id is not None:
        asked = await _ask_id(client, call, answer.generation_id, delays_s)
        if asked.bill is not None:
            call.generation_id = answer.generation_id  # its own from here on
        return asked
    others = [one.generation_id for one in batch.answers.values() if isinstance(one, Completion)]
    costs: list[Decimal | None] = []
    for generation_id in others:
        bill = (await _ask_id(client, call, generation_id or "", delays_s)).bill
        costs.append(None if bill is None else bill.cost)
    if costs_nothing(batch, costs):
        free = GenerationBill(generation_id=batch_id, cost=Decimal(0), literal=None, usage=Usage())
        return Asked(call, free)
    return Asked(call, None, "its item was not answered, and the batch's bill does not say that it was free")


async def _ask_id(client: Client, call: Call, generation_id: str, delays_s: Sequence[float]) -> Asked:
    problem = ""
    for delay in delays_s:
        await asyncio.sleep(delay)
        answer = await client.generation(generation_id)
        if isinstance(answer, GenerationBill):
            if answer.cost is not None:
                return Asked(call, answer)
            problem = "its bill states no amount"
        elif isinstance(answer, Failure):
            problem = answer.message
        else:
            problem = "upstream does not know the id"
    return Asked(call, None, problem)
