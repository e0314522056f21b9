"""An upstream over real HTTP whose model decides what to do from the conversation, one step after the other.

Not the simulator, whose tool calls are made up: here the journey is that a result is read and used. `Decide`
sees what a model would see, the messages and the tools it is told, and nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self, cast

import msgspec
from aiohttp import web

from farthing.config.packaged import book_rows
from farthing.testing import answer

Turn = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one request shows a model. `results` are the tool results so far, in order, by the tool's name."""

    messages: Sequence[Turn]
    tools: frozenset[str]

    @property
    def prompt(self) -> str:
        return "\n".join(str(turn.get("content") or "") for turn in self.messages if turn["role"] != "tool")

    @property
    def results(self) -> list[tuple[str, dict[str, object], str]]:
        """Each tool that was called, with its arguments and what it said."""
        calls: dict[str, tuple[str, dict[str, object]]] = {}
        found: list[tuple[str, dict[str, object], str]] = []
        for turn in self.messages:
            for call in cast("list[dict[str, dict[str, str]]]", turn.get("tool_calls") or ()):
                function = call["function"]
                calls[str(call["id"])] = (function["name"], msgspec.json.decode(function["arguments"]))
            if turn["role"] == "tool":
                found.append((*calls[str(turn["tool_call_id"])], str(turn["content"])))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A text, or calls of tools with their arguments."""

    text: str = ""
    calls: Sequence[tuple[str, Mapping[str, object]]] = ()


Decide = Callable[[Seen], Answer]


@dataclass(slots=True, kw_only=True)
class DecidingUpstream:
    """The server, for `async with`. `answers` is what the model did; every request is billed $0.000001."""

    decide: Decide
    base_url: str = ""
    answers: list[Answer] = field(default_factory=list[Answer])
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/api/v1/models", self._models)
        app.router.add_post("/api/v1/chat/completions", self._chat)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = cast("tuple[str, int]", self._runner.addresses[0])[1]
        self.base_url = f"http://127.0.0.1:{port}/api/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _models(self, request: web.Request) -> web.Response:
        rows = cast("list[object]", book_rows("tutorial")["data"])
        body = msgspec.json.encode({"data": rows, "total_count": len(rows)})
        return web.Response(body=body, content_type="application/json", headers={"x-farthing-simulated": "1"})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = cast("dict[str, object]", msgspec.json.decode(await request.read()))
        tools = cast("list[dict[str, dict[str, str]]]", body.get("tools") or [])
        seen = Seen(
            messages=cast("list[Turn]", body["messages"]),
            tools=frozenset(tool["function"]["name"] for tool in tools),
        )
        said = self.decide(seen)
        self.answers.append(said)
        reply = answer(
            said.text,
            generation_id=f"gen-{len(self.answers)}",
            tool_calls=[
                {
                    "id": f"call_{len(self.answers)}_{at}",
                    "type": "function",
                    "function": {"name": name, "arguments": msgspec.json.encode(arguments).decode()},
                }
                for at, (name, arguments) in enumerate(said.calls)
            ],
        )
        response = web.StreamResponse(headers=dict(reply.headers))
        await response.prepare(request)
        for chunk in reply.chunks:
            await response.write(chunk)
        return response
