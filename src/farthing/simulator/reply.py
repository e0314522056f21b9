"""One reply, decided in full before its first byte: answer, usage, bill, and what the fault changes.

Pure: generator, rates and identity are arguments. Steps are made in `staging.py`, sent in `playback.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Literal

from farthing.simulator.bill import Row
from farthing.simulator.compose import LABEL, Answer, answer
from farthing.simulator.conditions import CONDITIONS
from farthing.simulator.latency import Timing
from farthing.simulator.meter import Meter, Priced, output_bound, overrun_tokens, reasoning_tokens
from farthing.simulator.request import Admitted
from farthing.simulator.scenario import AbortBilling, Fault
from farthing.simulator.staging import Script, Step, stage_paced, stage_plain, stage_stream
from farthing.simulator.tariff import Rates, Tokens
from farthing.simulator.wire import DONE, Chunks, Identity, plain_body, usage_json

Ended = Literal["complete", "cut", "left"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is going to be sent and billed."""

    identity: Identity
    streamed: bool
    fault: Fault | None
    answer: Answer
    meter: Meter
    overrun: bool
    costs_shown: bool
    bills_in_full: bool
    """What happens when the call breaks off: billed in full, or for what was produced."""
    steps: Iterable[Step]
    """To be gone through once."""
    body_bytes: int | None
    """The length of a plain body; None for a stream."""

    @property
    def fault_kind(self) -> str | None:
        return self.fault.kind if self.fault else None

    def settled(self, ended: Ended, produced: int) -> tuple[Tokens, Priced]:
        """Usage and bill, given how the reply ended and how many output tokens had been sent."""
        kind = self.fault_kind
        whole = self.meter.tokens
        if kind in {"empty", "body_error"}:
            tokens = replace(whole, completion=0, reasoning=0)
            return tokens, self.meter.insured()
        unbroken = ended == "complete" and kind not in {"cut", "stream_error"}
        if unbroken or self.bills_in_full or not self.streamed:
            return whole, self.meter.price(whole)
        tokens = self.meter.produced(produced)
        # Nothing was produced: zero-completion insurance.
        return tokens, self.meter.price(tokens) if produced else self.meter.insured()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTimes:
    """When a row was made, and when `/generation` shows it (on the simulator's clock)."""

    created: datetime
    visible_at: float
    latency_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The circumstances of a reply that the request does not state."""

    rates: Rates
    identity: Identity
    timing: Timing
    fault: Fault | None
    overrun: bool
    plain: bool
    missing_cost_rate: float
    abort_billing: AbortBilling
    cached_tokens: int
    cache_write_tokens: int
    rest: str | None = None
    """What this model's answer, which the request goes on from, still lacked."""


def make_reply(admitted: Admitted, terms: Terms, rng: Random) -> Reply:
    """Decides the whole reply."""
    kind = terms.fault.kind if terms.fault else None
    said, reasoning = _said(admitted, terms, rng)
    tokens = Tokens(
        prompt=admitted.prompt_tokens,
        completion=said.tokens + reasoning,
        cached=terms.cached_tokens,
        cache_write=terms.cache_write_tokens,
        reasoning=reasoning,
    )
    if terms.overrun:
        tokens = overrun_tokens(admitted, terms.rates, tokens)
    meter = Meter(rates=terms.rates, tokens=tokens, byok=kind == "byok")
    drawn = rng.random()
    missing = kind in {"missing_cost", "no_usage"} or (drawn < terms.missing_cost_rate and not terms.overrun)
    priced = meter.insured() if kind == "empty" else meter.price(tokens)
    usage = usage_json(tokens, priced, with_cost=not missing, with_details=rng.random() < 0.5)
    either = rng.random() < 0.5
    in_full = either if terms.abort_billing == "either" else terms.abort_billing == "full"
    asked = not terms.plain or admitted.body.reports_usage
    shown = usage if asked and kind != "no_usage" else None
    if admitted.body.stream and kind != "body_error":
        steps, size = _streamed(said, terms, tokens, shown, not missing, rng), None
    else:
        body = _plain(said, terms, tokens, shown)
        steps = stage_plain(body, terms.timing, terms.fault, tokens=tokens.completion, reports=not missing)
        size = len(body)
    return Reply(
        identity=terms.identity,
        streamed=bool(admitted.body.stream),
        fault=terms.fault,
        answer=said,
        meter=meter,
        overrun=terms.overrun and tokens.completion > said.tokens + reasoning,
        costs_shown=not missing,
        bills_in_full=in_full,
        steps=steps,
        body_bytes=size,
    )


