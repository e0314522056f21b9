"""Asks for the bill of one call until it is there: it can lag a few seconds behind the call."""

from farthing.clock import Clock
from farthing.spend.settlement import Known, billed
from farthing.upstream.account import GenerationBill
from farthing.upstream.client import Client

BILL_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""When `/generation` is asked again."""


async def bill_of(client: Client, generation_id: str, *, clock: Clock) -> Known | None:
    """What the call costs; None when upstream does not tell within half a minute."""
    for delay in BILL_DELAYS_S:
        await clock.sleep(delay)
        bill = await client.generation(generation_id)
        if isinstance(bill, GenerationBill) and bill.cost is not None:
            return billed(bill.cost, bill.literal, bill.usage)
    return None
