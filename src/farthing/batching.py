"""Batches of tasks that may wait a day: gathered for some seconds, sent as one, polled, settled item by item.

Each item is an attempt with its own reservation and its own durable intent before the batch's first byte
leaves. OpenRouter cannot cancel a batch, so an item nobody waits for any more is counted until its batch has
ended, then settled. A process that dies leaves uncertain items that carry their batch's id, by which
`farthing ledger reconcile` finds their bills.
"""

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import msgspec
from msgspec import structs

from farthing.attempt import Call, Means, close, reserve, settle
from farthing.clock import undisturbed
from farthing.errors import DeploymentClosedError, FarthingError
from farthing.money import from_nano
from farthing.routing.deferral import BATCH_WINDOW_S, GATHER_S
from farthing.routing.fallback import Ending
from farthing.spend.batch import Seen
from farthing.task import Completion
from farthing.underway import CLOSED_EARLY
from farthing.upstream.account import GenerationBill
from farthing.upstream.batches import Batch, Item, costs_nothing, encode_batch, marked
from farthing.upstream.bill import BILL_DELAYS_S
from farthing.upstream.call import Answered
from farthing.upstream.failure import Failure, FailureKind

MOST_ITEMS = 200
"""Of one batch; the next task begins another."""
_SUBMIT_S = 60.0
_FIRST_POLL_S, _LAST_POLL_S, _POLL_GROWTH = 15.0, 300.0, 1.5
_OVERDUE_S = BATCH_WINDOW_S + 7200.0
"""A batch that has not ended by then is asked for no more: its items stay uncertain, with its id."""
_BILLS_AT_ONCE = 8


class _Waiting(msgspec.Struct, eq=False):
    """An item on its way. `left`: nobody waits for it any more."""

    call: Call
    done: asyncio.Future[Ending]
    body: bytes = b""
    left: bool = False

    def end(self, ending: Ending) -> None:
        if not self.done.done():
            self.call.ending = ending
            self.done.set_result(ending)