def _said(admitted: Admitted, terms: Terms, rng: Random) -> tuple[Answer, int]:
    """The answer and its reasoning tokens, as the fault leaves them."""
    fault = terms.fault
    kind = fault.kind if fault else None
    if kind == "empty":
        return Answer(text="", calls=(), finish_reason="", tokens=0), 0
    bound = output_bound(admitted)
    if fault and kind == "paced":  # its text is that of one event: all are the same
        events = min(fault.events, bound or fault.events)
        ended = "stop" if events == fault.events else "length"
        word = f"{LABEL} token".ljust(fault.event_bytes, ".")[: fault.event_bytes - 1] + " "
        return Answer(text=word, calls=(), finish_reason=ended, tokens=events), 0
    reasoning = reasoning_tokens(admitted, rng, bound)
    visible = None if bound is None else max(1, bound - reasoning)
    if kind == "refusal":
        text = f"{LABEL} I cannot help with that."
        said = Answer(text=text, calls=(), finish_reason="content_filter", tokens=min(8, visible or 8))
        return said, reasoning
    if kind == "length":
        visible = min(visible or 24, 24)
    said = answer(admitted.body, admitted.model, rng, bound=visible, rest=terms.rest)
    if kind == "prose":
        said = replace(said, text=f"{LABEL} Words, where JSON was asked for.", calls=(), finish_reason="stop")
    elif kind == "nearly_json" and said.text.endswith("}"):
        said = replace(said, text=f"Here it is (simulated):\n{said.text[:-1]},}}")
    return said, reasoning


def _streamed(
    said: Answer, terms: Terms, tokens: Tokens, usage: dict[str, object] | None, reports: bool, rng: Random
) -> Iterable[Step]:
    chunks = Chunks(terms.identity)
    refused = said.finish_reason == "content_filter"
    fault = terms.fault
    if fault and fault.kind == "paced":
        told = [] if usage is None else [chunks.usage(usage, empty_choices=True)]
        ending = [chunks.finish(said.finish_reason), *told, DONE]
        return stage_paced(chunks.text(said.text), ending, fault, events=said.tokens, reports=reports)
    script = Script(
        pieces=chunks.pieces(said, rng, reasoning=tokens.reasoning > 0, refused=refused),
        finish=chunks.finish(said.finish_reason or None),
        usage=None if usage is None else chunks.usage(usage, empty_choices=rng.random() < 0.5),
        reports=reports,
        reasoning=tokens.reasoning,
        tokens=tokens.completion,
        comments=rng.randrange(3),
        garbled=chunks.garbled(),
        error=chunks.error(CONDITIONS[fault.error]) if fault and fault.kind == "stream_error" else None,
    )
    return stage_stream(script, terms.timing, fault)


def _plain(said: Answer, terms: Terms, tokens: Tokens, usage: dict[str, object] | None) -> bytes:
    fault = terms.fault
    if fault and fault.kind in {"body_error", "stream_error"}:
        return CONDITIONS[fault.error].body()
    if fault and fault.kind == "paced":
        said = replace(said, text=said.text * said.tokens)
    body = plain_body(
        terms.identity,
        said,
        usage=usage,
        reasoning=tokens.reasoning > 0,
        refused=said.finish_reason == "content_filter",
    )
    return body[: len(body) * 2 // 3] if fault and fault.kind == "garbled" else body


def row_of(reply: Reply, ended: Ended, *, produced: int, reported: bool, times: RowTimes) -> Row:
    """The bill's row for a reply that is over."""
    tokens, priced = reply.settled(ended, produced)
    broken = ended != "complete" or reply.fault_kind in {"cut", "stream_error"}
    return Row(
        id=reply.identity.id,
        model=reply.identity.model,
        provider=reply.identity.provider,
        priced=priced,
        tokens=tokens,
        reported=reported and reply.costs_shown,
        cancelled=ended == "left",
        overrun=reply.overrun and tokens == reply.meter.tokens,
        streamed=reply.streamed,
        finish_reason="error" if broken else reply.answer.finish_reason or None,
        fault=reply.fault_kind,
        created=times.created,
        visible_at=times.visible_at,
        latency_ms=times.latency_ms,
    )
