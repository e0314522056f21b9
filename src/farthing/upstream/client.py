"""OpenRouter as the rest of Farthing sees it: one call, one outcome.

Decides how long each part of a call may take and what a broken one is worth; sends nothing twice. What to
do after a failure, what a call may cost and where a price comes from are decided elsewhere.
"""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from msgspec import structs

from farthing.errors import ConfigError, ConfigFault, MissingKeyError
from farthing.upstream.account import (
    DayOfModel,
    GenerationBill,
    KeyStatus,
    parse_activity,
    parse_generation,
    parse_key,
    parse_models_page,
)
from farthing.upstream.batches import Batch, parse_batch
from farthing.upstream.call import Answered, Call, Hooks, OnText, broken, whole_body
from farthing.upstream.deadline import Deadlines, Wait, Watchdog
from farthing.upstream.failure import Failure, FailureKind
from farthing.upstream.sse import ReplyLimits
from farthing.upstream.transport import Exchange, Transport, TransportFault
from farthing.upstream.wire import parse_body

_GET_S = 10.0
_BATCH_S = 60.0
_MOST_PAGES = 100


class Client:
    """Calls one OpenRouter-compatible upstream. Expected trouble comes back as a `Failure`.

    `base_url` ends in `/api/v1`. The key is sent in a header and shown nowhere: not in `repr`, not in a
    failure, even when upstream repeats it. Raises `ConfigError` for a URL that is no plain HTTP URL,
    `MissingKeyError` for a key that cannot stand in a header.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        base_url: str,
        api_key: str | None,
        app_title: str | None = None,
        app_url: str | None = None,
        limits: ReplyLimits | None = None,
    ) -> None:
        self._transport = transport
        self._base_url = _checked_url(base_url)
        self._api_key = _checked_key(api_key)
        self._limits = limits or ReplyLimits()
        self._headers = {"User-Agent": "farthing", "Accept-Encoding": "identity"}
        if self._api_key:
            self._headers["Authorization"] = f"Bearer {self._api_key}"
        if app_url:
            self._headers["HTTP-Referer"] = app_url
        if app_title:
            self._headers["X-OpenRouter-Title"] = " ".join(app_title.split())
        self._chat_url = f"{self._base_url}/chat/completions"
        self._batches_url = f"{self._base_url.removesuffix('/v1')}/beta/batches"
        self.simulated = False
        """Whether the last GET was answered by a simulator, which says so in a header."""

    def __repr__(self) -> str:
        return f"Client(base_url={self._base_url!r})"

    async def chat(
        self,
        body: bytes,
        *,
        stream: bool,
        deadlines: Deadlines,
        on_text: OnText | None = None,
        on_generation_id: Callable[[str], None] | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> Answered | Failure:
        """Sends one encoded request and reads the reply to its end.

        `on_text` gets the text of a stream as it comes, and may be slow. `on_generation_id` is called once,
        as soon as the id is known; `on_sent` just before the first byte is written: together they say what
        a call is worth whose task was cancelled. Cancelling closes the exchange at once and is not swallowed.
        """
        hooks = Hooks(on_text=on_text, on_generation_id=on_generation_id, on_sent=on_sent)
        call = Call(self._limits, hooks, stream=stream, deadlines=deadlines)
        with call.watch:
            try:
                outcome = await call.run(self._transport, self._chat_url, self._headers, body)
            except asyncio.CancelledError:
                if not call.watch.expired():
                    raise
                outcome = call.out_of_time()
            finally:
                call.close()
        return self._without_key(outcome) if isinstance(outcome, Failure) else outcome

    async def models(self, *, timeout_s: float = _GET_S) -> list[dict[str, object]] | Failure:
        """All rows of `/models`, page by page, raw, numbers as `int` or `Decimal`. One timeout for all."""
        rows: list[dict[str, object]] = []
        offset = 0
        deadline = asyncio.get_running_loop().time() + timeout_s
        for _ in range(_MOST_PAGES):
            left = deadline - asyncio.get_running_loop().time()
            body = await self._get(f"/models?limit=1000&offset={offset}", timeout_s=left)
            page = body if isinstance(body, Failure) else parse_models_page(body, offset=offset)
            if isinstance(page, Failure):
                return page
            rows += page.rows
            if page.next_offset is None:
                return rows
            offset = page.next_offset
        return Failure(
            kind=FailureKind.oversized, message=f"/models has more than {_MOST_PAGES} pages", status=200
        )

    async def generation(
        self, generation_id: str, *, timeout_s: float = _GET_S
    ) -> GenerationBill | Failure | None:
        """The bill of a finished call; None while upstream does not know it (yet)."""
        body = await self._get(f"/generation?id={quote(generation_id, safe='')}", timeout_s=timeout_s)
        if isinstance(body, Failure):
            return None if body.status == 404 else body
        return parse_generation(body, generation_id=generation_id)

    async def key_status(self, *, timeout_s: float = _GET_S) -> KeyStatus | Failure:
        """What the key may still spend, and the day's free requests."""
        body = await self._get("/key", timeout_s=timeout_s)
        return body if isinstance(body, Failure) else parse_key(body)

    async def activity(self, *, timeout_s: float = _GET_S) -> tuple[DayOfModel, ...] | Failure:
        """What the account was billed by day and model, for 30 days that are over; with a management key."""
        body = await self._get("/activity", timeout_s=timeout_s)
        return body if isinstance(body, Failure) else parse_activity(body)

    async def submit_batch(
        self, body: bytes, *, timeout_s: float, on_sent: Callable[[], None] | None = None
    ) -> Batch | Failure:
        """Sends an encoded batch once. `on_sent` is called just before the first byte is written."""
        reply = await self._ask("POST", self._batches_url, timeout_s=timeout_s, body=body, on_sent=on_sent)
        return reply if isinstance(reply, Failure) else parse_batch(reply)

    async def batch(self, batch_id: str, *, timeout_s: float = _BATCH_S) -> Batch | Failure:
        """A batch's state, with its answers once it has ended: those may be long."""
        url = f"{self._batches_url}/{quote(batch_id, safe='')}"
        reply = await self._ask("GET", url, timeout_s=timeout_s)
        return reply if isinstance(reply, Failure) else parse_batch(reply)

    async def aclose(self) -> None:
        """Closes the transport."""
        await self._transport.aclose()

    async def _get(self, path: str, *, timeout_s: float) -> bytes | Failure:
        return await self._ask("GET", self._base_url + path, timeout_s=timeout_s)

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float,
        body: bytes | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> bytes | Failure:
        """The body of a 2xx."""
        exchange: Exchange | TransportFault | None = None
        with Watchdog(total_s=timeout_s, wait_s=timeout_s, wait=Wait.reply) as watch:
            try:
                exchange = await self._transport.exchange(
                    method, url, headers=self._headers, body=body, on_sent=on_sent
                )
                if isinstance(exchange, TransportFault):
                    return broken(exchange)
                self.simulated = exchange.headers.get("x-farthing-simulated") == "1"
                reply = await whole_body(exchange, self._limits.total_bytes)
                if isinstance(reply, Failure) or 200 <= exchange.status < 300:
                    return reply
                outcome = parse_body(exchange.status, exchange.headers, reply, now=datetime.now(UTC))
            except asyncio.CancelledError:
                if not watch.expired():
                    raise
                return Failure(kind=FailureKind.timeout, message=f"no reply within {timeout_s:g} s")
            finally:
                if exchange is not None and not isinstance(exchange, TransportFault):
                    exchange.close()
        if isinstance(outcome, Failure):
            return self._without_key(outcome)
        return Failure(kind=FailureKind.malformed, message="an answer to a question that was not asked")

    def _without_key(self, failure: Failure) -> Failure:
        if self._api_key and self._api_key in failure.message:
            return structs.replace(failure, message=failure.message.replace(self._api_key, "[key]"))
        return failure


def _checked_url(base_url: str) -> str:
    problem = ""
    try:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            problem = "give an http or https URL that ends in /api/v1"
        elif parts.username is not None or parts.query or parts.fragment:
            problem = "a base URL has no credentials, query or fragment"
    except ValueError:
        problem = "this is no URL"
    if problem:  # the value is not shown: it may hold credentials
        fault = ConfigFault(path="upstream.baseUrl", value="(hidden)", problem=problem)
        raise ConfigError("the upstream", [fault])
    return base_url.rstrip("/")


def _checked_key(api_key: str | None) -> str | None:
    if api_key is not None and not re.fullmatch(r"[\x21-\x7e]+", api_key):
        raise MissingKeyError(
            "the API key is empty or has characters that no key has", hint="check OPENROUTER_API_KEY"
        )
    return api_key