class BatchDesk:
    """The batches of one deployment. Use from one event loop."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._gathering: dict[tuple[str, str], list[_Waiting]] = {}

    async def answer(self, call: Call, *, latest_s: float) -> Ending:
        """The ending of an attempt that goes in a batch: a timeout when none has come within `latest_s`.

        A caller who leaves before the batch is sent has spent nothing; afterwards the item is paid for.
        Raises `DeploymentClosedError`, and `LedgerUnavailableError` without a durable intent.
        """
        closed = self._means.under_way.closed
        item = _Waiting(call, asyncio.get_running_loop().create_future())
        self._join(item)
        others = [
            asyncio.ensure_future(self._means.clock.sleep(latest_s)),
            asyncio.ensure_future(closed.wait()),
        ]
        try:
            await asyncio.wait([item.done, *others], return_when=asyncio.FIRST_COMPLETED)
        finally:
            item.left = not item.done.done()
            for other in others:
                other.cancel()
        if item.done.done():
            return item.done.result()
        if closed.is_set():
            raise DeploymentClosedError(CLOSED_EARLY)
        call.cost, call.basis = from_nano(call.granted), "uncertain"
        late = call.ending = Failure(kind=FailureKind.timeout, message="its batch was late", sent=True)
        return late

    def _join(self, item: _Waiting) -> None:
        call = item.call
        place = (call.candidate.model, call.key.name)
        among = self._gathering.get(place)
        if among is None:
            among = self._gathering[place] = []
            self._means.under_way.own(asyncio.ensure_future(self._run(place, among)))
        among.append(item)
        if len(among) >= MOST_ITEMS:
            del self._gathering[place]  # it is still gathered for; others begin anew

    async def _run(self, place: tuple[str, str], among: list[_Waiting]) -> None:
        """One batch from its first item to its last settlement."""
        means = self._means
        in_time = await undisturbed(means.clock.sleep, GATHER_S, means.under_way.closed)
        if self._gathering.get(place) is among:
            del self._gathering[place]
        if not in_time:
            return
        await asyncio.gather(*(self._reserve(item) for item in among if not item.left))
        items = [item for item in among if item.body]
        if not items:
            return
        try:
            batch_id = await self._submit(items)
            told = None if batch_id is None else await self._ended(items[0].call, batch_id)
        except asyncio.CancelledError:
            self._lose(items, "the deployment closed")
            raise
        if told is not None:
            await self._settle(told, items)
        elif batch_id is not None:
            self._lose(items, "its batch was not seen to end")

    async def _reserve(self, item: _Waiting) -> None:
        """Without a wait for money: a direct call would wait, and may follow."""
        item.call.deadline = self._means.clock.monotonic()
        try:
            body = await reserve(self._means, item.call)
        except FarthingError as error:
            if not item.done.done():
                item.done.set_exception(error)
            return
        if isinstance(body, bytes):
            item.body = body
        else:
            item.end(body)

    async def _submit(self, items: Sequence[_Waiting]) -> str | None:
        """Sends them; the batch's id, which is with every call from then on. None: it was not taken."""
        first = items[0].call

        def note_sent() -> None:
            for item in items:
                item.call.sent = True

        body = encode_batch(
            first.candidate.model, (Item(custom_id=i.call.call_id, body=i.body) for i in items)
        )
        told = await first.key.client.submit_batch(body, timeout_s=_SUBMIT_S, on_sent=note_sent)
        if isinstance(told, Failure):
            if told.status is not None and told.status >= 500:  # it may have been kept all the same
                told = structs.replace(told, rejected=False)
            told = structs.replace(told, sent=first.sent)
            for item in items:
                self._book(item, told)
            return None
        now_us = self._means.clock.now_us()
        for item in items:
            item.call.generation_id = marked(told.id)
            self._means.ledger.record(Seen(item.call.call_id, now_us, marked(told.id)))
        return told.id

    async def _ended(self, call: Call, batch_id: str) -> Batch | None:
        """The batch when it has ended; None when the deployment closes, or it takes too long."""
        means = self._means
        until, delay_s = means.clock.monotonic() + _OVERDUE_S, _FIRST_POLL_S
        while means.clock.monotonic() < until:
            if not await undisturbed(means.clock.sleep, delay_s, means.under_way.closed):
                return None
            told = await call.key.client.batch(batch_id)
            if isinstance(told, Batch) and told.ended:
                return told
            delay_s = min(delay_s * _POLL_GROWTH, _LAST_POLL_S)
        return None

    async def _settle(self, told: Batch, items: Sequence[_Waiting]) -> None:
        """Every item by its own bill; one that failed costs nothing only where the others' bills say so."""
        at_once = asyncio.Semaphore(_BILLS_AT_ONCE)
        answers = {item.call.call_id: told.answers.get(item.call.call_id) for item in items}
        try:
            costs = await asyncio.gather(
                *(
                    self._answered(item, answer, at_once)
                    for item in items
                    if isinstance(answer := answers[item.call.call_id], Completion)
                )
            )
        except asyncio.CancelledError:
            self._lose(items, "the deployment closed")
            raise
        free = costs_nothing(told, costs)
        for item in items:
            answer = answers[item.call.call_id]
            if not isinstance(answer, Completion):
                self._book(item, structs.replace(answer or _without(told), rejected=free))

    async def _answered(
        self, item: _Waiting, answer: Completion, at_once: asyncio.Semaphore
    ) -> Decimal | None:
        """Books an item that was answered; its bill, where it could be had."""
        call = item.call
        async with at_once:
            bill = None if answer.cost is not None else await self._bill(call, answer)
        if bill is not None:
            answer = structs.replace(answer, cost=bill.cost, cost_literal=bill.literal, usage=bill.usage)
        if item.left:
            call.generation_id = answer.generation_id or call.generation_id
            settle(
                self._means, call, answer, accepted=False, reason="in a batch that was late: sent directly"
            )
        else:
            simulated = call.key.client.simulated
            whole = Answered(completion=answer, first_token_ms=None, latency_ms=0.0, simulated=simulated)
            item.end(close(self._means, call, whole))
        return answer.cost

    async def _bill(self, call: Call, answer: Completion) -> GenerationBill | None:
        for delay_s in BILL_DELAYS_S:
            bill = await call.key.client.generation(answer.generation_id or "")
            if isinstance(bill, GenerationBill) and bill.cost is not None:
                return bill
            await self._means.clock.sleep(delay_s)
        return None

    def _book(self, item: _Waiting, failure: Failure) -> None:
        item.end(close(self._means, item.call, failure))

    def _lose(self, items: Sequence[_Waiting], why: str) -> None:
        """Items whose end is not known: nothing if no byte left, else uncertain with their batch's id."""
        for item in items:
            if not item.done.done():
                lost = Failure(kind=FailureKind.cancelled, message=why, sent=item.call.sent)
                self._book(item, lost)


def _without(told: Batch) -> Failure:
    words = f": {told.problem}" if told.problem else ""
    return Failure(kind=FailureKind.server_error, message=f"the batch ended {told.status}{words}")
