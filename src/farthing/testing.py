"""For tests, ours and yours: an upstream that says what it is told to, and a clock that never waits.

    upstream = ScriptedUpstream(["4", failure(429, retry_after=2), cut("half an ans")])
    async with deployment_on(upstream, tmp_path) as deployment: …

Nothing here opens a socket. The simulator (`farthing.simulator`) is the real HTTP server.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import chdir
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import msgspec

from farthing.clock import Clock, VirtualClock
from farthing.config.environment import API_KEY
from farthing.config.load import Source
from farthing.config.packaged import book_rows
from farthing.deployment import Deployment
from farthing.upstream.failure import FailureKind
from farthing.upstream.transport import Transport, TransportFault

__all__ = [
    "Reply",
    "ScriptedExchange",
    "ScriptedUpstream",
    "VirtualClock",
    "answer",
    "cut",
    "deployment_at",
    "deployment_on",
    "failure",
    "hang",
    "unreachable",
]

_NO_KEY = "sk-or-no-key-in-tests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the upstream answers to one request. `hang`: after `chunks`, nothing more until it is closed."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    chunks: tuple[bytes, ...] = ()
    fault: TransportFault | None = None
    hang: bool = False


def answer(
    text: str,
    *,
    generation_id: str | None = "gen-1",
    model: str = "scripted/model",
    cost: str | None = "0.000001",
    input_tokens: int = 10,
    output_tokens: int = 5,
    tool_calls: Iterable[Mapping[str, object]] = (),
    finish_reason: str | None = None,
) -> Reply:
    """A streamed answer with its bill; `cost` is the JSON number's text, None leaves it out."""
    usage = f'{{"prompt_tokens":{input_tokens},"completion_tokens":{output_tokens}'
    usage += f',"cost":{cost}}}' if cost is not None else "}"
    head: dict[str, object] = {"id": generation_id, "model": model, "provider": "Scripted"}
    calls: list[dict[str, object]] = [{"index": i, **call} for i, call in enumerate(tool_calls)]
    delta: dict[str, object] = {"content": text}
    if calls:
        delta["tool_calls"] = calls
    finish = finish_reason or ("tool_calls" if calls else "stop")
    chunks = (
        _event(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}),
        _event(head | {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": finish}]}),
        f'data: {{"id":"{generation_id or ""}","choices":[],"usage":{usage}}}\n\n'.encode(),
        b"data: [DONE]\n\n",
    )
    return Reply(headers=_stream_headers(generation_id), chunks=chunks)


def cut(text: str, *, generation_id: str | None = "gen-cut", provider: str | None = None) -> Reply:
    """A stream that ends after some text, without a finish."""
    piece: dict[str, object] = {
        "id": generation_id,
        "model": "scripted/model",
        "choices": [{"index": 0, "delta": {"content": text}}],
        **({"provider": provider} if provider else {}),
    }
    return Reply(headers=_stream_headers(generation_id), chunks=(_event(piece),))


def failure(status: int, message: str = "scripted failure", *, retry_after: float | None = None) -> Reply:
    """An error up front, in OpenRouter's shape."""
    headers = {"content-type": "application/json"}
    if retry_after is not None:
        headers["retry-after"] = f"{retry_after:g}"
    body = msgspec.json.encode({"error": {"code": status, "message": message}})
    return Reply(status=status, headers=headers, chunks=(body,))


def unreachable() -> Reply:
    """No connection: no byte was written."""
    return Reply(fault=TransportFault(kind=FailureKind.connect, message="scripted: refused", sent=False))


def hang(text: str = "", *, generation_id: str | None = "gen-hang") -> Reply:
    """Some text, then silence until the caller closes."""
    piece: dict[str, object] = {
        "id": generation_id,
        "model": "scripted/model",
        "choices": [{"index": 0, "delta": {"content": text}}],
    }
    return Reply(headers=_stream_headers(generation_id), chunks=(_event(piece),) if text else (), hang=True)


class ScriptedExchange:
    """One scripted reply, read chunk by chunk."""

    def __init__(self, reply: Reply, on_close: Callable[[], None]) -> None:
        self._reply, self._on_close = reply, on_close
        self._rest = list(reply.chunks)
        self._closed = asyncio.Event()

    @property
    def status(self) -> int:
        return self._reply.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._reply.headers

    async def read(self) -> bytes:
        await asyncio.sleep(0)
        if self._rest:
            return self._rest.pop(0)
        if self._reply.hang:
            await self._closed.wait()
        return b""

    def close(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._on_close()


class ScriptedUpstream:
    """A `Transport` that answers chat requests from a script, in order, and keeps what was asked.

    `requests` holds each request's JSON, `authorizations` what they were authorized by; `bills` maps
    generation ids to the cost that `/generation` states. `open_exchanges` counts
    the chat requests whose reply is open; `simulated`: whether replies say that they are.
    A text in the script is an answer. With the script at its end every further request is an error of the
    test.
    """

    def __init__(
        self,
        script: Iterable[Reply | str] = (),
        *,
        models: list[dict[str, object]] | None = None,
        simulated: bool = True,
    ) -> None:
        self.script = [
            answer(one, generation_id=f"gen-text-{number}") if isinstance(one, str) else one
            for number, one in enumerate(script, start=1)
        ]
        self.requests: list[dict[str, object]] = []
        self.authorizations: set[str] = set()
        self.bills: dict[str, str] = {}
        self.open_exchanges = 0
        self._simulated = simulated
        self._came = asyncio.Event()
        self._models = (
            models if models is not None else cast("list[dict[str, object]]", book_rows("tutorial")["data"])
        )

    async def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> ScriptedExchange | TransportFault:
        self.authorizations.add(headers.get("Authorization", ""))
        reply = self._reply(url, body)
        if not self._simulated:
            reply = replace(reply, headers={**reply.headers, "x-farthing-simulated": "0"})
        if reply.fault is not None:
            return reply.fault
        if on_sent is not None:
            on_sent()
        if body is None:
            return ScriptedExchange(reply, lambda: None)
        self.open_exchanges += 1
        return ScriptedExchange(reply, self._closed)

    async def received(self, count: int = 1) -> None:
        """Waits until so many chat requests have come."""
        while len(self.requests) < count:
            self._came.clear()
            await self._came.wait()

    async def aclose(self) -> None:
        self.script.clear()

    def _closed(self) -> None:
        self.open_exchanges -= 1

    def _reply(self, url: str, body: bytes | None) -> Reply:
        if "/generation" in url:
            return self._bill(url.rpartition("id=")[2])
        if body is None:
            return _json_reply({"data": self._models, "total_count": len(self._models)})
        self.requests.append(msgspec.json.decode(body))
        self._came.set()
        if not self.script:
            raise AssertionError(f"the script is at its end; asked: {self.requests[-1].get('model')}")
        return self.script.pop(0)

    def _bill(self, generation_id: str) -> Reply:
        if generation_id not in self.bills:
            return failure(404, "not yet")
        body = f'{{"data":{{"id":"{generation_id}","total_cost":{self.bills[generation_id]}}}}}'
        return Reply(headers={"content-type": "application/json"}, chunks=(body.encode(),))


def deployment_on(
    upstream: ScriptedUpstream,
    folder: Path,
    source: Source = "balanced",
    *,
    clock: Clock | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Deployment:
    """A deployment on a scripted upstream, with its ledger in `folder` and no environment."""
    return deployment_at(
        "http://127.0.0.1:9/api/v1", folder, source, clock=clock, overrides=overrides, transport=upstream
    )


def deployment_at(
    base_url: str,
    folder: Path,
    source: Source = "balanced",
    *,
    clock: Clock | None = None,
    overrides: Mapping[str, object] | None = None,
    transport: Transport | None = None,
) -> Deployment:
    """A deployment on an upstream at an address, such as a simulator's, with its ledger in `folder`.

    Neither the environment nor the working directory's `.env` says anything to it, and no key is read.
    """
    settings = {
        "upstream.baseUrl": base_url,
        "storage.databaseUrl": f"sqlite:///{folder / 'ledger.db'}",
        **(overrides or {}),
    }
    placed = source
    if isinstance(source, str | Path) and Path(source).suffix in (".json", ".toml"):
        placed = Path(source).resolve()
    with chdir(folder):  # a project's own `.env` is not there
        return Deployment(
            placed, environ={API_KEY: _NO_KEY}, overrides=settings, clock=clock, transport=transport
        )


def _stream_headers(generation_id: str | None) -> dict[str, str]:
    headers = {"content-type": "text/event-stream", "x-farthing-simulated": "1"}
    return headers if generation_id is None else {**headers, "x-generation-id": generation_id}


def _event(value: object) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def _json_reply(value: object) -> Reply:
    headers = {"content-type": "application/json", "x-farthing-simulated": "1"}
    return Reply(headers=headers, chunks=(msgspec.json.encode(value),))
