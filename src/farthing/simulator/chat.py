"""`POST /chat/completions`: from the request to its playback and its row in the bill.

Holds what chat calls share: the scenario, the bill, the request log, sessions, quotas and counts. What is
answered and billed is decided in pure modules; this one draws, remembers and sends.
"""

import asyncio
import re
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from random import Random

from farthing.simulator.bill import Bill, Row
from farthing.simulator.books import Shelf, SimulatedModel
from farthing.simulator.compose import role_of
from farthing.simulator.conditions import CONDITIONS, Condition
from farthing.simulator.connection import Connection
from farthing.simulator.draws import Draws
from farthing.simulator.faults import FaultDesk, Seen, refusal
from farthing.simulator.framing import Request, head
from farthing.simulator.latency import draw_timing
from farthing.simulator.playback import Ending, Playback
from farthing.simulator.prefixcache import PrefixCache, whole_blocks
from farthing.simulator.quota import FreeQuota
from farthing.simulator.reply import Reply, RowTimes, Terms, make_reply, row_of
from farthing.simulator.request import Admitted, ChatBody, admit, read_body, willing
from farthing.simulator.scenario import Fault, Scenario
from farthing.simulator.staging import Open, Send, Step
from farthing.simulator.tariff import Rates, shared
from farthing.simulator.wire import Identity

FLEX_SHARE = BATCH_SHARE = Fraction(1, 2)
_LOGGED = 200_000
_CUT_ANSWERS = 2_000
_GO_ON = re.compile(r"\b(?:go on|continue|broke off)\b", re.IGNORECASE)
_JSON = {"Content-Type": "application/json"}
_SSE = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "Transfer-Encoding": "chunked"}
_HEADERS_OF_INTEREST = (
    "user-agent",
    "http-referer",
    "x-title",
    "x-openrouter-title",
    "x-openrouter-metadata",
)


@dataclass(slots=True)
class Counts:
    """What `/simulator/stats` shows of chat calls."""

    in_flight: int = 0
    max_in_flight: int = 0
    chat_requests: int = 0
    refused: int = 0
    faulted: int = 0
    """Requests that met a fault of the scenario, `paced` among them."""
    sent_events: int = 0
    """Of replies that are over."""


