"""Batches of the simulator: OpenRouter's shape, half price by its own arithmetic, billed when they end."""

import asyncio
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from tests.simulator.conftest import ROWS

from farthing.simulator.server import Simulator, start_simulator
from farthing.task import Completion
from farthing.upstream.batches import Batch, Item, encode_batch
from farthing.upstream.client import Client
from farthing.upstream.direct import DirectTransport
from farthing.upstream.failure import Failure

MODEL = "acme/plain"


def body(text: str, **fields: object) -> bytes:
    said = {"model": MODEL, "messages": [{"role": "user", "content": text}], "max_tokens": 50, **fields}
    return msgspec.json.encode(said)


def made(*texts: str) -> bytes:
    return encode_batch(MODEL, [Item(custom_id=f"call_{text}", body=body(text)) for text in texts])


def client_of(simulator: Simulator) -> Client:
    return Client(DirectTransport(connection_limit=4), base_url=simulator.base_url, api_key="sk-or-test")


async def submitted(client: Client, raw: bytes) -> Batch:
    batch = await client.submit_batch(raw, timeout_s=5)
    assert isinstance(batch, Batch)
    return batch


async def ended(client: Client, batch_id: str) -> Batch:
    while True:
        batch = await client.batch(batch_id)
        assert isinstance(batch, Batch)
        if batch.ended:
            return batch
        await asyncio.sleep(0)


async def test_a_batch_is_answered_and_billed_at_half_price() -> None:
    async with start_simulator(rows=ROWS, scenario={"generation_lag_polls": 0}) as simulator:
        client = client_of(simulator)
        first = await submitted(client, made("one", "two"))
        assert (first.status, first.ended, first.cost) == ("validating", False, None)
        batch = await ended(client, first.id)
        bills = [await client.generation(str(one.generation_id)) for one in batch.answers.values()]
        await client.aclose()
        rows = list(simulator.desk.bill.rows())
    assert (batch.status, batch.completed, set(batch.answers)) == ("completed", 2, {"call_one", "call_two"})
    half = (Fraction("0.00000015") / 2, Fraction("0.0000006") / 2)
    for answer, bill, row in zip(batch.answers.values(), bills, rows, strict=True):
        assert isinstance(answer, Completion)
        assert (answer.generation_id, answer.usage, answer.cost) == (row.id, None, None)
        assert row.cost == row.tokens.prompt * half[0] + row.tokens.completion * half[1]
        assert bill is not None
        assert not isinstance(bill, Failure)
        assert bill.cost == Decimal(row.cost.numerator) / Decimal(row.cost.denominator)
    assert batch.cost == sum(Decimal(row.cost.numerator) / Decimal(row.cost.denominator) for row in rows)


async def test_a_held_batch_ends_when_it_is_released_and_cannot_be_cancelled() -> None:
    async with start_simulator(rows=ROWS, scenario={"batch_held": True}) as simulator:
        client = client_of(simulator)
        first = await submitted(client, made("one"))
        status, _ = _delete(simulator, first.id)
        assert status == 409
        held = await client.batch(first.id)
        assert isinstance(held, Batch)
        assert (held.status, len(simulator.desk.bill)) == ("in_progress", 0)
        assert simulator.release() == 1
        assert (await ended(client, first.id)).status == "completed"
        assert len(simulator.desk.bill) == 1
        assert _delete(simulator, first.id)[0] == 200
        assert isinstance(await client.batch(first.id), Failure)
        await client.aclose()


def _delete(simulator: Simulator, batch_id: str) -> tuple[int, object]:
    from farthing.simulator.batches import PATH
    from farthing.simulator.conditions import Condition
    from farthing.simulator.framing import Request

    path = f"{PATH}/{batch_id}"
    answer = simulator.batches.answer(Request("DELETE", path, {}, {}, b""), path)
    return (answer.status, None) if isinstance(answer, Condition) else answer


async def test_items_that_fail_are_not_billed() -> None:
    async with start_simulator(rows=ROWS, scenario={"batch_failure_rate": 1.0}) as simulator:
        client = client_of(simulator)
        batch = await ended(client, (await submitted(client, made("one"))).id)
        await client.aclose()
        assert (batch.status, batch.completed, batch.cost) == ("completed", 0, 0)
        assert isinstance(batch.answers["call_one"], Failure)
        assert len(simulator.desk.bill) == 0


@pytest.mark.parametrize("end", ["failed", "expired"])
async def test_a_batch_may_come_to_nothing(end: str) -> None:
    async with start_simulator(rows=ROWS, scenario={"batch_ends": end}) as simulator:
        client = client_of(simulator)
        batch = await ended(client, (await submitted(client, made("one"))).id)
        await client.aclose()
    assert (batch.status, batch.answers, batch.cost, end in batch.problem) == (end, {}, None, True)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"{", "not valid JSON"),
        (b'{"requests":[],"endpoint":"/v1/chat/completions","model":"acme/plain"}', "before"),
        (b'{"endpoint":"/v1/responses","model":"acme/plain","requests":[]}', "alone"),
        (encode_batch(MODEL, []), "empty"),
        (encode_batch(MODEL, [Item(custom_id="a", body=body("x"))] * 2), "of its own"),
        (encode_batch(MODEL, [Item(custom_id="a", body=body("x", model="other"))]), "not the batch's"),
        (encode_batch(MODEL, [Item(custom_id="a", body=body("x", stream=True))]), "streams"),
        (
            encode_batch("acme/none", [Item(custom_id="a", body=body("x", model="acme/none"))]),
            "No such model",
        ),
    ],
)
async def test_what_is_no_batch_is_refused_up_front(raw: bytes, why: str) -> None:
    async with start_simulator(rows=ROWS) as simulator:
        client = client_of(simulator)
        refused = await client.submit_batch(raw, timeout_s=5)
        await client.aclose()
    assert isinstance(refused, Failure)
    assert refused.rejected
    assert why in refused.message


async def test_floor_is_billed_at_half_where_flex_serves_it() -> None:
    costs: dict[str, Fraction] = {}
    for rate in (0.0, 1.0):
        async with start_simulator(rows=ROWS, scenario={"flex_rate": rate, "overrun_rate": 0.0}) as simulator:
            client = client_of(simulator)
            from farthing.upstream.deadline import Deadlines

            patient = Deadlines(connect_s=5, first_token_s=5, between_tokens_s=5, total_s=5)
            await client.chat(body("one", model=f"{MODEL}:floor"), stream=False, deadlines=patient)
            await client.aclose()
            (row,) = simulator.desk.bill.rows()
            rates = [Fraction("0.00000015"), Fraction("0.0000006")]
            costs[str(rate)] = row.cost / (rates[0] * row.tokens.prompt + rates[1] * row.tokens.completion)
    assert costs == {"0.0": Fraction(1), "1.0": Fraction(1, 2)}
