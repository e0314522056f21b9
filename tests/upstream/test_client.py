"""Whole calls over real sockets on loopback: outcomes, the other endpoints, and the key's secrecy."""

import asyncio
import json
import logging
from decimal import Decimal

import pytest
from tests.upstream.calls import (
    BODY,
    COMMENT,
    DONE,
    KEY,
    PATIENT,
    STOP,
    USAGE,
    WHOLE,
    answering,
    event,
    failure_of,
    hanging,
    outcome_of,
    stay,
    streamed,
    upstream,
)
from tests.upstream.loopback import Connection, Loopback, hang

from farthing.errors import ConfigError, MissingKeyError
from farthing.upstream.account import GenerationBill, KeyStatus
from farthing.upstream.client import Answered, Client
from farthing.upstream.direct import DirectTransport
from farthing.upstream.failure import Failure
from farthing.upstream.sse import ReplyLimits

pytestmark = pytest.mark.usefixtures("either_transport")


async def test_a_streamed_call() -> None:
    texts: list[str] = []
    ids: list[str] = []
    sent: list[bool] = []

    async def on_text(text: str) -> None:
        texts.append(text)

    async with upstream(streamed(COMMENT, event("Hel"), event("lo"), STOP, USAGE, DONE)) as (server, client):
        outcome = await client.chat(
            BODY,
            stream=True,
            deadlines=PATIENT,
            on_text=on_text,
            on_generation_id=ids.append,
            on_sent=lambda: sent.append(True),
        )
    assert isinstance(outcome, Answered)
    assert (outcome.completion.text, "".join(texts)) == ("Hello", "Hello")
    assert (outcome.completion.cost, outcome.completion.cost_literal) == (Decimal("0.10"), "0.10")
    assert outcome.simulated
    assert outcome.first_token_ms is not None
    assert 0 <= outcome.first_token_ms <= outcome.latency_ms
    assert (outcome.completion.generation_id, ids, sent) == ("gen-h", ["gen-h"], [True])
    (request,) = server.requests
    assert (request.method, request.path, request.body) == ("POST", "/api/v1/chat/completions", BODY)
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["http-referer"] == "https://example.org"
    assert request.headers["x-openrouter-title"] == "Farthing test"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"


async def test_a_whole_call() -> None:
    ids: list[str] = []
    async with upstream(answering(200, WHOLE)) as (_, client):
        outcome = await client.chat(BODY, stream=False, deadlines=PATIENT, on_generation_id=ids.append)
    assert isinstance(outcome, Answered)
    assert (outcome.completion.text, outcome.first_token_ms, outcome.simulated) == ("hi", None, False)
    assert ids == ["gen-1"]


async def test_the_id_is_told_while_the_model_still_writes() -> None:
    ids: asyncio.Queue[str] = asyncio.Queue()
    async with upstream(streamed(then=stay)) as (_, client):
        call = asyncio.create_task(
            client.chat(BODY, stream=True, deadlines=PATIENT, on_generation_id=ids.put_nowait)
        )
        assert await ids.get() == "gen-h"
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_without_a_header_the_id_is_the_first_events() -> None:
    async def script(connection: Connection) -> None:
        connection.open_stream()
        connection.chunk(event("x"))
        await hang()

    ids: asyncio.Queue[str] = asyncio.Queue()
    async with upstream(script) as (_, client):
        call = asyncio.create_task(
            client.chat(BODY, stream=True, deadlines=PATIENT, on_generation_id=ids.put_nowait)
        )
        assert await ids.get() == "gen-1"
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


@pytest.mark.parametrize("stream", [True, False])
async def test_a_rejection(stream: bool) -> None:
    error = b'{"error": {"code": 429, "message": "slow down"}}'
    failure = await failure_of(
        answering(429, error, "Retry-After: 7", "X-Generation-Id: gen-9"), stream=stream
    )
    assert (failure.kind, failure.status, failure.retry_after_s, failure.rejected, failure.generation_id) == (
        "rate_limited",
        429,
        7.0,
        True,
        "gen-9",
    )


