"""Deadlines, cancellation and reuse of connections, over real sockets on loopback: outcomes, no durations."""

import asyncio

import pytest
from tests.upstream.calls import (
    BODY,
    COMMENT,
    DONE,
    PATIENT,
    STOP,
    USAGE,
    event,
    failure_of,
    hanging,
    outcome_of,
    stay,
    streamed,
    upstream,
)
from tests.upstream.loopback import Connection, hang

from farthing.upstream.client import Answered, Deadlines
from farthing.upstream.failure import Failure

pytestmark = pytest.mark.usefixtures("either_transport")


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


async def test_a_refusal_whose_body_does_not_come_is_still_a_refusal() -> None:
    async def script(connection: Connection) -> None:
        connection.write(b"HTTP/1.1 403 X\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n")
        await hang()

    failure = await failure_of(script, deadlines=Deadlines(total_s=0.03))
    assert (failure.kind, failure.status, failure.rejected) == ("permission", 403, True)


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
