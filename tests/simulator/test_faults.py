"""Every fault kind, as a client sees it and as it is billed."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import aiohttp
import msgspec
import pytest
from tests.simulator.conftest import Caller, Opener, Reply, at, rule

from farthing.simulator.conditions import CONDITIONS
from farthing.simulator.scenario import KINDS

LIMIT_SOURCES = {
    "credits": (402, "openrouter_credits"),
    "key_limit": (402, "openrouter_key_limit"),
    "in_flight_budget": (402, "openrouter_in_flight_budget"),
    "key_budget": (403, "openrouter_key_limit"),
    "guardrail_budget": (403, "openrouter_guardrail_budget"),
    "workspace_budget": (403, "openrouter_workspace_budget"),
}


def _row(caller: Caller) -> dict[str, object]:
    rows = msgspec.convert(caller.simulator.bill()["rows"], list[dict[str, object]])
    assert len(rows) == 1
    return rows[0]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("kind", sorted(CONDITIONS))
async def test_a_refusal_has_its_status_and_costs_nothing(
    open_simulator: Opener, kind: str, stream: bool
) -> None:
    condition = CONDITIONS[kind]
    async with open_simulator(rule(kind)) as caller:
        reply = await caller.chat(stream=stream)
        assert caller.simulator.bill()["total"] == "0"
    assert reply.status == condition.status
    assert reply.headers.get("Retry-After") == condition.retry_after
    assert "X-RateLimit-Limit" not in reply.headers
    if condition.page:
        assert reply.body.startswith(b"<!DOCTYPE html>")
        return
    assert at(reply.json, "error", "metadata", "error_type") == condition.error_type
    assert at(reply.json, "error", "availability", "code") == condition.availability


def test_the_statuses_of_openrouter_are_all_there() -> None:
    statuses = {condition.status for condition in CONDITIONS.values()}
    assert statuses == {400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504, 524, 529}


@pytest.mark.parametrize("kind", sorted(LIMIT_SOURCES))
async def test_limit_sources(open_simulator: Opener, kind: str) -> None:
    async with open_simulator(rule(kind)) as caller:
        reply = await caller.chat()
    assert (reply.status, at(reply.json, "error", "metadata", "limit_source")) == LIMIT_SOURCES[kind]
    assert ("Retry-After" in reply.headers) == (kind == "in_flight_budget")


async def test_a_refusal_takes_its_details_from_the_rule(open_simulator: Opener) -> None:
    fields = {"status": 451, "error_type": "odd", "message": "no", "retry_after": 2.5}
    async with open_simulator(rule("status", **fields)) as caller:
        reply = await caller.chat()
    assert (reply.status, reply.headers["Retry-After"]) == (451, "2.5")
    assert at(reply.json, "error", "metadata", "error_type") == "odd"


async def test_an_edge_timeout_may_be_billed(open_simulator: Opener) -> None:
    async with open_simulator(rule("edge_timeout", billed=True)) as caller:
        reply = await caller.chat()
        row = _row(caller)
    assert (reply.status, row["reported"]) == (524, False)
    assert "X-Generation-Id" not in reply.headers
    assert Decimal(str(row["cost"])) > 0


@pytest.mark.parametrize("stream", [True, False])
async def test_an_error_in_the_body_of_a_200(open_simulator: Opener, stream: bool) -> None:
    async with open_simulator(rule("body_error", error="rate_limit")) as caller:
        reply = await caller.chat(stream=stream)
        assert (reply.status, at(reply.json, "error", "code")) == (200, 429)
        assert _row(caller)["cost"] == "0"


async def test_an_error_event_ends_the_stream(open_simulator: Opener) -> None:
    async with open_simulator(
        {**rule("stream_error", error="server_error"), "abort_billing": "produced"}
    ) as caller:
        reply = await caller.chat(stream=True)
        row = _row(caller)
    last = reply.events[-1]
    assert at(last, "choices", 0, "finish_reason") == "error"
    assert at(last, "error", "code") == 500
    assert not reply.broken
    assert b"[DONE]" not in reply.body
    assert len(reply.text) > 0
    assert (row["finish_reason"], row["reported"]) == ("error", False)
    assert Decimal(str(row["cost"])) > 0


@pytest.mark.parametrize("billing", ["produced", "full"])
async def test_a_cut_stream_is_billed_without_usage(open_simulator: Opener, billing: str) -> None:
    async with open_simulator() as caller:
        await caller.chat(stream=True)
        whole = Decimal(str(_row(caller)["cost"]))
    async with open_simulator({**rule("cut"), "abort_billing": billing}) as caller:
        reply = await caller.chat(stream=True)
        row = _row(caller)
    assert reply.broken
    assert reply.text.startswith("[simulated]")
    assert b'"usage"' not in reply.body
    assert row["reported"] is False
    cost = Decimal(str(row["cost"]))
    assert cost == whole if billing == "full" else 0 < cost < whole


async def test_a_clean_cut_has_no_finish(open_simulator: Opener) -> None:
    async with open_simulator(rule("cut", clean=True, at=0.9)) as caller:
        reply = await caller.chat(stream=True)
        assert Decimal(str(_row(caller)["cost"])) > 0
    assert not reply.broken
    assert {at(event, "choices", 0, "finish_reason") for event in reply.events} == {None}


async def test_a_cut_before_the_first_token_gives_the_id(open_simulator: Opener) -> None:
    async with open_simulator(rule("cut_before_first")) as caller:
        reply = await caller.chat(stream=True)
        assert _row(caller)["id"] == reply.headers["X-Generation-Id"]
    assert reply.broken
    assert reply.events == []


@pytest.mark.parametrize("kind", ["cut", "cut_before_first"])
async def test_a_plain_reply_cut_off(open_simulator: Opener, kind: str) -> None:
    async with open_simulator(rule(kind)) as caller:
        reply = await caller.chat()
        assert Decimal(str(_row(caller)["cost"])) > 0
    assert reply.broken


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("kind", ["stall", "slow_headers", "comments"])
async def test_a_held_reply_goes_on_when_released(open_simulator: Opener, kind: str, stream: bool) -> None:
    async with open_simulator(rule(kind)) as caller:
        waiting = asyncio.create_task(caller.chat(stream=stream))
        await _until(lambda: caller.simulator.stats()["held"] == 1)
        assert (caller.simulator.stats()["in_flight"], waiting.done()) == (1, False)
        assert caller.simulator.release() == 1
        reply = await waiting
        row = _row(caller)
    assert (reply.status, reply.broken) == (200, False)
    assert (row["reported"], row["cancelled"]) == (True, False)


@pytest.mark.parametrize("kind", ["stall", "slow_headers", "comments", "late_usage"])
async def test_a_hold_may_end_by_itself(open_simulator: Opener, kind: str) -> None:
    async with open_simulator(rule(kind, delay_s=0.01)) as caller:
        reply = await caller.chat(stream=True)
    assert reply.body.endswith(b"[DONE]\n\n")
    assert at(reply.events[-1], "usage", "cost") is not None


async def test_comments_go_on_without_a_token(open_simulator: Opener) -> None:
    async with open_simulator(rule("comments", interval_s=0.001)) as caller:
        async for body in _stream(caller):
            if body.count(b": OPENROUTER") > 6:
                assert b"data:" not in body
                break
        await _until(lambda: caller.simulator.stats()["in_flight"] == 0)
        assert _row(caller)["cancelled"] is True


async def test_a_garbled_line_loses_nothing_of_a_stream(open_simulator: Opener) -> None:
    async with open_simulator() as caller:
        healthy = await caller.chat(stream=True)
    async with open_simulator(rule("garbled")) as caller:
        reply = await caller.chat(stream=True)
        plain = await caller.chat()
    assert reply.text == healthy.text
    assert reply.body.count(b"data: {") == healthy.body.count(b"data: {") + 1
    with pytest.raises(msgspec.DecodeError):
        assert plain.json


async def test_usage_may_come_without_cost_or_not_at_all(open_simulator: Opener) -> None:
    async with open_simulator(rule("missing_cost")) as caller:
        usage = at((await caller.chat(stream=True)).events[-1], "usage")
        assert (at(usage, "cost"), _row(caller)["reported"]) == (None, False)
        assert at(usage, "prompt_tokens") == _row(caller)["prompt_tokens"]
    async with open_simulator(rule("no_usage")) as caller:
        assert b'"usage"' not in (await caller.chat(stream=True)).body
        assert b'"usage"' not in (await caller.chat()).body
        assert Decimal(str(caller.simulator.bill()["total"])) > 0


@pytest.mark.parametrize("stream", [True, False])
async def test_an_empty_reply_is_free_but_for_the_fee(open_simulator: Opener, stream: bool) -> None:
    async with open_simulator(rule("empty")) as caller:
        reply = await caller.chat(stream=stream, model="acme/tiered")
        assert _row(caller)["cost"] == "0.0001"
    usage = at(reply.events[-1] if stream else reply.json, "usage")
    assert (at(usage, "completion_tokens"), at(usage, "cost")) == (0, Decimal("0.0001"))


@pytest.mark.parametrize("stream", [True, False])
async def test_refusal_and_length(open_simulator: Opener, stream: bool) -> None:
    async with open_simulator(rule("refusal")) as caller:
        assert _finish(await caller.chat(stream=stream)) == "content_filter"
    async with open_simulator(rule("length")) as caller:
        assert _finish(await caller.chat(stream=stream)) == "length"


async def test_own_keys_are_billed_twice(open_simulator: Opener) -> None:
    async with open_simulator(rule("byok")) as caller:
        usage = at((await caller.chat()).json, "usage")
        row = _row(caller)
    fee, upstream = (
        Decimal(str(at(usage, "cost"))),
        Decimal(str(at(usage, "cost_details", "upstream_inference_cost"))),
    )
    assert at(usage, "is_byok") is True
    assert (fee, fee + upstream) == (upstream * Decimal("0.05"), Decimal(str(row["cost"])))


@pytest.mark.parametrize("model", ["acme/plain", "acme/tiered"])
async def test_an_overrun_is_above_every_bound(open_simulator: Opener, model: str) -> None:
    async with open_simulator(rule("overrun")) as caller:
        await caller.chat(model=model, max_tokens=10)
        row = _row(caller)
        size = msgspec.convert(caller.simulator.requests()[0]["bytes"], int)
    rates = {
        "acme/plain": ("0.00000015", "0.0000006", "0"),
        "acme/tiered": ("0.000006", "0.000015", "0.0001"),
    }
    dearest_in, out, fee = map(Decimal, rates[model])
    bound = (size + 512) * dearest_in + 10 * out + fee
    assert Decimal(str(row["cost"])) > bound
    assert row["overrun"] is True


async def test_overruns_come_once_in_each_block(open_simulator: Opener) -> None:
    async with open_simulator({"overrun_rate": 0.05}) as caller:
        for _ in range(60):
            await caller.chat()
        rows = msgspec.convert(caller.simulator.bill()["rows"], list[dict[str, object]])
    assert [sum(bool(row["overrun"]) for row in rows[n : n + 20]) for n in (0, 20, 40)] == [1, 1, 1]
    assert not any(row["overrun"] for row in rows[:4])


@pytest.mark.parametrize("billing", ["produced", "full"])
async def test_a_client_that_leaves_pays_for_what_was_sent(open_simulator: Opener, billing: str) -> None:
    async with open_simulator() as caller:
        await caller.chat(stream=True)
        whole = Decimal(str(_row(caller)["cost"]))
    async with open_simulator({**rule("stall"), "abort_billing": billing}) as caller:
        async for body in _stream(caller):
            if b'"content":"[simulated]' in body:
                break
        await _until(lambda: caller.simulator.stats()["in_flight"] == 0)
        row = _row(caller)
    assert (row["cancelled"], row["reported"]) == (True, False)
    cost = Decimal(str(row["cost"]))
    assert cost == whole if billing == "full" else 0 < cost < whole


async def test_a_plain_call_is_billed_in_full_when_the_client_leaves(open_simulator: Opener) -> None:
    async with open_simulator({**rule("slow_headers"), "abort_billing": "produced"}) as caller:
        waiting = asyncio.create_task(caller.chat())
        await _until(lambda: caller.simulator.stats()["held"] == 1)
        waiting.cancel()
        await _until(lambda: caller.simulator.stats()["in_flight"] == 0)
        row = _row(caller)
    assert row["cancelled"] is True
    assert msgspec.convert(row["completion_tokens"], int) > 10


PACE = {"events": 12, "per_second": 100_000, "event_bytes": 15}


@pytest.mark.parametrize("stream", [True, False])
async def test_a_paced_answer_has_its_events(open_simulator: Opener, stream: bool) -> None:
    async with open_simulator(rule("paced", **PACE)) as caller:
        reply = await caller.chat(stream=stream)
        stats, row = caller.simulator.stats(), _row(caller)
    text = reply.text if stream else str(at(reply.json, "choices", 0, "message", "content"))
    assert text == 12 * "[simulated] to "
    assert (_finish(reply), row["completion_tokens"], row["reported"]) == ("stop", 12, True)
    assert stats["faulted"] == 1
    assert stats["sent_events"] == (15 if stream else 1)  # the tokens, the finish, the usage, the end


async def test_a_paced_answer_keeps_to_its_bound(open_simulator: Opener) -> None:
    async with open_simulator(rule("paced", **PACE)) as caller:
        reply = await caller.chat(stream=True, max_tokens=5)
    assert (reply.text.count("[simulated]"), _finish(reply)) == (5, "length")


async def test_a_paced_answer_waits_for_a_client_that_does_not_read(open_simulator: Opener) -> None:
    events, size = 1000, 10_000
    pace = {"events": events, "per_second": 1_000_000, "event_bytes": size}
    async with open_simulator(rule("paced", **pace)) as caller:
        host, port = caller.simulator.root_url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        fields = {"stream": True, "max_tokens": events}
        body = msgspec.json.encode({**caller.defaults, **fields})
        head = f"POST /api/v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer {caller.key}\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await _until(lambda: caller.simulator.stats()["blocked"] == 1)
        (told,) = caller.simulator.replies()
        assert msgspec.convert(told["events"], int) < events / 2
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            received = received[-10:] + await reader.read(65_536)
        writer.close()
        assert caller.simulator.stats()["blocked"] == 0
        assert _row(caller)["completion_tokens"] == events


async def test_a_bill_may_forget_its_oldest_rows(open_simulator: Opener) -> None:
    async with open_simulator({"rows_kept": 2}) as caller:
        costs = [Decimal(str(at((await caller.chat()).json, "usage", "cost"))) for _ in range(4)]
        bill = caller.simulator.bill()
    assert (bill["count"], bill["forgotten"], len(msgspec.convert(bill["rows"], list[object]))) == (4, 2, 2)
    assert Decimal(str(bill["total"])) == sum(costs)


@pytest.mark.parametrize("stream", [True, False])
async def test_words_where_json_was_asked_for_and_json_that_is_nearly_right(
    open_simulator: Opener, stream: bool
) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    texts: dict[str, str] = {}
    for kind in ("prose", "nearly_json"):
        async with open_simulator(rule(kind)) as caller:
            reply = await caller.chat(stream=stream, response_format=form)
            assert _finish(reply) == "stop"
            texts[kind] = _text_of(reply)
    assert "{" not in texts["prose"]
    assert texts["nearly_json"].startswith("Here it is (simulated):\n{")
    assert texts["nearly_json"].endswith(",}")


async def test_a_fault_of_one_provider_spares_the_others(open_simulator: Opener) -> None:
    scenario = {"rules": [{"match": {"provider": "Simulated South"}, "fault": "server_error"}]}
    async with open_simulator(scenario) as caller:
        replies = [await caller.chat(seed=number) for number in range(24)]
        ignoring = [await caller.chat(provider={"ignore": ["Simulated South"]}) for _ in range(6)]
        logged = caller.simulator.requests()
    served = {str(at(reply.json, "provider")) for reply in replies if reply.status == 200}
    assert {reply.status for reply in replies} == {200, 500}
    assert served == {"Simulated North", "Simulated East"}
    assert {reply.status for reply in ignoring} == {200}
    assert logged[-1]["ignore"] == ["Simulated South"]


def _text_of(reply: Reply) -> str:
    if reply.headers["Content-Type"] == "application/json":
        return str(at(reply.json, "choices", 0, "message", "content"))
    return reply.text


def test_every_kind_is_tested_here() -> None:
    from pathlib import Path

    text = Path(__file__).read_text(encoding="utf-8")
    assert [kind for kind in KINDS if kind not in CONDITIONS and f'"{kind}"' not in text] == []


def _finish(reply: Reply) -> object:
    if reply.headers["Content-Type"] == "application/json":
        return at(reply.json, "choices", 0, "finish_reason")
    return at(reply.events[-2], "choices", 0, "finish_reason")


async def _stream(caller: Caller) -> AsyncIterator[bytes]:
    """What has been received so far, again and again; leaving the loop leaves the call."""
    body = msgspec.json.encode({**caller.defaults, "stream": True})
    received = b""
    headers = {"Authorization": "Bearer sk-or-test"}
    url = f"{caller.simulator.base_url}/chat/completions"
    connector = aiohttp.TCPConnector(force_close=True)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post(url, data=body, headers=headers) as response,
    ):
        async for data in response.content.iter_any():
            received += data
            yield received


async def _until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # the server has no event for it
            await asyncio.sleep(0)