async def test_an_error_behind_a_200_to_a_stream() -> None:
    failure = await failure_of(answering(200, b'{"error": {"code": 502, "message": "gone"}}'))
    assert (failure.kind, failure.rejected) == ("provider_unavailable", False)


async def test_a_whole_answer_to_a_stream_and_a_stream_to_a_whole_request() -> None:
    assert isinstance(await outcome_of(answering(200, WHOLE), stream=True), Answered)
    assert isinstance(await outcome_of(streamed(event("x"), STOP, DONE), stream=False), Answered)


async def test_an_error_page_of_the_edge_is_not_free() -> None:
    failure = await failure_of(answering(502, b"<html>", kind="text/html"))
    assert (failure.kind, failure.rejected, failure.sent) == ("provider_unavailable", False, True)


async def test_a_redirect_is_not_followed() -> None:
    async with upstream(answering(307, b"", "Location: /elsewhere")) as (server, client):
        outcome = await client.chat(BODY, stream=True, deadlines=PATIENT)
    assert isinstance(outcome, Failure)
    assert [request.path for request in server.requests] == ["/api/v1/chat/completions"]


async def test_a_cut_stream_keeps_what_came() -> None:
    failure = await failure_of(streamed(event("Hel"), then=Connection.close))
    assert (failure.kind, failure.text, failure.generation_id) == ("cut", "Hel", "gen-h")
    failure = await failure_of(streamed(event("Hel")))  # cut by upstream's provider: HTTP itself ends well
    assert (failure.kind, failure.text) == ("cut", "Hel")


async def test_a_cut_before_the_headers() -> None:
    async def script(connection: Connection) -> None:
        connection.close()

    failure = await failure_of(script)
    assert (failure.kind, failure.sent, failure.rejected) == ("cut", True, False)


