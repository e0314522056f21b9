"""Scripts and calls that the tests of `client.py` and `call.py` share."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from tests.upstream.loopback import Connection, Loopback, Script, hang

from farthing.upstream.client import Answered, Client, Deadlines
from farthing.upstream.direct import DirectTransport
from farthing.upstream.failure import Failure
from farthing.upstream.sse import ReplyLimits
from farthing.upstream.transport import Transport

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


open_transport: Callable[[], Transport] = DirectTransport
"""Replaced by the fixture `either_transport`."""


@asynccontextmanager
async def upstream(
    script: Script, limits: ReplyLimits | None = None
) -> AsyncGenerator[tuple[Loopback, Client]]:
    async with Loopback(script) as server:
        client = Client(
            open_transport(),
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
