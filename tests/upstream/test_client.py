"""Whole calls over real sockets on loopback: outcomes, deadlines, cancellation, and the key's secrecy."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from tests.upstream.loopback import Connection, Loopback, Script, hang

from farthing.errors import ConfigError, MissingKeyError
from farthing.upstream.account import GenerationBill, KeyStatus
from farthing.upstream.client import Answered, Client, Deadlines
from farthing.upstream.failure import Failure
from farthing.upstream.sse import ReplyLimits
from farthing.upstream.transport import AiohttpTransport

KEY = "sk-or-v1-very-secret"
PATIENT = Deadlines(connect_s=5, first_token_s=5, between_tokens_s=5, total_s=5)
BODY = b'{"model": "m/a"}'


def event(content: str = "", finish: str | None = None, **fields: object) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return f"data: {json.dumps({'id': 'gen-1', 'model': 'm/a', 'choices': [choice], **fields})}\n\n".encode()


STOP = event("", "stop")
USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.10}}\n\n'
DONE = b"data: [DONE]\n\n"
COMMENT = b": OPENROUTER PROCESSING\n\n"
WHOLE = (
    b'{"id": "gen-1", "model": "m/a", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}'
)


def streamed(*parts: bytes, then: Callable[[Connection], None] = Connection.end) -> Script:
    async def script(connection: Connection) -> None:
        connection.open_stream("X-Generation-Id: gen-h", "X-Farthing-Simulated: 1")
        for part in parts:
            connection.chunk(part)
        then(connection)

    return script


def answering(status: int, body: bytes, *headers: str, kind: str = "application/json") -> Script:
    async def script(connection: Connection) -> None:
        connection.reply(status, body, *headers, kind=kind)

    return script


async def hanging(_: Connection) -> None:
    await hang()


def stay(_: Connection) -> None:
    """Leaves the stream open."""


@asynccontextmanager
async def upstream(
    script: Script, limits: ReplyLimits | None = None
) -> AsyncGenerator[tuple[Loopback, Client]]:
    async with Loopback(script) as server:
        client = Client(
            AiohttpTransport(),
            base_url=server.base_url,
            api_key=KEY,
            app_title="Farthing\ntest",
            app_url="https://example.org",
            limits=limits,
        )
        try:
            yield server, client
        finally:
            await client.aclose()


async def outcome_of(
    script: Script, *, stream: bool = True, deadlines: Deadlines = PATIENT
) -> Answered | Failure:
    async with upstream(script) as (_, client):
        return await client.chat(BODY, stream=stream, deadlines=deadlines)


async def failure_of(script: Script, *, stream: bool = True, deadlines: Deadlines = PATIENT) -> Failure:
    outcome = await outcome_of(script, stream=stream, deadlines=deadlines)
    assert isinstance(outcome, Failure)
    return outcome


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
    client = Client(AiohttpTransport(), base_url=base_url, api_key=KEY)
    outcome = await client.chat(BODY, stream=True, deadlines=PATIENT)
    await client.aclose()
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.sent, outcome.rejected) == ("connect", False, False)


# ------------------------------------------------------------------------------- deadlines


async def test_headers_that_do_not_come() -> None:
    deadlines = Deadlines(connect_s=5, first_token_s=0.03, between_tokens_s=5, total_s=5)
    async with upstream(hanging) as (server, client):
        outcome = await client.chat(BODY, stream=True, deadlines=deadlines)
        await server.gone.wait()
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.sent, outcome.message) == (
        "timeout",
        True,
        "waited 0.03 s for the first token",
    )


async def test_comments_are_no_tokens() -> None:
    async def script(connection: Connection) -> None:
        connection.open_stream("X-Generation-Id: gen-h")
        connection.chunk(event(""))  # the role alone is no token either
        while True:
            connection.chunk(COMMENT)
            await asyncio.sleep(0)

    failure = await failure_of(script, deadlines=Deadlines(first_token_s=0.05, between_tokens_s=5, total_s=5))
    assert (failure.kind, failure.generation_id, failure.text) == ("timeout", "gen-h", "")


async def test_comments_do_not_hide_a_stall() -> None:
    async def script(connection: Connection) -> None:
        connection.open_stream()
        connection.chunk(event("Hel"))
        while True:
            connection.chunk(COMMENT)
            await asyncio.sleep(0)

    failure = await failure_of(script, deadlines=Deadlines(first_token_s=5, between_tokens_s=0.05, total_s=5))
    assert (failure.kind, failure.text, failure.generation_id) == ("stalled", "Hel", "gen-1")


async def test_tokens_without_end_meet_the_total() -> None:
    async def script(connection: Connection) -> None:
        connection.open_stream()
        while True:
            connection.chunk(event("x"))
            await asyncio.sleep(0)

    failure = await failure_of(script, deadlines=Deadlines(first_token_s=5, between_tokens_s=5, total_s=0.05))
    assert failure.kind == "timeout"
    assert failure.message.startswith("no end within 0.05 s")
    assert set(failure.text) == {"x"}


async def test_a_whole_reply_meets_only_the_total() -> None:
    deadlines = Deadlines(connect_s=5, first_token_s=0.001, between_tokens_s=0.001, total_s=0.05)
    failure = await failure_of(hanging, stream=False, deadlines=deadlines)
    assert (failure.kind, failure.sent) == ("timeout", True)


async def test_an_answer_that_only_lacks_its_usage_is_an_answer() -> None:
    deadlines = Deadlines(first_token_s=5, between_tokens_s=0.03, total_s=5)
    outcome = await outcome_of(streamed(event("Hello"), STOP, then=stay), deadlines=deadlines)
    assert isinstance(outcome, Answered)
    assert (outcome.completion.text, outcome.completion.usage) == ("Hello", None)


async def test_an_end_of_body_that_does_not_come_is_not_waited_for() -> None:
    async with upstream(streamed(event("x"), STOP, DONE, then=stay)) as (server, client):
        outcome = await client.chat(BODY, stream=True, deadlines=PATIENT)
        assert isinstance(outcome, Answered)
        await server.gone.wait()


async def test_a_slow_reader_is_not_upstreams_stall() -> None:
    slow = asyncio.Event()

    async def on_text(_: str) -> None:
        asyncio.get_running_loop().call_later(0.05, slow.set)
        await slow.wait()

    deadlines = Deadlines(first_token_s=5, between_tokens_s=0.02, total_s=5)
    async with upstream(streamed(event("Hello"), STOP, DONE)) as (_, client):
        outcome = await client.chat(BODY, stream=True, deadlines=deadlines, on_text=on_text)
    assert isinstance(outcome, Answered)


async def test_a_reader_who_never_comes_back_meets_the_total() -> None:
    async def on_text(_: str) -> None:
        await asyncio.Event().wait()

    deadlines = Deadlines(first_token_s=5, between_tokens_s=5, total_s=0.05)
    async with upstream(streamed(event("Hello"), then=stay)) as (server, client):
        outcome = await client.chat(BODY, stream=True, deadlines=deadlines, on_text=on_text)
        await server.gone.wait()
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.text) == ("timeout", "Hello")


async def test_an_error_of_the_reader_closes_the_exchange() -> None:
    async def on_text(_: str) -> None:
        raise LookupError("mine")

    async with upstream(streamed(event("Hello"), then=stay)) as (server, client):
        with pytest.raises(LookupError, match="mine"):
            await client.chat(BODY, stream=True, deadlines=PATIENT, on_text=on_text)
        await server.gone.wait()


# ------------------------------------------------------------------------------- cancellation, reuse


@pytest.mark.parametrize("stream", [True, False])
async def test_cancelling_before_the_headers_closes_the_exchange(stream: bool) -> None:
    async with upstream(hanging) as (server, client):
        call = asyncio.create_task(client.chat(BODY, stream=stream, deadlines=PATIENT))
        await server.asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.gone.wait()


async def test_cancelling_a_stream_closes_the_exchange() -> None:
    seen = asyncio.Event()

    async def on_text(_: str) -> None:
        seen.set()

    async with upstream(streamed(event("Hel"), then=stay)) as (server, client):
        call = asyncio.create_task(client.chat(BODY, stream=True, deadlines=PATIENT, on_text=on_text))
        await seen.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.gone.wait()


async def test_a_deadline_leaves_no_cancellation_behind() -> None:
    async with upstream(hanging) as (_, client):
        await client.chat(BODY, stream=True, deadlines=Deadlines(first_token_s=0.01))
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0


async def test_connections_are_used_again() -> None:
    async with upstream(streamed(event("x"), STOP, USAGE, DONE)) as (server, client):
        for _ in range(5):
            assert isinstance(await client.chat(BODY, stream=True, deadlines=PATIENT), Answered)
        assert (len(server.requests), len(server.connections)) == (5, 1)


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
        Client(AiohttpTransport(), base_url=url, api_key=None)
    assert url not in str(raised.value)


@pytest.mark.parametrize("key", ["", "sk or", "sk\r\nX: y", "schlüssel"])
def test_a_key_is_checked_and_not_repeated(key: str) -> None:
    with pytest.raises(MissingKeyError) as raised:
        Client(AiohttpTransport(), base_url="http://127.0.0.1/api/v1", api_key=key)
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