async def test_a_cut_whole_reply() -> None:
    async def script(connection: Connection) -> None:
        connection.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{")
        connection.close()

    failure = await failure_of(script, stream=False)
    assert (failure.kind, failure.status, failure.sent) == ("cut", 200, True)


async def test_a_cut_refusal_is_still_a_refusal() -> None:
    async def script(connection: Connection) -> None:
        connection.write(b"HTTP/1.1 429 X\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{")
        connection.close()

    failure = await failure_of(script)
    assert (failure.kind, failure.rejected) == ("rate_limited", True)


@pytest.mark.parametrize(
    "reply",
    [
        b"SMTP ready\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_no_http(reply: bytes) -> None:
    async def script(connection: Connection) -> None:
        connection.write(reply)
        await hang()

    failure = await failure_of(script)
    assert failure.kind in ("malformed", "cut")
    assert failure.sent


async def test_garbage_in_a_stream_is_passed_over() -> None:
    outcome = await outcome_of(streamed(event("Hel"), b"data: {oops\n\n", event("lo"), STOP, DONE))
    assert isinstance(outcome, Answered)
    assert outcome.completion.text == "Hello"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_reply_without_end_is_given_up(stream: bool) -> None:
    async def script(connection: Connection) -> None:
        kind = "text/event-stream" if stream else "application/json"
        connection.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode() + b":" + b"x" * 5_000)
        await hang()

    async with upstream(script, ReplyLimits(line_bytes=1_000, total_bytes=4_000)) as (server, client):
        outcome = await client.chat(BODY, stream=stream, deadlines=PATIENT)
        assert isinstance(outcome, Failure)
        assert outcome.kind == "oversized"
        await server.gone.wait()


async def test_no_connection_means_nothing_was_sent() -> None:
    async with Loopback(hanging) as server:
        base_url = server.base_url
    client = Client(DirectTransport(), base_url=base_url, api_key=KEY)
    outcome = await client.chat(BODY, stream=True, deadlines=PATIENT)
    await client.aclose()
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.sent, outcome.rejected) == ("connect", False, False)


# ------------------------------------------------------------------------------- the key


async def test_the_key_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    error = json.dumps({"error": {"code": 401, "message": f"bad key {KEY}!"}}).encode()
    async with upstream(answering(401, error)) as (_, client):
        shown = [repr(client), str(client)]
        for stream in (True, False):
            outcome = await client.chat(BODY, stream=stream, deadlines=PATIENT)
            shown.append(repr(outcome))
        shown.append(repr(await client.key_status()))
    assert "bad key [key]!" in shown[-1]
    assert KEY not in "".join(shown) + caplog.text


@pytest.mark.parametrize(
    "url", ["ftp://x/api/v1", "http:///api", "http://me:pw@host/api/v1", "http://host/?key=s", "http://[bad"]
)
def test_a_base_url_is_checked_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Client(DirectTransport(), base_url=url, api_key=None)
    assert url not in str(raised.value)


@pytest.mark.parametrize("key", ["", "sk or", "sk\r\nX: y", "schlüssel"])
def test_a_key_is_checked_and_not_repeated(key: str) -> None:
    with pytest.raises(MissingKeyError) as raised:
        Client(DirectTransport(), base_url="http://127.0.0.1/api/v1", api_key=key)
    assert not key or key not in str(raised.value)


# ------------------------------------------------------------------------------- the other endpoints


async def test_models_are_read_page_by_page_from_the_same_host() -> None:
    pages = [
        b'{"data": [{"id": "a"}], "total_count": 3, "links": {"next": "http://elsewhere.example/?offset=1"}}',
        b'{"data": [{"id": "b"}], "total_count": 3}',
        b'{"data": [{"id": "c", "discount": 0.1}], "total_count": 3}',
    ]

    async def script(connection: Connection) -> None:
        connection.reply(200, pages.pop(0))

    async with upstream(script) as (server, client):
        rows = await client.models(timeout_s=5)
    assert rows == [{"id": "a"}, {"id": "b"}, {"id": "c", "discount": Decimal("0.1")}]
    assert [request.path for request in server.requests] == [
        f"/api/v1/models?limit=1000&offset={offset}" for offset in range(3)
    ]


async def test_a_model_list_that_does_not_come() -> None:
    async with upstream(hanging) as (server, client):
        outcome = await client.models(timeout_s=0.03)
        await server.gone.wait()
    assert isinstance(outcome, Failure)
    assert outcome.kind == "timeout"


async def test_a_generation_that_is_not_there_yet() -> None:
    async with upstream(answering(404, b'{"error": {"code": 404, "message": "not found"}}')) as (
        server,
        client,
    ):
        assert await client.generation("gen-1&x=2") is None
    assert server.requests[0].path == "/api/v1/generation?id=gen-1%26x%3D2"


async def test_a_generation_and_the_key() -> None:
    async with upstream(answering(200, b'{"data": {"id": "gen-1", "total_cost": 0.5, "limit": 1.5}}')) as (
        _,
        client,
    ):
        bill = await client.generation("gen-1")
        status = await client.key_status()
    assert isinstance(bill, GenerationBill)
    assert isinstance(status, KeyStatus)
    assert (bill.cost, status.limit) == (Decimal("0.5"), Decimal("1.5"))


async def test_trouble_with_the_other_endpoints_is_a_value() -> None:
    async with upstream(
        answering(503, b'{"error": {"code": 503, "message": "later"}}', "Retry-After: 2")
    ) as (_, client):
        for outcome in (await client.models(), await client.generation("x"), await client.key_status()):
            assert isinstance(outcome, Failure)
            assert (outcome.kind, outcome.retry_after_s) == ("overloaded", 2.0)
    async with upstream(answering(200, WHOLE)) as (_, client):
        outcome = await client.key_status()
        assert isinstance(outcome, Failure)
        assert outcome.kind == "malformed"