class ChatDesk:
    """Answers chat calls. `now` is the UTC clock that prices and quotas follow."""

    def __init__(
        self, shelf: Shelf, scenario: Scenario, *, seed: int, time_scale: float, now: Callable[[], datetime]
    ) -> None:
        self.shelf = shelf
        self.time_scale = time_scale
        self.now = now
        self._seed = seed
        self._started = int(now().timestamp())
        self._next_id = 0
        self.holds: set[Playback] = set()
        self.playing: set[Playback] = set()
        self.counts = Counts()
        self.reset(scenario)

    def reset(self, scenario: Scenario) -> None:
        """Forgets everything that was counted, billed and logged; replies under way go on."""
        self.bill = Bill()
        self.log: deque[dict[str, object]] = deque(maxlen=_LOGGED)
        self.quota = FreeQuota()
        self.counts = Counts(in_flight=self.counts.in_flight, max_in_flight=self.counts.in_flight)
        self._prompts = PrefixCache()
        self._rests: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._draws = Draws(self._seed)
        self.met = Counter[str]()
        self.use(scenario)

    def use(self, scenario: Scenario) -> None:
        """Replaces the scenario; its rules begin to count anew."""
        self.scenario = scenario
        self.bill.keep = scenario.rows_kept
        self._faults = FaultDesk(scenario)

    def release(self) -> int:
        """Lets every held reply go on; says how many there were."""
        held = list(self.holds)
        for playback in held:
            playback.release()
        return len(held)

    def accept(self, request: Request, wire: Connection) -> None:
        """Answers one call."""
        self.counts.chat_requests += 1
        body = read_body(request.body, plain=self.scenario.plain)
        self._remember(request, body)
        if isinstance(body, Condition):
            self._refuse(body, wire)
            return
        admitted = admit(body, self.shelf, size=len(request.body), rates_of=self._rates)
        if isinstance(admitted, Condition):
            self._refuse(admitted, wire)
            return
        if admitted.model.id.endswith(":free"):
            limits = self.scenario
            spent = self.quota.take(
                self.now(), per_minute=limits.free_per_minute, per_day=limits.free_per_day
            )
            if spent is not None:
                self._refuse(spent, wire)
                return
        self._answer(admitted, wire)

    def unauthorized(self, request: Request, wire: Connection) -> None:
        """Answers a call whose key is not accepted."""
        self.counts.chat_requests += 1
        self._remember(request, read_body(request.body))
        self._refuse(CONDITIONS["authentication"], wire)

    def admitted(self, body: ChatBody, *, size: int) -> Admitted | Condition:
        """What a batch's item is worth: the same look-ups as a call's."""
        return admit(body, self.shelf, size=size, rates_of=self._rates)

    def batch_reply(self, admitted: Admitted, *, failure_rate: float) -> Reply | None:
        """The answer to a batch's item, at the batch's rates; None for one that fails."""
        rng = self._draws.generator(admitted.body)
        if rng.random() < failure_rate:
            return None
        terms = self._terms(admitted, None, rng, None)
        return make_reply(admitted, replace(terms, rates=shared(terms.rates, BATCH_SHARE)), rng)

    def book_batched(self, reply: Reply) -> Row:
        """The bill's row of an item whose batch has ended."""
        produced = reply.meter.tokens.completion
        now = asyncio.get_running_loop().time()
        return self._book(reply, "complete", began=now, produced=produced, reported=False)

    def _answer(self, admitted: Admitted, wire: Connection) -> None:
        body = admitted.body
        rng = self._draws.generator(body)
        text = "\n".join(message.text for message in body.messages) if self.scenario.rules else ""
        # Drawn first only where a rule asks, so that all other scenarios draw as ever.
        provider = self._provider(admitted, rng) if self._faults.looks_at_providers else None
        seen = Seen(
            model=body.names[0],
            text=text,
            role=role_of(body),
            stream=bool(body.stream),
            provider=provider or "",
        )
        fault = self._faults.choose(seen, rng)
        if fault:
            self.counts.faulted += 1
            self.met[fault.kind] += 1
            if fault.kind == "paced":
                wire.hold_little()
        refused = refusal(fault) if fault else None
        if fault and refused and not fault.billed:
            self._refuse(refused, wire)
            return
        reply = make_reply(admitted, self._terms(admitted, fault, rng, provider), rng)
        self._keep_rest(admitted.model, reply)
        if refused:
            self._refuse(refused, wire, billed=reply)
            return
        headers = {**self._id_header(reply.identity.id), **(_SSE if reply.body_bytes is None else _JSON)}
        if reply.body_bytes is not None:
            headers["Content-Length"] = str(reply.body_bytes)
        began = asyncio.get_running_loop().time()

        def ended(playback: Playback, ending: Ending) -> None:
            self._book(reply, ending, began=began, produced=playback.produced, reported=playback.reported)

        name = body.task_marker or ""
        self._play(reply.steps, head(200, headers), reply.body_bytes is None, wire, ended, name=name)

    def _terms(self, admitted: Admitted, fault: Fault | None, rng: Random, provider: str | None) -> Terms:
        model = admitted.model
        scenario = self.scenario
        kind = fault.kind if fault else None
        overrun_rate = 0.0 if scenario.plain else scenario.overrun_rate
        rates = self._rates(model, admitted.prompt_tokens)
        served = provider or self._provider(admitted, rng)
        tier = None
        if admitted.body.wants_flex:
            asked_for = admitted.body.service_tier == "flex"
            tier = "flex" if asked_for or rng.random() < scenario.flex_rate else "default"
        if tier == "flex":
            rates = shared(rates, FLEX_SHARE)
        cached, written = self._cached(admitted, rates, served)
        return Terms(
            rates=rates,
            identity=Identity(
                id=self._generation_id(),
                model=model.id,
                provider="" if scenario.plain else served,
                created=int(self.now().timestamp()),
                service_tier=tier,
            ),
            timing=draw_timing(model.id, rng, time_scale=self.time_scale),
            fault=fault,
            overrun=kind == "overrun" or (kind is None and self._draws.overruns(overrun_rate)),
            plain=scenario.plain,
            missing_cost_rate=1.0 if scenario.plain else scenario.missing_cost_rate,
            abort_billing=scenario.abort_billing,
            cached_tokens=cached,
            cache_write_tokens=written,
            rest=self._rest_of(admitted),
        )

    def _provider(self, admitted: Admitted, rng: Random) -> str:
        """Who serves the call: whoever the conversation is held to, who comes first in an order, or any."""
        body = admitted.body
        able = willing(body)
        drawn = rng.choice(able)
        held = self._prompts.provider_of(body, admitted.model.id, self.now().timestamp())
        if held in able:
            return held
        ordered = body.provider.order if body.provider is not None else None
        return next((name for name in ordered or () if name in able), drawn)

    def _rest_of(self, admitted: Admitted) -> str | None:
        """What the model had left to say when a bound cut the answer that this request goes on from."""
        if not self._rests or not _GO_ON.search(admitted.body.last_user_text):
            return None
        return self._rests.get((admitted.model.id, admitted.body.last_answer))

    def _keep_rest(self, model: SimulatedModel, reply: Reply) -> None:
        said = reply.answer
        if said.rest:
            self._rests[model.id, said.text] = said.rest
            if len(self._rests) > _CUT_ANSWERS:
                self._rests.popitem(last=False)

    def _cached(self, admitted: Admitted, rates: Rates, provider: str) -> tuple[int, int]:
        """Cached and cache-write tokens; a model without a rate for cached tokens has no cache."""
        if self.scenario.plain or "input_cache_read" not in rates:
            return 0, 0
        prompt = admitted.prompt_tokens
        cached = self._prompts.take(
            admitted.body,
            admitted.model.id,
            provider,
            prompt_tokens=prompt,
            now_s=self.now().timestamp(),
        )
        written = max(whole_blocks(prompt) - cached, 0) if rates.get("input_cache_write") else 0
        return cached, written

    def _refuse(self, condition: Condition, wire: Connection, *, billed: Reply | None = None) -> None:
        self.counts.refused += 1
        headers = {"Content-Type": "text/html" if condition.page else "application/json", **condition.headers}
        if not condition.page:
            headers |= self._id_header(billed.identity.id if billed else self._generation_id())
        if condition.retry_after is not None:
            headers["Retry-After"] = condition.retry_after
        body = condition.body(plain=self.scenario.plain)
        headers["Content-Length"] = str(len(body))
        began = asyncio.get_running_loop().time()

        def ended(_playback: Playback, ending: Ending) -> None:
            if billed is not None:
                self._book(
                    billed, ending, began=began, produced=billed.meter.tokens.completion, reported=False
                )

        self._play((Open(0.0), Send(0.0, body)), head(condition.status, headers), False, wire, ended)

    def _play(
        self,
        steps: Iterable[Step],
        opening: bytes,
        chunked: bool,
        wire: Connection,
        ended: Callable[[Playback, Ending], None],
        *,
        name: str = "",
    ) -> None:
        counts = self.counts
        counts.in_flight += 1
        counts.max_in_flight = max(counts.max_in_flight, counts.in_flight)

        def over(playback: Playback, ending: Ending) -> None:
            self.playing.discard(playback)
            self.counts.in_flight -= 1
            self.counts.sent_events += playback.sent_events
            ended(playback, ending)

        playback = Playback(
            steps,
            name=name,
            head=opening,
            chunked=chunked,
            wire=wire,
            loop=asyncio.get_running_loop(),
            ended=over,
            holds=self.holds,
        )
        self.playing.add(playback)
        wire.on_left = playback.client_left
        playback.run()

    def _book(self, reply: Reply, ending: Ending, *, began: float, produced: int, reported: bool) -> Row:
        now = asyncio.get_running_loop().time()
        times = RowTimes(
            created=self.now(),
            visible_at=now + self.scenario.generation_lag_s * self.time_scale,
            latency_ms=int((now - began) * 1000),
        )
        row = row_of(reply, ending, produced=produced, reported=reported, times=times)
        self.bill.add(row)
        return row

    def _rates(self, model: SimulatedModel, prompt_tokens: int) -> Rates:
        tariff = model.tariff
        return tariff.at(prompt_tokens, self.now()) if tariff.overrides else tariff.usual

    def _id_header(self, generation_id: str) -> dict[str, str]:
        return {} if self.scenario.plain else {"X-Generation-Id": generation_id}

    def _generation_id(self) -> str:
        self._next_id += 1
        return f"{'chatcmpl' if self.scenario.plain else 'gen'}-{self._started}-sim{self._next_id:07d}"

    def _remember(self, request: Request, body: ChatBody | Condition) -> None:
        entry: dict[str, object] = {
            "number": self.counts.chat_requests,
            "headers": {
                name: request.headers[name] for name in _HEADERS_OF_INTEREST if name in request.headers
            },
            "bytes": len(request.body),
        }
        if isinstance(body, ChatBody):
            price = body.provider.max_price if body.provider else None
            entry |= {
                "model": body.model,
                "models": body.models,
                "stream": bool(body.stream),
                "max_tokens": body.bound,
                "max_price": price,
                "ignore": (body.provider.ignore if body.provider else None) or [],
                "plugins": [plugin.get("id") for plugin in body.plugins or ()],
                "session_id": body.session_id,
                "messages": len(body.messages),
                "tools": len(body.tools or ()),
                "tool_choice": body.tool_choice,
                "response_format": (body.response_format or {}).get("type"),
                "role": role_of(body),
                "task": body.task_marker,
                "text": body.last_user_text[:200],
            }
        self.log.append(entry)
